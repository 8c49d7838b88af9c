"""What gives a hidden answer away: probes that look for the known ways.

A probe looks at what models are given (the view) beside what was hidden from it. It cannot prove
that nothing leaks, only that none of the known ways is open: the hidden edge itself, backwards or
under another relation; a disease that is the hidden one under another name; a class made of the
drugs of the hidden disease. Features are probed in :mod:`recommend.evaluate.own_edge`.

Where knowledge and leak look alike, a finding needs both chance excluded (the hypergeometric chance
of so many drugs in common) and near equality (a Jaccard index), for chance alone is no measure: all
six sulfonylureas are drugs of diabetes, which is pharmacology; a class that has nearly all drugs of
diabetes and nearly no others is the indication under another name. What is already suspect, because
an edge or a name ties it to the disease, needs less equality.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.schema import EdgeType, edge_spec
from recommend.interactions import PALLIATES, TREATS, Pairs, TrainingData, from_pairs, to_pairs

Kind = Literal[
    "hidden-edge",  # a treats edge of what was to be hidden
    "inverse-edge",  # a relation from disease to drug that lists hidden pairs
    "second-relation",  # another relation from drug to disease (palliates) that lists hidden pairs
    "synonym",  # a visible disease linked to a hidden one, with nearly its drugs
    "class",  # a node of another type with nearly the drugs of a hidden disease, or with its name
    "own-edge",  # a feature of a pair that changes with the pair's own edge
    "marked-positive",  # a feature that parts all positives from all others
]

# Jaccard indices. Half: what is common is as much as what is not. A class needs more: on Hetionet
# the rare harms of glucocorticoids reach 0.7 of several rheumatic diseases.
NEARLY = 0.5
NEARLY_CLASS = 0.8
CHANCE = 1e-6  # so that of some 100,000 nodes x diseases none is expected below it
# Only a few hundred nodes spell a disease, so the bound for these may be higher.
CHANCE_NAMED = 1e-4
LEAST = 3  # drugs in common: two may be alike by their mechanism
DENSE = 10  # times as many hidden pairs in a relation as chance puts there
# A protein that nearly all drugs of a disease bind is why they work, no record that they do.
MECHANISM = frozenset({"Gene"})
# Words that tell no disease from another.
PLAIN = frozenset(
    ["acute", "chronic", "disease", "disorder", "essential", "malignant", "mellitus", "primary",
     "syndrome", "type"]
)  # fmt: skip
# Both say that a drug helps, and so do they read backwards ("treated by").
MUST_BE_HIDDEN = frozenset(
    read
    for edge_type in (TREATS, PALLIATES)
    for read in (
        edge_type,
        EdgeType("Disease", edge_spec(edge_type).inverse.replace(" ", "_"), "Drug"),
    )
)

Rows = NDArray[np.int64]
Numbers = int | NDArray[np.integer]
Drugs = sp.csc_matrix  # (n_drugs, n) ones: the drugs of each of n nodes


class Leak(NamedTuple):
    """One finding.

    Attributes:
        kind: which of the known ways.
        what: the edge type, node or feature, in words, and the hidden disease that it tells of.
        evidence: the numbers that made it a finding.
    """

    kind: Kind
    what: str
    evidence: str


def find_leaks(
    view: TrainingData,
    hidden: Pairs,
    *,
    diseases: Iterable[int] = (),
    drugs: Iterable[int] = (),
    names: Mapping[str, Sequence[str]] | None = None,
) -> list[Leak]:
    """The known ways in which ``view`` gives ``hidden`` away; empty where none is open.

    Args:
        view: what models see.
        hidden: (n, 2) the pairs that they should predict: recorded, and not to be seen.
        diseases: rows of the diseases of which all treats and palliates edges were to be hidden.
        drugs: rows of such drugs.
        names: node type -> the name of each of its rows; without them nodes are told by type and
            row, and nothing is found by name.
    """
    hidden = np.unique(np.asarray(hidden, np.int64).reshape(-1, 2), axis=0)
    asked = from_pairs(hidden, view.shape).tocsc()
    right = asked.maximum(view.treats.tocsc())  # all that help in a disease
    targets = np.unique(hidden[:, 1])
    words = _Names(names or {})
    return [
        *_relations(view, hidden, diseases, drugs),
        *_synonyms(view, right, asked, targets, words),
        *_classes(view, right, asked, targets, words),
    ]


class _Names:
    """What nodes are called, and whether one's name spells another's."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._names = names

    def of(self, node_type: str, row: int) -> str:
        """Type and name; type and row where there are no names."""
        if node_type in self._names:
            return f"{node_type} {self._names[node_type][row]!r}"
        return f"{node_type} {row}"

    def words(self, node_type: str, row: int) -> frozenset[str]:
        """The words of a name, in lower case; British spellings as American ones."""
        name = self._names[node_type][row] if node_type in self._names else ""
        folded = name.casefold().replace("ae", "e").replace("oe", "e")
        return frozenset(re.findall(r"[^\W_]+", folded))

    def are_one(self, disease: int, other: int) -> bool:
        """Whether two diseases have the same words in their names, in any order."""
        words = self.words("Disease", disease)
        return bool(words) and words == self.words("Disease", other)

    def spells(self, node_type: str, row: int, disease: int) -> bool:
        """Whether the node's name has the stem of every telling word of the disease's name."""
        telling = [w for w in self.words("Disease", disease) - PLAIN if len(w) > 3]
        text = " ".join(self.words(node_type, row))
        return bool(telling) and all(w[: max(6, len(w) - 3)] in text for w in telling)


def _relations(
    view: TrainingData, hidden: Pairs, diseases: Iterable[int], drugs: Iterable[int]
) -> Iterator[Leak]:
    """Edges between drugs and diseases, either way, that list what is hidden."""
    diseases, drugs = list(diseases), list(drugs)
    for edge_type, matrix in view.matrices.items():
        if {edge_type.head, edge_type.tail} != {"Drug", "Disease"}:
            continue
        inverse = edge_type.head == "Disease"
        kind: Kind = "hidden-edge" if edge_type == TREATS else "second-relation"
        if inverse:
            kind = "inverse-edge"
        listed = to_pairs(matrix)[:, ::-1] if inverse else to_pairs(matrix)
        if edge_type in MUST_BE_HIDDEN:
            left = is_in(listed, hidden, view.shape)
            left |= np.isin(listed[:, 1], diseases) | np.isin(listed[:, 0], drugs)
            evidence = f"{left.sum()} edges of what was to be hidden are there" * bool(left.any())
        else:
            evidence = _lists(listed, view, hidden)
        if evidence:
            yield Leak(kind, str(edge_type), evidence)


def _lists(listed: Pairs, view: TrainingData, hidden: Pairs) -> str:
    """How ``listed`` gives ``hidden`` away; empty if it does not.

    Compared are the pairs of the hidden diseases that are not visibly recorded.
    """
    targets = np.unique(hidden[:, 1])
    visible = to_pairs(view.treats)
    n_open = view.shape[0] * len(targets) - np.isin(visible[:, 1], targets).sum()
    listed = listed[np.isin(listed[:, 1], targets) & ~is_in(listed, visible, view.shape)]
    shared = int(is_in(listed, hidden, view.shape).sum())
    if not shared:
        return ""
    chance = _chance(shared, n_open, len(hidden), len(listed))
    precision, recall = shared / len(listed), shared / len(hidden)
    dense = precision >= DENSE * len(hidden) / n_open
    if chance >= CHANCE or not (precision >= NEARLY or (recall >= NEARLY and dense)):
        return ""
    return (
        f"{shared} of its {len(listed)} pairs of these diseases are among the {len(hidden)} "
        f"hidden ones (chance {chance:.0e})"
    )


def _synonyms(
    view: TrainingData, right: Drugs, asked: Drugs, targets: Rows, names: _Names
) -> Iterator[Leak]:
    """Visible diseases that an edge, their company or their name makes one with a hidden one."""
    resembling = {
        str(edge_type): (matrix + matrix.T).tocsr()
        for edge_type, matrix in view.matrices.items()
        if edge_type.head == edge_type.tail == "Disease"
    }
    company = _company(view)
    for relation in (TREATS, PALLIATES):
        sets = view.matrix(relation).tocsc()
        for found in _overlaps(sets, right, asked, targets):
            other, disease = found.node, found.disease
            if other == disease or found.jaccard < NEARLY or found.chance >= CHANCE:
                continue
            links = [name for name, matrix in resembling.items() if matrix[other, disease]]
            if (nearness := _jaccard(company, other, disease)) >= NEARLY:
                links.append(f"neighbours in common (Jaccard {nearness:.2f})")
            if names.are_one(other, disease):
                links.append("the same words in its name")
            if links:
                what = f"{names.of('Disease', other)} for {names.of('Disease', disease)}"
                yield Leak("synonym", what, f"{', '.join(links)}; {found.words(relation)}")


def _classes(
    view: TrainingData, right: Drugs, asked: Drugs, targets: Rows, names: _Names
) -> Iterator[Leak]:
    """Nodes of other types that are a hidden disease's drugs, by what they hold or by name."""
    for edge_type, matrix in view.matrices.items():
        ends = {edge_type.head, edge_type.tail}
        if "Drug" not in ends or ends <= {"Drug", "Disease"}:
            continue
        (node_type,) = ends - {"Drug"}
        sets = matrix.tocsc() if edge_type.head == "Drug" else matrix.T.tocsc()
        for found in _overlaps(sets, right, asked, targets):
            same = found.jaccard >= NEARLY_CLASS and found.shared >= LEAST
            same &= found.chance < CHANCE and node_type not in MECHANISM
            named = found.chance < CHANCE_NAMED and names.spells(
                node_type, found.node, found.disease
            )
            if same or named:
                what = f"{names.of(node_type, found.node)} for "
                what += names.of("Disease", found.disease)
                evidence = "its name spells the disease; " * named + found.words(edge_type)
                yield Leak("class", what, evidence)


class _Overlap(NamedTuple):
    """A node and a hidden disease that have drugs in common, a hidden one among them."""

    node: int
    disease: int
    shared: int
    n_node: int  # drugs of the node
    n_disease: int  # drugs of the disease, hidden and visible
    jaccard: float
    chance: float  # of as many in common, by hypergeometric distribution

    def words(self, relation: EdgeType) -> str:
        return (
            f"{self.shared} of its {self.n_node} drugs by {relation} are among the "
            f"{self.n_disease} of the disease (chance {self.chance:.0e})"
        )


def _overlaps(sets: Drugs, right: Drugs, asked: Drugs, targets: Rows) -> Iterator[_Overlap]:
    """Each column of ``sets`` beside each target, where two or more drugs are in common."""
    both = (sets.T @ right[:, targets]).tocoo()
    told = (sets.T @ asked[:, targets]).tocsr()
    n_node, n_disease = np.diff(sets.indptr)[both.row], np.diff(right.indptr)[targets][both.col]
    chances = _chance(both.data.astype(np.int64), sets.shape[0], n_disease, n_node)
    jaccard = both.data / (n_node + n_disease - both.data)
    for i in np.flatnonzero((both.data >= 2) & (chances < CHANCE_NAMED)):
        node, target = int(both.row[i]), int(both.col[i])
        if told[node, target]:
            yield _Overlap(
                node,
                int(targets[target]),
                int(both.data[i]),
                int(n_node[i]),
                int(n_disease[i]),
                float(jaccard[i]),
                float(chances[i]),
            )


def _company(view: TrainingData) -> sp.csr_matrix:
    """(n_diseases, n) all that each disease is joined to, but for drugs and other diseases."""
    parts = [from_pairs(np.empty((0, 2), np.int64), (view.shape[1], 0))]
    for edge_type, matrix in view.matrices.items():
        ends = {edge_type.head, edge_type.tail}
        if "Disease" in ends and not ends <= {"Drug", "Disease"}:
            parts.append(matrix if edge_type.head == "Disease" else matrix.T.tocsr())
    return sp.csr_matrix(sp.hstack(parts))


def _jaccard(sets: sp.csr_matrix, first: int, second: int) -> float:
    """Of two rows; 0 where either is empty."""
    a, b = sets[[first]].indices, sets[[second]].indices
    shared = len(np.intersect1d(a, b))
    return shared / max(1, len(a) + len(b) - shared)


def _chance(
    shared: Numbers, n_all: Numbers, n_first: Numbers, n_second: Numbers
) -> NDArray[np.float64]:
    """That two random sets have at least so many members in common."""
    from scipy.stats import hypergeom

    return np.asarray(hypergeom.sf(shared - 1, n_all, n_first, n_second), np.float64)


def is_in(pairs: Pairs, others: Pairs, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(n,) which of ``pairs`` are among ``others``; ``shape`` is that of their matrix."""
    return np.isin(pairs @ [shape[1], 1], others @ [shape[1], 1])
