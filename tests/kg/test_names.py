"""Names: what a text means, with its grade; and never more certainty than there is."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.graph import Graph
from kg.names import closest, key, lookup, resolve_coding, resolve_drug
from tests.graphs import make_graph

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
DRUG = ("Drug",)


@pytest.fixture(scope="module")
def graph() -> Graph:
    drugs = {
        "DRUGBANK:DB00331": "Metformin",
        "DRUGBANK:DB00316": "Acetaminophen",
        "DRUGBANK:DB00497": "Oxycodone",
        "DRUGBANK:DB00126": "Vitamin C",
        "DRUGBANK:DB00641": "Simvastatin",
        "DRUGBANK:DB01306": "Insulin aspart",
        "DRUGBANK:DB00030": "Insulin human",
        "DRUGBANK:DB01323": "St. John's wort",
        "DRUGBANK:DB00761": "Potassium chloride",
    }
    labels = [
        ("DRUGBANK:DB00331", "synonym", "二甲双胍"),
        ("DRUGBANK:DB00331", "synonym", "Glucophage"),
        ("DRUGBANK:DB00331", "code", "RXNORM:6809"),
        ("DRUGBANK:DB00331", "code", "ATC:A10BA02"),
        ("DRUGBANK:DB00316", "synonym", "paracetamol"),
        ("DRUGBANK:DB00316", "synonym", "Tylenol"),
        ("DRUGBANK:DB00316", "product", "Percocet"),
        ("DRUGBANK:DB00497", "product", "Percocet"),
        ("DRUGBANK:DB00316", "product", "RXNORM:1049221"),
        ("DRUGBANK:DB00497", "product", "RXNORM:1049221"),
        ("DRUGBANK:DB01306", "synonym", "insulin"),
        ("DRUGBANK:DB00030", "synonym", "insulin"),
        ("DOID:9352", "code", "SNOMEDCT:44054006"),
        ("DOID:9352", "broader-code", "ICD10CM:E11.21"),
        ("DOID:9352", "synonym", "T2DM"),
    ]
    diseases = {"DOID:9352": "type 2 diabetes mellitus", "DOID:9351": "diabetes mellitus"}
    return make_graph({"Disease": diseases, "Drug": drugs}, {}, labels)


def ids(matches: object) -> list[str]:
    return [match.node.id for match in matches]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "grade", "basis"),
    [
        ("DRUGBANK:DB00331", "exact", "id"),
        ("drugbank:db00331", "exact", "id"),
        ("Compound::DB00331", "exact", "id"),
        ("DB00331", "exact", "id"),
        ("metformin", "exact", "name"),
        ("  METFORMIN ", "exact", "name"),
        ("Met\u200bfor\ufeffmin\u00ad", "exact", "name"),
        ("\uff2d\uff45\uff54\uff46\uff4f\uff52\uff4d\uff49\uff4e", "exact", "name"),
        ("二甲双胍", "exact", "synonym '二甲双胍'"),
        ("二甲\u200b双胍", "exact", "synonym '二甲双胍'"),
        ("glucophage", "exact", "synonym 'Glucophage'"),
        ("RXNORM:6809", "xref", "RXNORM:6809"),
        ("6809", "xref", "RXNORM:6809"),
        ("A10BA02", "xref", "ATC:A10BA02"),
    ],
)
def test_every_spelling_finds_the_drug_with_its_grade(
    graph: Graph, text: str, grade: str, basis: str
) -> None:
    (match,) = lookup(graph, text)

    assert (match.node.id, match.grade, match.basis) == ("DRUGBANK:DB00331", grade, basis)
    assert match.score == 1.0


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "metformi", "Compound::", "::", "680", "RXNORM:", "-", "'; DROP"]
)
def test_a_text_that_names_nothing_finds_nothing(graph: Graph, text: str) -> None:
    assert lookup(graph, text) == ()


def test_a_code_of_something_narrower_is_graded_broader(graph: Graph) -> None:
    (match,) = lookup(graph, "E11.21")

    assert (match.node.id, match.grade) == ("DOID:9352", "broader")


def test_types_restrict_what_is_found(graph: Graph) -> None:
    assert lookup(graph, "metformin", ("Disease",)) == ()
    assert ids(lookup(graph, "T2DM", ("Disease", "Drug"))) == ["DOID:9352"]


def test_a_word_for_two_drugs_finds_both_and_resolves_to_none(graph: Graph) -> None:
    resolution = resolve_drug(graph, "insulin")

    assert ids(lookup(graph, "insulin")) == ["DRUGBANK:DB00030", "DRUGBANK:DB01306"]
    assert resolution.matches == ()
    assert not resolution.complete
    assert resolution.unresolved == ("insulin",)


def test_an_unknown_name_gets_the_closest_names_most_similar_first(graph: Graph) -> None:
    found = closest(graph, "diabetes melitus")

    assert ids(found) == ["DOID:9351", "DOID:9352"]
    assert all(match.grade == "near" and match.score < 1 for match in found)
    assert found[0].score > found[1].score
    assert ids(closest(graph, "diabetes melitus", limit=1)) == ["DOID:9351"]
    assert closest(graph, "diabetes melitus", DRUG) == ()
    assert closest(graph, "") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Metformin hydrochloride 500 MG Oral Tablet", ["DRUGBANK:DB00331"]),
        ("24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", ["DRUGBANK:DB00331"]),
        ("metformin XR 500mg", ["DRUGBANK:DB00331"]),
        ("Metformin\u200b 500 MG", ["DRUGBANK:DB00331"]),
        ("二甲双胍", ["DRUGBANK:DB00331"]),
        ("Glucophage 850 MG Oral Tablet", ["DRUGBANK:DB00331"]),
        ("6809", ["DRUGBANK:DB00331"]),
        ("Percocet", ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]),
        (
            "Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet [Percocet]",
            ["DRUGBANK:DB00316", "DRUGBANK:DB00497"],
        ),
        ("paracetamol + oxycodone", ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]),
        ("Acetaminophen and Acetaminophen", ["DRUGBANK:DB00316"]),
        ("Insulin, Aspart 100 UNT/ML Injectable Solution", ["DRUGBANK:DB01306"]),
        ("Potassium Chloride 20 MEQ Extended Release Oral Tablet", ["DRUGBANK:DB00761"]),
        ("Unknownol 5 MG Oral Tablet [Glucophage]", ["DRUGBANK:DB00331"]),
        ("Metformin 0.83 MG/ML Inhalation Solution", ["DRUGBANK:DB00331"]),
        ("Metformin HCl ER 500 mg 24hr tab", ["DRUGBANK:DB00331"]),
        ("Metformin 81mg EC", ["DRUGBANK:DB00331"]),
        ("Percocet DS", ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]),
        ("metformin 500 mg tabs, take one tab po bid with food", ["DRUGBANK:DB00331"]),
        ("Metformin 500mg caps by mouth twice daily prn", ["DRUGBANK:DB00331"]),
        ("metformin 500 mg q8h", ["DRUGBANK:DB00331"]),
        ("acetaminophen-oxycodone", ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]),
        (
            "Acetaminophen-oxycodone HCl 325-5 mg tab",
            ["DRUGBANK:DB00316", "DRUGBANK:DB00497"],
        ),
        ("insulin aspart, human", ["DRUGBANK:DB01306"]),
        ("Insulin, human", ["DRUGBANK:DB00030"]),
        (
            "acetaminophen 325 mg daily + metformin 500 mg bid",
            ["DRUGBANK:DB00316", "DRUGBANK:DB00331"],
        ),
    ],
)
def test_a_drug_text_resolves_to_all_its_ingredients(
    graph: Graph, text: str, expected: list[str]
) -> None:
    resolution = resolve_drug(graph, text)

    assert sorted(ids(resolution.matches)) == expected
    assert resolution.complete
    assert resolution.unresolved == ()
    assert all(match.grade != "near" for match in resolution.matches)


@pytest.mark.parametrize(
    ("text", "found", "unresolved"),
    [
        ("Acetaminophen 325 MG / Unknownol 5 MG Oral Tablet", ["DRUGBANK:DB00316"], ["Unknownol"]),
        ("Unknownol / Acetaminophen [Tylenol]", ["DRUGBANK:DB00316"], ["Unknownol"]),
        ("Acetaminophen / Simvistatin", ["DRUGBANK:DB00316", "DRUGBANK:DB00641"], []),
        ("Acetaminophen / insulin", ["DRUGBANK:DB00316"], ["insulin"]),
        ("Acetaminophen allergy", [], ["Acetaminophen allergy"]),
        ("acetaminophen-unknownol", [], ["acetaminophen-unknownol"]),
        ("take one daily", [], ["take one daily"]),
        ("Unknownol", [], ["Unknownol"]),
        ("", [], [""]),
        ("/", [], ["/"]),
        ("500 MG Oral Tablet", [], ["500 MG Oral Tablet"]),
    ],
)
def test_a_partial_ingredient_set_is_never_complete(
    graph: Graph, text: str, found: list[str], unresolved: list[str]
) -> None:
    resolution = resolve_drug(graph, text)

    assert ids(resolution.matches) == found
    assert not resolution.complete
    assert list(resolution.unresolved) == unresolved


def test_a_misspelling_is_a_near_match_and_not_complete(graph: Graph) -> None:
    resolution = resolve_drug(graph, "Simvistatin 10 MG Oral Tablet")

    (match,) = resolution.matches
    assert (match.node.name, match.grade) == ("Simvastatin", "near")
    assert 0.84 <= match.score < 1
    assert not resolution.complete
    assert ids(resolve_drug(graph, "St. Johns wort").matches) == []
    assert ids(resolve_drug(graph, "St. Jonh's wort").matches) == []


@pytest.mark.parametrize(
    "text",
    ["Vitamin B 12", "vitamin b", "Vitamin B12 1000 MCG Oral Tablet", "Vitamin D", "vitamin"],
)
def test_another_vitamin_is_never_vitamin_c(graph: Graph, text: str) -> None:
    assert resolve_drug(graph, text).matches == ()


def test_a_coding_is_read_by_its_code_before_its_display(graph: Graph) -> None:
    by_code = resolve_coding(graph, RXNORM, "1049221", "whatever it says", DRUG)
    by_display = resolve_coding(graph, RXNORM, "999", "Metformin 500 MG Oral Tablet", DRUG)
    foreign = resolve_coding(graph, "http://example.org/own", "6809", "", DRUG)

    assert sorted(ids(by_code.matches)) == ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]
    assert by_code.complete
    assert {match.grade for match in by_code.matches} == {"xref"}
    assert ids(by_display.matches) == ["DRUGBANK:DB00331"]
    assert (foreign.matches, foreign.complete, foreign.unresolved) == ((), False, ("6809",))


def test_a_condition_is_read_by_code_or_by_its_display_without_the_tag(graph: Graph) -> None:
    types = ("Disease",)
    codes = resolve_coding(graph, SNOMED, "44054006", "", types)
    display = resolve_coding(graph, SNOMED, "1", "Type\u200b 2 diabetes mellitus (disorder)", types)
    neither = resolve_coding(graph, SNOMED, "1", "Fear of heights (finding)", types)
    drug_code = resolve_coding(graph, RXNORM, "6809", "", types)

    assert (ids(codes.matches), codes.matches[0].grade) == (["DOID:9352"], "xref")
    assert (ids(display.matches), display.matches[0].grade) == (["DOID:9352"], "exact")
    assert (neither.matches, neither.complete) == ((), False)
    assert neither.unresolved == ("Fear of heights (finding)",)
    assert drug_code.matches == ()


@settings(deadline=None)
@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert key(key(text)) == key(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(graph: Graph, text: str) -> None:
    resolution = resolve_drug(graph, text)

    assert resolution.complete <= bool(resolution.matches)
    assert not (resolution.complete and resolution.unresolved)
    assert resolve_coding(graph, SNOMED, text, text, ("Disease",)).complete in (True, False)
    closest(graph, text)


def test_the_displays_and_codes_of_the_synthetic_patients_mean_the_same(
    starter: Graph, data: Path
) -> None:
    codings = set()
    with gzip.open(data / "fhir" / "MedicationRequest.ndjson.gz") as file:
        for line in file:
            for coding in json.loads(line)["medicationCodeableConcept"]["coding"]:
                codings.add((coding["system"], coding["code"], coding["display"]))

    misspelt = []
    for system, code, display in sorted(codings):
        by_code = resolve_coding(starter, system, code, "", DRUG)
        by_text = resolve_drug(starter, display)
        assert by_code.complete, display
        assert set(ids(by_code.matches)) == set(ids(by_text.matches)), display
        if any(match.grade == "near" for match in by_text.matches):
            misspelt.append(display)
        else:
            assert by_text.complete, display
    assert len(codings) == 124
    assert misspelt == ["Simvistatin 10 MG"]
