"""Whose disease a name speaks of."""

import pytest

from intake.history import whose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Asthma", ("own", "Asthma")),
        ("FH", ("own", "FH")),
        ("fh (familial hypercholesterolaemia)", ("own", "fh (familial hypercholesterolaemia)")),
        ("Family history: Asthma", ("family", "Family history: Asthma")),
        ("family hx of stroke", ("family", "family hx of stroke")),
        ("FH: asthma", ("family", "FH: asthma")),
        ("No family history of asthma", ("family", "No family history of asthma")),
        ("Mother had asthma", ("family", "Mother had asthma")),
        ("No history of stroke", ("none", "No history of stroke")),
        ("Denies past history of stroke", ("none", "Denies past history of stroke")),
        ("History of stroke", ("past", "stroke")),
        ("Past medical history: stroke", ("past", "stroke")),
        ("Personal history of stroke (situation)", ("past", "stroke")),
        ("h/o stroke", ("past", "stroke")),
        ("Previous stroke", ("past", "stroke")),
        ("S/P stroke", ("past", "stroke")),
        ("Pasteurellosis", ("own", "Pasteurellosis")),
    ],
)
def test_family_past_and_absent_diseases_are_told_apart(
    text: str, expected: tuple[str, str]
) -> None:
    assert whose(text) == expected


def test_an_old_infarction_is_a_past_one() -> None:
    assert whose("Old myocardial infarction") == ("past", "myocardial infarction")
    assert whose("Osteoarthritis of old age").whose == "own"
