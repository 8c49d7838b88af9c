"""The two estimates of kidney function give the published figures, and none where none holds."""

import math

import pytest

from recommend.kidneys import ckd_epi_2021, cockcroft_gault
from recommend.profile import Sex


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "egfr"),
    [
        # The equation written out by hand, each branch of it.
        (0.7, 50, "female", 142 * 0.9938**50 * 1.012),
        (0.9, 50, "male", 142 * 0.9938**50),
        (0.35, 30, "female", 142 * 2**0.241 * 0.9938**30 * 1.012),
        (0.45, 30, "male", 142 * 2**0.302 * 0.9938**30),
        (1.4, 70, "female", 142 * 2**-1.2 * 0.9938**70 * 1.012),
        (1.8, 70, "male", 142 * 2**-1.2 * 0.9938**70),
        # As calculators give it, rounded.
        (1.0, 50, "male", 92),
        (1.0, 50, "female", 69),
        (2.5, 75, "male", 26),
    ],
)
def test_the_filtration_rate_is_that_of_ckd_epi_2021(
    creatinine: float, age: float, sex: Sex, egfr: float
) -> None:
    assert ckd_epi_2021(creatinine, age, sex) == pytest.approx(egfr, abs=0.6)


def test_the_clearance_is_that_of_cockcroft_and_gault() -> None:
    assert cockcroft_gault(1.0, 40, 72, "male") == pytest.approx(100)
    assert cockcroft_gault(1.0, 40, 72, "female") == pytest.approx(85)
    assert cockcroft_gault(2.0, 80, 60, "male") == pytest.approx(25)
    assert cockcroft_gault(1.0, 141, 60, "male") == 0


@pytest.mark.parametrize("sex", ["other", "unknown"])
def test_there_is_no_estimate_without_a_sex(sex: Sex) -> None:
    assert ckd_epi_2021(1.0, 50, sex) is None
    assert cockcroft_gault(1.0, 50, 70, sex) is None


@pytest.mark.parametrize(
    ("creatinine", "age"), [(1.0, 17.9), (0.0, 50), (math.nan, 50), (1.0, math.nan)]
)
def test_there_is_no_estimate_for_children_or_from_nothing(creatinine: float, age: float) -> None:
    assert ckd_epi_2021(creatinine, age, "male") is None
    assert cockcroft_gault(creatinine, age, 70, "male") is None
    assert cockcroft_gault(1.0, 50, 0, "male") is None
