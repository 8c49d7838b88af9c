"""The database of one store: reading it, and units of work, each one transaction."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from storage import actors, verification
from storage.access import Action
from storage.audit import (
    OK,
    ROLLED_BACK,
    AuditEntry,
    AuditLog,
    Clock,
    KnownHead,
    SignedState,
    label,
    purpose_of,
    start_log,
    timestamp,
)
from storage.backend import Backend
from storage.checkpoint import ERASED, Checkpoint, Part
from storage.errors import (
    AuditError,
    KeyRingError,
    NotFoundError,
    SchemaVersionError,
    StorageError,
    StoreBusyError,
    StoreUnavailableError,
    TombstoneError,
)
from storage.keys import KeyRing
from storage.operations import Scope
from storage.oversight import Actors, Consents, Emergencies
from storage.records import PatientReader, PatientRepository, complete_erasures
from storage.sqlite import BUSY_SECONDS, SqliteBackend
from storage.tables import REVISION, REVISION_TABLE, Base, MetaRow
from storage.tombstones import FILE_NAME, Plan, Tombstones
from storage.verification import AuditReport


class UnitOfWork:
    """One write transaction for one actor and purpose.

    Only ``commit`` makes anything last; leaving the block without it rolls
    back. It can be committed once, and not used afterwards.

    Attributes:
        patients: the patients, to read and to change.
        actors, consents, emergencies: who may act, and what patients allow.
        audit: the log, as this transaction extends it.
        scope: how other operations of this unit are recorded.
        state: what this transaction reads and changes.
    """

    def __init__(self, database: "Database", state: SignedState, audit: AuditLog) -> None:
        self._database = database
        self.state = state
        self.audit = audit
        self.scope = _InUnit(database, state, audit)
        self.erased: list[tuple[str, str]] = []  # pseudonym, time
        self.patients = PatientRepository(self.scope, self.erased)
        self.actors = Actors(self.scope)
        self.consents = Consents(self.scope)
        self.emergencies = Emergencies(self.scope)
        self.head: Checkpoint | None = None  # signed, and committed unless that failed
        self.is_committed = False

    def commit(self) -> Checkpoint:
        """Sign the head and make everything last, or nothing; returns the signed head."""
        tombstones = self._database.tombstones
        with self._database.translated():
            plan = self._plan_erasures(tombstones)
            self.head = self.audit.sign()
            # As late as can be: what follows is the commit alone.
            tombstones.write(plan)
            try:
                self.state.connection.commit()
            except DatabaseError as error:
                if not plan.lines:
                    raise
                raise StoreUnavailableError(
                    f"{self._database.backend.error(error)}; the erasure is in the file of "
                    "erasures, and is completed when the store is next opened"
                ) from error
        self.is_committed = True
        self.state.connection.close()
        return self.head

    def _plan_erasures(self, tombstones: Tombstones) -> Plan:
        """What the file of tombstones will say of this unit's erasures; the head commits to it.

        Erasures that are in the file and not in the store, because a crash came
        between, are completed with them.
        """
        known = self.state.head.parts[ERASED]
        tombstones.check(known.size, known.root)  # reads what others wrote
        plan = tombstones.plan(self.erased)
        if plan.count > known.size:
            pending = tombstones.after(known.size)
            self.erased += complete_erasures(self.state, self.audit, pending)
            self.audit.erased = Part(plan.count, plan.digest)
        return plan


class Database:
    """A store and the key ring that opens it. Made by ``create`` or ``open``; close it after use.

    Reads see a snapshot and hold up nobody, and then pass the gate to leave
    their audit entry; units of work hold the gate from beginning to end.
    """

    def __init__(self, backend: Backend, ring: KeyRing, clock: Clock) -> None:
        """Take parts that fit; ``open`` is the door for callers."""
        self.backend = backend
        self.ring = ring
        self.clock = clock
        self.known_actors = actors.KnownActors()
        self.tombstones: Tombstones
        self._known: KnownHead | None = None
        self._n_seen = 0  # entries of the longest log seen behind the gate
        self._process = os.getpid()
        self._inside: set[int] = set()  # threads that hold the gate

    @classmethod
    def create(
        cls,
        location: str | Path,
        ring: KeyRing,
        *,
        owner: str,
        clock: Clock = lambda: datetime.now(UTC),
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Make an empty store for ``ring``, whole or not at all.

        Args:
            location: as for ``open``.
            ring: the store's key ring; the file of erasures is made beside it.
            owner: the first actor, who holds every role until another security officer is there.
            clock: as for ``open``.
            busy_seconds: as for ``open``.

        Raises:
            StoreUnavailableError: the place is taken, or cannot be written.
            TombstoneError: patients of an earlier store of this ring were erased.
            InvalidRecordError: the owner's name cannot be logged.
        """
        tombstones = ring.folder / FILE_NAME
        Tombstones.create(tombstones, ring)
        if n_erased := Tombstones.open(tombstones, ring).count:
            raise TombstoneError(
                f"{tombstones} names {n_erased} erasures, so there was a store with this key ring: "
                "restore it from a backup, or make a new key ring for a new store"
            )

        def fill(connection: Connection) -> None:
            time = timestamp(clock())
            create_schema(connection)
            connection.execute(insert(MetaRow), {"id": 1, "store_id": ring.store_id})
            start_log(connection, ring, time=time)
            state = SignedState(connection, ring, None)
            audit = AuditLog(state, actor=owner, purpose="administration", clock=clock)
            actors.add_owner(state, owner)
            audit.append(Action.STORE_CREATE)
            audit.sign()

        backend = backend_for(location, busy_seconds)
        try:
            backend.create(fill)
        finally:
            backend.close()
        return cls.open(location, ring, clock=clock, busy_seconds=busy_seconds)

    @classmethod
    def open(
        cls,
        location: str | Path,
        ring: KeyRing,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Open an existing store; an erasure that a crash interrupted is completed.

        Args:
            location: path of the SQLite file, its ``sqlite:///`` URL, or a
                ``postgresql+psycopg://`` URL.
            ring: the store's key ring.
            clock: the time, for entries and rows.
            busy_seconds: how long a unit waits for other writers.

        Raises:
            NotFoundError: there is no store.
            SchemaVersionError: it is not a store, or of another version.
            KeyRingError: ``ring`` is another store's.
            TombstoneError: the file of erasures is not the one that the store knows.
            AuditError: the head is not one that was signed.
            StoreUnavailableError: the database cannot be used.
        """
        backend = backend_for(location, busy_seconds)
        database = cls(backend, ring, clock)
        try:
            if not backend.exists():
                raise NotFoundError(f"no patient store at {backend.name}: create one first")
            with database.translated(), backend.snapshot() as connection:
                check_identity(connection, ring, backend.name)
                erased = database.signed(connection).head.parts[ERASED]
            count, digest = erased
            database.tombstones = Tombstones.open(
                ring.folder / FILE_NAME, ring, count=count, digest=digest
            )
            if database.tombstones.count > count:
                with database.unit(actors.STORAGE, purpose="administration") as unit:
                    unit.commit()
        except BaseException:
            database.close()
            raise
        return database

    def __repr__(self) -> str:
        return f"Database({self.backend.name!r}, store_id={self.ring.store_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.backend.close()

    def reading(self, actor: str, *, purpose: str) -> PatientReader:
        """Read as ``actor``: each call returns once its audit entry is durable, or not at all."""
        return PatientReader(self.scope(actor, purpose=purpose))

    def scope(self, actor: str, *, purpose: str) -> Scope:
        """Operations by ``actor`` that are each by themselves, for ``operations.recorded``."""
        return _Alone(self, actor, purpose)

    @contextmanager
    def unit(self, actor: str, *, purpose: str) -> Iterator[UnitOfWork]:
        """One write transaction for ``actor``, rolled back unless ``commit`` is called in it.

        What a rolled-back unit had read, it has seen: its entries are written
        again in a transaction of their own, with the outcome ``rolled-back``,
        and after an error one more, ``unit.failed``, with the error's name.

        Raises:
            StoreBusyError: other writers did not finish in time.
            StoreUnavailableError: the database cannot be read or written.
            AuditError: the log is not the one that was signed; nothing is
                done on top of it.
            InvalidRecordError: ``actor`` or ``purpose`` cannot be logged.
        """
        unit: UnitOfWork | None = None
        try:
            with self._gate() as connection:
                state = self._newest(connection)
                audit = AuditLog(state, actor=actor, purpose=purpose, clock=self.clock)
                unit = UnitOfWork(self, state, audit)
                yield unit
        except BaseException as error:
            if unit is not None and not unit.is_committed:
                self._record_after_error(unit, error)
            raise
        finally:
            if unit is not None and unit.is_committed:
                self._note(unit.state.known)
                self.backend.after_commit(has_erased=bool(unit.erased))
        if not unit.is_committed and unit.audit.appended:
            self._record_rolled_back(unit, None)

    def verify_audit(self, checkpoint: str | None = None) -> AuditReport:
        """Check the whole store against its signed head: log, patients, actors, erasures.

        Args:
            checkpoint: text of a head kept elsewhere, which the log must extend.

        Raises:
            AuditError: the first thing that does not hold; its ``index`` names
                the entry where one can be named.
        """
        earlier = None if checkpoint is None else Checkpoint.parse(checkpoint)
        with self.view() as state:
            return verification.verify(state, self.tombstones, earlier)

    def checkpoint(self) -> Checkpoint:
        """The signed head; keep its ``text`` elsewhere.

        Raises:
            AuditError: it is missing, or does not fit the stored trees.
        """
        with self.view() as state:
            return state.head

    def consistency_proof(self, n_entries: int) -> tuple[bytes, ...]:
        """Hashes that show a holder of an old head of ``n_entries`` that the log extends it.

        To be checked with ``storage.merkle.is_consistent``.

        Raises:
            NotFoundError: the log is shorter.
        """
        with self.view() as state:
            size = state.entries.size
            if not 0 <= n_entries <= size:
                raise NotFoundError(f"the log has {size} entries, not {n_entries}")
            return tuple(state.entries.consistency_proof(n_entries))

    def append(self, actor: str, purpose: str, action: str, *, detail: str = "") -> AuditEntry:
        """Record what was done outside a unit of work, durably.

        Raises:
            StorageError: it could not be recorded.
        """
        return self.record(actor, purpose, action, subject="", outcome=OK, detail=detail)

    def record(
        self,
        actor: str,
        purpose: str,
        action: str,
        *,
        subject: str,
        outcome: str,
        detail: str,
        grant: str = "",
    ) -> AuditEntry:
        """Append one entry in a transaction of its own."""
        with self._gate() as connection:
            audit = AuditLog(
                self._newest(connection), actor=actor, purpose=purpose, clock=self.clock
            )
            entry = audit.append(
                action, subject=subject, outcome=outcome, detail=detail, grant=grant
            )
            audit.sign()
            connection.commit()
        self._note(audit.state.known)
        self.backend.after_commit(has_erased=False)
        return entry

    def signed(self, connection: Connection) -> SignedState:
        """What is signed for, as ``connection`` sees it; a head is checked once."""
        state = SignedState(connection, self.ring, self._known)
        self._known = state.known
        return state

    @contextmanager
    def _gate(self) -> Iterator[Connection]:
        """The gate, which a thread that is inside would wait for in vain."""
        self._check_process()
        thread = threading.get_ident()
        if thread in self._inside:
            raise StoreBusyError(
                "this thread is in a unit of work already: read and write with that unit, or "
                "leave it first"
            )
        with self.translated(), self.backend.gate() as connection:
            self._inside.add(thread)
            try:
                yield connection
            finally:
                self._inside.discard(thread)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise StoreUnavailableError(
                "the store was opened before this process was forked: open it again here"
            )

    def _newest(self, connection: Connection) -> SignedState:
        """``signed``, behind the gate: where a log that is shorter than before was put back.

        Raises:
            AuditError: it is.
        """
        state = self.signed(connection)
        if state.head.n_entries < self._n_seen:
            raise AuditError(
                f"the log has {state.head.n_entries} entries and had {self._n_seen}: an older "
                "database was put in place",
                index=state.head.n_entries,
            )
        return state

    def _note(self, known: KnownHead) -> None:
        """Remember what was committed."""
        self._known = known
        self._n_seen = known.head.n_entries

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Failures of the database as errors of this package."""
        try:
            yield
        except DatabaseError as error:
            raise self.backend.error(error) from error

    @contextmanager
    def view(self) -> Iterator[SignedState]:
        """One consistent view of what is signed, which holds up no writer."""
        self._check_process()
        with self.translated(), self.backend.snapshot() as connection:
            yield self.signed(connection)

    def _record_after_error(self, unit: UnitOfWork, error: BaseException) -> None:
        try:
            self._record_rolled_back(unit, type(error).__name__)
        except StorageError as second:
            if isinstance(error, StorageError):
                raise second from error  # a refusal is an answer, and none is given unrecorded
            error.add_note(f"and the audit log could not record it: {type(second).__name__}")

    def _record_rolled_back(self, unit: UnitOfWork, failure: str | None) -> None:
        """Write the entries of a unit that was rolled back, in a transaction of their own."""
        old = unit.audit
        with self._gate() as connection:
            state = self._newest(connection)
            if unit.head is not None and state.head.text == unit.head.text:
                return  # it did commit, and only the answer was lost
            audit = AuditLog(state, actor=old.actor, purpose=old.purpose, clock=self.clock)
            for entry in old.appended:
                outcome = ROLLED_BACK if entry.outcome == OK else entry.outcome
                audit.append(
                    entry.action,
                    subject=entry.subject,
                    outcome=outcome,
                    detail=entry.detail,
                    grant=entry.grant,
                )
            if failure is not None:
                audit.append(Action.UNIT_FAILED, outcome=failure)
            audit.sign()
            connection.commit()
        self._note(audit.state.known)


class _InUnit:
    """Operations of a unit of work: its transaction, its log."""

    def __init__(self, database: Database, state: SignedState, audit: AuditLog) -> None:
        self.actor, self.purpose = audit.actor, audit.purpose
        self._database, self._state, self._audit = database, state, audit

    def roles(self, state: SignedState) -> tuple[str, ...]:
        return self._database.known_actors.roles(state, self.actor, now=self.now())

    def is_buried(self, patient_id: str) -> bool:
        return self._database.tombstones.names(patient_id)

    @contextmanager
    def state(self) -> Iterator[SignedState]:
        if self._state.connection.closed:
            raise StoreUnavailableError("this unit of work is over: open another")
        yield self._state

    def now(self) -> str:
        return self._audit.now()

    def record(
        self, action: str, *, subject: str, outcome: str, detail: str, grant: str = ""
    ) -> None:
        self._audit.append(action, subject=subject, outcome=outcome, detail=detail, grant=grant)

    def fail(self, action: str, subject: str, error: BaseException) -> None:
        self._audit.append(action, subject=subject, outcome=type(error).__name__)
        self._audit.refuse_to_sign()


class _Alone:
    """Operations that are each by themselves: a snapshot to read, then a durable entry."""

    def __init__(self, database: Database, actor: str, purpose: str) -> None:
        self.actor, self.purpose = label("actor", actor), str(purpose_of(purpose))
        self._database = database

    def roles(self, state: SignedState) -> tuple[str, ...]:
        return self._database.known_actors.roles(state, self.actor, now=self.now())

    def is_buried(self, patient_id: str) -> bool:
        return self._database.tombstones.names(patient_id)

    @contextmanager
    def state(self) -> Iterator[SignedState]:
        with self._database.view() as state:
            yield state

    def now(self) -> str:
        return timestamp(self._database.clock())

    def record(
        self, action: str, *, subject: str, outcome: str, detail: str, grant: str = ""
    ) -> None:
        self._database.record(
            self.actor,
            self.purpose,
            action,
            subject=subject,
            outcome=outcome,
            detail=detail,
            grant=grant,
        )

    def fail(self, action: str, subject: str, error: BaseException) -> None:
        try:
            self.record(action, subject=subject, outcome=type(error).__name__, detail="")
        except StorageError as second:
            error.add_note(f"and the audit log could not record it: {type(second).__name__}")


def backend_for(location: str | Path, busy_seconds: float = BUSY_SECONDS) -> Backend:
    """The backend for a path, a ``sqlite:///`` URL or a ``postgresql+psycopg://`` URL.

    Raises:
        StoreUnavailableError: it is none of them.
    """
    if isinstance(location, Path) or "://" not in location:
        return SqliteBackend(Path(location), busy_seconds=busy_seconds)
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):  # which would quote a password
        raise StoreUnavailableError("the location of the store is not a valid URL") from None
    kind = url.get_backend_name()
    if kind == "postgresql":
        from storage.postgres import PostgresBackend

        return PostgresBackend(location, busy_seconds=busy_seconds)
    if kind != "sqlite" or not url.database or url.database == ":memory:":
        raise StoreUnavailableError(
            "a store is a SQLite file (sqlite:///path) or a PostgreSQL database "
            f"(postgresql+psycopg://user@host/database), not {kind}"
        )
    return SqliteBackend(Path(url.database), busy_seconds=busy_seconds)


def create_schema(connection: Connection) -> None:
    """The tables, empty but for the revision of the schema."""
    Base.metadata.create_all(connection)
    REVISION_TABLE.create(connection)
    connection.execute(insert(REVISION_TABLE), {"version_num": REVISION})


def check_identity(connection: Connection, ring: KeyRing, name: str) -> None:
    """Pass only a store of this program's schema and of this ring.

    Raises:
        SchemaVersionError: of another schema.
        KeyRingError: of another ring.
    """
    tables = inspect(connection)
    if not tables.has_table(REVISION_TABLE.name):
        revision: str | None = "0001"  # which did not record it
    else:
        revision = connection.scalar(select(REVISION_TABLE.c.version_num))
    if revision != REVISION:
        is_older = str(revision) < REVISION
        what = "`store migrate` brings it up to date" if is_older else "this program is too old"
        raise SchemaVersionError(f"{name} has schema {revision}, not {REVISION}: {what}")
    store_id = connection.scalar(select(MetaRow.store_id))
    if store_id != ring.store_id:
        raise KeyRingError(
            f"this key ring is of store {ring.store_id}, but {name} "
            f"is store {store_id}: use the ring it was created with"
        )
