"""An old store that is not as it was signed is not migrated, and left as it is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import AuditError, KeyRing, migrations
from storage.backend import Backend
from storage.checkpoint import Checkpoint
from storage.database import backend_for
from storage.tombstones import FILE_NAME
from tests.storage.conftest import Tamper
from tests.storage.old_stores import CHECKPOINT, ERASED, IDS, old_ring, put_old_store, rows
from tests.storage.stores import OWNER


@pytest.fixture
def kept_ring(tmp_path: Path) -> KeyRing:
    return old_ring(tmp_path / "old-keys")


@pytest.fixture
def old(location: str) -> Iterator[Backend]:
    """The kept store of revision 0001."""
    put_old_store(location)
    with closing(backend_for(location)) as backend:
        yield backend


BYTES = "x'00'"
TAMPERED = [
    f"UPDATE audit_entry SET entry = {BYTES} WHERE position = 4",
    "UPDATE audit_entry SET actor = 'dr.no' WHERE position = 6",
    "UPDATE audit_entry SET subject = '' WHERE position = 6",
    "DELETE FROM audit_entry WHERE position = 11",
    "DELETE FROM audit_entry WHERE position = 0",
    "UPDATE audit_head SET checkpoint = replace(checkpoint, 'entries 12', 'entries 11')",
    "UPDATE audit_head SET checkpoint = checkpoint || ' '",
    "DELETE FROM audit_head",
    "UPDATE meta SET schema_version = 0",
    "UPDATE patient SET version = version + 1",
    "UPDATE patient SET n_seals = 0",
    "UPDATE patient SET kek_version = 2",
    "UPDATE patient SET erased_at = NULL WHERE erased_at IS NOT NULL",
    "UPDATE patient SET wrapped_key = resources_digest",
    f"UPDATE patient SET wrapped_key = {BYTES} WHERE erased_at IS NOT NULL",
    f"UPDATE resource SET sealed = {BYTES}",
    "UPDATE resource SET version = 7",
    "UPDATE resource SET resource_type = 'Condition'",
    "DELETE FROM resource WHERE position = 1",
    "DELETE FROM suggestion WHERE position = 1",
    "UPDATE suggestion SET created = '2031-01-01'",
    "DELETE FROM patient_identifier",
    f"UPDATE patient_identifier SET patient_id = '{IDS[0]}'",
]


@pytest.mark.parametrize(
    ("location", "statement"),
    [("sqlite", statement) for statement in TAMPERED]
    + [("postgresql", statement) for statement in TAMPERED[::7]],  # the checks are the same
    indirect=["location"],
)
def test_a_store_that_was_tampered_with_is_not_signed_as_good(
    old: Backend, kept_ring: KeyRing, tamper: Tamper, statement: str
) -> None:
    tamper(statement)
    before = rows(tamper)

    with pytest.raises(AuditError):
        migrations.upgrade(old, kept_ring, actor=OWNER)

    assert rows(tamper) == before


def test_patients_that_were_removed_with_all_they_have_are_missed(
    old: Backend, kept_ring: KeyRing, tamper: Tamper
) -> None:
    for table in ("resource", "suggestion", "patient_identifier"):
        tamper(f"DELETE FROM {table} WHERE patient_id = ?", IDS[4])
    tamper("DELETE FROM patient WHERE id = ?", IDS[4])

    with pytest.raises(AuditError, match="4 rows of patients are not the 5 that were signed"):
        migrations.upgrade(old, kept_ring, actor=OWNER)


def test_a_refused_migration_writes_no_erasure(
    old: Backend, kept_ring: KeyRing, tamper: Tamper
) -> None:
    tamper("UPDATE patient SET n_seals = 0")

    with pytest.raises(AuditError):
        migrations.upgrade(old, kept_ring, actor=OWNER)

    assert ERASED not in (kept_ring.folder / FILE_NAME).read_text()


def test_a_head_that_another_ring_signed_is_refused(
    old: Backend, kept_ring: KeyRing, ring: KeyRing, tamper: Tamper
) -> None:
    head = Checkpoint.parse(CHECKPOINT)
    tamper("UPDATE audit_head SET checkpoint = ?", head.sign(ring).text)

    with pytest.raises(AuditError, match="no signature of this store's key ring"):
        migrations.upgrade(old, kept_ring, actor=OWNER)
