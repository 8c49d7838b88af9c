"""Check the whole store against its signed head: entries, trees, patients, sealed rows, erasures.

Not signed, and so not checked: when the store was made (``meta.created``), which nothing uses.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Self

from sqlalchemy import Select, select
from sqlalchemy.exc import OperationalError

from storage import merkle
from storage.actors import actors
from storage.audit import SignedState
from storage.break_glass import all_openings
from storage.checkpoint import ACTORS, BREAK_GLASS, ERASED, PATIENTS, Checkpoint
from storage.errors import AuditError, DecryptionError, StaleRecordError
from storage.merkle import Frontier, leaf_hash
from storage.sealed import (
    PATIENT_COLUMNS,
    RESOURCE_COLUMNS,
    SUGGESTION_COLUMNS,
    Patient,
    SealedPatient,
    identifiers_digest,
    resources_digest,
    same,
    suggestions_digest,
)
from storage.tables import (
    REVISION,
    REVISION_TABLE,
    AuditEntryRow,
    AuditHeadRow,
    AuditNodeRow,
    IdentifierRow,
    MetaRow,
    PatientRow,
    ResourceRow,
    StateTileRow,
    SuggestionRow,
)
from storage.tombstones import Tombstones
from storage.tree import BLOCK_LEVEL, expected_tiles

_BATCH = 10_000
_BLOCK = 1 << BLOCK_LEVEL


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


def verify(
    state: SignedState, tombstones: Tombstones, checkpoint: Checkpoint | None = None
) -> AuditReport:
    """Recompute everything from the stored canonical bytes, in batches.

    Args:
        state: one read transaction, its head checked.
        tombstones: the file of erasures.
        checkpoint: a head kept elsewhere, which the log must extend. Without
            it, an older state of the whole database is not seen.

    Raises:
        AuditError: the first thing that does not hold, with the index of the
            entry where one can be named.
    """
    head = state.head
    if checkpoint is not None:
        checkpoint.check(state.ring)
        if checkpoint.n_entries > head.n_entries:
            raise AuditError(
                f"the checkpoint covers {checkpoint.n_entries} entries, the log only "
                f"{head.n_entries}: its tail was cut, or an older database was put in place",
                index=head.n_entries,
            )
    try:
        _verify_entries(state, checkpoint)
        _verify_single_rows(state)
        _verify_patients(state, tombstones)
        _verify_tiles(state, ACTORS, [actor.leaf() for actor in actors(state)])
        _verify_tiles(state, BREAK_GLASS, [opening.leaf() for opening in all_openings(state)])
    except StaleRecordError as error:
        raise AuditError(str(error)) from error
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        raise AuditError("a text column holds bytes that are not text") from error
    return AuditReport(head, checkpoint)


def _verify_entries(state: SignedState, checkpoint: Checkpoint | None) -> None:
    head = state.head
    marks = {head.n_entries: head}
    if checkpoint is not None:
        marks.setdefault(checkpoint.n_entries, checkpoint)
        if checkpoint.n_entries in (0, head.n_entries):
            _compare(
                checkpoint, merkle.EMPTY_ROOT if checkpoint.n_entries == 0 else head.entries_root
            )
    blocks, nodes, partial = Frontier(), {}, []
    with closing(_leaves(state)) as leaves:
        for index, leaf in leaves:
            partial.append(leaf)
            if index + 1 in marks:
                _compare(marks[index + 1], _root(blocks, partial))
            if len(partial) == _BLOCK:
                for level, position, digest in blocks.append(merkle.subtree_root(partial)):
                    nodes[level + BLOCK_LEVEL, position] = digest
                partial = []
    _verify_nodes(state, nodes)


def _leaves(state: SignedState) -> Generator[tuple[int, bytes], None, None]:
    """(index, leaf hash) of every entry, its place and what is derived from it checked."""
    size = state.head.n_entries
    index = 0
    with state.connection.execute(
        select(
            AuditEntryRow.position, AuditEntryRow.entry, AuditEntryRow.subject, AuditEntryRow.leaf
        )
        .order_by(AuditEntryRow.position)
        .execution_options(yield_per=_BATCH)
    ) as rows:
        for position, entry, subject, stored in rows:
            if position != index:
                raise AuditError(f"audit entry {index} is missing", index=index)
            if index == size:
                raise AuditError(f"audit entry {index} lies beyond the signed head", index=index)
            # Within canonical JSON, a quoted name stands nowhere but where the field is.
            if b'"index":%d,' % index not in entry:
                raise AuditError(
                    f"entry {index} is missing or says that it is another", index=index
                )
            if f'"subject":"{subject}"'.encode() not in entry:
                raise AuditError(
                    f"column 'subject' of audit entry {index} differs from the entry itself",
                    index=index,
                )
            leaf = leaf_hash(entry)
            if leaf != stored:
                raise AuditError(
                    f"entry {index}: the stored hash is not that of the stored bytes", index=index
                )
            yield index, leaf
            index += 1
    if index < size:
        raise AuditError(
            f"the signed head covers {size} entries, the log ends after {index}: its tail was cut",
            index=index,
        )


def _root(blocks: Frontier, partial: Sequence[bytes]) -> bytes:
    """Root over whole blocks and the entries behind them."""
    tail = Frontier()
    for leaf in partial:
        tail.append(leaf)
    whole = [digest for level, digest in tail.peaks.items() if level == BLOCK_LEVEL]
    if whole:
        blocks = blocks.copy()
        blocks.append(whole[0])
        tail = Frontier()
    peaks = [*blocks.peaks.values(), *tail.peaks.values()]
    digest = peaks.pop() if peaks else merkle.EMPTY_ROOT
    for peak in reversed(peaks):
        digest = merkle.node_hash(peak, digest)
    return digest


def _compare(signed: Checkpoint, root: bytes) -> None:
    if root != signed.entries_root:
        raise AuditError(
            f"the first {signed.n_entries} audit entries are not those of the head signed at "
            f"{signed.time}: entries and hashes were rewritten, or the head was exchanged"
        )


def _verify_nodes(state: SignedState, nodes: dict[tuple[int, int], bytes]) -> None:
    """The stored hashes of the audit tree are those of the entries, and no more."""
    columns = (AuditNodeRow.level, AuditNodeRow.position, AuditNodeRow.hash)
    for level, position, digest in state.connection.execute(select(*columns)):
        if nodes.pop((level, position), None) != digest:
            raise AuditError(
                f"hash {position} of level {level} of the audit tree is not that of the entries"
            )
    if nodes:
        level, position = min(nodes)
        raise AuditError(f"the audit tree lacks hash {position} of level {level}")


def _verify_single_rows(state: SignedState) -> None:
    """The tables of one row hold that row alone."""
    for column, expected in (
        (AuditHeadRow.id, 1),
        (MetaRow.id, 1),
        (REVISION_TABLE.c.version_num, REVISION),
    ):
        if state.connection.scalars(select(column)).all() != [expected]:
            raise AuditError(f"table {column.table.name} does not hold its one row alone")


def _verify_patients(state: SignedState, tombstones: Tombstones) -> None:
    """Every patient row, its identifiers and its sealed rows are those of the signed tree."""
    size, root = state.head.parts[PATIENTS]
    leaves, erased = [], set()
    with ExitStack() as stack:
        identifiers = stack.enter_context(
            _Rows(state, IdentifierRow, (IdentifierRow.blind_index, IdentifierRow.sealed))
        )
        resources = stack.enter_context(
            _Rows(state, ResourceRow, RESOURCE_COLUMNS, ResourceRow.position)
        )
        suggestions = stack.enter_context(
            _Rows(state, SuggestionRow, SUGGESTION_COLUMNS, SuggestionRow.position)
        )
        rows = stack.enter_context(
            state.connection.execute(
                select(*PATIENT_COLUMNS)
                .order_by(PatientRow.ordinal)
                .execution_options(yield_per=_BATCH)
            )
        )
        for ordinal, values in enumerate(rows):
            row = Patient(*values)
            if row.ordinal != ordinal:
                raise AuditError(f"patient row {ordinal} is missing")
            try:
                same(identifiers_digest(identifiers.of(ordinal)), row.identifiers_digest)
                same(resources_digest(resources.of(ordinal)), row.resources_digest)
                same(suggestions_digest(suggestions.of(ordinal)), row.suggestions_digest)
                SealedPatient(state.connection, state.ring, row).data_key_opens()
            except (DecryptionError, StaleRecordError) as error:
                raise AuditError(f"the sealed records of patient {row.id} were changed") from error
            leaves.append(row.leaf())
            if row.erased_at is not None:
                erased.add(row.id)
        for table in (identifiers, resources, suggestions):
            table.finish()
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    if (tree.size, tree.root()) != (size, root):
        raise AuditError(f"the {tree.size} patient rows are not the {size} that were signed")
    _verify_tiles(state, PATIENTS, leaves)
    count, digest = state.head.parts[ERASED]
    tombstones.check(count, digest)
    pending = {tombstone.patient for tombstone in tombstones.after(count)}
    if not erased <= tombstones.ids.keys() - pending:
        raise AuditError("a patient is erased whom the file of erasures does not name")


def _verify_tiles(state: SignedState, name: str, leaves: Sequence[bytes]) -> None:
    """The stored hashes of a state tree are those of its leaves, and no more."""
    expected = expected_tiles(leaves)
    for place, hashes in state.connection.execute(
        select(StateTileRow.place, StateTileRow.hashes).where(StateTileRow.tree == name)
    ):
        if expected.pop(place, None) != hashes:
            raise AuditError(f"the stored hashes of the tree of {name} are not those of its leaves")
    if expected:
        raise AuditError(f"the tree of {name} lacks stored hashes")


class _Rows:
    """The rows of one table by patient, read once in the patients' order."""

    def __init__(
        self, state: SignedState, table: Any, columns: Sequence[Any], order: Any = None
    ) -> None:
        statement: Select[Any] = select(table.patient, *columns).order_by(table.patient)
        if order is not None:
            statement = statement.order_by(order)
        self._rows = state.connection.execute(statement.execution_options(yield_per=_BATCH))
        self._name = table.__tablename__
        self._groups = groupby(self._rows, key=itemgetter(0))
        self._next = next(self._groups, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def of(self, ordinal: int) -> Iterator[Sequence[Any]]:
        """The rows of this patient; patients must be asked for in order."""
        if self._next is None or self._next[0] != ordinal:
            return
        for row in self._next[1]:
            yield row[1:]
        self._next = next(self._groups, None)

    def finish(self) -> None:
        """Pass only if every row was somebody's."""
        if self._next is not None:
            raise AuditError(f"table {self._name} holds rows of no patient")
