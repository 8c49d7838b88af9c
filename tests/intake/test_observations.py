"""Kidneys, genes: used with unit, date and status, or not at all."""

from datetime import date
from typing import Any

import pytest

from intake.codes import Resolver
from intake.kidneys import read_kidneys
from intake.observations import EGFR, find_genes
from recommend.profile import GenePhenotype
from tests.intake.samples import CYP2C19, CYP2D6, LOINC, Json, concept, observation

TODAY = date(2024, 6, 1)
UNIT = "mL/min/{1.73_m2}"


def find_egfr(observations: list[dict[str, Any]], *, today: date) -> float | None:
    return read_kidneys(observations, today=today, age_years=None, sex="unknown").egfr


def egfr(value: object, code: str = "33914-3", *, unit: str | None = UNIT, **fields: Any) -> Json:
    quantity = {"value": value, "unit": "mL/min/1.73m2", "code": unit, **fields.pop("more", {})}
    kept = {key: item for key, item in quantity.items() if item is not None}
    return observation(code, valueQuantity=kept, **fields)


@pytest.mark.parametrize("code", sorted(EGFR))
def test_an_egfr_of_any_equation_is_read(code: str) -> None:
    assert find_egfr([egfr(24.5, code)], today=TODAY) == 24.5


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (egfr(25, unit=None), 25.0),
        (egfr(25, unit="ml/min/1.73 m²"), 25.0),
        (egfr(25, unit="mL/min/1.73 m^2"), 25.0),
        (egfr(25, unit="mL/min"), None),
        (egfr(25, unit=None, more={"unit": "mL/min"}), None),
        (egfr(25, more={"comparator": ">"}), None),
        (egfr("25"), None),
        (egfr(True), None),
        (egfr(None), None),
        (egfr(0), None),
        (egfr(-3), None),
        (egfr(10**400), None),
        (egfr(251), None),
        (egfr(25, status="amended"), 25.0),
        (egfr(25, status="corrected"), 25.0),
        (egfr(25, status="preliminary"), None),
        (egfr(25, status="entered-in-error"), None),
        (egfr(25, modifierExtension=[{"url": "x"}]), None),
        (egfr(25, effectiveDateTime=None), None),
        (egfr(25, effectiveDateTime=None, effectiveInstant="2024-05-01T10:00:00Z"), 25.0),
        (egfr(25, effectiveDateTime=None, effectivePeriod={"end": "2024-05-01"}), 25.0),
        (egfr(25, effectiveDateTime="2023-06-01"), 25.0),
        (egfr(25, effectiveDateTime="2023-05-31"), None),
        (egfr(25, effectiveDateTime="2023"), None),
        (egfr(25, effectiveDateTime="2024-06-02T00:30:00+14:00"), 25.0),
        (egfr(25, effectiveDateTime="2024-06-03"), None),
        (egfr(25, "2160-0"), None),
        ({**egfr(25), "code": concept("33914-3", "", "urn:local")}, None),
    ],
)
def test_an_egfr_needs_unit_status_date_and_sense(found: Json, value: float | None) -> None:
    assert find_egfr([found], today=TODAY) == value


@pytest.mark.parametrize(
    ("results", "value"),
    [
        ([("2024-01-01", 80, UNIT), ("2024-03-01", 40, UNIT)], 40.0),
        ([("2024-03-01", 40, UNIT), ("2024-01-01", 80, UNIT)], 40.0),
        ([("2024-03-01", 44, UNIT), ("2024-03-01", 40, UNIT)], 40.0),
        ([("2024-01-01", 80, UNIT), ("2024-03-01", 40, "mL/min")], None),
        ([("2024-03-01", 80, UNIT), ("2024-03-01", 40, "mL/min")], None),
        ([("2024-01-01", 80, UNIT), ("2022-03-01", 40, "mL/min")], 80.0),
    ],
)
def test_the_newest_result_counts_and_an_unreadable_one_is_not_hidden_by_an_older(
    results: list[tuple[str, float, str]], value: float | None
) -> None:
    found = [egfr(number, unit=unit, effectiveDateTime=day) for day, number, unit in results]

    assert find_egfr(found, today=TODAY) == value


def test_the_leap_day_has_a_year_before_it() -> None:
    found = [egfr(25, effectiveDateTime="2023-02-28")]

    assert find_egfr(found, today=date(2024, 2, 29)) == 25.0


def phenotype(gene: str | None, value: str, day: str = "2024-05-01", **fields: Any) -> Json:
    studied = {"code": concept("48018-6", "", LOINC), "valueCodeableConcept": {"text": gene}}
    return observation(
        "79715-9",
        valueCodeableConcept={"text": value},
        component=[studied] if gene else [],
        effectiveDateTime=day,
        **fields,
    )


def test_a_phenotype_is_read_with_the_gene_it_names(resolver: Resolver) -> None:
    coded = concept("HGNC:2621", "CYP2C19", "http://www.genenames.org/geneId")
    implication = observation(
        "69548-6",
        component=[
            {"code": concept("48018-6", "", LOINC), "valueCodeableConcept": coded},
            {
                "code": concept("53040-2", "", LOINC),
                "valueCodeableConcept": concept("LA25390-8", "Rapid metabolizer", LOINC),
            },
        ],
    )

    genes, unmapped = find_genes(
        [phenotype("CYP2D6", "Poor metabolizer"), implication], resolver, today=TODAY
    )

    assert genes == (
        GenePhenotype(CYP2C19, "Rapid metabolizer"),
        GenePhenotype(CYP2D6, "Poor metabolizer"),
    )
    assert unmapped == ()


@pytest.mark.parametrize(
    ("gene", "reason"), [(None, "does not name one gene"), ("CYP9Z9", "no gene node")]
)
def test_a_phenotype_without_a_known_gene_is_listed(
    resolver: Resolver, gene: str | None, reason: str
) -> None:
    genes, (missing,) = find_genes([phenotype(gene, "Poor metabolizer")], resolver, today=TODAY)

    assert genes == ()
    assert reason in missing.reason


def test_the_newest_phenotype_counts_and_a_contradiction_none(resolver: Resolver) -> None:
    old = phenotype("CYP2D6", "Normal metabolizer", "2020")
    new = phenotype("CYP2D6", "Poor metabolizer")
    other = phenotype("CYP2D6", "Ultrarapid metabolizer")

    assert find_genes([new, old], resolver, today=TODAY)[0] == (
        GenePhenotype(CYP2D6, "Poor metabolizer"),
    )
    genes, (missing,) = find_genes([new, other], resolver, today=TODAY)
    assert genes == ()
    assert "contradict" in missing.reason


def test_a_genotype_or_an_unfinished_result_is_no_phenotype(resolver: Resolver) -> None:
    genotype = {**phenotype("CYP2D6", "*4/*4"), "code": concept("84413-4", "", LOINC)}
    unfinished = phenotype("CYP2D6", "Poor metabolizer", status="registered")

    assert find_genes([genotype, unfinished], resolver, today=TODAY) == ((), ())
