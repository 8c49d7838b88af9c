"""KGX that says ``affects`` and, in Biolink's qualifiers, which way: up- or downregulation here."""

from pathlib import Path
from typing import Any

import pytest

from kg.schema import EdgeType
from tests.kg.test_source_kgx import WRITERS, one_edge

UP: dict[str, Any] = {
    "predicate": "biolink:affects", "object": "NCBIGene:1", "qualified_predicate": "biolink:causes",
    "object_aspect_qualifier": "activity_or_abundance", "object_direction_qualifier": "increased",
}  # fmt: skip


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("changes", "relation", "kept"),
    [
        ({}, "upregulates", set()),
        ({"object_direction_qualifier": "decreased"}, "downregulates", set()),
        ({"object_direction_qualifier": "downregulated"}, "downregulates",
         {"object_direction_qualifier"}),
        ({"object_aspect_qualifier": "expression"}, "upregulates", {"object_aspect_qualifier"}),
        ({"object_aspect_qualifier": None, "qualified_predicate": None}, "upregulates", set()),
        ({"species_context_qualifier": "NCBITaxon:9606"}, "upregulates",
         {"species_context_qualifier"}),
        ({"negated": "true"}, "not_upregulates", {*UP} - {"predicate", "object"}),
        # More degradation is not more of it; less of the drug is not more of the drug.
        ({"object_aspect_qualifier": "degradation"}, "affects", {*UP} - {"predicate", "object"}),
        ({"subject_direction_qualifier": "decreased"}, "affects",
         {*UP, "subject_direction_qualifier"} - {"predicate", "object"}),
        ({"qualified_predicate": "biolink:caused_by"}, "affects", {*UP} - {"predicate", "object"}),
        ({"object_direction_qualifier": None}, "affects",
         {"qualified_predicate", "object_aspect_qualifier"}),
    ],
)  # fmt: skip
def test_the_direction_of_an_effect_is_read_from_its_qualifiers(
    tmp_path: Path, suffix: str, changes: dict[str, Any], relation: str, kept: set[str]
) -> None:
    graph = one_edge(tmp_path, suffix, **{**UP, **changes}).graph

    edge_type = EdgeType("Drug", relation, "Gene")
    assert graph.edge_types == (edge_type,)
    (assertion,) = graph.assertions(edge_type, 0)
    assert set(assertion.details) - {"reference"} == kept
    assert all(assertion.details[name] == {**UP, **changes}[name] for name in kept)


def test_an_effect_on_what_is_up_or_downregulated_nowhere_stays_an_effect(tmp_path: Path) -> None:
    graph = one_edge(tmp_path, **{**UP, "object": "MONDO:0005148"}).graph

    assert graph.edge_types == (EdgeType("Drug", "affects", "Disease"),)


def test_a_relation_that_its_own_qualifiers_contradict_is_refused(tmp_path: Path) -> None:
    (refused,) = one_edge(tmp_path, **{**UP, "relation_name": "downregulates"}).report.refused

    assert refused.reason == "relation_name 'downregulates', but its qualifiers say upregulates"


TRIALS = EdgeType("Drug", "in_clinical_trials_for", "Disease")


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("given", "phase"),
    [
        ("clinical_trial_phase_3", "3"),
        ("clinical_trial_phase_1_to_2", "1 to 2"),
        ("clinical_trial_phase", None),
        ("pre_clinical_research_phase", None),
        (None, None),
    ],
)
def test_a_trial_says_its_phase_in_a_word_that_people_read(
    tmp_path: Path, suffix: str, given: str | None, phase: str | None
) -> None:
    trial = {"predicate": "biolink:in_clinical_trials_for", "object": "MONDO:0005148"}
    graph = one_edge(tmp_path, suffix, **trial, max_research_phase=given).graph

    (said,) = graph.assertions(TRIALS, 0)
    assert said.details.get("phase") == phase
    assert said.details.get("max_research_phase") == given
