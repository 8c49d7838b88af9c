"""The log as a file of events: whole or not at all, and checked without the store."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import service.audit_export
from service.audit_events import check_event, to_event
from service.audit_export import check_by_store, check_export, export_events, write_events
from storage import AccessDeniedError, AuditError, Database, KeyRing
from storage.audit import AuditEntry
from tests.service.logged import PUBLIC, STORE, entry, head_of, log


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_an_export_is_checked_against_its_head_and_every_earlier_one(tmp_path: Path) -> None:
    entries = log(30)

    n = write_events(iter(entries), head_of(entries), tmp_path / "log.ndjson")

    written = lines(tmp_path / "log.ndjson")
    assert n == len(written) == 30
    assert [json.loads(line)["resourceType"] for line in written] == ["AuditEvent"] * 30
    assert stat.S_IMODE((tmp_path / "log.ndjson").stat().st_mode) == 0o600
    for size in (0, 1, 29, 30):
        assert check_export(tmp_path / "log.ndjson", head_of(entries[:size]), PUBLIC) == size
    with pytest.raises(AuditError, match="ends after 30"):
        check_export(tmp_path / "log.ndjson", head_of(log(31)), PUBLIC)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:4], lines[3], *lines[4:]],
        lambda lines: [lines[0].replace("dr.lee", "dr.who"), *lines[1:]],
        lambda lines: [json.dumps(to_event(entry(0, actor="dr.who"), STORE)), *lines[1:]],
        lambda lines: ["[" * 100_000, *lines[1:]],
        lambda lines: ["", *lines],
        lambda lines: [lines[0] + " " * (1 << 16), *lines[1:]],
    ],
    ids=[
        "cut",
        "removed",
        "reordered",
        "doubled",
        "edited",
        "rewritten",
        "nested",
        "blank",
        "long",
    ],
)
def test_an_export_that_was_changed_is_refused(tmp_path: Path, damage: Any) -> None:
    entries = log(20)
    path = tmp_path / "log.ndjson"
    write_events(iter(entries), head_of(entries), path)
    path.write_text("\n".join(damage(lines(path))) + "\n", "utf-8")

    with pytest.raises(AuditError):
        check_export(path, head_of(entries), PUBLIC)


def test_the_first_event_that_is_missing_is_named(tmp_path: Path) -> None:
    entries = log(20)
    path = tmp_path / "log.ndjson"
    write_events(iter(entries), head_of(entries), path)
    path.write_text("\n".join([*lines(path)[:3], *lines(path)[4:]]), "utf-8")

    with pytest.raises(AuditError, match="the event of audit entry 3 is missing") as caught:
        check_export(path, head_of(entries), PUBLIC)

    assert caught.value.index == 3


@pytest.mark.parametrize(
    "entries", [log(9), log(11), [*log(5), entry(5, actor="mallory"), *log(10)[6:]], log(10)[1:]],
    ids=["too few", "too many", "other", "later"],
)  # fmt: skip
def test_entries_that_are_not_those_signed_leave_no_file(
    tmp_path: Path, entries: list[AuditEntry]
) -> None:
    with pytest.raises(AuditError):
        write_events(iter(entries), head_of(log(10)), tmp_path / "log.ndjson")

    assert list(tmp_path.iterdir()) == []


def test_an_export_that_breaks_off_leaves_no_file_and_never_overwrites_one(tmp_path: Path) -> None:
    def broken() -> Iterator[AuditEntry]:
        yield from log(3)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_events(broken(), head_of(log(10)), tmp_path / "log.ndjson")
    assert list(tmp_path.iterdir()) == []

    (tmp_path / "log.ndjson").write_text("kept")
    with pytest.raises(FileExistsError):
        write_events(iter(log(1)), head_of(log(1)), tmp_path / "log.ndjson")
    assert (tmp_path / "log.ndjson").read_text() == "kept"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys" / "ring.json")


@pytest.fixture
def database(tmp_path: Path, ring: KeyRing) -> Iterator[Database]:
    with Database.create(tmp_path / "patients.db", ring, owner="owner") as opened:
        for n in range(20):
            opened.append("owner", "training", "keys.rotate", detail=f"{n:064x}")
        yield opened


def test_the_log_of_a_store_is_exported_with_the_entry_about_that(
    tmp_path: Path, ring: KeyRing, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.audit_export._PIECE", 7)
    kept = database.checkpoint()

    found = export_events(database, tmp_path / "log.ndjson", actor="owner")

    events = [json.loads(line) for line in lines(tmp_path / "log.ndjson")]
    assert len(events) == found.n_events == found.head.n_entries == kept.n_entries + 1
    assert events[-1]["type"]["code"] == "110101"
    for head in (kept, found.head):
        n = check_export(tmp_path / "log.ndjson", head, ring.audit_public_key)
        assert n == head.n_entries


def test_without_a_head_a_file_is_compared_with_the_log_of_the_store(
    tmp_path: Path, database: Database
) -> None:
    export_events(database, tmp_path / "log.ndjson", actor="owner")
    written = lines(tmp_path / "log.ndjson")
    (tmp_path / "cut").write_text("\n".join(written[:7]) + "\n", "utf-8")
    fake = json.dumps(to_event(entry(0, actor="dr.who"), database.ring.store_id))
    (tmp_path / "rewritten").write_text("\n".join([fake, *written[1:]]) + "\n", "utf-8")

    assert check_by_store(tmp_path / "log.ndjson", database) == len(written)
    assert check_by_store(tmp_path / "cut", database) == 7
    with pytest.raises(AuditError, match="are not the first entries of this store"):
        check_by_store(tmp_path / "rewritten", database)


def test_id_and_meta_are_no_evidence_because_servers_rewrite_them(tmp_path: Path) -> None:
    entries = log(3)
    path = tmp_path / "log.ndjson"
    write_events(iter(entries), head_of(entries), path)
    events = [json.loads(line) | {"id": "7", "meta": {"versionId": "1"}} for line in lines(path)]
    path.write_text("\n".join(map(json.dumps, events)), "utf-8")

    assert check_export(path, head_of(entries), PUBLIC) == 3
    assert "``id`` and ``meta``" in str(service.audit_export.__doc__)


def test_a_refused_export_writes_nothing_and_is_in_the_log(
    tmp_path: Path, database: Database
) -> None:
    with pytest.raises(AccessDeniedError):
        export_events(database, tmp_path / "log.ndjson", actor="stranger")

    assert not (tmp_path / "log.ndjson").exists()
    *_, last = database.reading("owner", purpose="audit").audit_log(1)
    assert (last.action, last.actor, last.outcome) == (
        "audit.read", "stranger", "AccessDeniedError",
    )  # fmt: skip


def test_a_proof_from_the_store_makes_an_event_that_can_be_checked(
    ring: KeyRing, database: Database
) -> None:
    proof = database.reading("owner", purpose="audit").prove(5)
    event = to_event(proof.entry, ring.store_id, path=proof.path)

    assert check_event(event, proof.head, ring.audit_public_key) == proof.entry
