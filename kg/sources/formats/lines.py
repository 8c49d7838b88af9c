"""Text files line by line, none longer than a line should be, with the number of each."""

from collections.abc import Iterator
from pathlib import Path

from kg.sources.base import Refusal
from kg.sources.files import open_bytes

LONGEST = 1 << 20  # bytes of a line


def read_lines(path: Path) -> Iterator[tuple[int, str | Refusal]]:
    """Number and text of each line of ``path``, plain or gzip, with the end of the line.

    A byte order mark is ignored. A line that is not UTF-8 or very long comes as a refusal.

    Raises:
        SourceError: the file cannot be read.
    """
    number = 0
    with open_bytes(path) as file:
        while content := file.readline(LONGEST):
            number += 1
            if len(content) == LONGEST and not content.endswith(b"\n"):
                while len(rest := file.readline(LONGEST)) == LONGEST and not rest.endswith(b"\n"):
                    pass
                yield number, Refusal(path.name, number, f"longer than {LONGEST:,} bytes")
                continue
            try:
                text = content.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                yield number, Refusal(path.name, number, "not UTF-8")
            else:
                yield number, text
