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
from contextlib import contextmanager
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
        queue, gate = (os.open(file, os.O_CREAT | os.O_RDWR, OWNER_FILE) for file in self.files)
        if not (_lock_now(queue) and _lock_now(gate)):
            waiting = _Waiting(queue, gate)
            if not waiting.reached(seconds):
                yield False  # the thread closes the files when its turn comes
                return
        os.close(queue)
        try:
            yield True
        finally:
            os.close(gate)


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
        """Wait at most ``seconds``."""
        self._has_reached.wait(seconds)
        with self._mutex:
            self._is_given_up = not self._has_reached.is_set()
            return not self._is_given_up

    def run(self) -> None:
        for file in self._files:
            fcntl.flock(file, fcntl.LOCK_EX)
        with self._mutex:
            if self._is_given_up:
                for file in self._files:
                    os.close(file)
            else:
                self._has_reached.set()


def _lock_now(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
