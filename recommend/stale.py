"""A mark in a bundle's folder: somebody it was learnt from was erased since.

The mark is no part of the bundle and changes none of its digests. It names the bundle's
fingerprint, so it says nothing of a bundle that was trained anew in the same folder.
"""

import json
from pathlib import Path

from kg.folder import replace_file

MARK = "stale.json"


def write_mark(folder: Path, fingerprint: str, reason: str) -> None:
    """Mark the bundle with this fingerprint in ``folder``.

    Args:
        folder: the bundle's.
        fingerprint: of its content.
        reason: a sentence for whoever uses the bundle; it names no patient.

    Raises:
        OSError: it cannot be written.
    """
    content = {"fingerprint": fingerprint, "reason": reason}
    replace_file(folder / MARK, json.dumps(content, sort_keys=True).encode() + b"\n")


def read_mark(folder: Path, fingerprint: str) -> str | None:
    """Why the bundle with this fingerprint is stale, or None where nothing says so."""
    try:
        content = json.loads((folder / MARK).read_bytes())
        is_of_it = content["fingerprint"] == fingerprint
        return str(content["reason"]) if is_of_it else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        # Whatever wrote or broke it: better a warning too many.
        return f"{folder / MARK} cannot be read; it marks a bundle as stale"
