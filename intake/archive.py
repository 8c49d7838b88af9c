"""The members of a tar archive, read as a stream and bounded whatever its headers say.

Not the standard library's ``tarfile``: it follows a chain of long-name headers by recursion,
searches an extended header in time quadratic in its length, and remembers every member.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

BLOCK = 512
MAX_HEADER = 1 << 16  # bytes of an extended header or a long name
_PIECE = 1 << 20

Read = Callable[[int], bytes]

_FILES = (b"0", b"\0", b"7")
_LONG_NAME = b"L"  # GNU: the next member's name
_EXTENDED = b"x"  # POSIX: the next member's name and size, among others
_SKIPPED = (b"g", b"K")  # POSIX for all members; GNU: the next member's link


class TarError(Exception):
    """The stream is not a tar archive, or not a whole one."""


class Member(NamedTuple):
    """One member. Its content must be read, if at all, before the next member is asked for."""

    name: str
    size: int
    is_file: bool
    read: Callable[[], bytes]


def members(read: Read) -> Iterator[Member]:
    """Each member of the archive, in order.

    Args:
        read: gives up to so many bytes, none at the end.

    Raises:
        TarError: a header is damaged, or the stream ends too soon.
    """
    name, size_said = "", -1  # what the header before says of the next member
    while (header := _header(read)) is not None:
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_LONG_NAME, _EXTENDED, *_SKIPPED):
            if size > MAX_HEADER:
                raise TarError(f"a header of more than {MAX_HEADER} bytes")
            content = _exactly(read, size)
            _skip(read, -size % BLOCK)
            if kind == _LONG_NAME:
                name = _text(content.partition(b"\0")[0])
            elif kind == _EXTENDED:
                said = dict(_records(content))
                name = said.get("path", name)
                size_said = _decimal(said["size"]) if "size" in said else size_said
            continue
        size = size_said if size_said >= 0 else size
        is_file = kind in _FILES
        # What is neither file nor contiguous file has no content, whatever its size field says.
        content_of = _Content(read, size if is_file or not kind.isdigit() else 0)
        yield Member(name or _name(header), size, is_file, content_of.read)
        content_of.skip_rest()
        name, size_said = "", -1


class _Content:
    """The content of one member, which is read once or skipped."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size, self._rest = read, size, size + -size % BLOCK

    def read(self) -> bytes:
        self._rest -= self._size
        return _exactly(self._read, self._size)

    def skip_rest(self) -> None:
        _skip(self._read, self._rest)


def _header(read: Read) -> bytes | None:
    """The next header; None at the end of the archive."""
    header = _some(read, BLOCK)
    if not header.strip(b"\0"):
        if header and len(header) < BLOCK:
            raise TarError("unexpected end of data")
        return None
    if len(header) < BLOCK:
        raise TarError("unexpected end of data")
    # The sum of all bytes, its own field counted as blanks; old programs summed signed bytes.
    plain = header[:148] + b" " * 8 + header[156:]
    total = sum(plain)
    if _number(header[148:156]) not in (total, total - 256 * sum(byte > 127 for byte in plain)):
        raise TarError("bad checksum")
    return header


def _number(field: bytes) -> int:
    """Octal digits, or base 256 where the first bit is set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0") or b"0"
    if digits.strip(b"01234567"):
        raise TarError("a number in a header cannot be read")
    return int(digits, 8)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise TarError("a number in a header cannot be read")
    return int(text)


def _name(header: bytes) -> str:
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    name = header[:100].partition(b"\0")[0]
    return _text(prefix + b"/" + name if prefix else name)


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """Keyword and value of each record of an extended header: length, keyword = value."""
    start = 0
    while start < len(content):
        length, blank, _ = content[start : start + 8].partition(b" ")
        if not blank or not length.isdigit() or int(length) < 5:
            raise TarError("an extended header cannot be read")
        record = content[start + len(length) + 1 : start + int(length)]
        keyword, _, value = record.removesuffix(b"\n").partition(b"=")
        yield _text(keyword), _text(value)
        start += int(length)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _some(read: Read, size: int) -> bytes:
    """``size`` bytes, or fewer at the end."""
    found = bytearray()
    while len(found) < size:
        piece = read(min(size - len(found), _PIECE))
        if not piece:
            break
        found += piece
    return bytes(found)


def _exactly(read: Read, size: int) -> bytes:
    found = _some(read, size)
    if len(found) < size:
        raise TarError("unexpected end of data")
    return found


def _skip(read: Read, size: int) -> None:
    while size > 0:
        piece = read(min(size, _PIECE))
        if not piece:
            raise TarError("unexpected end of data")
        size -= len(piece)
