"""What people see of an answer: warnings about what is taken already, and the line of therapy."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from recommend.bundle import Bundle
from recommend.evaluate.samples import mean_of
from recommend.evaluate.table import BASELINES, make_table
from recommend.suggestion import (
    DrugWarning,
    Kind,
    Outcome,
    Recommendation,
    Suggestion,
    Verdict,
)
from service.console import show_bundle, show_recommendation
from tests.recommend.ward import ward, ward_bundle

HIT = Verdict("pregnancy", Outcome.HIT, "harms the child", None, "contraindicated", "starter: x")


def shown(answer: Recommendation) -> str:
    """The answer as plain text."""
    out = io.StringIO()
    show_recommendation(Console(file=out, width=200), "patient", answer)
    return out.getvalue()


def answered(*suggestions: Suggestion, warnings: tuple[DrugWarning, ...] = ()) -> Recommendation:
    return Recommendation(suggestions, (), (), None, "g", "b", warnings=warnings)


def test_a_warning_about_a_current_drug_is_shown() -> None:
    text = shown(answered(warnings=(DrugWarning("DRUGBANK:DB00682", "Warfarin", (HIT,)),)))

    assert "already taken: Warfarin: contraindicated: pregnancy: harms the child" in text
    assert "[starter: x]" in text


@pytest.mark.parametrize(
    ("line", "words"), [("1", "first line"), ("2", "second line"), ("adjunct", "adjunct")]
)
def test_the_line_of_therapy_is_shown_where_there_is_one(line: str, words: str) -> None:
    def suggestion(line: str) -> Suggestion:
        return Suggestion(
            1, "D:1", "Metformin", "C:1", "diabetes", "exact", Kind.INDICATION, 0.99, {}, (), (),
            "a recorded use", line=line,
        )  # fmt: skip

    assert f"1. Metformin  (0.99)  {words}\n" in shown(answered(suggestion(line)))
    assert "1. Metformin  (0.99)\n" in shown(answered(suggestion("")))


def shown_bundle(bundle: Bundle) -> str:
    out = io.StringIO()
    show_bundle(Console(file=out, width=200), bundle)
    return out.getvalue()


def test_a_bundle_says_what_each_member_weighs_and_why_it_was_not_judged(tmp_path: Path) -> None:
    bundle = ward_bundle(tmp_path / "bundle", ward())

    text = shown_bundle(bundle)

    assert "weights where nothing is known: gnn 50%, metapath 50%\n" in text
    assert "weights where some treatment is recorded: gnn 50%, metapath 50%\n" in text
    assert "absent: collaborative: no patients were given\n" in text
    assert "not judged: made for a test\n" in text


def test_a_bundle_that_was_judged_shows_the_baselines_beside_the_stack(tmp_path: Path) -> None:
    values = {name: {"AP": mean_of(np.full(4, 0.125))} for name in (*BASELINES, "stack")}
    table = make_table("Each of 4 diseases", values, units=range(4), seed=0).to_json()
    evaluation = {"table": table, "diseases": [], "skipped": ""}

    text = shown_bundle(replace(ward_bundle(tmp_path / "bundle", ward()), evaluation=evaluation))

    assert "not judged" not in text
    lines = text[text.index("Each of 4 diseases") :].splitlines()
    for name in (*BASELINES, "stack"):
        (line,) = (line for line in lines if name in line.split()[:2])
        assert "0.125" in line
