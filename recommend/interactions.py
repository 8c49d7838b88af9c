"""What a model may learn from: the edges as matrices, with everything hidden already removed.

Models are given a :class:`TrainingData` and never the graph, so a hidden edge cannot reach one by
another way. Hiding works on *treats* and *palliates* together: both say that a drug helps in a
disease, and one left in place would give the other away. Contraindications stay.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.convert import to_matrix
from kg.errors import UnknownNodeError
from kg.graph import Graph
from kg.identifiers import spellings
from kg.schema import EdgeType
from recommend.answers.records import TRIALS
from recommend.errors import ModelError

TREATS = EdgeType("Drug", "treats", "Disease")
PALLIATES = EdgeType("Drug", "palliates", "Disease")
ALIKE_DRUGS = EdgeType("Drug", "resembles", "Drug")
ALIKE_DISEASES = EdgeType("Disease", "resembles", "Disease")
BROADER_DISEASES = EdgeType("Disease", "subclass_of", "Disease")

T = TypeVar("T")
Rows = NDArray[np.int64]  # (n,)
Pairs = NDArray[np.int64]  # (n, 2) drug rows, disease rows


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Edges and histories from which models are fitted; nothing hidden is in it.

    Attributes:
        n_nodes: node type -> number of nodes, in the graph's global order.
        matrices: edge type -> (n_heads, n_tails) float32 of ones, sorted indices; a symmetric type
            is a symmetric matrix. Only types with at least one edge left.
        histories: (n_patients, n_drugs) float32 of ones, or None; rows carry no identity.
    """

    n_nodes: Mapping[str, int]
    matrices: Mapping[EdgeType, sp.csr_matrix]
    histories: sp.csr_matrix | None = None
    _shared: dict[str, tuple[tuple[sp.csr_matrix, ...], Any]] = field(
        default_factory=dict, repr=False
    )

    @property
    def shape(self) -> tuple[int, int]:
        """The number of drugs and of diseases."""
        return self.n_nodes["Drug"], self.n_nodes["Disease"]

    def matrix(self, edge_type: EdgeType) -> sp.csr_matrix:
        """The matrix of ``edge_type``; empty where no such edge is left."""
        found = self.matrices.get(edge_type)
        if found is not None:
            return found
        shape = (self.n_nodes.get(edge_type.head, 0), self.n_nodes.get(edge_type.tail, 0))
        return from_pairs(np.empty((0, 2), np.int64), shape)

    @property
    def treats(self) -> sp.csr_matrix:
        """(n_drugs, n_diseases) recorded treatments that may be learnt from."""
        return self.matrix(TREATS)

    @property
    def palliates(self) -> sp.csr_matrix:
        """(n_drugs, n_diseases) recorded symptomatic treatments that may be learnt from."""
        return self.matrix(PALLIATES)

    @property
    def positives(self) -> Pairs:
        """(n, 2) the pairs of :attr:`treats`, by drug, then disease.

        Raises:
            ModelError: there is none, so that nothing can be learnt.
        """
        pairs = to_pairs(self.treats)
        if not len(pairs):
            raise ModelError("no Drug-treats-Disease edge is left to learn from")
        return pairs

    def shared(
        self, name: str, except_for: Container[EdgeType], make: "Callable[[TrainingData], T]"
    ) -> T:
        """What ``make`` returns for this view, made once for all views that must agree on it.

        Args:
            name: of the result.
            except_for: edge types that the result does not depend on.
            make: is given the view.
        """
        used = tuple(m for e, m in self.matrices.items() if e not in except_for)
        kept = self._shared.get(name)
        if kept is None or [id(m) for m in kept[0]] != [id(m) for m in used]:
            kept = self._shared[name] = (used, make(self))
        return kept[1]

    def without(
        self,
        *,
        pairs: Pairs | None = None,
        diseases: Iterable[int] = (),
        drugs: Iterable[int] = (),
        resemblance: bool = False,
    ) -> "TrainingData":
        """A copy without the treats and palliates edges of what is hidden.

        Args:
            pairs: (n, 2) drug rows, disease rows.
            diseases: rows of diseases of which all are hidden.
            drugs: rows of drugs of which all are hidden.
            resemblance: hide also what the hidden diseases resemble, are a kind of or have kinds
                of, and what the hidden drugs resemble: a near synonym would give away what was
                hidden.
        """
        hidden = np.empty((0, 2), np.int64) if pairs is None else np.asarray(pairs, np.int64)
        drugs, diseases = list(drugs), list(diseases)
        removed = dict.fromkeys((TREATS, PALLIATES), (hidden, drugs, diseases))
        if resemblance:
            nothing = np.empty((0, 2), np.int64)
            removed |= {ALIKE_DRUGS: (nothing, drugs, drugs)}
            removed |= {ALIKE_DISEASES: (nothing, diseases, diseases)}
            removed |= {BROADER_DISEASES: (nothing, diseases, diseases)}
        matrices = dict(self.matrices)
        for edge_type, (cells, rows, columns) in removed.items():
            if edge_type not in matrices:
                continue
            left = remove_pairs(matrices[edge_type], cells, columns=columns, rows=rows)
            if left.nnz:
                matrices[edge_type] = left
            else:
                del matrices[edge_type]
        return replace(self, matrices=matrices)


def training_data(
    graph: Graph,
    *,
    hide_pairs: Iterable[tuple[str, str]] = (),
    hide_diseases: Iterable[str] = (),
    histories: sp.csr_matrix | None = None,
) -> TrainingData:
    """The edges of ``graph`` that models may see.

    Args:
        graph: where the edges are.
        hide_pairs: (drug, disease) identifiers whose treats and palliates edges are left out.
        hide_diseases: identifiers of diseases of which all treats and palliates edges are left out.
        histories: (n_patients, n_drugs), not 0 where the patient takes or took the drug.

    Raises:
        ModelError: no drugs or no diseases, or histories with another number of drugs.
        UnknownNodeError: a hidden identifier that the graph does not have; a typing error must not
            leave in place what was meant to be hidden.
    """
    if not graph.n_nodes("Drug") or not graph.n_nodes("Disease"):
        raise ModelError("the graph has no Drug or no Disease nodes: there is nothing to rank")
    pairs = [
        (find_row(graph, "Drug", drug), find_row(graph, "Disease", disease))
        for drug, disease in hide_pairs
    ]
    diseases = [find_row(graph, "Disease", disease) for disease in hide_diseases]
    matrices = {}
    for edge_type in graph.edge_types:
        if edge_type == TRIALS:  # for people: it would give away what is hidden
            continue
        matrix = _of_ones(to_matrix(graph, edge_type))
        if matrix.nnz:
            matrices[edge_type] = matrix
    data = TrainingData(
        {node_type: graph.n_nodes(node_type) for node_type in graph.node_types},
        matrices,
        _check_histories(histories, graph.n_nodes("Drug")),
    )
    return data.without(pairs=np.array(pairs, np.int64).reshape(-1, 2), diseases=diseases)


def find_row(graph: Graph, node_type: str, text: str) -> int:
    """The row of the node with this identifier, in any spelling of :mod:`kg.identifiers`.

    Raises:
        UnknownNodeError: no node of the type has it.
    """
    for curie in spellings(text):
        found = graph.find(curie)
        if found is not None and found[0] == node_type:
            return found[1]
    raise UnknownNodeError(text)


def to_pairs(matrix: sp.csr_matrix) -> Pairs:
    """(n, 2) row and column of every entry, sorted."""
    entries = matrix.tocoo()
    pairs = np.stack([entries.row, entries.col], axis=1).astype(np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def from_pairs(pairs: Pairs, shape: tuple[int, int]) -> sp.csr_matrix:
    """The (n_drugs, n_diseases) float32 matrix with a one for each pair."""
    ones = np.ones(len(pairs), np.float32)
    return _of_ones(sp.csr_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=shape))


def remove_pairs(
    matrix: sp.csr_matrix,
    pairs: Pairs,
    columns: Iterable[int] = (),
    rows: Iterable[int] = (),
) -> sp.csr_matrix:
    """A copy of ``matrix`` without the entries at ``pairs``, in ``columns`` and in ``rows``."""
    n_columns = matrix.shape[1]
    have = to_pairs(matrix)
    hidden = np.isin(have @ [n_columns, 1], pairs @ [n_columns, 1])
    hidden |= np.isin(have[:, 1], np.fromiter(columns, np.int64))
    hidden |= np.isin(have[:, 0], np.fromiter(rows, np.int64))
    return from_pairs(have[~hidden], matrix.shape)


def digest(matrix: sp.csr_matrix | None) -> str:
    """A SHA-256 of the entries and the shape; ``"none"`` for None."""
    if matrix is None:
        return "none"
    content = hashlib.sha256(str(matrix.shape).encode())
    content.update(to_pairs(matrix).tobytes())
    return content.hexdigest()


def view_digest(view: TrainingData) -> str:
    """A SHA-256 of everything that a model can read from ``view``."""
    content = hashlib.sha256(json.dumps(dict(view.n_nodes), sort_keys=True).encode())
    parts = {"-".join(kind): matrix for kind, matrix in view.matrices.items()}
    for name, matrix in sorted(parts.items()):
        content.update(f"{name} {matrix.shape} {matrix.nnz}".encode())
        for array in (matrix.indptr, matrix.indices):
            content.update(np.asarray(array, np.int64).tobytes())
    content.update(f"histories {digest(view.histories)}".encode())
    return content.hexdigest()


def _of_ones(matrix: sp.csr_matrix) -> sp.csr_matrix:
    ones = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    ones.sum_duplicates()
    ones.eliminate_zeros()
    ones.data[:] = 1
    return ones


def _check_histories(histories: sp.csr_matrix | None, n_drugs: int) -> sp.csr_matrix | None:
    if histories is None:
        return None
    if histories.shape[1] != n_drugs:
        raise ModelError(
            f"the histories have {histories.shape[1]} drugs, the graph has {n_drugs}; "
            "their columns must be the graph's drug rows"
        )
    return _of_ones(histories)
