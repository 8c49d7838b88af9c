"""The one heaviest path is the first of all paths, heaviest first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import SchemaError
from kg.graph import Graph
from kg.paths import heaviest_path, paths_from
from kg.schema import EdgeType, parse_metapath
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs

METAPATHS = [
    "CtD", "CbGaD", "CiCtD", "CtDtC", "CbGbCtD", "CbGiGaD", "CbG<rGaD", "CtDtCtD", "CbGbCiCtD",
    "CcSEcCtD", "CiCiCiCtD", "CbGiGiGaD", "CbGiGr>GbCtD", "GiGiGiG", "DtCbGiGbCtD", "CiC",
]  # fmt: skip


@settings(max_examples=100)
@given(graphs(largest=4, most_edges=12), st.sampled_from(METAPATHS))
def test_it_is_the_heaviest_of_all_paths_and_of_equal_ones_the_first_by_rows(
    graph: Graph, text: str
) -> None:
    metapath = parse_metapath(text)
    for source in range(graph.n_nodes(metapath[0].source)):
        listed = (
            paths_from(graph, metapath, source)
            if all(step.edge_type in graph.edge_tables for step in metapath)
            else {}
        )
        for target in range(graph.n_nodes(metapath[-1].target)):
            found = heaviest_path(graph, metapath, source, target)

            if target not in listed:
                assert found is None
                continue
            best = max(path.weight for path in listed[target])
            ties = [path for path in listed[target] if np.isclose(path.weight, best, rtol=1e-8)]
            expected = min(ties, key=lambda path: path.rows)
            assert found is not None
            assert (found.rows, found.edges) == (expected.rows, expected.edges)
            assert found.weight == pytest.approx(best)


def test_hubs_on_the_way_are_no_trouble() -> None:
    genes = [f"NCBIGene:{i:05}" for i in range(3000)]
    graph = make_graph(
        {
            "Drug": {"DRUGBANK:DB1": "a"},
            "Disease": {"DOID:1": "b"},
            "Gene": {gene: gene for gene in genes},
            "Anatomy": {f"UBERON:{i}": "c" for i in range(1, 4)},
        },
        {
            "Drug-binds-Gene": [("DRUGBANK:DB1", gene) for gene in genes],
            "Disease-associates-Gene": [("DOID:1", gene) for gene in genes],
            "Anatomy-expresses-Gene": [
                (f"UBERON:{i}", gene) for i in range(1, 4) for gene in genes[i:]
            ],
        },
    )

    path = heaviest_path(graph, parse_metapath("CbGeAeGaD"), 0, 0)  # 27 million paths

    assert path is not None
    expresses = graph.edges(EdgeType("Anatomy", "expresses", "Gene"))
    assert path.rows == (0, 1, 0, 2, 0)  # genes in one anatomy only, by row
    assert expresses.tail[path.edges[1]] == 1


def test_a_search_among_walks_that_all_come_back_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.paths.heaviest.MOST_TRIED", 50)
    ways = {f"PW:{i}": "way" for i in range(100)}
    graph = make_graph(
        {"Drug": {"DRUGBANK:DB1": "a"}, "Disease": {"DOID:1": "b"}, "Gene": {"NCBIGene:1": "g"},
         "Pathway": ways},
        {
            "Drug-binds-Gene": [("DRUGBANK:DB1", "NCBIGene:1")],
            "Disease-associates-Gene": [("DOID:1", "NCBIGene:1")],
            "Gene-participates-Pathway": [("NCBIGene:1", way) for way in ways],
        },
    )  # fmt: skip

    with pytest.raises(SchemaError, match="more than 50 walks along CbGpPWpGaD come back"):
        heaviest_path(graph, parse_metapath("CbGpPWpGaD"), 0, 0)
