"""Check the whole store against its signed head: log, trees, patients, sealed rows, erasures."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Self

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from storage import merkle
from storage.actors import actors
from storage.audit import SignedState
from storage.break_glass import all_openings
from storage.checkpoint import ACTORS, BREAK_GLASS, ERASED, PATIENTS, Checkpoint
from storage.errors import AuditError, DecryptionError, StaleRecordError
from storage.merkle import Frontier
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
from storage.statements import Statement
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

_BLOCK = 1 << BLOCK_LEVEL
_BATCH = 40 * _BLOCK

# What could answer, or undo, in the place of the tables.
_OBJECTS = {
    "sqlite": "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')",
    "postgresql": """
        SELECT 'trigger', tgname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'rule', rulename::text FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
        WHERE relnamespace = current_schema()::regnamespace
    """,
}
_LEAVES = Statement(
    select(
        AuditEntryRow.position, AuditEntryRow.leaf, AuditEntryRow.subject, AuditEntryRow.entry
    ).order_by(AuditEntryRow.position)
)
_PATIENTS = Statement(select(*PATIENT_COLUMNS).order_by(PatientRow.ordinal))
_IDENTIFIERS = Statement(
    select(IdentifierRow.patient, IdentifierRow.blind_index, IdentifierRow.sealed).order_by(
        IdentifierRow.patient
    )
)
_RESOURCES = Statement(
    select(ResourceRow.patient, *RESOURCE_COLUMNS).order_by(
        ResourceRow.patient, ResourceRow.position
    )
)
_SUGGESTIONS = Statement(
    select(SuggestionRow.patient, *SUGGESTION_COLUMNS).order_by(
        SuggestionRow.patient, SuggestionRow.position
    )
)


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
        _verify_objects(state)
        patients = _verify_patients(state, tombstones)
        people = [actor.leaf() for actor in actors(state)]
        emergencies = [opening.leaf() for opening in all_openings(state)]
        _verify_tiles(state, {PATIENTS: patients, ACTORS: people, BREAK_GLASS: emergencies})
    except StaleRecordError as error:
        raise AuditError(str(error)) from error
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        raise AuditError("a text column holds bytes that are not text") from error
    return AuditReport(head, checkpoint)


def _verify_entries(state: SignedState, checkpoint: Checkpoint | None) -> None:
    try:
        _verify_leaves(state, checkpoint)
    except AuditError as error:
        if error.index is None:
            _name_the_misplaced(state)
        raise


def _verify_leaves(state: SignedState, checkpoint: Checkpoint | None) -> None:
    marks = {state.head.n_entries: state.head}
    if checkpoint is not None:
        if checkpoint.n_entries == 0:
            _compare(checkpoint, merkle.EMPTY_ROOT)
        elif checkpoint.n_entries == state.head.n_entries:
            _compare(checkpoint, state.head.entries_root)
        marks.setdefault(checkpoint.n_entries, checkpoint)
    blocks = Frontier()
    nodes: dict[tuple[int, int], bytes] = {}
    with closing(_leaves(state)) as batches:
        for first, leaves in batches:
            for start in range(0, len(leaves), _BLOCK):
                block, before = leaves[start : start + _BLOCK], first + start
                for size, mark in marks.items():
                    if before < size <= before + len(block):
                        _compare(mark, _root(blocks, block[: size - before]))
                if len(block) == _BLOCK:
                    for level, position, digest in blocks.append(merkle.subtree_root(block)):
                        nodes[level + BLOCK_LEVEL, position] = digest
    _verify_nodes(state, nodes)


def _leaves(state: SignedState) -> Generator[tuple[int, list[bytes]], None, None]:
    """Batches of leaf hashes with the index of the first, each compared with what is stored."""
    first, size = 0, state.head.n_entries
    with closing(_LEAVES.batches(state.connection, _BATCH)) as batches:
        for batch in batches:
            positions, stored, subjects, entries = zip(*batch, strict=True)
            leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
            stop = first + len(leaves)
            if stop > size or positions != tuple(range(first, stop)) or list(stored) != leaves:
                _name_the_altered(batch, first, leaves, size)
            for index, (subject, entry) in enumerate(zip(subjects, entries, strict=True)):
                # In canonical JSON a quoted name stands nowhere but where the field is, and
                # the time follows: nothing fits between that is not the whole subject.
                if b'"subject":"%s","time":"' % subject.encode() not in entry:
                    raise AuditError(
                        f"column 'subject' of audit entry {first + index} differs from the entry "
                        "itself",
                        index=first + index,
                    )
            yield first, leaves
            first = stop
    if first < size:
        raise AuditError(
            f"the signed head covers {size} entries, the log ends after {first}: its tail was cut",
            index=first,
        )


def _name_the_altered(rows: Sequence[Any], first: int, leaves: Sequence[bytes], size: int) -> None:
    for index, ((position, stored, *_), leaf) in enumerate(
        zip(rows, leaves, strict=True), start=first
    ):
        if position != index:
            raise AuditError(f"audit entry {index} is missing", index=index)
        if index == size:
            raise AuditError(f"audit entry {index} lies beyond the signed head", index=index)
        if stored != leaf:
            raise AuditError(
                f"entry {index}: the stored hash is not that of the stored bytes", index=index
            )


def _name_the_misplaced(state: SignedState) -> None:
    """Entries that were moved with their hashes say themselves where they belong."""
    with closing(_LEAVES.batches(state.connection, _BATCH)) as batches:
        for position, _, _, entry in chain.from_iterable(batches):
            if b'"index":%d,' % position not in entry:
                raise AuditError(
                    f"audit entry {position} says itself that it is another one", index=position
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
    for columns, expected in (
        ((AuditHeadRow.id, AuditHeadRow.checkpoint), (1, state.head.text)),
        ((MetaRow.id, MetaRow.store_id), (1, state.ring.store_id)),
        ((REVISION_TABLE.c.version_num,), (REVISION,)),
    ):
        if [tuple(row) for row in state.connection.execute(select(*columns))] != [expected]:
            raise AuditError(f"table {columns[0].table.name} does not hold its one row alone")


def _verify_objects(state: SignedState) -> None:
    """Nothing in the database acts or answers in the place of the tables."""
    query = _OBJECTS[state.connection.dialect.name]
    for kind, name in state.connection.execute(text(query)):
        raise AuditError(f"the database has a {kind} {name!r}, which no store has")


def _verify_patients(state: SignedState, tombstones: Tombstones) -> list[bytes]:
    """Every patient row, its identifiers and its sealed rows are those of the signed tree.

    Returns:
        The leaves of the patient tree.
    """
    size, root = state.head.parts[PATIENTS]
    count, digest = state.head.parts[ERASED]
    tombstones.check(count, digest)
    named = tombstones.ids.keys() - {each.patient for each in tombstones.after(count)}
    leaves = []
    with ExitStack() as stack:
        identifiers, resources, suggestions = (
            stack.enter_context(_Rows(state, statement))
            for statement in (_IDENTIFIERS, _RESOURCES, _SUGGESTIONS)
        )
        batches = stack.enter_context(closing(_PATIENTS.batches(state.connection, _BATCH)))
        rows = chain.from_iterable(batches)
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
                raise AuditError(
                    f"the sealed records of patient {row.id} were changed: restore a backup from "
                    "before that into a new place, and keep this store as evidence"
                ) from error
            leaves.append(row.leaf())
            if (row.erased_at is not None) != (row.id in named):
                raise AuditError(
                    f"patient {row.id} is erased in the store or in the file of erasures, "
                    "not in both"
                )
        for table in (identifiers, resources, suggestions):
            table.finish()
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    if (tree.size, tree.root()) != (size, root):
        raise AuditError(f"the {tree.size} patient rows are not the {size} that were signed")
    return leaves


def _verify_tiles(state: SignedState, leaves: Mapping[str, Sequence[bytes]]) -> None:
    """The stored hashes of the state trees are those of their leaves, and no more."""
    expected = {
        (name, place): hashes
        for name, of_tree in leaves.items()
        for place, hashes in expected_tiles(of_tree).items()
    }
    columns = (StateTileRow.tree, StateTileRow.place, StateTileRow.hashes)
    for name, place, hashes in state.connection.execute(select(*columns)):
        if expected.pop((name, place), None) != hashes:
            raise AuditError(f"the stored hashes of the tree of {name} are not those of its leaves")
    if expected:
        name, _ = next(iter(expected))
        raise AuditError(f"the tree of {name} lacks stored hashes")


class _Rows:
    """The rows of one table by patient, read once in the patients' order."""

    def __init__(self, state: SignedState, statement: Statement) -> None:
        self._batches = statement.batches(state.connection, _BATCH)
        self._groups = groupby(chain.from_iterable(self._batches), key=itemgetter(0))
        self._next = next(self._groups, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._batches.close()

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
            raise AuditError("the store holds rows of no patient")
