"""Receipts: what an answer depended on, and the answer built again from them."""

import json
from pathlib import Path
from typing import Any

import pytest

import recommend
from service import receipts
from tests.service.test_cli_store import first_patient
from tests.shell import Outcome, run


def recorded(home: Path, *words: str) -> dict[str, Any]:
    return dict(run("recommend", first_patient(home), *words, "--json", home=home).json)


def replayed(home: Path, suggestion: str) -> tuple[int, dict[str, Any]]:
    outcome: Outcome = run("replay", suggestion, "--json", home=home)
    return outcome.status, json.loads(outcome.out)


def test_an_answer_is_built_again_bit_for_bit(home: Path) -> None:
    answer = recorded(home, "-k", "2", "--miss-rate", "0.2")

    status, document = replayed(home, answer["suggestion"])

    assert (status, document["identical"], document["differs"]) == (0, True, {})
    assert document["changes"] == []
    assert answer["receipt"]["settings"] == {"k": 2, "miss_rate": 0.2, "confirmed": []}
    assert document["receipt"] == answer["receipt"]


def test_a_receipt_names_everything_that_the_answer_depends_on(home: Path) -> None:
    receipt = recorded(home)["receipt"]

    digests = {"profile_sha256", "answer_sha256", "graph", "bundle", "rules"}
    assert digests < set(receipt)
    assert all(len(receipt[name]) == 64 for name in digests)
    assert {"program", "settings", "date", "version"} < set(receipt)


def test_the_audit_entry_of_an_answer_can_be_proved(home: Path) -> None:
    answer = recorded(home)

    proof = run("audit", "prove", str(answer["audit_entry"]), "--json", home=home).json

    assert proof["entry"]["action"] == "suggestion.write"
    assert proof["path"]


def test_a_replay_is_a_reading_and_leaves_its_audit_entry(home: Path) -> None:
    answer = recorded(home)

    _, document = replayed(home, answer["suggestion"])

    log = run("audit", "log", "--limit", "1", "--json", home=home).json
    assert log[0]["action"] == "suggestion.read"
    assert log[0]["index"] == document["audit_entry"]


def test_another_program_is_named_even_where_the_answer_is_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recorded(home)
    monkeypatch.setattr(receipts, "_program", lambda: "another program")

    status, document = replayed(home, answer["suggestion"])

    assert (status, document["identical"]) == (0, True)
    assert list(document["differs"]) == ["program"]


def test_an_answer_that_comes_out_otherwise_says_what_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recorded(home)
    first = answer["suggestions"][0]

    def without_the_first(self: Any, profile: Any, **asked: Any) -> Any:
        found = real(self, profile, **asked)
        return type(found)(**{**vars(found), "suggestions": found.suggestions[1:]})

    real = recommend.Recommender.recommend
    monkeypatch.setattr(recommend.Recommender, "recommend", without_the_first)

    status, document = replayed(home, answer["suggestion"])

    assert (status, document["identical"]) == (1, False)
    assert any(
        change.startswith(f"{first['drug_name']} for") and "not suggested" in change
        for change in document["changes"]
    )


def test_of_another_graph_nothing_is_built_and_the_graph_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recorded(home)
    real = receipts._knowledge
    monkeypatch.setattr(receipts, "_knowledge", lambda r: {**real(r), "graph": "0" * 64})

    status, document = replayed(home, answer["suggestion"])

    assert (status, document["identical"]) == (1, False)
    assert document["differs"]["graph"] == {"then": answer["receipt"]["graph"], "now": "0" * 64}


def test_people_see_whether_it_is_identical(home: Path) -> None:
    answer = recorded(home)

    outcome = run("replay", answer["suggestion"], home=home)

    assert outcome.status == 0
    assert "identical bit for bit" in outcome.out


def test_an_unknown_receipt_is_one_line(home: Path) -> None:
    assert "no suggestion" in run("replay", "nothing", home=home).error


def test_an_answer_without_a_receipt_is_one_line(home: Path) -> None:
    from service.patients import open_store
    from service.settings import read_settings

    patient, settings = first_patient(home), read_settings(home)
    with (
        open_store(settings) as store,
        store.unit(settings.actor, purpose="treatment") as unit,
    ):
        suggestion = unit.patients.put_suggestion(patient, {"answer": {}})
        unit.commit()

    assert "cannot be replayed" in run("replay", suggestion, home=home).error
