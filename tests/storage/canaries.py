"""Texts that are nowhere else, every form in which one could be found again, and the search."""

import base64
import gzip
import random
import re
import string
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW = 8  # bytes of a canary that must not be found
KINDS = ("ascii", "utf-8", "chinese", "base64", "gzip")
_BITS = 25
_PACKED = 1 << 16  # bytes of a packed stream that are unpacked
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})|\\+x([0-9A-Fa-f]{2})|\\+u([0-9A-Fa-f]{4})")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{16,}")
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Canary(NamedTuple):
    """A text in a form that records hold."""

    kind: str
    plain: str  # what it says
    text: str  # what is stored


def canaries(n: int, *, seed: int = 0) -> list[Canary]:
    """``n`` canaries of all kinds in turn; the same for the same seed."""
    rng = random.Random(seed)
    return [_canary(KINDS[i % len(KINDS)], rng) for i in range(n)]


def _canary(kind: str, rng: random.Random) -> Canary:
    if kind == "chinese":
        plain = "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(12))
    elif kind == "utf-8":
        plain = "".join(rng.choice("éüñßøåçïÿþæð" + string.ascii_letters) for _ in range(20))
    else:
        plain = "".join(rng.choices(string.ascii_letters, k=24))
    if kind == "base64":
        return Canary(kind, plain, base64.b64encode(plain.encode()).decode())
    if kind == "gzip":
        packed = gzip.compress(plain.encode(), mtime=0)
        return Canary(kind, plain, base64.b64encode(packed).decode())
    return Canary(kind, plain, plain)


def _forms(canary: Canary) -> list[tuple[str, bytes, int]]:
    """(name, bytes, length of a window that holds at least ``WINDOW`` bytes of the canary)."""
    # The start of what gzip and base64 make is the same for all.
    texts = {canary.plain, canary.text[16:] if canary.kind == "gzip" else canary.text}
    forms = []
    for text in sorted(texts):
        data = text.encode()
        forms += [
            ("utf-8", data, WINDOW),
            ("utf-16-le", text.encode("utf-16-le"), 2 * WINDOW),
            ("utf-16-be", text.encode("utf-16-be"), 2 * WINDOW),
        ]
        # Wherever it stands in what is encoded: three ways to fall into base64's groups of three.
        forms += [
            (
                f"base64+{skip}",
                base64.b64encode(data[skip : len(data) - (len(data) - skip) % 3]),
                12,
            )
            for skip in range(3)
        ]
    if canary.kind == "gzip":  # the deflated bytes themselves, without gzip's header and trailer
        packed = base64.b64decode(canary.text)
        forms.append(("deflate", packed[10:-8], WINDOW))
    return [form for form in forms if len(form[1]) >= form[2]]


class Search:
    """Finds any window of any form of any canary."""

    def __init__(self, sought: list[Canary]) -> None:
        names, parts, windows = [], [], []
        for canary in sought:
            for name, data, window in _forms(canary):
                names.append(f"{canary.kind} as {name}")
                parts.append(data)
                windows.append(window)
        sizes = np.array([len(part) for part in parts])
        starts = np.cumsum(sizes) - sizes
        counts = sizes - np.array(windows) + 1
        self._names = names
        self._data = b"".join(parts)
        owner = np.repeat(np.arange(len(parts)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        place = starts[owner] + within
        first = _words(self._data)[place]
        order = np.argsort(first, kind="stable")
        self._first, self._place, self._owner = first[order], place[order], owner[order]
        self._windows = np.array(windows)
        self._marks = np.zeros(1 << _BITS, dtype=bool)
        self._marks[_hash(self._first)] = True

    def find(self, data: bytes) -> list[str]:
        """What was found; also behind escapes, as hexadecimal, and in any gzip or zlib stream."""
        found = self._find(data)
        for unescape in (_to_byte, _to_character):
            plain = _ESCAPED.sub(unescape, data)
            if plain != data:
                found += self._find(plain)
        for run in _HEXADECIMAL.findall(data):
            for skip in range(2):
                even = run[skip : len(run) - (len(run) - skip) % 2]
                found += self._find(bytes.fromhex(even.decode()))
        for magic in (b"\x1f\x8b\x08", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
            place = data.find(magic)
            while place >= 0:
                found += self._find(_inflated(data[place : place + _PACKED]))
                place = data.find(magic, place + 1)
        return found

    def _find(self, data: bytes) -> list[str]:
        if len(data) < WINDOW:
            return []
        words = _words(data)
        places = np.flatnonzero(self._marks[_hash(words)])
        low = np.searchsorted(self._first, words[places], "left")
        high = np.searchsorted(self._first, words[places], "right")
        found = []
        for place, start, end in zip(places, low, high, strict=True):
            for i in range(start, end):
                size = self._windows[self._owner[i]]
                if data[place : place + size] == self._data[self._place[i] :][:size]:
                    found.append(f"{self._names[self._owner[i]]} at byte {place}")
                    break
        return found

    def find_in(self, *folders: Path) -> dict[str, list[str]]:
        """File below ``folders`` -> what was found in it or in its name."""
        hits = {}
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                found = self.find(str(path.relative_to(folder)).encode())
                if path.is_file() and not path.is_symlink():
                    found += self.find(path.read_bytes())
                if found:
                    hits[str(path)] = found
        return hits


def _words(data: bytes) -> NDArray[np.uint64]:
    """Each 8 bytes of ``data`` as a number, from every place; shape (len(data) - 7,)."""
    words = np.empty(len(data) - WINDOW + 1, dtype=np.uint64)
    for skip in range(WINDOW):
        count = (len(data) - skip) // WINDOW
        words[skip::WINDOW] = np.frombuffer(data, dtype="<u8", count=count, offset=skip)
    return words


def _hash(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed: NDArray[np.uint64] = (words * _MIX) >> np.uint64(64 - _BITS)
    return mixed


def _to_byte(escaped: re.Match[bytes]) -> bytes:
    """The byte that ``%E9`` or ``\\xe9`` stands for, the character of ``\\u00e9``."""
    digits = escaped[1] or escaped[2]
    return bytes.fromhex(digits.decode()) if digits else _to_character(escaped)


def _to_character(escaped: re.Match[bytes]) -> bytes:
    """The character that ``\\xe9`` or ``\\u00e9`` stands for."""
    digits = escaped[1] or escaped[2] or escaped[3]
    return chr(int(digits, 16)).encode("utf-8", "surrogatepass")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, 1 << 22)
    except zlib.error:
        return b""
