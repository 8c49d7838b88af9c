"""Keys replaced in a store that is in use: nothing lost, nothing left behind, killed anywhere."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select

from storage import (
    AccessDeniedError,
    AuditError,
    Database,
    DecryptionError,
    Identifier,
    KeyRing,
    KeyRingError,
    rotation,
)
from storage.blind import under
from storage.crypto import key_version
from storage.keyset import Use
from storage.rotation import destroy, rotate
from storage.tables import Base, IdentifierRow
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import NUMBER, OWNER, RECORD, clinic, entries, erase, store, suggest

ROOT = Path(__file__).parents[2]
USES: list[tuple[Use, bool]] = [
    ("wrap", False),
    ("wrap", True),
    ("index", False),
    ("audit", False),
]
each_rotation = pytest.mark.parametrize(
    ("use", "data_keys"), USES, ids=["wrap", "data-keys", "index", "audit"]
)


@pytest.fixture
def patients(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five patients, in batches of two."""
    monkeypatch.setattr(rotation, "_BATCH", 2)
    monkeypatch.setattr(rotation, "_PAGE", 3)
    return [
        store(database, [*RECORD, {"resourceType": "Basic", "n": n}], [name(n)]) for n in range(5)
    ]


def name(n: int) -> Identifier:
    return NUMBER._replace(value=f"MRN-{n}")


def states(ring: KeyRing, use: Use) -> list[tuple[int, str]]:
    return [(key.version, key.state) for key in ring.status() if key.use == use]


def check(database: Database, patients: list[str]) -> None:
    """Everything is there, opens, and is found."""
    database.verify_audit()
    for n, patient in enumerate(patients):
        assert clinic(database).get(patient).resources[-1] == {"resourceType": "Basic", "n": n}
        assert clinic(database).find(*name(n)) == patient


def values(database: Database, holds: str) -> dict[str, list[bytes]]:
    """What every column that holds this has, by the column's name."""
    with database.backend.snapshot() as connection:
        return {
            str(column): list(connection.scalars(select(column).where(column.is_not(None))))
            for table in Base.metadata.tables.values()
            for column in table.columns
            if column.info.get("holds") == holds
        }


@each_rotation
def test_after_a_rotation_everything_is_there_under_the_new_key(
    database: Database, location: str, patients: list[str], use: Use, data_keys: bool
) -> None:
    old = database.ring.status()
    head = database.checkpoint()

    done = rotate(database, "officer", use, data_keys=data_keys)

    check(database, patients)
    first = next(key.version for key in old if key.use == use)
    assert states(database.ring, use) == [(first, "retired"), (first + 1, "primary")]
    assert (done.version, done.retired, done.damaged) == (first + 1, (first,), ())
    assert done.n_moved == (0 if use == "audit" else 5)
    database.verify_audit(head.text)
    with Database.open(location, database.ring) as again:
        check(again, patients)


def test_every_column_of_bytes_says_what_it_holds() -> None:
    known = {"sealed", "wrapped", "blind", "digest", "entry"}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                assert column.info.get("holds") in known, (
                    f"{column} must say in its info what it holds (storage.tables), and a rotation "
                    "must handle it if that is a sealed, wrapped or blind value"
                )


def test_no_column_is_left_under_an_old_key(database: Database, patients: list[str]) -> None:
    """Every column that is registered, and so every one that a later schema adds, is moved."""
    suggest(database, patients[0], {"drug": "metformin"})
    with database.unit("officer", purpose="request") as unit:
        unit.consents.say(patients[0], {"research": "deny"})
        unit.commit()
    with database.unit("dr.lee", purpose="emergency") as unit:
        unit.emergencies.open(patients[0], "unconscious")
        unit.commit()
    before = {holds: values(database, holds) for holds in ("sealed", "wrapped", "blind")}
    for name_, found in (before["sealed"] | before["wrapped"] | before["blind"]).items():
        assert found, f"this test stores nothing in {name_}: make it, so that it sees it moved"

    rotate(database, "officer", data_keys=True)
    rotate(database, "officer", "index")

    for holds, version in (("wrapped", 2), ("sealed", 2)):
        for name_, found in values(database, holds).items():
            assert {key_version(value) for value in found} == {version}, name_
            assert len(found) == len(before[holds][name_])
    with database.backend.snapshot() as connection:
        columns = [c for t in Base.metadata.tables.values() for c in t.columns]
        for column in columns:
            if column.info.get("holds") == "blind":
                rows = connection.scalars(select(under(column, 3))).all()
                assert rows
                assert all(rows)
    assert clinic(database).suggestions(patients[0])[0].document == {"drug": "metformin"}
    check(database, patients)


def test_a_new_wrapping_touches_no_record_and_new_data_keys_touch_all(
    database: Database, patients: list[str]
) -> None:
    before = values(database, "sealed")["resource.sealed"]
    rotate(database, "officer")
    assert values(database, "sealed")["resource.sealed"] == before

    rotate(database, "officer", data_keys=True)

    assert not set(values(database, "sealed")["resource.sealed"]) & set(before)


@each_rotation
def test_only_a_security_officer_rotates_and_a_refusal_changes_nothing(
    database: Database, patients: list[str], use: Use, data_keys: bool
) -> None:
    before = database.ring.status()

    with pytest.raises(AccessDeniedError):
        rotate(database, "dr.lee", use, data_keys=data_keys)
    with pytest.raises(AccessDeniedError):
        destroy(database, "dr.lee", 1, use)

    assert database.ring.status() == before
    refused = [entry for entry in entries(database) if entry.action == "keys.rotate"]
    assert {(entry.actor, entry.outcome) for entry in refused} == {("dr.lee", "AccessDeniedError")}


def test_each_transaction_of_a_rotation_is_in_the_log(
    database: Database, patients: list[str]
) -> None:
    rotate(database, "officer")

    made = [entry for entry in entries(database) if entry.action == "keys.rotate"]
    # To begin, the new primary, three batches of two, two and one, to retire.
    assert len(made) == 6
    assert {(entry.actor, entry.purpose, entry.subject, entry.outcome) for entry in made} == {
        ("officer", "administration", "", "ok")
    }
    assert len({entry.detail for entry in made}) == 6


def test_patients_that_are_erased_are_passed_by(database: Database, patients: list[str]) -> None:
    erase(database, patients.pop())

    for use, data_keys in USES:
        rotate(database, "officer", use, data_keys=data_keys)

    check(database, patients)


def test_an_empty_store_rotates(database: Database) -> None:
    for use, data_keys in USES:
        assert rotate(database, "officer", use, data_keys=data_keys).n_moved == 0

    database.verify_audit()


def test_an_old_backup_opens_until_its_key_is_destroyed(
    database: Database, patients: list[str], tmp_path: Path
) -> None:
    wrapped = values(database, "wrapped")["patient.wrapped_key"]
    rotate(database, "officer")

    def opens() -> bool:
        from storage.sealed import data_key_context

        context = data_key_context(database.ring.store_id, patients[0], 1)
        try:
            database.ring.unwrap(wrapped[0], context=context)
        except DecryptionError:
            return False
        return True

    assert opens()
    destroy(database, "officer", 1)
    assert not opens()
    check(database, patients)


@only_sqlite
def test_an_old_backup_of_the_database_opens_with_the_ring_of_today(
    database: Database, patients: list[str], tmp_path: Path
) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "patients.db")) as now,
        closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
    ):
        now.backup(backup)
    for use in ("wrap", "index"):
        rotate(database, "officer", use)

    with Database.open(tmp_path / "backup.db", database.ring) as old:
        check(old, patients)
        assert store(old, RECORD, [name(0)]) == patients[0]
        rotate(old, "officer", "index")
        rotate(old, "officer")
        old.verify_audit()


def test_a_ring_from_before_a_rotation_opens_nothing_and_says_so(
    database: Database, location: str, patients: list[str], tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(database.ring.folder, old)
    rotate(database, "officer")

    with (
        Database.open(location, KeyRing.open(old / "ring.json")) as opened,
        pytest.raises(DecryptionError, match="its key is gone"),
    ):
        clinic(opened).get(patients[0])


def test_a_key_with_rows_under_it_is_not_destroyed(
    database: Database, patients: list[str], tamper: Tamper
) -> None:
    ring = database.ring
    ring.make_primary(ring.add_key())
    ring.retire(1)  # by hand, without moving anything
    ring.make_primary(ring.add_key("index"), "index")
    ring.retire(2, "index")

    with pytest.raises(KeyRingError, match="5 rows of the store are under wrap key 1"):
        destroy(database, "officer", 1)
    with pytest.raises(KeyRingError, match="5 rows of the store are under index key 2"):
        destroy(database, "officer", 2, "index")
    tamper("UPDATE patient SET kek_version = 2")
    with pytest.raises(KeyRingError, match="5 rows of the store are under wrap key 1"):
        destroy(database, "officer", 1)
    with pytest.raises(KeyRingError, match="it is primary"):
        destroy(database, "officer", 1, "audit")

    assert states(ring, "wrap") == [(1, "retired"), (2, "primary")]


@pytest.mark.parametrize("data_keys", [False, True])
def test_a_column_that_lies_about_the_key_hides_no_row(
    database: Database, patients: list[str], tamper: Tamper, data_keys: bool
) -> None:
    tamper("UPDATE patient SET kek_version = 2 WHERE ordinal IN (0, 3)")

    done = rotate(database, "officer", data_keys=data_keys)

    assert done.n_moved == 5
    assert {key_version(key) for key in values(database, "wrapped")["patient.wrapped_key"]} == {2}
    check(database, patients)


@each_rotation
def test_a_patient_whose_rows_are_damaged_holds_up_nobody_else(
    database: Database, patients: list[str], tamper: Tamper, use: Use, data_keys: bool
) -> None:
    tamper("UPDATE patient SET wrapped_key = x'00' WHERE ordinal = 1")
    tamper("UPDATE resource SET sealed = x'00' WHERE patient = 2")

    done = rotate(database, "officer", use, data_keys=data_keys)

    damaged = {
        ("wrap", False): [patients[1]],
        ("wrap", True): [patients[1], patients[2]],
        ("index", False): [patients[1]],
        ("audit", False): [],
    }
    assert list(done.damaged) == damaged[use, data_keys]
    for n in (0, 3, 4):
        assert clinic(database).get(patients[n]).resources[-1]["n"] == n
        assert clinic(database).find(*name(n)) == patients[n]
    with pytest.raises(AuditError):
        database.verify_audit()


def test_identifiers_of_old_stores_are_counted_and_still_found(
    database: Database, patients: list[str]
) -> None:
    """A row of schema version 1 has the blind index only; here one is made by hand."""
    from storage.sealed import SealedPatient, identifiers_digest

    with database.unit(OWNER, purpose="administration") as unit:
        state = unit.state
        patient = SealedPatient.find(state.connection, state.ring, patients[1])
        assert patient is not None
        old = patient.row.leaf()
        state.connection.execute(
            Base.metadata.tables["patient_identifier"]
            .update()
            .where(IdentifierRow.patient == 1)
            .values(sealed=None)
        )
        (row,) = state.connection.execute(
            select(IdentifierRow.blind_index, IdentifierRow.sealed).where(
                IdentifierRow.patient == 1
            )
        )
        patient.row.identifiers_digest = identifiers_digest([row])
        patient.write()
        state.patients.replace(1, old, patient.row.leaf())
        unit.commit()

    done = rotate(database, "officer", "index")

    assert (done.n_moved, done.n_left, done.damaged) == (4, 1, ())
    check(database, patients)
    with pytest.raises(KeyRingError, match="1 rows of the store are under index key 2"):
        destroy(database, "officer", 2, "index")
    # An import that brings the identifier heals the row.
    resources = list(clinic(database).get(patients[1]).resources)
    assert store(database, resources, [name(1)]) == patients[1]
    assert rotate(database, "officer", "index").n_left == 0
    destroy(database, "officer", 2, "index")
    check(database, patients)


def test_a_head_from_before_the_audit_key_was_replaced_still_holds(
    database: Database, patients: list[str]
) -> None:
    from storage.checkpoint import Checkpoint

    before = database.checkpoint()
    proof = database.reading(OWNER, purpose="audit").prove(0)
    rotate(database, "officer", "audit")

    database.verify_audit(before.text)
    Checkpoint.parse(before.text).check(database.ring)
    assert proof.head.text == before.text
    retired = next(key for key in database.ring.status() if key.use == "audit")
    begun = before.n_entries + 2  # the proof's, and the one that says that the rotation begins
    assert (retired.state, retired.n_entries) == ("retired", begun)


def test_no_patient_keeps_a_data_key_whose_row_claims_to_be_done(
    database: Database, patients: list[str], tamper: Tamper
) -> None:
    tamper("UPDATE patient SET kek_version = 2")  # of the key that will come

    rotate(database, "officer", data_keys=True)

    assert {version for (version,) in tamper("SELECT data_key_version FROM patient")} == {2}
    database.verify_audit()
