"""A gate through which writers of one file go one at a time, in the order of asking.

SQLite lets one writer in at a time, but those that wait for it poll, and one
that is out of luck polls for seconds. Here they wait in a queue of the kernel's:
for the first of two locks only the holder of the second can wait, so whoever
leaves cannot slip in again before it.

The gate is for order, not for safety: SQLite's own lock keeps writers apart,
also those that do not know the gate.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from storage.files import OWNER_FILE


class FileGate:
    """Two empty files beside ``path``, locked by whoever is inside or next."""

    def __init__(self, path: Path) -> None:
        self.files = (path.with_name(path.name + "-queue"), path.with_name(path.name + "-gate"))

    @contextmanager
    def hold(self, seconds: float) -> Iterator[bool]:
        """Inside the gate; the value is False where it was not reached within ``seconds``.

        Raises:
            OSError: the files cannot be made.
        """
        # Opened anew each time: a lock belongs to the open file, which a fork would share.
        with ExitStack() as stack:
            queue = _open(self.files[0])
            stack.callback(_leave, queue)
            gate = _open(self.files[1])
            stack.callback(_leave, gate)
            if not (_lock_now(queue) and _lock_now(gate)):
                stack.pop_all()  # theirs, who waits
                waiting = _Waiting(queue, gate)
                stack.callback(waiting.give_up)
                if not waiting.reached(seconds):
                    yield False
                    return
                stack.pop_all()
                stack.callback(_leave, gate)
                stack.callback(_leave, queue)
            _unlock(queue)  # whoever is next comes to the gate
            yield True


@contextmanager
def hold_alone(file: Path) -> Iterator[bool]:
    """Whether nobody else holds ``file``; if so, it is held in the block."""
    with ExitStack() as stack:
        opened = _open(file)
        stack.callback(_leave, opened)
        yield _lock_now(opened)


class _Waiting(threading.Thread):
    """Waits for both locks, because ``flock`` itself knows no limit of time."""

    def __init__(self, queue: int, gate: int) -> None:
        super().__init__(name="storage-gate", daemon=True)
        self._files = (queue, gate)
        self._mutex = threading.Lock()
        self._has_reached = threading.Event()
        self._is_given_up = False
        self.start()

    def reached(self, seconds: float) -> bool:
        """Wait at most ``seconds``; where it is False, ``give_up`` must follow."""
        return self._has_reached.wait(seconds)

    def give_up(self) -> None:
        """Leave the queue, or the gate if it was reached meanwhile."""
        with self._mutex:
            self._is_given_up = True
            if self._has_reached.is_set():
                self._leave_all()

    def run(self) -> None:
        for file in self._files:
            fcntl.flock(file, fcntl.LOCK_EX)
        with self._mutex:
            if self._is_given_up:
                self._leave_all()
            else:
                self._has_reached.set()

    def _leave_all(self) -> None:
        for file in self._files:
            _leave(file)


def _open(file: Path) -> int:
    return os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, OWNER_FILE)


def _unlock(file: int) -> None:
    # By itself, closing does not unlock where a forked child still has the file open.
    fcntl.flock(file, fcntl.LOCK_UN)


def _leave(file: int) -> None:
    _unlock(file)
    os.close(file)


def _lock_now(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
