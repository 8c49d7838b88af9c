"""Metaedges and metapaths: each spelling leads to one meaning, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import SchemaError
from kg.schema import EDGES, NODES, EdgeType, Step, abbreviate, parse_metapath

# Every step as a metapath spells it: a symmetric relation has no direction.
STEPS = sorted(
    {Step(edge_type, True) for edge_type in EDGES}
    | {Step(edge_type, False) for edge_type, spec in EDGES.items() if not spec.symmetric}
)


@st.composite
def metapaths(draw: st.DrawFn, longest: int = 4) -> tuple[Step, ...]:
    steps = [draw(st.sampled_from(STEPS))]
    for _ in range(draw(st.integers(0, longest - 1))):
        onward = [step for step in STEPS if step.source == steps[-1].target]
        if not onward:
            break
        steps.append(draw(st.sampled_from(onward)))
    return tuple(steps)


@settings(deadline=None)
@given(metapaths())
def test_a_metapath_survives_its_short_form(metapath: tuple[Step, ...]) -> None:
    assert parse_metapath(abbreviate(metapath)) == metapath


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_metaedge_written_in_full_is_read_in_its_direction(step: Step) -> None:
    directed = step.source == step.target and not step.forward
    relation = f"<{step.edge_type.relation}" if directed else step.edge_type.relation

    assert parse_metapath(f"{step.source}-{relation}-{step.target}") == (step,)


def test_no_two_metaedges_share_an_abbreviation() -> None:
    short = [abbreviate((step,)) for step in STEPS]

    assert len(set(short)) == len(short)
    assert len({spec.abbreviation for spec in NODES.values()}) == len(NODES)


def test_every_edge_type_joins_known_node_types_and_has_biolink_names() -> None:
    for edge_type, spec in EDGES.items():
        assert {edge_type.head, edge_type.tail} <= set(NODES)
        assert spec.predicate.startswith("biolink:")
        assert not spec.symmetric or edge_type.head == edge_type.tail
    assert all(spec.category.startswith("biolink:") for spec in NODES.values())


def test_the_published_spelling_of_a_metapath_is_understood() -> None:
    assert parse_metapath("CbGaD") == parse_metapath("Drug-binds-Gene-associates-Disease")
    assert parse_metapath("CbG<rGaD")[1] == Step(EdgeType("Gene", "regulates", "Gene"), False)
    assert parse_metapath(" CpDpS ")[1].target == "Symptom"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must alternate"),
        ("Drug", "must alternate"),
        ("Drug-binds", "must alternate"),
        ("CbGa", "must alternate"),
        ("Drug-binds-Protein", "no node type 'Protein'; choose from Anatomy"),
        (
            "Drug-cures-Disease",
            "not joined by 'cures'; have contraindicated, off_label, palliates, treats",
        ),
        ("Symptom-binds-Pathway", "have nothing"),
        ("CxG", "not joined by 'x'"),
        ("Disease-<treats-Drug-<treats-Disease", "not joined by '<treats'"),
        ("糖尿病", "must alternate"),
    ],
)
def test_a_malformed_metapath_is_refused_with_what_there_is(text: str, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        parse_metapath(text)
