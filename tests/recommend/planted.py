"""A graph whose right answers are known: even drugs help in even diseases, odd in odd."""

from typing import Any

from kg.graph import Graph
from tests.graphs import make_graph

N = 12

DRUGS = {f"DRUGBANK:DB{i:05}": f"drug {i}" for i in range(N)}
DISEASES = {f"DOID:{100 + j}": f"disease {j}" for j in range(N)}
GENES = {f"NCBIGene:{100 + g}": f"gene {g}" for g in range(8)}
CLASSES = {"NDFRT:N0000000001": "even drugs", "NDFRT:N0000000002": "odd drugs"}

# Each drug's own disease is held out of what is recorded.
HELD_OUT = list(zip(DRUGS, DISEASES, strict=True))


def same_block(i: int, j: int) -> bool:
    return i % 2 == j % 2


def planted_graph(
    extra: list[tuple[str, str]] | None = None,
    *,
    palliates: list[tuple[str, str]] | None = None,
    without_diseases: tuple[str, ...] = (),
) -> Graph:
    """Treats within the blocks but for HELD_OUT, ``extra`` treats edges, genes and classes."""
    drugs, diseases, genes = list(DRUGS), list(DISEASES), list(GENES)
    treats = [
        (drugs[i], diseases[j])
        for i in range(N)
        for j in range(N)
        if same_block(i, j) and i != j and diseases[j] not in without_diseases
    ]
    edges: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": treats + (extra or []),
        "Drug-palliates-Disease": palliates or [],
        "Drug-binds-Gene": [
            (drugs[i], genes[g]) for i in range(N) for g in range(8) if g % 4 in (i % 2, i % 2 + 2)
        ],
        "Disease-associates-Gene": [
            (diseases[j], genes[g]) for j in range(N) for g in range(8) if g % 2 == j % 2
        ],
        "DrugClass-includes-Drug": [(list(CLASSES)[i % 2], drugs[i]) for i in range(N) if i % 3],
        "Gene-interacts-Gene": [(genes[0], genes[2]), (genes[1], genes[3])],
    }
    nodes = {"Drug": DRUGS, "Disease": DISEASES, "Gene": GENES, "DrugClass": CLASSES}
    return make_graph(nodes, {name: rows for name, rows in edges.items() if rows})
