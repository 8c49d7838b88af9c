"""What a key ring's keys do, and the states they pass through."""

import base64
import copy
import json
import os
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import KeyRing, KeyRingError
from storage.crypto import AeadKey, Context, key_version
from storage.errors import DecryptionError
from storage.keyset import Use

ROOT = Path(__file__).parents[2]
PLACE = Context("store", "patient", "wrapped_key", "p", "p", 1)
DATA_KEY = AeadKey.generate(version=1)


def ring_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ring.json"


def states(ring: KeyRing, use: Use = "wrap") -> list[tuple[int, str]]:
    return [(key.version, key.state) for key in ring.status() if key.use == use]


def rotate(ring: KeyRing, use: Use = "wrap") -> int:
    """A new primary; returns its version."""
    version = ring.add_key(use)
    ring.make_primary(version, use, n_entries=10 if use == "audit" else None)
    return version


# What the keys do


def test_a_data_key_is_wrapped_for_its_patient_only(ring: KeyRing) -> None:
    wrapped = ring.wrap(DATA_KEY, context=PLACE)

    with pytest.raises(DecryptionError):
        ring.unwrap(wrapped, context=PLACE._replace(row="q", patient="q"))


def test_another_ring_unwraps_nothing(tmp_path: Path, ring: KeyRing) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    with pytest.raises(DecryptionError):
        other.unwrap(ring.wrap(DATA_KEY, context=PLACE), context=PLACE)


def test_a_rewrapped_data_key_is_the_same_key_under_the_new_primary(ring: KeyRing) -> None:
    sealed = DATA_KEY.seal(b"plain", context=PLACE)
    old = ring.wrap(DATA_KEY, context=PLACE)
    rotate(ring)

    new = ring.rewrap(old, context=PLACE)

    assert (key_version(old), key_version(new)) == (1, 2)
    for wrapped in (old, new):
        assert ring.unwrap(wrapped, context=PLACE).open(sealed, context=PLACE) == b"plain"


def test_blind_indexes_are_equal_only_for_the_same_identifier_under_one_ring(
    tmp_path: Path, ring: KeyRing
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    assert ring.blind_index("ab", "c") == ring.blind_index("ab", "c")
    assert ring.blind_index("ab", "c") != ring.blind_index("a", "bc")
    assert ring.blind_index("ab", "c") != other.blind_index("ab", "c")


def test_only_a_unique_column_that_is_declared_gets_a_blind_index(ring: KeyRing) -> None:
    from storage.blind import blind_columns

    assert blind_columns() == {("patient_identifier", "blind_index")}
    for column in (
        ("patient_identifier", "sealed"),
        ("resource", "resource_type"),
        ("patient", "id"),
        ("nowhere", "blind_index"),
    ):
        with pytest.raises(KeyRingError, match="gets no blind index"):
            ring.blind_index("sex", "f", column=column)


def test_a_declared_column_that_is_not_unique_gets_none() -> None:
    from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, UniqueConstraint

    from storage.blind import blind_columns

    def blind(name: str, *, unique: bool = False) -> "Column[bytes]":
        return Column(name, LargeBinary, info={"holds": "blind"}, unique=unique)

    metadata = MetaData()
    Table(
        "t",
        metadata,
        blind("repeated"),
        blind("with_another"),
        blind("constrained", unique=True),
        blind("indexed"),
        Column("plain", LargeBinary, unique=True),
        Index("i", "indexed", unique=True),
        UniqueConstraint("with_another", "plain"),
    )

    assert blind_columns(metadata) == {("t", "constrained"), ("t", "indexed")}


# States


def test_a_key_goes_from_pending_to_destroyed(ring: KeyRing) -> None:
    old = ring.wrap(DATA_KEY, context=PLACE)
    seen = [states(ring)]

    version = ring.add_key()
    seen.append(states(ring))
    assert key_version(ring.wrap(DATA_KEY, context=PLACE)) == 1
    ring.make_primary(version)
    seen.append(states(ring))
    assert key_version(ring.wrap(DATA_KEY, context=PLACE)) == 2
    ring.retire(1)
    seen.append(states(ring))
    assert ring.unwrap(old, context=PLACE).export() == DATA_KEY.export()
    ring.destroy(1)
    seen.append(states(ring))

    assert seen == [
        [(1, "primary")],
        [(1, "primary"), (2, "pending")],
        [(1, "outgoing"), (2, "primary")],
        [(1, "retired"), (2, "primary")],
        [(1, "destroyed"), (2, "primary")],
    ]
    with pytest.raises(DecryptionError):
        ring.unwrap(old, context=PLACE)


@pytest.mark.parametrize("use", ["wrap", "index", "audit"])
def test_a_step_out_of_order_is_refused_and_changes_nothing(
    tmp_path: Path, ring: KeyRing, use: Use
) -> None:
    first = states(ring, use)[0][0]
    bound = 0 if use == "audit" else None

    actions: dict[str, Callable[[], object]] = {
        "add": lambda: ring.add_key(use),
        "make primary": lambda: ring.make_primary(first, use, n_entries=bound),
        "retire": lambda: ring.retire(first, use),
        "destroy": lambda: ring.destroy(first, use),
    }

    def refused(*steps: str) -> None:
        before = ring_file(tmp_path).read_bytes()
        for step in steps:
            with pytest.raises(KeyRingError, match=r"cannot|pending already"):
                actions[step]()
        assert ring_file(tmp_path).read_bytes() == before

    refused("make primary", "retire", "destroy")
    ring.add_key(use)
    refused("add")
    ring.make_primary(first + 1, use, n_entries=bound)
    refused("make primary", "destroy")
    ring.retire(first, use)
    refused("make primary", "retire")
    if use != "audit":
        ring.destroy(first, use)
    refused("make primary", "retire", "destroy")
    with pytest.raises(KeyRingError, match=f"no {use} key 9"):
        ring.make_primary(9, use, n_entries=bound)


def test_a_pending_key_that_is_not_wanted_is_destroyed_and_another_made(ring: KeyRing) -> None:
    ring.destroy(ring.add_key())

    assert rotate(ring) == 3
    assert states(ring) == [(1, "outgoing"), (2, "destroyed"), (3, "primary")]


def test_a_destroyed_key_is_in_no_file(tmp_path: Path, ring: KeyRing) -> None:
    key = json.loads(ring_file(tmp_path).read_text())["keys"]["wrap"][0]["key"]
    rotate(ring)
    ring.retire(1)
    ring.destroy(1)

    found = [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_text()]

    assert not found
    assert os.listdir(ring_file(tmp_path).parent) == ["ring.json"]
    assert ring_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_look_ups_use_every_index_key_until_it_is_destroyed(ring: KeyRing) -> None:
    first = ring.blind_index("a", "b")
    rotate(ring, "index")

    assert ring.blind_indexes("a", "b") == (ring.blind_index("a", "b"), first)
    ring.retire(2, "index")
    assert ring.blind_indexes("a", "b") == (ring.blind_index("a", "b"), first)
    ring.destroy(2, "index")
    assert ring.blind_indexes("a", "b") == (ring.blind_index("a", "b"),)


def test_a_replaced_audit_key_counts_up_to_the_log_that_it_last_signed_for(
    tmp_path: Path, ring: KeyRing
) -> None:
    old_public = ring.audit_public_key.public_bytes_raw()
    old = ring.sign(b"head")
    rotate(ring, "audit")
    new = ring.sign(b"head")

    assert ring.audit_public_key.public_bytes_raw() != old_public
    assert ring.is_signed_now(old, b"head")  # the stored head, until the next one is signed
    ring.retire(1, "audit", now=datetime(2020, 1, 1, tzinfo=UTC))

    assert [ring.is_signed_now(signature, b"head") for signature in (old, new)] == [False, True]
    assert ring.is_signed(old, b"head")
    assert ring.is_signed(old, b"head", n_entries=10)
    assert not ring.is_signed(old, b"head", n_entries=11)
    assert ring.is_signed(new, b"head", n_entries=11)
    retired = json.loads(ring_file(tmp_path).read_text())["keys"]["audit"][0]
    assert (retired["key"], retired["n_entries"]) == (None, 10)
    assert [(key.public, key.n_entries) for key in ring.status()][2] == (old_public.hex(), 10)


def test_a_snapshot_from_just_before_an_audit_key_retired_is_still_good(ring: KeyRing) -> None:
    old = ring.sign(b"head")
    rotate(ring, "audit")

    ring.retire(1, "audit")

    assert ring.is_signed_now(old, b"head")


def test_an_audit_key_is_replaced_with_its_bound_and_no_other_key_has_one(ring: KeyRing) -> None:
    with pytest.raises(KeyRingError, match="size of the log"):
        ring.make_primary(ring.add_key("audit"), "audit")
    with pytest.raises(KeyRingError, match="size of the log"):
        ring.make_primary(ring.add_key(), n_entries=10)


# What is not let out


def test_a_ring_shows_no_key_and_does_not_leave_the_process(tmp_path: Path, ring: KeyRing) -> None:
    ring.add_key()
    document = json.loads(ring_file(tmp_path).read_text())
    live = ring._live
    shown = repr(ring) + repr(ring.status()) + repr(live) + repr(live.contents)
    shown += "".join(repr(keys) for keys in live.contents.keys.values())

    for keys in document["keys"].values():
        for key in keys:
            raw = base64.b64decode(key["key"])
            for form in (key["key"], raw.hex(), repr(raw)):
                assert form not in shown
    for secret in (ring, live, live.contents, live.contents.keys["wrap"], live.index):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret)
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.deepcopy(secret)
