"""A 64-bit hash of texts, many at a time: what labels are found by.

A polynomial over the UTF-8 bytes, modulo 2 ** 64, then mixed. Fast rather than safe against people
who look for collisions: whoever finds a text by its hash compares the text itself.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_BASE = 0x9E3779B97F4A7C15  # odd, so that its powers never vanish
_MIX = 0xFF51AFD7ED558CCD
_MASK = 2**64 - 1
_AT_ONCE = 100_000  # texts; bounds the memory
_POWERS = [1]


def hash_text(text: str) -> int:
    """The hash of one text."""
    content = text.encode(errors="replace")
    _reach(len(content))
    total = sum((byte + 1) * power for byte, power in zip(content, _POWERS, strict=False)) & _MASK
    return ((total ^ (total >> 32)) * _MIX) & _MASK


def hash_texts(texts: "pa.StringArray") -> NDArray[np.uint64]:
    """(n,) the hash of each text, as :func:`hash_text` gives it."""
    pieces = [_hash(texts.slice(i, _AT_ONCE)) for i in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint64)


def _hash(texts: "pa.StringArray") -> NDArray[np.uint64]:
    _, ends, data = texts.buffers()
    ends = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(ends[0]), int(ends[-1])
    content = np.frombuffer(data, np.uint8)[first:last] if last > first else np.empty(0, np.uint8)
    starts, lengths = ends[:-1] - first, np.diff(ends)
    _reach(int(lengths.max(initial=0)))
    powers = np.array(_POWERS, np.uint64)
    place = np.arange(last - first) - np.repeat(starts, lengths)
    values = (content.astype(np.uint64) + np.uint64(1)) * powers[place]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values)])
    total = sums[starts + lengths] - sums[starts]
    mixed: NDArray[np.uint64] = (total ^ (total >> np.uint64(32))) * np.uint64(_MIX)
    return mixed


def _reach(length: int) -> None:
    while len(_POWERS) < length:
        _POWERS.append(_POWERS[-1] * _BASE & _MASK)
