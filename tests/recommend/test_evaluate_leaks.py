"""Each known leak is planted in a view that has none, and found; what only looks alike is not."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.graph import Graph
from kg.schema import EdgeType
from recommend.evaluate.leaks import Leak, find_leaks
from recommend.folds import disease_folds
from recommend.interactions import (
    ALIKE_DISEASES,
    PALLIATES,
    TREATS,
    Pairs,
    TrainingData,
    from_pairs,
    training_data,
)

N_DRUGS, N_DISEASES = 1500, 20
SIZES = {
    "Drug": N_DRUGS, "Disease": N_DISEASES, "DrugClass": 30, "Entity": 1, "Gene": 200,
    "Phenotype": 1, "SideEffect": 80, "Symptom": 100,
}  # fmt: skip

INCLUDES = EdgeType("DrugClass", "includes", "Drug")
CAUSES = EdgeType("Drug", "causes", "SideEffect")
BINDS = EdgeType("Drug", "binds", "Gene")
ASSOCIATES = EdgeType("Disease", "associates", "Gene")
SUBCLASS = EdgeType("Disease", "subclass_of", "Disease")
TREATED_BY = EdgeType("Disease", "treated_by", "Drug")
CURED_WITH = EdgeType("Disease", "cured_with", "Drug")
OFF_LABEL = EdgeType("Drug", "off_label", "Disease")
PRESENTS = EdgeType("Disease", "presents", "Symptom")
LISTS = EdgeType("Entity", "lists", "Drug")
SHOWS = EdgeType("Drug", "causes", "Phenotype")
METABOLIZED_BY = EdgeType("Drug", "metabolized_by", "Gene")

ASKED = 4  # the disease whose drugs are hidden
DRUGS = list(range(40, 50))  # and these are they
HIDDEN = np.array([(drug, ASKED) for drug in DRUGS])

Edges = Sequence[tuple[int, int]]


def random_pairs(rng: np.random.Generator, edge_type: EdgeType, n: int) -> Pairs:
    ends = [rng.integers(SIZES[end], size=n) for end in (edge_type.head, edge_type.tail)]
    return np.stack(ends, axis=1)


def data(seed: int = 0, **planted: tuple[EdgeType, Edges]) -> TrainingData:
    """Chance in every edge type, the drugs of ASKED, and what is planted."""
    rng = np.random.default_rng(seed)
    pairs = {
        TREATS: random_pairs(rng, TREATS, 120),
        PALLIATES: random_pairs(rng, PALLIATES, 60),
        INCLUDES: random_pairs(rng, INCLUDES, 200),
        CAUSES: random_pairs(rng, CAUSES, 1500),
        BINDS: random_pairs(rng, BINDS, 600),
        ASSOCIATES: random_pairs(rng, ASSOCIATES, 500),
    }
    for each in (TREATS, PALLIATES):
        pairs[each] = pairs[each][pairs[each][:, 1] != ASKED]
    pairs[TREATS] = np.concatenate([pairs[TREATS], HIDDEN])
    for edge_type, edges in planted.values():
        before = pairs.get(edge_type, np.empty((0, 2), np.int64))
        pairs[edge_type] = np.concatenate([before, np.array(edges)])
    shapes = {each: (SIZES[each.head], SIZES[each.tail]) for each in pairs}
    return TrainingData(SIZES, {each: from_pairs(p, shapes[each]) for each, p in pairs.items()})


def probe(training: TrainingData, **names: list[str]) -> list[Leak]:
    """What is found when ASKED is hidden as it should be."""
    view = training.without(diseases=[ASKED])
    return find_leaks(view, HIDDEN, diseases=[ASKED], names=names)


def kinds(leaks: Sequence[Leak]) -> list[str]:
    return [leak.kind for leak in leaks]


@pytest.mark.parametrize("seed", range(8))
def test_chance_is_no_leak(seed: int) -> None:
    assert probe(data(seed), Disease=[f"disease number {i}" for i in range(N_DISEASES)]) == []


def test_nothing_hidden_is_nothing_leaked() -> None:
    assert find_leaks(data(), np.empty((0, 2), np.int64)) == []


def test_an_edge_that_was_not_hidden_is_found() -> None:
    view = data().without(pairs=HIDDEN[1:])

    (leak,) = find_leaks(view, HIDDEN)

    assert leak.kind == "hidden-edge"
    assert leak.what == "Drug-treats-Disease"
    assert leak.evidence.startswith("1 edges")


def test_treats_edges_of_a_disease_or_a_drug_that_was_to_be_hidden_whole_are_found() -> None:
    view = data().without(pairs=HIDDEN)
    (drug, disease) = view.positives[0]

    assert kinds(find_leaks(view, HIDDEN, diseases=[disease])) == ["hidden-edge"] + [
        "second-relation"
    ] * (view.palliates[:, disease].nnz > 0)
    assert "hidden-edge" in kinds(find_leaks(view, HIDDEN, drugs=[drug]))
    assert find_leaks(view, HIDDEN) == []


def test_palliates_left_beside_treats_is_found() -> None:
    training = data(planted=(PALLIATES, [(7, ASKED), (8, ASKED)]))
    view = training.without(pairs=HIDDEN)  # as if treats alone were hidden

    (leak,) = find_leaks(view, HIDDEN, diseases=[ASKED])

    assert leak == Leak(
        "second-relation", "Drug-palliates-Disease", "2 edges of what was to be hidden are there"
    )
    assert probe(training) == []


def test_one_inverse_edge_is_found_under_the_name_that_the_schema_gives_it() -> None:
    (leak,) = probe(data(planted=(TREATED_BY, [(ASKED, DRUGS[3]), (9, 9)])))

    assert leak.kind == "inverse-edge"
    assert leak.what == "Disease-treated_by-Drug"
    assert leak.evidence.startswith("1 edges")


def test_an_inverse_relation_of_any_name_is_found_by_what_it_lists() -> None:
    everything = [(disease, drug) for drug, disease in data().positives.tolist()]

    (leak,) = probe(data(planted=(CURED_WITH, everything)))

    assert leak.kind == "inverse-edge"
    assert leak.evidence.startswith("10 of its 10 pairs of these diseases are among the 10 hidden")


def test_an_inverse_relation_is_judged_by_what_is_not_visible_anyway() -> None:
    training = data(planted=(CURED_WITH, [(ASKED, drug) for drug in DRUGS]))

    (leak,) = find_leaks(training.without(pairs=HIDDEN[:3]), HIDDEN[:3])

    assert leak.evidence.startswith("3 of its 3 pairs of these diseases are among the 3 hidden")


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        (6, 0, True),  # more than half of the answers, nothing else
        (4, 3, True),  # more right than wrong
        (6, 40, True),  # half of the answers in a short list
        (4, 8, False),  # neither
        (10, 200, False),  # nearly every drug is listed: nothing is said
        (2, 0, False),  # chance is not excluded
    ],
)
def test_a_second_relation_is_found_if_it_tells_of_the_answers(
    right: int, wrong: int, found: bool
) -> None:
    edges = [(drug, ASKED) for drug in [*DRUGS[:right], *range(60, 60 + wrong)]]

    leaks = probe(data(planted=(OFF_LABEL, edges)))

    assert kinds(leaks) == ["second-relation"] * found


TWIN = 11  # a visible disease with nearly the drugs of ASKED
TWIN_DRUGS = [(drug, TWIN) for drug in [*DRUGS[:8], 3]]


SYMPTOMS = [(disease, symptom) for disease in (ASKED, TWIN) for symptom in range(80)]


@pytest.mark.parametrize("relation", [TREATS, PALLIATES])
@pytest.mark.parametrize(
    ("link", "evidence"),
    [
        ((ALIKE_DISEASES, [(ASKED, TWIN), (TWIN, ASKED)]), "Disease-resembles-Disease"),
        ((SUBCLASS, [(TWIN, ASKED)]), "Disease-subclass_of-Disease"),
        ((PRESENTS, SYMPTOMS), "neighbours in common"),
    ],
)
def test_a_synonym_is_found_by_its_link_and_its_drugs(
    link: tuple[EdgeType, Edges], evidence: str, relation: EdgeType
) -> None:
    leaks = probe(data(link=link, drugs=(relation, TWIN_DRUGS)))

    assert kinds(leaks) == ["synonym"]
    assert leaks[0].what == f"Disease {TWIN} for Disease {ASKED}"
    assert leaks[0].evidence.startswith(evidence)
    assert f"by {relation}" in leaks[0].evidence
    assert probe(data(link=link)) == []
    assert probe(data(drugs=(relation, TWIN_DRUGS))) == []


def test_a_synonym_is_found_by_its_name() -> None:
    names = [f"disease number {i}" for i in range(N_DISEASES)]
    names[ASKED], names[TWIN] = "Anaemia, pernicious", "pernicious anemia"

    (leak,) = probe(data(drugs=(TREATS, TWIN_DRUGS)), Disease=names)

    assert leak.what == "Disease 'pernicious anemia' for Disease 'Anaemia, pernicious'"
    assert "the same words" in leak.evidence


def test_a_disease_is_no_synonym_of_itself() -> None:
    training = data(planted=(PALLIATES, HIDDEN.tolist()), company=(PRESENTS, SYMPTOMS))
    hidden = training.without(pairs=HIDDEN).matrices
    forgotten = {**hidden, PALLIATES: training.palliates}

    assert kinds(find_leaks(TrainingData(SIZES, forgotten), HIDDEN)) == ["second-relation"]


def test_a_synonym_that_is_hidden_as_well_is_none() -> None:
    both = [(ASKED, TWIN), (TWIN, ASKED)]
    training = data(link=(ALIKE_DISEASES, both), drugs=(TREATS, TWIN_DRUGS))
    twin_too = np.concatenate([HIDDEN, TWIN_DRUGS])

    assert find_leaks(training.without(pairs=twin_too), twin_too) == []
    assert kinds(find_leaks(training.without(pairs=HIDDEN), HIDDEN)) == ["synonym"]


def test_hiding_resemblance_closes_that_link() -> None:
    both = [(ASKED, TWIN), (TWIN, ASKED)]
    training = data(link=(ALIKE_DISEASES, both), drugs=(TREATS, TWIN_DRUGS))

    view = training.without(diseases=[ASKED], resemblance=True)

    assert find_leaks(view, HIDDEN, diseases=[ASKED]) == []


def members(edge_type: EdgeType, drugs: Sequence[int]) -> tuple[EdgeType, Edges]:
    """Node 0 of the other type has these drugs."""
    return edge_type, [(drug, 0) if edge_type.head == "Drug" else (0, drug) for drug in drugs]


@pytest.mark.parametrize("edge_type", [LISTS, SHOWS])
def test_a_class_with_nearly_the_drugs_of_the_disease_is_found(edge_type: EdgeType) -> None:
    (leak,) = probe(data(planted=members(edge_type, [*DRUGS[:9], 3])))

    assert leak.kind == "class"
    assert leak.what.endswith(f" 0 for Disease {ASKED}")
    assert f"9 of its 10 drugs by {edge_type} are among the 10" in leak.evidence


@pytest.mark.parametrize(
    ("edge_type", "drugs"),
    [
        (LISTS, DRUGS[:6]),  # a mechanism that some have
        (LISTS, [*DRUGS, *range(60, 63)]),  # one that others have too
        (METABOLIZED_BY, DRUGS),  # a protein is never the indication
    ],
)
def test_pharmacology_is_no_leak(edge_type: EdgeType, drugs: list[int]) -> None:
    assert probe(data(planted=members(edge_type, drugs))) == []


def test_a_class_is_found_although_only_some_of_its_drugs_are_hidden() -> None:
    training = data(planted=members(LISTS, DRUGS[:9]))

    (leak,) = find_leaks(training.without(pairs=HIDDEN[:2]), HIDDEN[:2])

    assert leak.what == f"Entity 0 for Disease {ASKED}"
    assert "9 of its 9 drugs by Entity-lists-Drug are among the 10" in leak.evidence
    assert find_leaks(training.without(pairs=HIDDEN[9:]), HIDDEN[9:]) == []  # it has none of these


@pytest.mark.parametrize(
    ("node", "disease", "found"),
    [
        ("Antihypertensive Agents", "hypertension", True),
        ("Increased hypertension", "essential hypertension", True),
        ("Antidiabetic drug", "type 2 diabetes mellitus", True),
        ("Lung disorder", "lung cancer", False),
        ("Stomatitis", "stomach cancer", False),
        ("Disorder", "disease", False),
    ],
)
def test_an_indication_named_class_is_found_by_its_name(
    node: str, disease: str, found: bool
) -> None:
    diseases = [f"disease number {i}" for i in range(N_DISEASES)]
    diseases[ASKED] = disease

    leaks = probe(data(planted=members(LISTS, DRUGS[:5])), Disease=diseases, Entity=[node])

    assert kinds(leaks) == ["class"] * found
    if found:
        assert leaks[0].what == f"Entity {node!r} for Disease {disease!r}"
        assert leaks[0].evidence.startswith("its name spells the disease; 5 of its 5 drugs")


def test_a_name_alone_is_no_leak() -> None:
    names = ["hypertension"] * SIZES["SideEffect"]

    assert probe(data(), SideEffect=names, Disease=["hypertension"] * N_DISEASES) == []


def hidden_of(training: TrainingData, diseases: NDArray[np.int64]) -> Pairs:
    return training.positives[np.isin(training.positives[:, 1], diseases)]


@pytest.mark.parametrize("strict", [True, False])
def test_the_leaks_of_the_starter_graph_are_found(starter: Graph, strict: bool) -> None:
    training = training_data(starter)
    names = {each: starter.names[each].to_pylist() for each in starter.node_types}

    found = {
        leak.what: leak.kind
        for fold in disease_folds(training, 5, 0, grouped=strict)
        for leak in find_leaks(
            training.without(diseases=fold, resemblance=strict),
            hidden_of(training, fold),
            diseases=fold,
            names=names,
        )
    }

    assert found["DrugClass 'Antiepileptics' for Disease 'epilepsy'"] == "class"
    assert found["DrugClass 'Antipsychotics' for Disease 'schizophrenia'"] == "class"
    # What one disease is a kind of gives it away, unless it is hidden.
    assert set(found.values()) == ({"class"} if strict else {"class", "synonym"})
