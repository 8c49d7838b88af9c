"""Check the whole store against its signed head: entries, stored hashes, patients, sealed rows.

Not signed, and so not checked: when the store was made (``meta.created``), which nothing uses.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from storage.audit import read_head
from storage.checkpoint import Checkpoint
from storage.errors import AuditError, DecryptionError, StaleRecordError
from storage.keys import KeyRing
from storage.merkle import Frontier, leaf_hash
from storage.sealed import SealedPatient, identifiers_digest, patient_leaf
from storage.tables import (
    AuditEntryRow,
    AuditHeadRow,
    IdentifierRow,
    MetaRow,
    PatientRow,
    ResourceRow,
    SuggestionRow,
    TreeNodeRow,
)

_BATCH = 10_000
_DERIVED = ("time", "actor", "action", "subject", "purpose", "outcome")


@dataclass(frozen=True)
class AuditReport:
    """What was found whole."""

    head: Checkpoint
    checkpoint: Checkpoint | None  # the earlier head that the log was shown to extend

    def __str__(self) -> str:
        extends = f", extends the checkpoint of {self.checkpoint.time}" if self.checkpoint else ""
        return (
            f"{self.head.n_entries} audit entries and the sealed records of "
            f"{self.head.n_patients} patients are whole, "
            f"root {self.head.entries_root.hex()}{extends}"
        )


def verify(session: Session, ring: KeyRing, checkpoint: Checkpoint | None = None) -> AuditReport:
    """Recompute everything from the stored canonical bytes, in batches.

    Args:
        session: one read transaction.
        ring: checks the signatures.
        checkpoint: a head kept elsewhere, which the log must extend. Without
            it, an older state of the whole database is not seen.

    Raises:
        AuditError: the first thing that does not hold, with the index of the
            entry where one can be named.
    """
    head = read_head(session, ring)
    if checkpoint is not None:
        checkpoint.check(ring)
        if checkpoint.n_entries > head.n_entries:
            raise AuditError(
                f"the checkpoint covers {checkpoint.n_entries} entries, the log only "
                f"{head.n_entries}: its tail was cut, or an older database was put in place",
                index=head.n_entries,
            )
    try:
        _verify_entries(session, head, checkpoint)
        _verify_single_rows(session, head)
        _verify_patients(session, ring, head)
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        raise AuditError("a text column holds bytes that are not text") from error
    return AuditReport(head, checkpoint)


def _verify_entries(session: Session, head: Checkpoint, checkpoint: Checkpoint | None) -> None:
    tree = _Recomputed(session, "audit")
    marks = {head.n_entries: head}
    if checkpoint is not None:
        _compare_root(tree.frontier, checkpoint if checkpoint.n_entries == 0 else None)
        marks.setdefault(checkpoint.n_entries, checkpoint)
    columns = [getattr(AuditEntryRow, name) for name in _DERIVED]
    rows = session.execute(
        select(AuditEntryRow.position, AuditEntryRow.entry, *columns)
        .order_by(AuditEntryRow.position)
        .execution_options(yield_per=_BATCH)
    )
    for index, row in enumerate(rows):
        if row.position != index:
            raise AuditError(f"audit entry {index} is missing", index=index)
        if index == head.n_entries:
            raise AuditError(f"audit entry {index} lies beyond the signed head", index=index)
        tree.append(leaf_hash(row.entry))
        _check_entry(row, index)
        if index + 1 in marks and index + 1 < head.n_entries:
            _compare_root(tree.frontier, marks[index + 1])
    if tree.frontier.size < head.n_entries:
        raise AuditError(
            f"the signed head covers {head.n_entries} entries, the log ends after "
            f"{tree.frontier.size}: its tail was cut",
            index=tree.frontier.size,
        )
    tree.finish()
    _compare_root(tree.frontier, head)
    if checkpoint is not None and checkpoint.n_entries == head.n_entries:
        _compare_root(tree.frontier, checkpoint)


def _check_entry(row: Any, index: int) -> None:
    """Index and display columns are what the canonical bytes say."""
    fields = json.loads(row.entry)  # signed for, so it is what this package wrote
    for name, value in zip(_DERIVED, row[2:], strict=True):
        if fields.get(name) != value:
            raise AuditError(
                f"column {name!r} of audit entry {index} differs from the entry itself",
                index=index,
            )
    if fields.get("index") != index:
        raise AuditError(f"audit entry {index} says that it is another one", index=index)


def _compare_root(frontier: Frontier, signed: Checkpoint | None) -> None:
    if signed is not None and frontier.root() != signed.entries_root:
        raise AuditError(
            f"the first {frontier.size} audit entries are not those of the head signed at "
            f"{signed.time}: entries and hashes were rewritten, or the head was exchanged"
        )


def _verify_single_rows(session: Session, head: Checkpoint) -> None:
    """The tables of one row hold that row alone, and the head's text is what was signed."""
    if session.execute(select(AuditHeadRow.id, AuditHeadRow.checkpoint)).all() != [(1, head.text)]:
        raise AuditError("the row of the audit head is not the one that was written")
    if session.scalars(select(MetaRow.id)).all() != [1]:
        raise AuditError("the row that says which store this is was changed")


def _verify_patients(session: Session, ring: KeyRing, head: Checkpoint) -> None:
    """Every patient row, its identifiers and its sealed rows are those of the signed tree."""
    known = select(PatientRow.id)
    for table in (IdentifierRow, ResourceRow, SuggestionRow):
        if session.scalar(select(func.count()).where(table.patient_id.not_in(known))):
            raise AuditError(f"table {table.__tablename__} holds rows of no patient")
    tree = _Recomputed(session, "patient")
    rows = session.execute(select(PatientRow).order_by(PatientRow.ordinal)).scalars()
    links = groupby(
        session.execute(
            select(PatientRow.ordinal, IdentifierRow.blind_index)
            .join_from(IdentifierRow, PatientRow)
            .order_by(PatientRow.ordinal, IdentifierRow.blind_index)
            .execution_options(yield_per=_BATCH)
        ),
        key=itemgetter(0),
    )
    linked = next(links, None)
    for ordinal, row in enumerate(rows.yield_per(_BATCH)):
        if row.ordinal != ordinal:
            raise AuditError(f"patient row {ordinal} is missing")
        blind: list[bytes] = []
        if linked is not None and linked[0] == ordinal:
            blind = [index for _, index in linked[1]]
            linked = next(links, None)
        if identifiers_digest(blind) != row.identifiers_digest:
            raise AuditError(f"the identifiers of patient {row.id} were changed")
        try:
            tree.append(patient_leaf(row))
        except AuditError:
            raise AuditError(f"the row of patient {row.id} is not the one signed") from None
        try:
            SealedPatient(session, ring, row).check()
        except (DecryptionError, StaleRecordError) as error:
            raise AuditError(f"the sealed records of patient {row.id} were changed") from error
    if tree.frontier.size != head.n_patients or tree.frontier.root() != head.patients_root:
        raise AuditError(
            f"the {tree.frontier.size} patient rows are not the {head.n_patients} that were signed"
        )
    tree.finish()


class _Recomputed:
    """A tree rebuilt leaf by leaf, each hash compared with the stored one as it is completed."""

    def __init__(self, session: Session, name: str) -> None:
        self.frontier = Frontier()
        self._session = session
        self._name = name
        self._stored: list[Iterator[bytes]] = []  # by level, in order of position

    def append(self, leaf: bytes) -> None:
        for level, position, digest in self.frontier.append(leaf):
            if level == len(self._stored):
                self._stored.append(self._level(level))
            if next(self._stored[level], None) != digest:
                first, last = position << level, ((position + 1) << level) - 1
                span = f"{self._name} entry {first}" if level == 0 else f"entries {first}-{last}"
                raise AuditError(
                    f"{span}: the stored hash is not that of the stored bytes", index=first
                )

    def finish(self) -> None:
        """Pass only if no stored hash is left over."""
        kept = self._session.scalar(
            select(func.count()).select_from(TreeNodeRow).where(TreeNodeRow.tree == self._name)
        )
        # n leaves complete 2n - popcount(n) perfect subtrees.
        expected = 2 * self.frontier.size - self.frontier.size.bit_count()
        if kept != expected:
            raise AuditError(
                f"the {self._name} tree holds {kept} hashes where {expected} belong",
                index=self.frontier.size,
            )

    def _level(self, level: int) -> Iterator[bytes]:
        rows = self._session.execute(
            select(TreeNodeRow.position, TreeNodeRow.hash)
            .where(TreeNodeRow.tree == self._name, TreeNodeRow.level == level)
            .order_by(TreeNodeRow.position)
            .execution_options(yield_per=_BATCH)
        )
        for position, (stored, digest) in enumerate(rows):
            yield digest if stored == position else b""
