"""What the attack reads of each patient in what was learnt of a cohort."""

import numpy as np
import pytest

from recommend.cohorts.cohort import examples
from recommend.cohorts.collaborative import Collaborative
from recommend.errors import ModelError
from recommend.evaluate.patients.attack import attack, read_bundle
from tests.recommend.cohorts import no_graph, planted_cohort

pytest.importorskip("implicit")


def test_every_patient_is_read_by_five_numbers_member_or_not() -> None:
    cohort = planted_cohort(60)
    asked = examples(cohort)
    arrays = Collaborative.fit(cohort.of(np.arange(30)), no_graph()).save()

    found = read_bundle(arrays, cohort, asked, no_graph())

    assert found.shape == (60, 5)
    assert np.isfinite(found).all()
    assert (found.std(axis=0)[:3] > 0).all()


def test_who_does_what_is_usual_is_less_surprising() -> None:
    """Patient 0 alone got drug 7, for which the arrays have no weight."""
    cohort = planted_cohort()
    arrays = Collaborative.fit(cohort, no_graph()).save()

    surprise = read_bundle(arrays, cohort, examples(cohort), no_graph())[:, 0]

    assert surprise[0] > np.median(surprise)


def test_an_attack_with_too_few_shadows_is_refused() -> None:
    with pytest.raises(ModelError, match="shadows"):
        attack(planted_cohort(20), no_graph(), share=1.0, n_shadows=8)
