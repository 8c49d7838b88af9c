"""Someone who can write the database, or an operator with the signing key as well: what they change
is refused on read and seen by a check, and what only a head kept outside can show is named.

The edits are generated from the tables (``attacks.py``); here a spread sample of them, in
``benchmarks/attack_store.py`` all.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from storage import (
    AuditError,
    Database,
    DecryptionError,
    ErasedError,
    KeyRing,
    StaleRecordError,
    StorageError,
)
from storage.crypto import AeadKey, Context
from tests.storage import attacks
from tests.storage.attacks import Attack
from tests.storage.stores import OWNER
from tests.storage.victim import TABLES, Edit, Victim, build, key_of, questions

Answers = dict[str, Any]
N_EDITED = {"sqlite": 100, "postgresql": 20}  # attacks of each kind that the check must see
N_READ = 4  # of them, tried on every read too
KINDS: dict[str, Callable[[Victim], Iterator[Attack]]] = {
    "exchanges": lambda victim: attacks.exchanges(victim, 3),
    "transplants": attacks.transplants,
    "strange values": lambda victim: attacks.strange_values(victim, 1),
    "bit flips": lambda victim: attacks.bit_flips(victim, 1, 5),
    "rows": lambda victim: attacks.row_attacks(victim, 3),
    "older rows": attacks.older_rows,
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def victim(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("victim")
    ring = KeyRing.create(folder / "keys" / "ring.json")
    with ExitStack() as stack:
        location = str(folder / "patients.db")
        if request.param == "postgresql":
            location = stack.enter_context(request.getfixturevalue("server").place()).url
        built = build(location, ring)
        stack.callback(built.close)
        yield built


def sample(victim: Victim, kind: str, count: int) -> list[Attack]:
    """Attacks of a kind, drawn from all, always the same."""
    found = list(KINDS[kind](victim))
    return found if len(found) <= count else random.Random(kind).sample(found, count)


@pytest.mark.parametrize("kind", KINDS)
def test_every_edit_is_seen_by_the_check(victim: Victim, kind: str) -> None:
    unseen, n_effective = [], 0
    for attack in sample(victim, kind, N_EDITED[victim.dialect]):
        undo = victim.apply(attack.edits)
        if undo:
            n_effective += 1
            if not victim.is_seen():
                unseen.append(attack.name)
        victim.apply(undo)

    victim.database.verify_audit()  # every edit was undone
    assert unseen == []
    assert n_effective > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_after_an_edit_answers_as_before_or_is_refused_and_recorded(
    victim: Victim, kind: str, tmp_path: Path
) -> None:
    if not victim.file:
        pytest.skip("on copies of a file; the check is the same on PostgreSQL, see above")
    truth = {name: tell(ask) for name, ask in questions(victim, victim.database).items()}
    for i, attack in enumerate(sample(victim, kind, N_READ)):
        with victim.copy(tmp_path / str(i)) as copy:
            if copy.apply(attack.edits):
                answers_hold(copy, truth, attack)


def tell(ask: Callable[[], Any]) -> Any:
    """The answer, or the name of the error that refuses one."""
    try:
        return ask()
    except StorageError as error:
        return type(error)


def answers_hold(copy: Victim, truth: Answers, attack: Attack) -> None:
    """Every read tells the truth or is refused, and the refusal stands in the log."""
    try:
        database = Database.open(copy.location, copy.ring)
    except StorageError:
        return  # nothing can be read at all
    with database:
        before = n_entries(copy)
        for name, ask in questions(copy, database).items():
            answer = tell(ask)
            assert answer == truth[name] or is_refusal(answer), (attack, name)
            if answer != truth[name] and answer is not AuditError:
                assert f'"outcome":"{answer.__name__}"' in last_entries(copy, before), attack


def is_refusal(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, StorageError)


def n_entries(victim: Victim) -> int:
    return int(victim.execute("SELECT count(*) FROM audit_entry")[0][0])


def last_entries(victim: Victim, first: int) -> str:
    rows = victim.execute("SELECT entry FROM audit_entry ORDER BY position")
    return "\n".join(bytes(entry).decode(errors="replace") for (entry,) in rows[first:])


@pytest.mark.parametrize("table", ["resource", "suggestion", "patient_identifier", "break_glass"])
def test_a_sealed_value_of_any_other_cell_is_refused_and_recorded(
    victim: Victim, table: str, tmp_path: Path
) -> None:
    """Not merely something refused: decryption or the digest refuses it, and the log says so."""
    if not victim.file:
        pytest.skip("on copies of a file")
    column = "reason" if table == "break_glass" else "sealed"
    with victim.copy(tmp_path / "copy") as copy:
        mine = next(row for row in copy.rows[table] if row["patient"] == 0)
        other = next(row for row in copy.rows[table] if row["patient"] == 1)
        copy.apply([Edit(table, key_of(table, mine), column, other[column])])
        with Database.open(copy.location, copy.ring) as database:
            answers = [tell(ask) for ask in questions(copy, database).values()]
        refused = {answer for answer in answers if is_refusal(answer)}
        assert refused & {DecryptionError, StaleRecordError}
        for error in refused - {ErasedError}:
            assert f'"outcome":"{error.__name__}"' in last_entries(copy, 0)


def test_a_subject_made_longer_by_what_follows_it_in_the_entry_is_seen(victim: Victim) -> None:
    row = next(row for row in victim.rows["audit_entry"] if row["subject"])
    time = json.loads(bytes(row["entry"]))["time"]
    for longer in (f'{row["subject"]}","time":"{time}', f'{row["subject"]}","time":"{time}"}}'):
        edits = [Edit("audit_entry", (row["position"],), "subject", longer)]
        undo = victim.apply(edits)
        assert not undo or victim.is_seen()
        victim.apply(undo)


def test_an_erasure_that_never_was_is_seen(victim: Victim) -> None:
    row = next(row for row in victim.rows["patient"] if row["erased_at"] is None)
    key = key_of("patient", row)
    for time in ("", "2030-01-01T00:00:00.000000+00:00"):
        undo = victim.apply(
            [
                Edit("patient", key, "erased_at", time),
                Edit("patient", key, "wrapped_key", None),
                Edit("patient", key, "consent", None),
            ]
        )
        assert victim.is_seen()
        with pytest.raises(StaleRecordError):
            victim.database.reading(OWNER, purpose="treatment").get(row["id"])
        victim.apply(undo)


FIELDS = ("store", "table", "column", "patient", "row")


@pytest.mark.parametrize("place", range(len(FIELDS) - 1))
def test_contexts_that_read_alike_are_not_alike(place: int) -> None:
    key = AeadKey.generate(version=1)
    fields: list[Any] = [*("ab" if i == place else "c" for i in range(5)), 1]
    one = Context(*fields)
    fields[place], fields[place + 1] = "a", "bc"
    other = Context(*fields)
    sealed = key.seal(b"secret", context=one)

    assert "".join(map(str, one)) == "".join(map(str, other))
    with pytest.raises(DecryptionError):
        key.open(sealed, context=other)
    assert key.open(sealed, context=one) == b"secret"


def test_every_field_of_a_context_is_needed() -> None:
    key = AeadKey.generate(version=1)
    one = Context("s", "t", "c", "p", "r", 1)
    sealed = key.seal(b"secret", context=one)
    for i, value in enumerate(one):
        fields: list[Any] = list(one)
        fields[i] = 2 if value == 1 else "x"
        other = Context(*fields)
        with pytest.raises(DecryptionError):
            key.open(sealed, context=other)


def test_a_patient_rolled_back_with_rows_tiles_and_entry_tail_is_seen(
    victim: Victim,
) -> None:
    """All but the head: the head is what the rest has to fit."""
    n_tried = 0
    for older in victim.older[::4]:
        edits: list[Edit] = []
        for table in ("patient", "resource", "patient_identifier", "suggestion", "state_tile"):
            now = {key_of(table, row) for row in victim.rows[table]}
            then = {key_of(table, row): row for row in older[table]}
            edits += [Edit(table, key, None, None) for key in now - then.keys()]
            edits += [Edit(table, key, None, row) for key, row in then.items()]
        undo = victim.apply(edits)
        if undo:
            n_tried += 1
            assert victim.is_seen()
        victim.apply(undo)
    assert n_tried > 3


def test_a_forgotten_column_would_be_attacked() -> None:
    columns = {f"{t}.{c.name}" for t, table in TABLES.items() for c in table.columns}
    assert {"patient.consent", "break_glass.reason", "alembic_version.version_num"} <= columns
