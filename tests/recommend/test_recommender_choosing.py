"""Order and cut against the slow and obvious way: one key a drug, one drug at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommend.answers.choosing import CONTRAINDICATED, MODERATE, SEVERITIES, UNKNOWN, choose
from recommend.answers.offers import Uses
from recommend.safety import screen
from recommend.suggestion import Kind


def uses_of(rng: np.random.Generator, kind: Kind, n: int, n_drugs: int) -> Uses:
    rows = np.sort(rng.choice(n_drugs, n, replace=False))
    rows = rng.permutation(rows) if kind is Kind.HYPOTHESIS else rows
    return Uses(
        kind,
        rows,
        np.zeros(n, np.int64),
        rng.integers(4, size=n).astype(np.float32),
        rng.integers(20, size=n),
    )


def slowly(
    uses: Uses, against: list[bool], severities: list[int], scores: list[float], k: int
) -> tuple[list[int], list[int]]:
    """Places of the chosen, and of the refused in any order."""
    places = list(range(len(uses.drugs)))
    if uses.kind is not Kind.HYPOTHESIS:

        def key(i: int) -> tuple[bool, int, bool, float, int]:
            found = severities[uses.drugs[i]]
            is_major, is_less = (
                SEVERITIES[found] in group for group in (("major",), ("moderate", "unknown"))
            )
            return is_major, uses.places[i], is_less, -scores[i], i

        places.sort(key=key)
    chosen: list[int] = []
    refused: list[int] = []
    for i in places:
        vetoed = against[i] or SEVERITIES[severities[uses.drugs[i]]] == "contraindicated"
        if vetoed and (uses.kind is not Kind.HYPOTHESIS or len(chosen) < k):
            refused.append(i)
        elif not vetoed and len(chosen) < k:
            chosen.append(i)
    return chosen, refused


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(list(Kind)), st.integers(1, 12))
def test_many_patients_at_once_are_each_answered_as_one_by_one(
    seed: int, kind: Kind, k: int
) -> None:
    rng = np.random.default_rng(seed)
    n_drugs = int(rng.integers(1, 120))
    uses = uses_of(rng, kind, int(rng.integers(1, n_drugs + 1)), n_drugs)
    n = len(uses.drugs)
    severities = rng.choice(6, size=(5, n_drugs), p=[0.3, 0.1, 0.1, 0.1, 0.1, 0.3]).astype(np.uint8)
    severities[0] = CONTRAINDICATED
    against = rng.random(n) < 0.2
    own = rng.integers(3, size=(5, n)).astype(np.float32) if seed % 2 else None
    found = choose(uses, against, severities, k, scores=own)

    for patient in range(5):
        scores = (uses.scores if own is None else own[patient]).tolist()
        chosen, refused = slowly(uses, against.tolist(), severities[patient].tolist(), scores, k)
        assert found.places[found.who == patient].tolist() == chosen
        assert set(found.refused_places[found.refused_who == patient].tolist()) == set(refused)
    assert (np.diff(found.who) >= 0).all()
    assert (np.diff(found.refused_who) >= 0).all()


@pytest.mark.parametrize("severity", ["minor", "moderate", "unknown", "major", "contraindicated"])
def test_the_order_reads_severities_as_the_screen_writes_them(severity: str) -> None:
    number = screen.level(severity)  # type: ignore[arg-type]

    assert SEVERITIES[number] == severity
    assert (number == MODERATE) == (severity == "moderate")
    assert (UNKNOWN <= number < CONTRAINDICATED) == (severity in ("unknown", "major"))
