"""Disease texts: the same in other words, the nearest broader one, and what is no disease."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.graph import Graph
from kg.names import resolve_disease
from kg.names.keys import bag
from tests.graphs import make_graph


@pytest.fixture(scope="module")
def graph() -> Graph:
    names = (
        "breast cancer", "prostate neoplasm", "anemia", "kidney failure", "hypertension",
        "type 2 diabetes mellitus", "migraine", "osteoarthritis", "chronic pancreatitis",
        "diabetic neuropathy", "asthma", "pre-eclampsia", "lung cancer", "myocardial infarction",
        "hepatitis A", "hepatitis B", "Alzheimer's disease", "cancer", "disease",
    )  # fmt: skip
    synonyms = [
        ("breast cancer", "mammary carcinoma"),
        ("type 2 diabetes mellitus", "T2DM"),
        ("myocardial infarction", "MI"),
    ]
    ids = {name: f"X:{i}" for i, name in enumerate(names)}
    labels = [(ids[name], "synonym", text) for name, text in synonyms]
    return make_graph({"Disease": {ids[name]: name for name in names}}, {}, labels)


def read(graph: Graph, text: str) -> tuple[str, str, int] | None:
    """Name, grade and distance of the one node; None for none."""
    matches = resolve_disease(graph, text).matches
    if not matches:
        return None
    (match,) = matches
    return match.node.name, match.grade, match.distance


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Breast cancer (disorder)", "breast cancer"),
        ("Cancer of the breast", "breast cancer"),
        ("Malignant neoplasm of breast", "breast cancer"),
        ("Malignant tumours of breast", "breast cancer"),
        ("Breast cancer, unspecified", "breast cancer"),
        ("Carcinoma, mammary", "breast cancer"),
        ("Tumor of prostate", "prostate neoplasm"),
        ("Prostatic neoplasms", "prostate neoplasm"),
        ("ANAEMIA", "anemia"),
        ("Renal failure", "kidney failure"),
        ("Hypertensive disorder", None),
        ("Diabetes mellitus, type II", "type 2 diabetes mellitus"),
        ("type 2 diabetes", "type 2 diabetes mellitus"),
        ("Preeclampsia", "pre-eclampsia"),
        ("Alzheimer disease", "Alzheimer's disease"),
        ("Alzheimers disease", "Alzheimer's disease"),
        ("Hepatitis A", "hepatitis A"),
        ("t2dm", "type 2 diabetes mellitus"),
    ],
)
def test_the_same_disease_in_other_words_is_exact(
    graph: Graph, text: str, name: str | None
) -> None:
    assert read(graph, text) == (None if name is None else (name, "exact", 0))


@pytest.mark.parametrize(
    ("text", "name", "distance"),
    [
        ("Severe migraine", "migraine", 1),
        ("Chronic intractable migraine without aura", "migraine", 3),
        ("Osteoarthritis of left knee", "osteoarthritis", 1),
        ("Neuropathy due to type 2 diabetes mellitus (disorder)", "diabetic neuropathy", 1),
        ("Malignant neoplasm of upper-outer quadrant of left female breast", "breast cancer", 3),
        ("Adenocarcinoma of lung", "lung cancer", 1),
        ("Lung cancer, TNM stage 3b", "lung cancer", 1),
        ("Type 2 diabetes mellitus without complications", "type 2 diabetes mellitus", 1),
        ("Acute ST segment elevation myocardial infarction", "myocardial infarction", 2),
        ("Severe pre-eclampsia, third trimester", "pre-eclampsia", 2),
    ],
)
def test_qualifying_words_come_off_and_are_counted(
    graph: Graph, text: str, name: str, distance: int
) -> None:
    assert read(graph, text) == (name, "broader", distance)


@pytest.mark.parametrize(
    "text",
    [
        "Hypertension in pregnancy",
        "Acute pancreatitis",
        "Acute on something pancreatitis",
        "Benign neoplasm of breast",
        "Carcinoma in situ of breast",
        "Neoplasm of lung",
        "Portal hypertension",
        "Hepatitis",
        "Hepatitis C",
        "Diabetes insipidus",
        "Metastatic cancer to lung",
        "Malignant neoplasm of testis",
        "Disorder of thyroid",
    ],
)
def test_no_border_is_crossed_by_leaving_words_off(graph: Graph, text: str) -> None:
    assert read(graph, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Full-time employment (finding)",
        "Severe migraine (finding)",
        "Migraine (situation)",
        "Asthma monitoring (regime/therapy)",
        "History of asthma",
        "Family history of breast cancer",
        "Suspected severe asthma",
        "At risk of severe migraine",
        "No severe asthma",
        "Severe asthma ruled out",
        "Asthma in mother",
        "Type 2 diabetes mellitus in remission",
        "",
        "   ",
    ],
)
def test_what_is_not_there_or_is_no_disease_stays_unresolved(graph: Graph, text: str) -> None:
    resolution = resolve_disease(graph, text)

    assert resolution.matches == ()
    assert not resolution.complete
    assert resolution.unresolved == (text.strip(),)


def test_a_finding_that_is_a_disease_by_its_own_name_is_one(graph: Graph) -> None:
    assert read(graph, "Anaemia (finding)") == ("anemia", "exact", 0)


def test_an_abbreviation_of_two_letters_is_a_question(graph: Graph) -> None:
    assert read(graph, "MI") == ("myocardial infarction", "near", 0)
    assert resolve_disease(graph, "MI", worst="broader").matches == ()


@pytest.mark.parametrize("text", ["RB", "r.b."])
def test_two_letters_are_a_question_for_something_narrower_too(text: str) -> None:
    labels = [("X:1", "broader", "RB")]
    graph = make_graph({"Disease": {"X:1": "eye disease"}}, {}, labels)

    assert {m.grade for m in resolve_disease(graph, text).matches} <= {"near"}
    assert resolve_disease(graph, text, worst="broader").matches == ()


def test_what_a_source_puts_below_a_cancer_must_say_that_it_is_one() -> None:
    texts = ("Paget's disease", "lateral wall of bladder", "bladder papilloma", "thrombocytosis")
    labels = [("X:1", "broader", text) for text in (*texts, "bladder sarcoma")]
    graph = make_graph({"Disease": {"X:1": "urinary bladder cancer"}}, {}, labels)

    assert [resolve_disease(graph, text).matches for text in texts] == [()] * 4
    assert read(graph, "sarcoma of bladder") == ("urinary bladder cancer", "broader", 0)


@pytest.mark.parametrize(
    ("wrote", "meant"),
    [("osteopetrosis", "osteoporosis"), ("hyperthyroidism", "hypothyroidism")],
)
def test_one_syllable_for_another_is_no_misspelling(wrote: str, meant: str) -> None:
    graph = make_graph({"Disease": {"X:1": meant}}, {})

    assert resolve_disease(graph, wrote).matches == ()


def test_a_misspelt_disease_is_near_and_says_how_near(graph: Graph) -> None:
    (match,) = resolve_disease(graph, "Hypertention").matches

    assert (match.node.name, match.grade) == ("hypertension", "near")
    assert 0.84 <= match.score < 1
    assert resolve_disease(graph, "Hypertention", worst="broader").matches == ()


def test_what_an_ontology_wrongly_calls_the_same_is_not_exact() -> None:
    labels = [
        ("X:1", "synonym", "brain neoplasm"),
        ("X:2", "synonym", "acute bronchitis"),
        ("X:2", "synonym", "chest cold"),
    ]
    graph = make_graph({"Disease": {"X:1": "brain cancer", "X:2": "bronchitis"}}, {}, labels)

    assert read(graph, "Brain neoplasm") is None
    assert read(graph, "Brain neoplasn") is None
    assert read(graph, "Bronchitis, acute") == ("bronchitis", "broader", 1)
    assert read(graph, "Chest cold") == ("bronchitis", "exact", 0)


def test_the_basis_names_what_was_written_and_what_was_found(graph: Graph) -> None:
    (match,) = resolve_disease(graph, "Severe migraine").matches

    assert match.basis == "broader than 'Severe migraine' by its words: 'migraine'"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("carcinoma of breast", "breast carcinoma"),
        ("oesophageal tumours", "Esophageal tumor"),
        ("haemorrhagic anaemias", "hemorrhagic anemia"),
        ("kidney diseases", "renal disorder"),
        ("non-small cell carcinoma of lung", "lung non small cell carcinoma"),
        ("stenoses of the aortic valve", "aortic valve stenosis"),
        ("urinary tract infectious disease", "infection of urinary tract"),
        ("Crohn's disease", "Crohn disease"),
        ("generalised anxiety", "generalized anxiety"),
    ],
)
def test_one_bag_of_words_for_one_meaning(one: str, other: str) -> None:
    assert bag(one) == bag(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hepatitis A", "hepatitis B"),
        ("hepatitis A", "hepatitis"),
        ("protein S deficiency", "protein C deficiency"),
        ("type 1 diabetes", "type 2 diabetes"),
        ("migraine with aura", "migraine without aura"),
        ("diabetes insipidus", "diabetes mellitus"),
        ("benign neoplasm of colon", "malignant neoplasm of colon"),
        ("hyperthyroidism", "hypothyroidism"),
        ("non-Hodgkin lymphoma", "Hodgkin lymphoma"),
    ],
)
def test_different_diseases_have_different_bags(one: str, other: str) -> None:
    assert bag(one) != bag(other)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80))
def test_no_text_is_too_strange_to_be_read(graph: Graph, text: str) -> None:
    resolution = resolve_disease(graph, text)

    assert resolution.complete == bool(resolution.matches)
    assert resolution.complete != bool(resolution.unresolved)
