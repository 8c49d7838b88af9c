"""Someone who can write the database but has no keys: what they change is refused on read."""

import pytest

from storage import AuditError, Database, DecryptionError, StaleRecordError, StorageError
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import (
    CONDITION,
    NUMBER,
    PATIENT,
    RECORD,
    clinic,
    erase,
    outcomes,
    read,
    store,
    suggest,
)


@pytest.fixture
def bob(database: Database, ada: str) -> str:
    """A second patient with the same record, so that only the place differs."""
    return store(database, RECORD, [])


def refused(database: Database, patient_id: str, error: type[StorageError]) -> None:
    """Reading the patient raises ``error`` and leaves a trace of it."""
    with pytest.raises(error):
        read(database, patient_id)
    assert ("patient.read", error.__name__) in outcomes(database)


def swap(tamper: Tamper, one: tuple[int, int, bytes], other: tuple[int, int, bytes]) -> None:
    """Exchange the sealed values of two resources given as (patient, position, sealed)."""
    statement = "UPDATE resource SET sealed = ? WHERE patient = ? AND position = ?"
    tamper(statement, other[2], *one[:2])
    tamper(statement, one[2], *other[:2])


def test_resources_swapped_between_patients_do_not_open(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    swap(tamper, *tamper("SELECT patient, position, sealed FROM resource WHERE position = 0"))

    refused(database, ada, DecryptionError)
    refused(database, bob, DecryptionError)


def test_resources_swapped_within_a_patient_do_not_open(
    database: Database, ada: str, tamper: Tamper
) -> None:
    swap(tamper, *tamper("SELECT patient, position, sealed FROM resource"))

    refused(database, ada, DecryptionError)


def test_a_row_given_to_another_patient_does_not_open(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    tamper("UPDATE resource SET patient = 1, position = 9 WHERE patient = 0 AND position = 1")

    refused(database, bob, DecryptionError)
    refused(database, ada, StaleRecordError)


def test_resources_in_another_order_do_not_open(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("UPDATE resource SET position = 11 - position")

    refused(database, ada, DecryptionError)


def test_a_data_key_swapped_between_patients_does_not_unwrap(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    tamper(
        "UPDATE patient SET wrapped_key = (SELECT wrapped_key FROM patient WHERE id = ?) "
        "WHERE id = ?",
        bob,
        ada,
    )

    refused(database, ada, DecryptionError)


def test_a_suggestion_does_not_open_as_a_resource(
    database: Database, ada: str, tamper: Tamper
) -> None:
    suggest(database, ada, PATIENT)
    tamper("UPDATE resource SET sealed = (SELECT sealed FROM suggestion) WHERE position = 0")

    refused(database, ada, DecryptionError)


@pytest.mark.parametrize("at", [0, 1, 5, 6, 17, 18, -17, -16, -1])
def test_a_byte_changed_anywhere_in_a_sealed_value_is_refused(
    database: Database, ada: str, tamper: Tamper, at: int
) -> None:
    ((sealed,),) = tamper("SELECT sealed FROM resource WHERE position = 0")
    changed = bytearray(sealed)
    changed[at] ^= 1
    tamper("UPDATE resource SET sealed = ? WHERE position = 0", bytes(changed))

    refused(database, ada, DecryptionError)


@only_sqlite  # the columns of PostgreSQL take bytes alone
@pytest.mark.parametrize("value", ["text", 7, b"", 1.5])
def test_a_sealed_value_replaced_by_something_else_is_refused(
    database: Database, ada: str, tamper: Tamper, value: object
) -> None:
    tamper("UPDATE resource SET sealed = ?", value)

    refused(database, ada, DecryptionError)


def test_an_older_version_put_back_is_seen(database: Database, ada: str, tamper: Tamper) -> None:
    old = tamper("SELECT * FROM resource ORDER BY position")
    store(database, [PATIENT, CONDITION], [NUMBER])
    tamper("DELETE FROM resource")
    for row in old:
        tamper("INSERT INTO resource VALUES (?, ?, ?, ?)", *row)

    refused(database, ada, StaleRecordError)


def test_an_older_patient_put_back_with_all_its_rows_is_seen(
    database: Database, ada: str, tamper: Tamper
) -> None:
    names = ("patient", "resource", "patient_identifier")
    tables = {name: tamper(f"SELECT * FROM {name}") for name in names}
    store(database, [CONDITION], [NUMBER])

    for name in reversed(names):
        tamper(f"DELETE FROM {name}")
    for name, rows in tables.items():
        for row in rows:
            tamper(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)

    refused(database, ada, StaleRecordError)
    with pytest.raises(AuditError, match="patient"):
        database.verify_audit()


def test_an_erased_patient_put_back_is_refused(
    database: Database, ada: str, tamper: Tamper
) -> None:
    (row,) = tamper("SELECT * FROM patient")
    resources = tamper("SELECT * FROM resource")
    erase(database, ada)
    tamper("DELETE FROM patient")
    tamper(f"INSERT INTO patient VALUES ({', '.join('?' * len(row))})", *row)
    for resource in resources:
        tamper("INSERT INTO resource VALUES (?, ?, ?, ?)", *resource)

    refused(database, ada, StaleRecordError)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM resource WHERE position = 1",
        "DELETE FROM resource",
        "UPDATE patient SET erased_at = ''",
        "UPDATE patient SET version = 7",
        "UPDATE patient SET created = '1999-01-01'",
        "UPDATE patient SET n_seals = 0",
        "UPDATE patient SET resources_digest = x'00'",
        "UPDATE patient SET erased_at = '2030-01-01'",
    ],
)
def test_rows_removed_or_relabelled_are_seen(
    database: Database, ada: str, tamper: Tamper, statement: str
) -> None:
    tamper(statement)

    refused(database, ada, StaleRecordError)


def test_an_identifier_moved_to_another_patient_is_refused(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    tamper("UPDATE patient_identifier SET patient = 1")

    with pytest.raises(StaleRecordError):
        clinic(database).find(*NUMBER)
    with pytest.raises(StaleRecordError):
        store(database, RECORD, [NUMBER])
    with pytest.raises(AuditError, match="sealed records of patient"):
        database.verify_audit()


def test_a_removed_identifier_is_seen_by_verify(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("DELETE FROM patient_identifier")

    with pytest.raises(AuditError, match="sealed records of patient"):
        database.verify_audit()


def test_a_removed_patient_is_seen_in_the_list(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    tamper("DELETE FROM resource WHERE patient = 1")
    tamper("DELETE FROM patient WHERE id = ?", bob)

    with pytest.raises(StaleRecordError):
        clinic(database).list()
    with pytest.raises(AuditError, match="patient rows"):
        database.verify_audit()


def test_a_suggestion_removed_or_changed_is_seen(
    database: Database, ada: str, tamper: Tamper
) -> None:
    kept, removed = suggest(database, ada, {"drug": "a"}, {"drug": "b"})
    tamper("DELETE FROM suggestion WHERE id = ?", removed)

    with pytest.raises(StaleRecordError):
        clinic(database).suggestion(kept)


def test_an_edited_hash_is_never_signed_over(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    ((hashes,),) = tamper("SELECT hashes FROM state_tile WHERE tree = 'patients'")
    tamper("UPDATE state_tile SET hashes = ? WHERE tree = 'patients'", bytes(32) + hashes[32:])

    refused(database, bob, StaleRecordError)  # the edited hash is beside its way to the root
    with pytest.raises(StaleRecordError):
        erase(database, bob)


def test_a_refusal_that_the_caller_swallows_is_recorded_all_the_same(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("UPDATE resource SET sealed = x'00'")

    with database.unit("dr.lee", purpose="treatment") as unit:
        with pytest.raises(DecryptionError):
            unit.patients.get(ada)
        unit.commit()

    assert outcomes(database)[-1] == ("patient.read", "DecryptionError")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE resource SET sealed = x'00' WHERE position = 1", "sealed records of patient"),
        ("DELETE FROM resource WHERE position = 1", "sealed records of patient"),
        ("DELETE FROM suggestion", "sealed records of patient"),
        ("UPDATE patient SET wrapped_key = x'00'", "sealed records of patient"),
        ("UPDATE patient SET kek_version = 7", "sealed records of patient"),
        ("UPDATE meta SET id = 2", "table meta"),
        ("UPDATE audit_head SET id = 2", "table audit_head"),
        ("UPDATE audit_head SET checkpoint = checkpoint || 'y'", "not the text"),
        ("UPDATE audit_head SET checkpoint = checkpoint || ' '", "not the text"),
        ("UPDATE meta SET store_id = 'other'", "table meta"),
        ("UPDATE state_tile SET tree = 'other' WHERE tree = 'actors'", "tree of other"),
        ("UPDATE audit_head SET frontiers = x'00'", "not the one that was signed"),
        ("INSERT INTO audit_head SELECT 2, checkpoint, frontiers FROM audit_head", "audit_head"),
        ("INSERT INTO alembic_version VALUES ('0001')", "table alembic_version"),
        ("DELETE FROM state_tile WHERE tree = 'actors'", "tree of actors"),
        ("UPDATE actor SET roles = 'clinician' WHERE name = 'importer'", "list of actors"),
    ],
)
def test_verify_finds_what_was_changed_in_any_table(
    database: Database, ada: str, tamper: Tamper, statement: str, said: str
) -> None:
    suggest(database, ada, PATIENT)
    database.verify_audit()
    tamper(statement)

    with pytest.raises(AuditError, match=said):
        database.verify_audit()


def test_rows_put_back_for_an_erased_patient_are_found(
    database: Database, ada: str, tamper: Tamper
) -> None:
    rows = tamper("SELECT * FROM resource")
    erase(database, ada)
    database.verify_audit()
    marks = ", ".join("?" * len(rows[0]))
    tamper(f"INSERT INTO resource VALUES ({marks})", *rows[0])

    with pytest.raises(AuditError, match=f"sealed records of patient {ada}"):
        database.verify_audit()


@only_sqlite
def test_a_view_that_answers_for_another_patient_is_refused(
    database: Database, ada: str, bob: str, tamper: Tamper
) -> None:
    tamper("ALTER TABLE patient RENAME TO real")
    names = [row[1] for row in tamper("PRAGMA table_info(real)")]
    others = ", ".join("1 - ordinal AS ordinal" if n == "ordinal" else n for n in names)
    swapped = others.replace(" id,", f" CASE id WHEN '{ada}' THEN '{bob}' ELSE '{ada}' END AS id,")
    tamper(f"CREATE VIEW patient AS SELECT {swapped} FROM real")

    with pytest.raises(StaleRecordError):
        read(database, ada)


@only_sqlite
@pytest.mark.parametrize("value", ["'%s'", "1", "'1'", "1.0"])
def test_an_identifier_that_leads_to_another_patient_is_refused(
    database: Database, ada: str, bob: str, tamper: Tamper, value: str
) -> None:
    tamper("UPDATE patient_identifier SET patient = " + value.replace("%s", bob))

    with pytest.raises(StaleRecordError):
        clinic(database).find(*NUMBER)
    with pytest.raises(StaleRecordError):
        store(database, [CONDITION], [NUMBER])
    assert list(read(database, bob)) == RECORD


@only_sqlite
def test_a_name_that_only_a_collation_takes_for_an_actors_is_unknown(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("PRAGMA writable_schema = ON")
    tamper("ALTER TABLE actor RENAME TO real")
    tamper(
        """CREATE VIEW actor AS
        SELECT ordinal, name COLLATE NOCASE AS name, roles, until, version FROM real"""
    )

    with pytest.raises(StorageError):
        database.reading("DR.LEE", purpose="treatment").get(ada)


@only_sqlite
@pytest.mark.parametrize(
    "trigger",
    [
        """AFTER INSERT ON audit_entry
        BEGIN DELETE FROM audit_entry WHERE position = new.position; END""",
        """AFTER UPDATE ON audit_head WHEN new.checkpoint <> old.checkpoint
        BEGIN UPDATE audit_head SET checkpoint = old.checkpoint, frontiers = old.frontiers; END""",
    ],
)
def test_a_trigger_that_takes_back_what_was_written_stops_everything(
    database: Database, ada: str, tamper: Tamper, trigger: str
) -> None:
    tamper(f"CREATE TRIGGER t {trigger}")

    with pytest.raises(AuditError):
        read(database, ada)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW more AS SELECT * FROM patient",
        "CREATE TRIGGER t BEFORE DELETE ON patient BEGIN SELECT 1; END",
    ],
)
@only_sqlite
def test_verify_finds_what_does_not_belong_into_the_schema(
    database: Database, ada: str, tamper: Tamper, statement: str
) -> None:
    tamper(statement)

    with pytest.raises(AuditError, match="which no store has"):
        database.verify_audit()


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW more AS SELECT * FROM patient",
        "CREATE RULE r AS ON DELETE TO patient DO INSTEAD NOTHING",
        """CREATE TRIGGER t BEFORE UPDATE ON patient FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
    ],
)
def test_verify_finds_what_does_not_belong_into_a_postgresql_schema(
    database: Database, ada: str, tamper: Tamper, statement: str
) -> None:
    database.verify_audit()
    tamper(statement)

    with pytest.raises(AuditError, match="which no store has"):
        database.verify_audit()
