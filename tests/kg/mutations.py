"""Damaged files for readers: valid small ones, cut, flipped, repeated, mixed and nested.

A module of tests gives each reader as ``read_bytes(content, tmp)``, which must come back or raise
``SourceError``; ``benchmarks/fuzz_readers.py`` runs the same functions on more cases.
"""

import gzip
from collections.abc import Sequence

from hypothesis import strategies as st

# What readers stumble over, beside bytes at random.
_PIECES = (
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\t", b'"', b"\\", b"\\u",
    b"<", b">", b"&", b"%", b"[", b"]", b"{", b"}", b":", b"!", b"#", b"@", b"^^", b"_:", b"<!--",
    b"]]>", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf0\x9f\x92\x8a", b"1e999", b"-1", b"NaN",
    b"null", b"true", b"[" * 3000, b"(" * 3000, b"{" * 3000, b"<a>" * 3000, b'{"a":' * 3000,
    b" " * 70000, b"9" * 5000,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds`` after up to six changes, or bytes at random."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=300))
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3, 6]))):
        content = _change(draw, content, seeds)
    return content


def _change(draw: st.DrawFn, content: bytes, seeds: Sequence[bytes]) -> bytes:
    start = draw(st.integers(0, len(content)))
    end = min(len(content), start + draw(st.integers(0, 60)))
    match draw(st.integers(0, 6)):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:start] + draw(st.sampled_from(_PIECES)) + content[end:]
        case 3:
            return content[:end] + content[start:]  # a piece twice
        case 4:
            other = draw(st.sampled_from(seeds))
            return content[:start] + other[draw(st.integers(0, len(other))) :]
        case 5:
            return content[:start] + draw(st.binary(max_size=8)) + content[end:]
        case _:
            lines = content.split(b"\n")
            first = draw(st.integers(0, len(lines) - 1))
            second = draw(st.integers(0, len(lines) - 1))
            lines[first], lines[second] = lines[second], lines[first]
            return b"\n".join(lines)


@st.composite
def mutated_gzip(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Gzip data of one of ``seeds``, with a few of its bytes changed or cut off."""
    packed = bytearray(gzip.compress(draw(st.sampled_from(seeds)), mtime=0))
    for _ in range(draw(st.integers(0, 3))):
        packed[draw(st.integers(0, len(packed) - 1))] = draw(st.integers(0, 255))
    return bytes(packed[: draw(st.integers(0, len(packed)))])
