"""The audit log, attacked with plain SQL, and what its checkpoints and proofs show."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import AuditEntry, AuditError, Checkpoint, Database, InvalidRecordError, KeyRing
from storage.audit import entry_row
from storage.checkpoint import ACTORS, BREAK_GLASS, ENTRIES, ERASED, PATIENTS, Part
from storage.errors import NotFoundError
from storage.merkle import is_consistent, leaf_hash
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import OWNER, RECORD, entries, office, read, store

N_ENTRIES = 12  # the first is about the creation of the store
BAD = 5
COPY_OF_THE_FIRST = (
    f"INSERT INTO audit_entry SELECT {N_ENTRIES}, entry, subject, leaf FROM audit_entry "
    "WHERE position = 0"
)
COPY_OF_ALL = (
    f"INSERT INTO audit_entry SELECT position + {N_ENTRIES}, entry, subject, leaf FROM audit_entry"
)


@pytest.fixture
def log(database: Database) -> Database:
    """A store whose log has ``N_ENTRIES`` entries about one patient."""
    patient_id = store(database, RECORD, [])
    for _ in range(N_ENTRIES - 2):
        read(database, patient_id)
    return database


def bad_index(database: Database, checkpoint: str | None = None) -> int | None:
    """What ``verify_audit`` names as the first bad entry."""
    with pytest.raises(AuditError) as caught:
        database.verify_audit(checkpoint)
    return caught.value.index


def rewrite_hashes(tamper: Tamper) -> None:
    """Make every stored hash fit the stored entries, as far as one can without keys."""
    for position, entry in tamper("SELECT position, entry FROM audit_entry"):
        leaf = leaf_hash(bytes(entry))
        tamper("UPDATE audit_entry SET leaf = ? WHERE position = ?", leaf, position)


def test_an_untouched_log_is_whole(log: Database) -> None:
    report = log.verify_audit()

    assert (report.head.n_entries, report.head.n_patients) == (N_ENTRIES, 1)
    assert "12 audit entries and the sealed records of 1 patients are whole" in str(report)


def test_the_log_of_an_empty_store_is_whole(database: Database) -> None:
    assert database.verify_audit(database.checkpoint().text).head.n_entries == 1


def test_an_entry_is_canonical_json() -> None:
    entry = AuditEntry(0, "2030-01-01T00:00:00+00:00", "李", "a.b", "", "p", "ok", "")

    assert entry.to_bytes() == (
        '{"action":"a.b","actor":"李","detail":"","index":0,"outcome":"ok","purpose":"p",'
        '"subject":"","time":"2030-01-01T00:00:00+00:00"}'.encode()
    )
    assert AuditEntry.from_bytes(entry.to_bytes()) == entry


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"index": 0}', b"\xff"])
def test_other_bytes_are_no_entry(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AuditEntry.from_bytes(data)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_one_byte_changed_in_any_column_of_any_entry_is_named(
    log: Database, tamper: Tamper, data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from(("entry", "subject", "leaf")))
    index = data.draw(st.integers(1, N_ENTRIES - 1))
    ((value,),) = tamper(f"SELECT {column} FROM audit_entry WHERE position = ?", index)
    raw = bytearray(value if isinstance(value, bytes) else value.encode())
    bits = data.draw(st.integers(1, 7))  # which keep text text, and no NUL
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= bits
    changed = bytes(raw) if isinstance(value, bytes) else raw.decode()

    tamper(f"UPDATE audit_entry SET {column} = ? WHERE position = ?", changed, index)
    found = bad_index(log)
    tamper(f"UPDATE audit_entry SET {column} = ? WHERE position = ?", value, index)

    assert found == index
    log.verify_audit()


@only_sqlite  # the columns of PostgreSQL take their own kind alone
@pytest.mark.parametrize("value", ["'text'", "7", "1.5", "x'ff'", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["entry", "leaf", "subject"])
def test_a_value_of_another_kind_is_seen(
    log: Database, tamper: Tamper, column: str, value: str
) -> None:
    tamper(f"UPDATE audit_entry SET {column} = {value} WHERE position = {BAD}")

    assert bad_index(log) in (BAD, None)  # bytes that are no text stop the reading itself


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (f"DELETE FROM audit_entry WHERE position = {BAD}", BAD),
        (f"DELETE FROM audit_entry WHERE position >= {BAD}", BAD),
        (f"DELETE FROM audit_entry WHERE position = {N_ENTRIES - 1}", N_ENTRIES - 1),
        ("DELETE FROM audit_entry", 0),
        (f"UPDATE audit_entry SET position = 99 WHERE position = {BAD}", BAD),
        ("UPDATE audit_entry SET position = -1 WHERE position = 0", 0),
        (COPY_OF_THE_FIRST, N_ENTRIES),
        (COPY_OF_ALL, N_ENTRIES),
        (f"UPDATE audit_entry SET leaf = x'00' WHERE position = {BAD}", BAD),
        ("INSERT INTO audit_node VALUES (8, 0, x'00')", None),
        ("DELETE FROM audit_head", None),
        ("UPDATE audit_head SET checkpoint = ''", None),
        ("UPDATE audit_head SET checkpoint = replace(checkpoint, 'entries 12', 'entries 8')", None),
        ("UPDATE audit_head SET checkpoint = checkpoint || 'y'", None),
    ],
)
def test_an_attack_is_seen_and_named(
    log: Database, tamper: Tamper, statement: str, index: int | None
) -> None:
    tamper(statement)

    assert bad_index(log) == index


def test_two_entries_in_each_others_place_are_named(log: Database, tamper: Tamper) -> None:
    tamper("UPDATE audit_entry SET position = 99 WHERE position = 4")
    tamper("UPDATE audit_entry SET position = 4 WHERE position = 5")
    tamper("UPDATE audit_entry SET position = 5 WHERE position = 99")

    assert bad_index(log) == 4


def test_an_entry_added_with_its_hashes_lies_beyond_the_signed_head(
    log: Database, tamper: Tamper
) -> None:
    # The proof itself is entry N_ENTRIES.
    forged = replace(office(log).prove(N_ENTRIES - 1).entry, index=N_ENTRIES + 1)
    row = entry_row(forged, forged.to_bytes())
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    tamper(f"INSERT INTO audit_entry ({names}) VALUES ({marks})", *row.values())
    rewrite_hashes(tamper)

    assert bad_index(log) == N_ENTRIES + 1


def test_an_edit_with_all_hashes_rewritten_fails_at_the_signed_root(
    log: Database, tamper: Tamper
) -> None:
    ((entry,),) = tamper("SELECT entry FROM audit_entry WHERE position = 5")
    changed = bytes(entry).replace(b"dr.lee", b"dr.fox")
    tamper("UPDATE audit_entry SET entry = ? WHERE position = 5", changed)
    rewrite_hashes(tamper)

    with pytest.raises(AuditError, match="rewritten"):
        log.verify_audit()


@only_sqlite
def test_a_cut_tail_with_an_earlier_genuine_head_needs_a_checkpoint_to_be_seen(
    database: Database, location: str, tmp_path: Path, ring: KeyRing
) -> None:
    patient_id = store(database, RECORD, [])
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(location)) as source, closing(sqlite3.connect(older)) as copy:
        source.backup(copy)
    read(database, patient_id)
    kept = database.checkpoint().text

    with Database.open(older, ring) as rolled_back:
        rolled_back.verify_audit()  # in itself it is a genuine store
        assert bad_index(rolled_back, kept) == 2


@only_sqlite
def test_a_fork_is_seen_against_a_checkpoint(
    database: Database, location: str, tmp_path: Path, ring: KeyRing
) -> None:
    patient_id = store(database, RECORD, [])
    with closing(sqlite3.connect(location)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(location, tmp_path / "fork.db")
    read(database, patient_id)
    kept = database.checkpoint().text

    with Database.open(tmp_path / "fork.db", ring) as fork:
        for _ in range(3):
            read(fork, patient_id)
        fork.verify_audit()
        with pytest.raises(AuditError, match="not those of the head"):
            fork.verify_audit(kept)


def test_a_log_extends_every_earlier_checkpoint(database: Database) -> None:
    kept = [database.checkpoint()]
    patient_id = store(database, RECORD, [])
    for _ in range(6):
        kept.append(database.checkpoint())
        read(database, patient_id)

    for checkpoint in kept:
        assert database.verify_audit(f" {checkpoint.text}\n").checkpoint == checkpoint
        path = database.consistency_proof(checkpoint.n_entries)
        now = database.checkpoint()
        assert is_consistent(
            checkpoint.n_entries, now.n_entries, path, checkpoint.entries_root, now.entries_root
        )


def test_a_checkpoint_of_another_store_or_without_signature_is_refused(
    log: Database, tmp_path: Path
) -> None:
    with (
        Database.create(
            tmp_path / "other.db", KeyRing.create(tmp_path / "other" / "ring.json"), owner=OWNER
        ) as other,
        pytest.raises(AuditError, match="of store"),
    ):
        log.verify_audit(other.checkpoint().text)
    unsigned = replace(log.checkpoint(), signature=bytes(64))
    with pytest.raises(AuditError, match="no signature"):
        log.verify_audit(unsigned.text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.characters())
def test_a_checkpoints_text_is_taken_to_the_last_character(place: int, letter: str) -> None:
    names = (ENTRIES, PATIENTS, ACTORS, BREAK_GLASS, ERASED)
    parts = {name: Part(size, bytes(32)) for size, name in enumerate(names)}
    checkpoint = Checkpoint("0" * 32, "2030", parts, signature=bytes(64))
    assert Checkpoint.parse(checkpoint.text) == checkpoint
    text = checkpoint.text.strip()
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]

    try:
        parsed = Checkpoint.parse(changed)
    except AuditError:
        return
    assert parsed.text.strip() == changed.strip()


def test_an_entry_can_be_proved_without_the_database(log: Database, ring: KeyRing) -> None:
    proof = office(log).prove(BAD)

    assert proof.entry.action == "patient.read"
    assert proof.holds(ring.audit_public_key)
    assert not replace(proof, entry=replace(proof.entry, actor="x")).holds(ring.audit_public_key)
    assert not replace(proof, head=replace(proof.head, time="x")).holds(ring.audit_public_key)
    with pytest.raises(NotFoundError):
        office(log).prove(10_000)
    with pytest.raises(NotFoundError):
        log.consistency_proof(10_000)


def test_entries_read_for_display_are_checked_too(log: Database, tamper: Tamper) -> None:
    tamper(f"UPDATE audit_entry SET entry = x'00' WHERE position = {BAD}")

    with pytest.raises(AuditError) as caught:
        office(log).audit_log(N_ENTRIES)
    assert caught.value.index == BAD
    last = office(log).audit_log(3)  # the first reading, which was refused, is in the log as well
    assert [entry.index for entry in last] == [N_ENTRIES - 2, N_ENTRIES - 1, N_ENTRIES]
    assert last[-1].outcome == "AuditError"


def test_an_entry_hidden_from_a_patients_access_log_is_seen_by_verify(
    log: Database, tamper: Tamper
) -> None:
    ((patient_id,),) = tamper("SELECT id FROM patient")
    tamper(f"UPDATE audit_entry SET subject = '' WHERE position = {BAD}")

    assert BAD not in [entry.index for entry in office(log).access_log(patient_id)]
    assert bad_index(log) == BAD


def test_an_entry_filed_under_another_patient_is_refused(log: Database, tamper: Tamper) -> None:
    ((patient_id,),) = tamper("SELECT id FROM patient")
    tamper("UPDATE audit_entry SET subject = ? WHERE position = 0", patient_id)

    with pytest.raises(AuditError, match="filed under another patient"):
        office(log).access_log(patient_id)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_head",
        "UPDATE audit_head SET frontiers = x''",
        COPY_OF_THE_FIRST,
    ],
)
def test_nothing_is_read_on_top_of_a_log_that_is_not_whole(
    log: Database, tamper: Tamper, statement: str
) -> None:
    ((patient_id,),) = tamper("SELECT id FROM patient")
    tamper(statement)

    with pytest.raises(AuditError):
        read(log, patient_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "Patient Ada"},
        {"action": "a", "subject": "Ada Lovelace"},
        {"action": "a", "outcome": "no drug found for Ada"},
        {"action": "a", "detail": "糖尿病"},
    ],
)
def test_an_entry_that_could_carry_clinical_text_is_refused(
    database: Database, fields: dict[str, str]
) -> None:
    with (
        database.unit("dr.lee", purpose="treatment") as unit,
        pytest.raises(InvalidRecordError) as caught,
    ):
        unit.audit.append(**fields)

    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("label", ["", " ", "a\nb", "x" * 201])
def test_an_actor_or_purpose_that_cannot_be_logged_is_refused(
    database: Database, label: str
) -> None:
    for actor, purpose in ((label, "treatment"), ("dr.lee", label)):
        with pytest.raises(InvalidRecordError), database.unit(actor, purpose=purpose):
            pass


def test_times_are_the_clocks_in_utc(log: Database) -> None:
    times = [datetime.fromisoformat(entry.time) for entry in entries(log)]

    assert times == sorted(times)
    assert all(time.tzinfo == UTC and time.year == 2030 for time in times)
