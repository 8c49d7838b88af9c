"""Nonces never repeat under a key: random, counted, and the key replaced before its bound."""

from collections import Counter
from typing import Any

import pytest

from storage import Database, KeyRingError, crypto
from storage.crypto import AeadKey
from storage.rotation import rotate
from tests.storage.conftest import Tamper
from tests.storage.stores import NUMBER, OWNER, PATIENT

BOUND = 12
NONCE = slice(6, 18)


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """(key, nonce) of every envelope that is made anywhere."""
    made: list[tuple[bytes, bytes]] = []
    seal = AeadKey.seal

    def noted(key: AeadKey, plaintext: bytes, *, context: Any) -> bytes:
        envelope = seal(key, plaintext, context=context)
        made.append((key.export(), envelope[NONCE]))
        return envelope

    monkeypatch.setattr(AeadKey, "seal", noted)
    return made


def test_a_data_key_is_replaced_before_it_has_sealed_as_many_as_it_may(
    database: Database,
    tamper: Tamper,
    sealed: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crypto, "SEALS_PER_KEY", BOUND)
    with database.unit(OWNER, purpose="treatment") as unit:
        patient = unit.patients.add([PATIENT] * 3, [NUMBER])
        unit.commit()
    versions, counts = set(), []
    for round_ in range(4 * BOUND):
        with database.unit(OWNER, purpose="treatment") as unit:
            if round_ % 7 == 6:
                unit.patients.put_suggestion(patient, {"round": round_})
            else:
                unit.patients.add([{**PATIENT, "round": round_}] * 2, [NUMBER])
            unit.commit()
        ((version, n_seals),) = tamper("SELECT data_key_version, n_seals FROM patient")
        versions.add(version)
        counts.append(n_seals)

    assert len(versions) > 5
    assert max(counts) <= BOUND
    reading = database.reading(OWNER, purpose="treatment")
    assert reading.get(patient).resources[1]["round"] == 4 * BOUND - 1 - (4 * BOUND % 7 == 0)
    rounds = [suggestion.document["round"] for suggestion in reading.suggestions(patient)]
    assert rounds == [round_ for round_ in range(4 * BOUND) if round_ % 7 == 6]
    assert reading.find(*NUMBER) == patient
    database.verify_audit()
    of_key = Counter(key for key, _ in sealed)
    wraps = of_key.pop(max(of_key, key=lambda key: of_key[key]))  # the key-encryption key's
    assert wraps == len(of_key)
    assert max(of_key.values()) <= BOUND
    assert len(set(sealed)) == len(sealed)


def test_a_record_that_no_key_may_seal_is_refused_and_leaves_the_old_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.unit(OWNER, purpose="treatment") as unit:
        patient = unit.patients.add([PATIENT], [NUMBER])
        unit.commit()
    monkeypatch.setattr(crypto, "SEALS_PER_KEY", BOUND)

    with (
        pytest.raises(KeyRingError, match="more values than one data key"),
        database.unit(OWNER, purpose="treatment") as unit,
    ):
        unit.patients.add([PATIENT] * (BOUND + 1), [NUMBER])

    assert database.reading(OWNER, purpose="treatment").get(patient).resources == (PATIENT,)
    database.verify_audit()


def test_a_count_set_back_by_a_writer_of_the_database_is_refused(
    database: Database, tamper: Tamper
) -> None:
    with database.unit(OWNER, purpose="treatment") as unit:
        unit.patients.add([PATIENT], [NUMBER])
        unit.commit()
    tamper("UPDATE patient SET n_seals = 0")

    with (
        pytest.raises(ValueError, match="not the one last committed"),
        database.unit(OWNER, purpose="treatment") as unit,
    ):
        unit.patients.add([PATIENT], [NUMBER])


def test_every_nonce_of_a_store_is_its_own(database: Database, tamper: Tamper) -> None:
    for version in range(30):
        with database.unit(OWNER, purpose="treatment") as unit:
            patient = unit.patients.add([{**PATIENT, "v": version}] * 20, [NUMBER])
            unit.patients.put_suggestion(patient, {})
            unit.commit()
    rotate(database, OWNER, data_keys=True)
    kept = [value for (value,) in tamper("SELECT sealed FROM resource")]
    kept += [value for (value,) in tamper("SELECT sealed FROM suggestion")]
    kept += [value for (value,) in tamper("SELECT wrapped_key FROM patient")]

    assert len(kept) == 20 + 30 + 1
    assert len({bytes(value)[NONCE] for value in kept}) == len(kept)


def test_nonces_are_random_and_not_counted_on_from_one_another() -> None:
    key = AeadKey.generate(version=1)
    nonces = [key.seal(b"", context=b"place")[NONCE] for _ in range(20_000)]

    assert len(set(nonces)) == len(nonces)
    bits = [bin(int.from_bytes(nonce)).count("1") for nonce in nonces]
    assert 47.7 < sum(bits) / len(bits) < 48.3  # of 96; five standard errors are 0.17
