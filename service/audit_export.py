"""The audit log as a file of FHIR AuditEvents (NDJSON), and the check of such a file.

A file holds every entry up to the head that is returned with it. :func:`check_export` computes that
head's root from the file alone: with a head kept elsewhere nobody can have added, reordered or
removed an event unseen, or edited anything in one but ``id`` and ``meta``. FHIR servers rewrite
those two, so they are not compared: neither is evidence.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from service.audit_events import check_signature, read_event, to_event
from storage import AuditError, Database
from storage.access import Action, Purpose
from storage.audit import AuditEntry
from storage.erasures import is_extended
from storage.files import new_file_beside, place
from storage.merkle import Frontier, leaf_hash
from storage.operations import Scope, recorded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from storage.checkpoint import Checkpoint

MAX_LINE = 1 << 16  # bytes; an event takes about 3,000
_PIECE = 10_000  # entries read in one snapshot


class AuditExport(NamedTuple):
    """What was written, and the head that covers exactly that."""

    n_events: int
    head: "Checkpoint"


def write_events(entries: Iterable[AuditEntry], head: "Checkpoint", out: Path) -> int:
    """Write the entries that ``head`` covers as NDJSON: whole, for the owner only, or not at all.

    Args:
        entries: the entries from the first to the last of ``head``, in order; read once.
        head: the signed head that they are compared with.
        out: a file that does not exist.

    Returns:
        How many were written.

    Raises:
        AuditError: the entries are not those of ``head``.
        OSError: ``out`` exists or cannot be written.
    """
    draft = new_file_beside(out)
    tree = Frontier()
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            for entry in entries:
                if entry.index != tree.size:
                    raise AuditError(f"audit entry {tree.size} is missing", index=tree.size)
                tree.append(leaf_hash(entry.to_bytes()))
                event = to_event(entry, head.store_id)
                file.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
        if (tree.size, tree.root()) != (head.n_entries, head.entries_root):
            raise AuditError(f"the {tree.size} audit entries read are not those that were signed")
        place(draft, out)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return tree.size


def export_events(database: Database, out: Path, *, actor: str) -> AuditExport:
    """Write the whole log to ``out``; the entry about this reading is its last event.

    The log is read in pieces, each in a snapshot of its own, so that no writer waits and memory
    does not grow with the log.

    Raises:
        AccessDeniedError: ``actor`` may not read the log.
        AuditError: the log is not the one that was signed.
        OSError: ``out`` exists or cannot be written.
    """
    scope = database.scope(actor, purpose=Purpose.AUDIT)
    with recorded(scope, Action.AUDIT_READ):
        pass  # decided and durable before anything is read
    with scope.state() as state:
        head = state.head
    return AuditExport(write_events(_entries(scope, head.n_entries), head, out), head)


def _entries(scope: Scope, n_entries: int) -> Iterator[AuditEntry]:
    for first in range(0, n_entries, _PIECE):
        with scope.state() as state:
            yield from state.between(first, min(first + _PIECE, n_entries))


def check_export(path: Path, head: "Checkpoint", public_key: "Ed25519PublicKey") -> int:
    """Check a file of :func:`export_events` against a head, without the store.

    Args:
        path: the file.
        head: a signed head that covers the file or a first part of it.
        public_key: of the store's audit key.

    Returns:
        How many events the head covers; what follows them in the file it says nothing of.

    Raises:
        AuditError: the head is not signed by that key, or the first event that does not hold.
        OSError: the file cannot be read.
    """
    check_signature(head, public_key)
    return check_events(path, head)


def check_events(path: Path, head: "Checkpoint") -> int:
    """``check_export``, for a head whose signature was checked already."""
    tree = _tree(path, head.store_id, head.n_entries)
    if tree.size < head.n_entries:
        raise AuditError(
            f"the head covers {head.n_entries} entries, the file ends after {tree.size}",
            index=tree.size,
        )
    if tree.root() != head.entries_root:
        raise AuditError(f"the events are not the {tree.size} entries signed at {head.time}")
    return tree.size


def check_by_store(path: Path, database: Database) -> int:
    """Check that a file of :func:`export_events` is the first part of a store's log, or all of it.

    Returns:
        How many events it holds.

    Raises:
        AuditError: it is not, or the log is not the one that was signed.
        OSError: the file cannot be read.
    """
    tree = _tree(path, database.ring.store_id, None)
    if not is_extended(database, tree.size, tree.root()):
        raise AuditError(f"the {tree.size} events are not the first entries of this store's log")
    return tree.size


def _tree(path: Path, store_id: str, size: int | None) -> Frontier:
    """The tree of the first ``size`` events of a file, or of all; there may be fewer."""
    tree = Frontier()
    with path.open("rb") as file:
        for event in _events(file):
            if tree.size == size:
                break
            entry, _ = read_event(event, store_id)
            if entry.index != tree.size:
                raise AuditError(
                    f"the event of audit entry {tree.size} is missing", index=tree.size
                )
            tree.append(leaf_hash(entry.to_bytes()))
    return tree


def _events(file: IO[bytes]) -> Iterator[Any]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        try:
            if len(line) > MAX_LINE:
                raise ValueError
            yield json.loads(line)
        except (ValueError, RecursionError):
            raise AuditError(f"line {number} of the file is no event") from None
