"""Which conditions may seed suggestions: those whose node's treatments are surely their own."""

from pathlib import Path

import pytest

from recommend import Fact, PatientProfile, Recommender
from recommend.gaps import may_seed
from tests.recommend.ward import ILL, ward, ward_bundle


@pytest.mark.parametrize(("distance", "seeds"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_condition_far_below_its_node_seeds_nothing_and_is_named(
    tmp_path: Path, distance: int, seeds: bool
) -> None:
    graph = ward()
    engine = Recommender.load(ward_bundle(tmp_path / "bundle", graph), graph=graph)
    fact = Fact(ILL, "broader", "SNOMEDCT:1", distance=distance)
    answer = engine.recommend(PatientProfile((fact,), sex="male", age_years=50.0))

    assert bool(answer.suggestions) == seeds
    assert ("nothing is suggested for it" in "\n".join(answer.missing)) != seeds


def test_what_was_counted_below_a_cancer_seeds_nothing() -> None:
    def broader(distance: int) -> Fact:
        return Fact("X:1", "broader", distance=distance)

    assert may_seed(broader(0), "breast cancer")
    assert not may_seed(broader(1), "breast cancer")
    assert may_seed(broader(1), "bronchitis")
    assert not may_seed(Fact("X:1", "near"), "bronchitis")
    assert may_seed(Fact("X:1", "xref"), "breast cancer")
