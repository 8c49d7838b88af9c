"""Names: what a text means, with its grade; and never more certainty than there is."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.graph import Graph
from kg.names import closest, key, lookup, resolve_coding, resolve_disease, resolve_drug
from kg.names.match import Grade
from kg.sources.base import Batch, Term, TermBatch
from tests.graphs import TEST, Handmade, make_graph

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


class Ontology:
    """Terms that lend their names to the diseases ``DOID:1`` to ``DOID:3``."""

    name: ClassVar[str] = "ontology"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "terms written in a test"
    stage: ClassVar[int] = 1

    def read(self) -> Iterator[Batch]:
        terms = [
            Term(1, "DOID:1", "first disease"),
            Term(2, "DOID:2", "second disease"),
            Term(3, "DOID:3", "third disease", synonyms=("rash",)),
            Term(4, "X:1", "odd fever", codes=("SNOMEDCT:7",), parents=("DOID:1", "DOID:2")),
            Term(5, "X:2", "rash", parents=("DOID:1",)),
            Term(6, "X:3", "odder fever", parents=("X:1",)),
        ]
        yield TermBatch("Disease", "test", terms, replace(TEST, source="ontology"))

    def version(self) -> Mapping[str, Any]:
        return {"release": "test"}


@pytest.fixture(scope="module")
def climbed() -> Graph:
    diseases = {f"DOID:{i}": f"disease {i}" for i in (1, 2, 3)}
    return build([Handmade({"Disease": diseases}, {}), Ontology()]).graph


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("odd fever", [("DOID:1", "broader", 1), ("DOID:2", "broader", 1)]),
        ("fever, odd", [("DOID:1", "broader", 1), ("DOID:2", "broader", 1)]),
        ("SNOMEDCT:7", [("DOID:1", "broader", 1), ("DOID:2", "broader", 1)]),
        ("odder fever", [("DOID:1", "broader", 2), ("DOID:2", "broader", 2)]),
        ("rash", [("DOID:3", "exact", 0)]),  # what is a node's own is no narrower one's
    ],
)
def test_a_broader_match_says_how_far_it_is_and_all_that_are_as_near_are_given(
    climbed: Graph, text: str, expected: list[tuple[str, str, int]]
) -> None:
    resolution = resolve_disease(climbed, text)
    coded = resolve_coding(climbed, SNOMED, text.removeprefix("SNOMEDCT:"), "", ("Disease",))
    found = resolution.matches or coded.matches

    assert [(match.node.id, match.grade, match.distance) for match in found] == expected


def test_a_broader_match_names_the_narrower_thing_and_the_steps(climbed: Graph) -> None:
    (first, _) = lookup(climbed, "odder fever")

    assert first.basis == "broader than 'odder fever' by 2 steps"


@pytest.mark.parametrize("worst", ["exact", "xref"])
def test_who_accepts_nothing_broader_gets_nothing(climbed: Graph, worst: Grade) -> None:
    assert lookup(climbed, "odd fever", worst=worst) == ()
    assert resolve_disease(climbed, "odd fever", worst=worst).matches == ()
    assert resolve_coding(climbed, SNOMED, "7", "", ("Disease",), worst=worst).matches == ()


def test_who_accepts_only_what_is_exact_gets_no_code_of_another_system(graph: Graph) -> None:
    assert lookup(graph, "RXNORM:6809", worst="exact") == ()
    assert resolve_coding(graph, RXNORM, "6809", "", DRUG, worst="exact").matches == ()


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


def test_a_misspelling_is_a_near_match_that_nobody_can_take_for_a_fact(graph: Graph) -> None:
    resolution = resolve_drug(graph, "Simvistatin 10 MG Oral Tablet")

    (match,) = resolution.matches
    assert (match.node.name, match.grade) == ("Simvastatin", "near")
    assert 0.84 <= match.score < 1
    assert (resolution.complete, resolution.grade, resolution.is_sure) == (True, "near", False)


def test_who_accepts_no_near_match_gets_the_misspelling_back(graph: Graph) -> None:
    resolution = resolve_drug(graph, "Acetaminophen / Simvistatin", worst="broader")

    assert ids(resolution.matches) == ["DRUGBANK:DB00316"]
    assert not resolution.complete
    assert resolution.unresolved == ("Simvistatin",)


@pytest.mark.parametrize(
    "text", ["St. Jonh's wort", "Zimvastatin", "Sinvestaten", "oxicodona", "asprin", "Insulim"]
)
def test_short_words_beginnings_and_three_slips_are_no_misspelling(graph: Graph, text: str) -> None:
    assert resolve_drug(graph, text).matches == ()


def test_a_misspelt_brand_means_all_its_ingredients_and_all_near(graph: Graph) -> None:
    resolution = resolve_drug(graph, "Percocett 5/325")

    assert ids(resolution.matches) == ["DRUGBANK:DB00316", "DRUGBANK:DB00497"]
    assert {match.grade for match in resolution.matches} == {"near"}


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
