"""What the terms of an ontology lend to nodes, across which borders never, and which codes."""

import pytest

from kg.graph import Graph, Label
from kg.names import resolve_disease
from kg.sources.base import Term
from kg.terms import Hierarchy, Lent, Place
from tests.graphs import make_graph

TERMS = [
    Term(1, "DOID:1", "bone cancer", (), ()),
    Term(2, "DOID:2", "skull cancer", ("malignant neoplasm of skull",), (), ("DOID:1",)),
    Term(3, "DOID:3", "skull base meningioma", ("Sbm",), ("SNOMEDCT:3",), ("DOID:2",)),
    Term(4, "DOID:4", "skull sarcoma", ("SKS", "skull tumor"), ("ICD10CM:C41", "ICD10CM:D16"),
         ("DOID:2",)),
    Term(5, "DOID:5", "Paget disease of skull", ("sarcoma with Paget disease",), ("SNOMEDCT:5",),
         ("DOID:1",)),
    Term(6, "DOID:6", "glaucoma"),
    Term(7, "DOID:7", "ocular hypertension", (), ("ICD10CM:H40.0",), ("DOID:6",)),
]  # fmt: skip


def lent(terms: list[Term], *nodes: str) -> list[Lent]:
    labels = Hierarchy(terms).labels({node: Place(node, "id") for node in nodes})
    return [label for label in labels if label.kind.startswith("broader")]


def test_no_step_leads_from_what_is_benign_to_a_cancer() -> None:
    found = {(label.node, label.text, label.distance) for label in lent(TERMS, "DOID:1", "DOID:6")}

    assert {text for _, text, _ in found} == {
        "skull cancer", "malignant neoplasm of skull", "DOID:2", "skull sarcoma", "ICD10CM:C41",
        "DOID:4", "sarcoma with Paget disease",
    }  # fmt: skip
    assert ("DOID:1", "skull sarcoma", 2) in found


def test_two_ways_up_to_nodes_as_near_lend_to_both() -> None:
    terms = [
        Term(1, "DOID:1", "lung disease"),
        Term(2, "DOID:2", "infection"),
        Term(3, "DOID:3", "pneumonia", (), (), ("DOID:1", "DOID:2")),
        Term(4, "DOID:4", "rare pneumonia", (), (), ("DOID:3",)),
    ]

    found = {(label.node, label.distance) for label in lent(terms, "DOID:1", "DOID:2")}
    assert found == {("DOID:1", 1), ("DOID:2", 1), ("DOID:1", 2), ("DOID:2", 2)}


MERGED = {"X:1": "breast cancer", "X:2": "bronchitis", "X:3": "pre-eclampsia", "X:4": "gout",
          "X:5": "kidney cancer", "X:6": "liver cancer"}  # fmt: skip
SAID = [
    ("X:1", "synonym", "breast tumor"), ("X:1", "code", "SNOMEDCT:126926005"),
    ("X:1", "code", "ICD10CM:C50"), ("X:1", "code", "ICD10CM:D24"),
    ("X:1", "code", "MONDO:0007254"),
    ("X:2", "synonym", "acute bronchitis"), ("X:2", "synonym", "chronic bronchitis"),
    ("X:2", "code", "ICD10CM:J42"),
    ("X:3", "synonym", "gestational hypertension"), ("X:3", "code", "SNOMEDCT:48194001"),
    ("X:4", "synonym", "acute gout"), ("X:4", "code", "SNOMEDCT:90560007"),
    ("X:5", "code", "SNOMEDCT:363518003"), ("X:5", "code", "SNOMEDCT:126880001"),
    ("X:6", "code", "SNOMEDCT:93870000"),
]  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make_graph({"Disease": MERGED}, {}, SAID)


@pytest.mark.parametrize(
    ("node", "codes"),
    [
        ("X:1", {Label("broader-code", "SNOMEDCT:126926005", 2), Label("code", "ICD10CM:C50"),
                 Label("code", "MONDO:0007254")}),
        ("X:2", {Label("broader-code", "ICD10CM:J42", 1)}),
        ("X:3", {Label("broader-code", "SNOMEDCT:48194001", 2)}),
        ("X:4", {Label("code", "SNOMEDCT:90560007")}),
        ("X:5", {Label("broader-code", "SNOMEDCT:363518003", 1),
                 Label("broader-code", "SNOMEDCT:126880001", 1)}),
        ("X:6", {Label("code", "SNOMEDCT:93870000")}),
    ],
)  # fmt: skip
def test_a_code_of_several_diseases_in_one_is_of_something_narrower_at_best(
    graph: Graph, node: str, codes: set[Label]
) -> None:
    labels = graph.labels_of("Disease", graph.row("Disease", node))

    assert {label for label in labels if label.kind in ("code", "broader-code")} == codes


@pytest.mark.parametrize("text", ["Gestational hypertension", "breast tumor"])
def test_a_synonym_of_another_disease_names_nothing(graph: Graph, text: str) -> None:
    assert resolve_disease(graph, text).matches == ()
