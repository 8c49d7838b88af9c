"""FHIR codings: codes against displays, codes of several sources, and parents of ICD codes."""

import pytest

from kg.builder import build
from kg.graph import Graph, Provenance
from kg.names import Resolution, lookup, resolve_coding
from tests.graphs import Handmade, make_graph

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
DISEASE, DRUG = ("Disease",), ("Drug",)

DISEASES = {
    "X:1": "type 2 diabetes mellitus", "X:2": "hypertension", "X:3": "pulmonary hypertension",
    "X:4": "breast cancer", "X:5": "gestational diabetes", "X:6": "chronic kidney disease",
    "X:7": "asthma", "X:8": "hyperlipidemia", "X:9": "familial hypercholesterolemia",
    "X:10": "diabetes mellitus", "X:11": "colitis", "X:12": "enteritis", "X:13": "stroke",
}  # fmt: skip
DRUGS = {"D:1": "Warfarin", "D:2": "Metformin", "D:3": "Sitagliptin"}
LABELS = [
    ("X:1", "code", "ICD10CM:E11"), ("X:1", "code", "SNOMEDCT:44054006"),
    ("X:2", "code", "ICD9CM:401-405.99"), ("X:2", "code", "SNOMEDCT:38341003"),
    ("X:3", "code", "ICD10CM:O10"), ("X:4", "code", "ICD10CM:C50"),
    ("X:4", "code", "ICD9CM:174"), ("X:5", "code", "ICD10CM:O24.4"),
    ("X:6", "broader-code", "ICD10CM:N18"), ("X:7", "code", "ICD9CM:493.9"),
    ("X:9", "code", "ICD10CM:E78.0"), ("X:11", "code", "ICD10CM:K52"),
    ("X:12", "code", "ICD10CM:K52"), ("X:13", "code", "ICD10CM:R29"),
    ("X:13", "code", "ICD10CM:Z86"), ("X:13", "code", "ICD9CM:V12"),
    ("D:1", "code", "RXNORM:11289"),
    ("D:2", "product", "RXNORM:1"), ("D:3", "product", "RXNORM:1"),
]  # fmt: skip
IS_A = {"Disease-subclass_of-Disease": [("X:1", "X:10"), ("X:5", "X:10")]}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make_graph({"Disease": DISEASES, "Drug": DRUGS}, IS_A, LABELS)


def read(resolution: Resolution) -> list[tuple[str, str, int]]:
    return [(match.node.id, match.grade, match.distance) for match in resolution.matches]


@pytest.mark.parametrize(
    ("system", "code", "display", "nodes"),
    [
        (RXNORM, "11289", "Metformin 500 MG", {"D:1", "D:2"}),
        (SNOMED, "44054006", "Hypertension (disorder)", {"X:1", "X:2"}),
        (SNOMED, "38341003", "Type 2 diabetes", {"X:1", "X:2"}),
    ],
)
def test_a_display_that_contradicts_the_code_makes_both_a_question(
    graph: Graph, system: str, code: str, display: str, nodes: set[str]
) -> None:
    types = DRUG if system == RXNORM else DISEASE
    found = resolve_coding(graph, system, code, display, types)

    assert {match.node.id for match in found.matches} == nodes
    assert {match.grade for match in found.matches} == {"near"}
    assert not found.complete
    assert all(repr(display) in match.basis for match in found.matches)
    refused = resolve_coding(graph, system, code, display, types, worst="broader")
    assert refused.matches == ()
    assert display in refused.unresolved[0]


@pytest.mark.parametrize(
    ("system", "code", "display", "nodes"),
    [
        (RXNORM, "11289", "Coumadinol 5 MG", ["D:1"]),  # does not resolve
        (RXNORM, "11289", "Warferin 5 MG", ["D:1"]),  # near
        (RXNORM, "1", "Metformin 500 MG", ["D:2", "D:3"]),  # one of the ingredients
        (RXNORM, "11289", "warfarin / metformin", ["D:1"]),  # more than the code says
        (SNOMED, "44054006", "Diabetes mellitus", ["X:1"]),  # broader
        (SNOMED, "44054006", "Gestational diabetes", ["X:1"]),  # beside it
        (SNOMED, "44054006", "Severe asthma", ["X:1"]),  # not what any node is called
        (SNOMED, "44054006", "", ["X:1"]),
    ],
)
def test_a_display_that_contradicts_nothing_leaves_the_code_as_it_is(
    graph: Graph, system: str, code: str, display: str, nodes: list[str]
) -> None:
    found = resolve_coding(graph, system, code, display, DRUG if system == RXNORM else DISEASE)

    assert read(found) == [(node, "xref", 0) for node in nodes]
    assert found.is_sure


@pytest.mark.parametrize(
    ("system", "code", "node", "steps"),
    [
        (ICD10, "E11.65", "X:1", 2),
        (ICD10, "E1165", "X:1", 2),
        (ICD10, "O24.419", "X:5", 2),
        (ICD10, "C50.919", "X:4", 3),
        (ICD10, "N18.2", "X:6", 1),
        (ICD9, "493.90", "X:7", 1),
        (ICD9, "174.9", "X:4", 1),
    ],
)
def test_an_icd_code_without_a_node_leads_to_its_parents(
    graph: Graph, system: str, code: str, node: str, steps: int
) -> None:
    found = resolve_coding(graph, system, code, "", DISEASE)

    assert read(found) == [(node, "broader", steps)]
    assert found.is_sure
    assert resolve_coding(graph, system, code, "", DISEASE, worst="xref").matches == ()


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ICD9, "401.9"),  # a range is no parent
        (ICD9, "401"),
        (ICD10, "O10.02"),  # a pregnancy disorder, at a node that is none
        (ICD10, "E78.00"),  # perhaps not the inherited one
        (ICD10, "K52.9"),  # two nodes
        (ICD10, "R29.7"),  # symptoms, histories
        (ICD10, "Z86.7"),
        (ICD9, "V12.5"),
        (ICD10, "D05.1"),
        (ICD10, "E12"),
        (SNOMED, "440540061"),
        (RXNORM, "112890"),
    ],
)
def test_no_parent_is_guessed(graph: Graph, system: str, code: str) -> None:
    assert resolve_coding(graph, system, code, "", DISEASE).matches == ()


def test_a_display_that_is_sure_comes_before_a_parent_code(graph: Graph) -> None:
    sure = resolve_coding(graph, ICD10, "E11.65", "Asthma", DISEASE)
    near = resolve_coding(graph, ICD10, "E11.65", "Hypertention", DISEASE)

    assert read(sure) == [("X:7", "exact", 0)]
    assert read(near) == [("X:1", "broader", 2)]


def test_a_display_clears_the_doubt_about_a_code_of_a_term_that_holds_several() -> None:
    labels = [("X:1", "synonym", "breast tumor"), ("X:1", "code", "SNOMEDCT:254837009")]
    graph = make_graph({"Disease": {"X:1": "breast cancer"}}, {}, labels)

    def found(display: str) -> list[tuple[str, str, int]]:
        return read(resolve_coding(graph, SNOMED, "254837009", display, DISEASE))

    assert found("") == found("Breast tumor") == [("X:1", "broader", 2)]
    assert found("Malignant neoplasm of breast") == [("X:1", "exact", 0)]


def test_the_first_source_says_what_a_code_is_even_where_a_later_one_is_bolder() -> None:
    nodes = {"Disease": {"X:1": "bronchitis", "X:2": "cough"}}
    later = Provenance("later", "infores:x", "CC0-1.0", "knowledge_assertion", "manual_agent")
    first = Handmade(nodes, {}, [("X:1", "broader-code", "SNOMEDCT:1")])
    second = Handmade({}, {}, [("X:1", "code", "SNOMEDCT:1"), ("X:2", "code", "SNOMEDCT:1")],
                      provenance=later)  # fmt: skip
    second.name = "later"  # type: ignore[misc]
    graph = build([first, second]).graph

    (match,) = lookup(graph, "SNOMEDCT:1")
    assert (match.node.id, match.grade, match.distance) == ("X:1", "broader", 0)
    assert lookup(graph, "SNOMEDCT:1", worst="xref") == ()
