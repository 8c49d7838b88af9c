"""Another program run once: given one line, and read no further than it may print."""

import os
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from storage.crypto import Secret

if TYPE_CHECKING:
    import subprocess


class Line(Secret):
    """A line that may hold a key: its repr does not, so no traceback with local names shows it."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


def printed(command: Sequence[str], line: Line, *, seconds: float, limit: int) -> Line | str:
    """What ``command`` printed, without white space around it; or what went wrong, in words.

    Raises nothing, because a traceback could hold what was printed; and what the command writes to
    standard error is thrown away, because that could hold the key too.

    Args:
        command: an argument vector, run without a shell.
        line: what it reads, without its line break.
        seconds: after which it is stopped.
        limit: bytes; it is stopped when it prints more.
    """
    import subprocess

    end = monotonic() + seconds
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own program, without a shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
    except OSError as error:
        return f"cannot be started ({error.strerror})"
    except ValueError:
        return "cannot be started (a NUL in it)"
    with process:
        try:
            found = _exchange(process, line, end, limit)
            status = None if found is None else process.wait(max(0.0, end - monotonic()))
        except subprocess.TimeoutExpired:
            found = None
        finally:
            process.kill()  # nothing, where it has ended
    if found is None:
        return f"did not end within {seconds:g} seconds"
    if len(found.text) > limit:
        return f"printed more than {limit} bytes"
    return f"ended with status {status}" if status else Line(found.text.strip())


def _exchange(
    process: "subprocess.Popen[bytes]", line: Line, end: float, limit: int
) -> Line | None:
    """Give the line and take what is printed, up to a little over ``limit``; None: out of time."""
    import select
    import selectors

    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None  # noqa: S101, PT018
    left, taken = Line(line.text + b"\n"), Line(b"")
    with selectors.DefaultSelector() as selector:
        selector.register(stdin, selectors.EVENT_WRITE)
        selector.register(stdout, selectors.EVENT_READ)
        while stdout in selector.get_map():
            ready = selector.select(max(0.0, end - monotonic()))
            if not ready:
                return None
            for key, _ in ready:
                if key.fileobj is stdout:
                    size = len(taken.text)
                    taken.text += os.read(stdout.fileno(), limit + 1 - size)
                    if len(taken.text) == size or len(taken.text) > limit:
                        selector.unregister(stdout)
                else:
                    try:
                        n_given = os.write(stdin.fileno(), left.text[: select.PIPE_BUF])
                    except BrokenPipeError:  # it does not want to read
                        n_given = len(left.text)
                    left.text = left.text[n_given:]
                    if not left.text:
                        selector.unregister(stdin)
                        stdin.close()
    if len(taken.text) > limit:
        process.kill()
    return taken
