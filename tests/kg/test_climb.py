"""Climbing: which broader disease a narrower one may stand for, and which never."""

import pytest

from kg.climb import chapter, climb, holds_several, is_other, may_climb, may_lend
from kg.graph import Graph, Node
from tests.graphs import make_graph


@pytest.mark.parametrize(
    ("narrower", "broader"),
    [
        ("viral sinusitis", "sinusitis"),
        ("acute bronchitis", "bronchitis"),
        ("eclampsia", "pre-eclampsia"),
        ("tubal pregnancy", "ectopic pregnancy"),
        ("non-small cell lung carcinoma", "lung cancer"),
        ("prostate cancer", "prostate neoplasm"),
        ("acute myeloid leukemia", "leukemia"),
        ("acute exacerbation of chronic obstructive pulmonary disease", "chronic airway disease"),
        ("acute on chronic kidney failure", "chronic kidney disease"),
        ("neonatal jaundice", "newborn disease"),
        ("primary pulmonary hypertension", "pulmonary hypertension"),
        ("chronic pain", "pain"),
    ],
)
def test_a_disease_climbs_to_a_broader_one(narrower: str, broader: str) -> None:
    assert may_climb([narrower], [broader])


@pytest.mark.parametrize(
    ("narrower", "broader"),
    [
        ("preeclampsia", "hypertension"),
        ("gestational diabetes", "diabetes mellitus"),
        ("gestational hypertension", "hypertension"),
        ("puerperal sepsis", "sepsis"),
        ("postpartum depression", "depression"),
        ("asthma in pregnancy", "asthma"),
        ("HELLP syndrome", "liver disease"),
        ("neonatal hypertension", "hypertension"),
        ("anemia of prematurity", "anemia"),
        ("acute bronchitis", "chronic bronchitis"),
        ("chronic pancreatitis", "acute pancreatitis"),
        ("benign neoplasm of colon", "colon cancer"),
        ("colorectal adenoma", "colorectal cancer"),
        ("neoplasm of prostate", "prostate cancer"),
        ("lung cancer", "lung disease"),
        ("malignant melanoma", "nevus"),
        ("carcinoma in situ of prostate", "prostate cancer"),
        ("ductal carcinoma in situ", "breast carcinoma"),
        ("pulmonary hypertension", "hypertension"),
        ("portal hypertension", "vascular hypertension"),
        ("ocular hypertension", "glaucoma"),
        ("prehypertension", "hypertension"),
        ("cerebral meningioma", "brain cancer"),
        ("thrombocytosis", "hematologic cancer"),
        ("leukemoid reaction", "hematologic cancer"),
        ("ovarian surface papilloma", "ovarian cancer"),
        ("mediastinal paraganglioma", "mediastinal cancer"),
        ("chondroblastoma", "bone cancer"),
    ],
)
def test_a_border_is_never_crossed(narrower: str, broader: str) -> None:
    assert not may_climb([narrower], [broader])


@pytest.mark.parametrize(
    ("synonym", "name"),
    [
        ("brain neoplasm", "brain cancer"),
        ("breast tumor", "breast cancer"),
        ("benign glioma of brain", "brain stem cancer"),
        ("gestational hypertension", "hypertension"),
        ("carcinoma in situ of cervix", "cervical cancer"),
        ("acute pancreatitis", "chronic pancreatitis"),
        ("NGP - new growth of prostate", "prostate cancer"),
        ("ovarian fibroma", "ovarian cancer"),
        ("gestational hypertension", "pre-eclampsia"),
    ],
)
def test_a_synonym_across_a_border_is_another_disease(synonym: str, name: str) -> None:
    assert is_other(synonym, name)


@pytest.mark.parametrize(
    ("synonym", "name"),
    [
        ("NSCLC", "lung non-small cell carcinoma"),
        ("breast carcinoma", "breast cancer"),
        ("Hodgkin's disease", "Hodgkin's lymphoma"),
        ("acute coryza", "common cold"),
        ("toxemia of pregnancy", "pre-eclampsia"),
        ("renal failure", "chronic kidney failure"),
        ("acute and chronic cholecystitis", "cholecystitis"),
        ("hepatoma", "liver cancer"),
        ("high blood pressure", "hypertension"),
        ("hypertensive disease", "high blood pressure"),
    ],
)
def test_a_synonym_may_leave_unsaid_what_the_name_says(synonym: str, name: str) -> None:
    assert not is_other(synonym, name)


def test_a_border_between_is_a_border() -> None:
    assert not may_climb(["HELLP"], ["vascular disease"], ["severe preeclampsia"])


def test_what_an_ontology_puts_under_a_cancer_does_not_become_one() -> None:
    between = ["skull cancer", "malignant neoplasm of skull"]

    assert not may_climb(["skull base meningioma"], ["bone cancer"], between)
    assert not may_climb(["skull sarcoma"], ["bone cancer"], ["skull neoplasm"])
    assert may_climb(["skull sarcoma", "a rare one"], ["bone cancer"], between)


@pytest.mark.parametrize(
    ("name", "synonyms", "steps"),
    [
        ("breast cancer", ["breast carcinoma", "breast neoplasm"], 2),
        ("pre-eclampsia", ["toxemia of pregnancy", "gestational hypertension"], 2),
        ("bronchitis", ["acute bronchitis", "chronic bronchitis"], 1),
        ("bronchitis", ["acute bronchitis", "chest cold"], 0),
        ("bronchitis", ["acute and chronic bronchitis"], 0),
        ("bronchitis", [], 0),
    ],
)
def test_a_term_that_holds_several_diseases_shows_it_in_its_synonyms(
    name: str, synonyms: list[str], steps: int
) -> None:
    assert holds_several(name, synonyms) == steps


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ICD10CM:C50.9", "malignant neoplasm"),
        ("ICD9CM:174.9", "malignant neoplasm"),
        ("ICD10CM:D05.1", "carcinoma in situ"),
        ("ICD9CM:233.0", "carcinoma in situ"),
        ("ICD10CM:D24", "benign neoplasm"),
        ("ICD9CM:217", "benign neoplasm"),
        ("ICD10CM:D48.6", "neoplasm"),
        ("ICD10CM:O24.4", "pregnancy"),
        ("ICD9CM:642.4", "pregnancy"),
        ("ICD10CM:P29.2", "perinatal"),
        ("ICD10CM:D50.9", ""),
        ("ICD9CM:250.00", ""),
        ("SNOMEDCT:174", ""),
    ],
)
def test_chapters_of_the_icd_say_which_side_of_a_border_a_code_is_on(code: str, words: str) -> None:
    assert chapter(code) == words


@pytest.fixture(scope="module")
def graph() -> Graph:
    names = ("disease", "vascular disease", "hypertension", "essential hypertension",
             "benign essential hypertension", "preeclampsia", "skin disease")  # fmt: skip
    up = [(1, 0), (2, 1), (3, 2), (3, 6), (4, 3), (5, 2), (6, 0), (0, 4)]  # and a circle
    return make_graph(
        {"Disease": {f"X:{i}": name for i, name in enumerate(names)}},
        {"Disease-subclass_of-Disease": [(f"X:{a}", f"X:{b}") for a, b in up]},
    )


def node(graph: Graph, number: int) -> Node:
    return graph.node("Disease", graph.row("Disease", f"X:{number}"))


def test_a_climb_in_a_graph_reaches_no_cancer_from_what_is_none() -> None:
    names = ("cancer", "bone cancer", "skull cancer", "skull base meningioma", "skull sarcoma")
    graph = make_graph(
        {"Disease": {f"X:{i}": name for i, name in enumerate(names)}},
        {"Disease-subclass_of-Disease": [(f"X:{a}", f"X:{b}") for a, b in
                                         ((1, 0), (2, 1), (3, 2), (4, 2))]},
        [("X:3", "synonym", "tumor of skull base")],
    )  # fmt: skip

    assert climbed(graph, 3, {0, 1, 2}) == []
    assert climbed(graph, 4, {0, 1}) == [("X:1", 2)]


def climbed(graph: Graph, number: int, accepted: set[int]) -> list[tuple[str, int]]:
    ids = {f"X:{i}" for i in accepted}
    found = climb(graph, node(graph, number), lambda other: other.id in ids)
    return [(above.node.id, above.distance) for above in found]


def test_the_nearest_accepted_nodes_are_given_with_their_distance(graph: Graph) -> None:
    assert climbed(graph, 4, {2, 1}) == [("X:2", 2)]
    assert climbed(graph, 4, {2, 6, 0}) == [("X:2", 2), ("X:6", 2)]
    assert climbed(graph, 4, {0}) == [("X:0", 3)]
    assert climbed(graph, 4, {4}) == []
    assert climbed(graph, 3, set()) == []


def test_a_climb_stops_at_a_border(graph: Graph) -> None:
    assert climbed(graph, 5, {0, 1, 2}) == []


def test_a_graph_without_a_hierarchy_is_not_climbed() -> None:
    graph = make_graph({"Disease": {"X:1": "gout"}}, {})

    assert climb(graph, Node("Disease", "X:1", "gout"), lambda _: True) == ()


@pytest.mark.parametrize(
    ("narrower", "broader", "expected"),
    [
        ("diabetic ketoacidosis", "type 2 diabetes mellitus", False),
        ("status epilepticus", "epilepsy", False),
        ("acute coronary syndrome", "coronary artery disease", False),
        ("coronary vasospasm", "coronary artery disease", False),
        ("hereditary angioedema", "angioedema", False),
        ("acute myocardial infarction", "myocardial infarction", True),
        ("pre-eclampsia", "hypertension", False),
        ("essential hypertension", "hypertension", True),
        ("allergic asthma", "asthma", True),
    ],
)
def test_what_is_sudden_or_inborn_borrows_nothing(
    narrower: str, broader: str, expected: bool
) -> None:
    assert may_lend(narrower, broader) is expected
