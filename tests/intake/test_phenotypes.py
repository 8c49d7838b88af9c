"""Results of genes as laboratories spell them."""

import pytest

from intake.phenotypes import usual_result


@pytest.mark.parametrize(
    ("gene", "text", "expected"),
    [
        ("CYP2D6", "Ultra rapid metabolizer", "Ultrarapid metabolizer"),
        ("CYP2D6", "ultra-rapid", "Ultrarapid Metabolizer"),
        ("CYP2D6", "poor", "poor Metabolizer"),
        ("CYP2D6", "Poor Metabolizer", "Poor Metabolizer"),
        ("CYP2D6", "2.0", "2.0"),
        ("SLCO1B1", "Poor Function", "Poor Function"),
        ("HLA-B*57:01", "present", "positive"),
        ("HLA-B*57:01", "Not Detected", "negative"),
        ("HLA-B", "HLA-B*57:01 detected", "HLA-B*57:01 positive"),
        ("HLA-B", "*57:01: absent", "*57:01 negative"),
        ("HLA-B", "*57:01 positive", "*57:01 positive"),
        ("HLA-B", "unclear", "unclear"),
    ],
)
def test_a_result_is_spelt_as_in_guidance(gene: str, text: str, expected: str) -> None:
    assert usual_result(gene, text) == expected
