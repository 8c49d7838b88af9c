"""No drug interacts with itself and no disease resembles itself, whatever a table says."""

from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.schema import EdgeType
from kg.sources.base import is_between_two
from kg.sources.table import Table
from tests.graphs import Handmade

INTERACTS = EdgeType("Drug", "interacts", "Drug")
TABLE = """
[[table]]
file = "pairs.csv"
what = "edges"
edge = "{edge}"
head = "a"
tail = "b"
{more}
"""


def world() -> Handmade:
    return Handmade(
        {
            "Drug": {"DRUGBANK:DB00331": "Metformin", "DRUGBANK:DB00945": "Aspirin"},
            "Gene": {"NCBIGene:1": "A1BG"},
        },
        {},
        [],
    )


def n_edges(result: BuildResult, edge_type: EdgeType) -> int:
    return len(result.graph.edges(edge_type))


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        (
            'head_prefix = "DRUGBANK"\ntail_prefix = "DRUGBANK"',
            "DB00331,DRUGBANK:DB00331\nDB00331,DB00945\n",
        ),
        ('by = "name"', "Metformin,metformin\nMetformin,Aspirin\n"),
    ],
)
def test_a_table_of_interactions_refuses_a_drug_with_itself(
    tmp_path: Path, more: str, rows: str
) -> None:
    (tmp_path / "table.toml").write_text(TABLE.format(edge="Drug-interacts-Drug", more=more))
    (tmp_path / "pairs.csv").write_text(f"a,b\n{rows}")

    result = build([world(), Table(tmp_path)])

    assert n_edges(result, INTERACTS) == 1
    assert [(r.line, "itself" in r.reason) for r in result.report.refused] == [(2, True)]


def test_a_gene_may_interact_with_itself(tmp_path: Path) -> None:
    (tmp_path / "table.toml").write_text(TABLE.format(edge="Gene-interacts-Gene", more=""))
    (tmp_path / "pairs.csv").write_text("a,b\nNCBIGene:1,NCBIGene:1\n")

    result = build([world(), Table(tmp_path)])

    assert n_edges(result, EdgeType("Gene", "interacts", "Gene")) == 1
    assert result.report.refused == []


@pytest.mark.parametrize(
    ("edge_type", "expected"),
    [
        (INTERACTS, True),
        (EdgeType("Disease", "resembles", "Disease"), True),
        (EdgeType("Gene", "interacts", "Gene"), False),
        (EdgeType("Disease", "subclass_of", "Disease"), False),
        (EdgeType("Drug", "interacts", "Gene"), False),
    ],
)
def test_only_drugs_and_diseases_are_never_their_own_counterpart(
    edge_type: EdgeType, expected: bool
) -> None:
    assert is_between_two(edge_type) is expected
