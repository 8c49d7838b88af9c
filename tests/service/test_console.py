"""What people see of an answer: warnings about what is taken already, and the line of therapy."""

import io

import pytest
from rich.console import Console

from recommend.suggestion import (
    DrugWarning,
    Kind,
    Outcome,
    Recommendation,
    Suggestion,
    Verdict,
)
from service.console import show_recommendation

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
