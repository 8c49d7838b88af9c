"""Keep the memory of this process out of files."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """Let no crash of this process write its memory, which holds keys and records, to disk.

    The limit of 0 stops the kernel from writing a core file; where cores are piped to a program
    the limit does not count, so on Linux the process is made undumpable as well, which also keeps
    other processes of the same user from attaching to it. Child processes inherit the limit only.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
