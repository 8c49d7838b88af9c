"""What the graph says of every drug-disease pair: degree-weighted path counts, all pairs at once.

A column is a metapath from Drug to Disease in short form, valued with its DWPC (:mod:`kg.paths`,
damping 0.4), or a degree. Columns are products of few blocks, each made once: how alike two drugs
are by what they bind, cause, regulate or belong to; how alike two diseases are; which genes join a
drug to a disease. Only blocks in which *treats*, *palliates* and *resembles* take part differ
between views, and these are small, so that a view costs a fraction of a second.

The columns are all metapaths of up to three steps, those of four that run through what two genes
share, and likeness on either side of a treatment, or on both, of up to five. Paths visit no node
twice. The one exception are columns of five steps with likeness on both sides: there a gene may be
on both.

Nothing but relations of :data:`EVIDENCE` is walked. What a drug must not be given for, or with, and
unlicensed uses are no evidence of what it treats.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.paths import DAMPING
from kg.schema import EdgeType, Metapath, Step, abbreviate, edge_spec
from recommend.interactions import (
    ALIKE_DISEASES,
    ALIKE_DRUGS,
    BROADER_DISEASES,
    PALLIATES,
    TREATS,
    Rows,
    TrainingData,
)

EVIDENCE = frozenset(
    [
        "associates", "binds", "causes", "covaries", "downregulates", "expresses", "includes",
        "interacts", "localizes", "palliates", "participates", "presents", "regulates",
        "resembles", "treats", "upregulates",
    ]
)  # fmt: skip
_NO_EVIDENCE = frozenset([EdgeType("Drug", "interacts", "Drug")])

# The relations along which likeness may also run through what two genes share.
_MAIN = ("binds", "associates")

_MOST_STEPS = 5  # longer ones cost half the time and made nothing better on validation folds

HIDEABLE = frozenset([TREATS, PALLIATES, ALIKE_DRUGS, ALIKE_DISEASES, BROADER_DISEASES])

Block = NDArray[np.float32]  # (n_drugs, n_drugs), (n_diseases, n_diseases) or (n_drugs, n_diseases)
Column = NDArray[np.float32]  # (n_drugs, n_diseases)


@dataclass(frozen=True, eq=False)
class _Part:
    """A block and the steps that it sums over."""

    steps: Metapath
    block: Block
    is_core: bool  # also taken on both sides of a treatment at once


@dataclass(frozen=True, eq=False)
class _Fixed:
    """The blocks that no hiding changes."""

    joined: tuple[_Part, ...]  # drug to disease
    drugs: tuple[_Part, ...]
    diseases: tuple[_Part, ...]
    degrees: tuple[tuple[Step, NDArray[np.float32]], ...]


def feature_names(view: TrainingData) -> tuple[str, ...]:
    """The columns' names, in order: metapaths in short form, then degrees.

    The same for every view of one graph, also where a view has lost the last edge of a type.
    """
    return tuple(name for name, _ in _columns(view, np.empty(0, np.int64)))


def feature_columns(view: TrainingData, diseases: Rows | None = None) -> list[Column]:
    """(n_drugs, n) float32 of each of :func:`feature_names`.

    Args:
        view: what the columns are of.
        diseases: (n,) rows of the diseases that are wanted; None for all.
    """
    wanted = np.arange(view.shape[1]) if diseases is None else np.asarray(diseases)
    return [values for _, values in _columns(view, wanted)]


def _columns(view: TrainingData, wanted: Rows) -> Iterator[tuple[str, Column]]:
    fixed = view.shared("metapath features", HIDEABLE, _fixed)
    drugs = (*fixed.drugs, *_resembling(view, ALIKE_DRUGS))
    diseases = (*fixed.diseases, *_resembling(view, ALIKE_DISEASES))
    for part in fixed.joined:
        yield abbreviate(part.steps), part.block[:, wanted]
    yield from _beside_likeness(view, fixed.joined, wanted)
    for edge_type in (TREATS, PALLIATES):
        yield from _around(view, Step(edge_type, True), drugs, diseases, wanted)
    yield from _alternating(view, wanted)
    for step, degree in (*fixed.degrees, *_hideable_degrees(view)):
        across = degree[:, None] if step.source == "Drug" else degree[None, wanted]
        shape = (view.shape[0], len(wanted))
        yield f"{step.edge_type} degree of {step.source}", np.broadcast_to(across, shape)


def _beside_likeness(
    view: TrainingData, joined: Sequence[_Part], wanted: Rows
) -> Iterator[tuple[str, Column]]:
    """A resembling drug or disease before or after two steps from drug to disease."""
    drugs, diseases = Step(ALIKE_DRUGS, True), Step(ALIKE_DISEASES, True)
    before, after = _weights(view, drugs), _weights(view, diseases)[:, wanted]
    for part in joined:
        if len(part.steps) == 2:
            yield abbreviate((drugs, *part.steps)), before @ part.block[:, wanted]
            yield abbreviate((*part.steps, diseases)), part.block @ after


def _around(
    view: TrainingData,
    use: Step,
    drugs: Sequence[_Part],
    diseases: Sequence[_Part],
    wanted: Rows,
) -> Iterator[tuple[str, Column]]:
    """Likeness of drugs before a use, likeness of diseases after it, and both."""
    weights = _weights(view, use)
    used = np.flatnonzero(np.diff(weights.indptr))
    few, everything = weights[used].toarray(), weights.toarray()
    alike = [part.block[:, used] @ few for part in drugs]
    for part, values in zip(drugs, alike, strict=True):
        yield abbreviate((*part.steps, use)), values[:, wanted]
    for part in diseases:
        yield abbreviate((use, *part.steps)), everything @ part.block[:, wanted]
    for (left, values), right in product(zip(drugs, alike, strict=True), diseases):
        steps = (*left.steps, use, *right.steps)
        if left.is_core and right.is_core and len(steps) <= _MOST_STEPS:
            yield abbreviate(steps), values @ right.block[:, wanted]


def _alternating(view: TrainingData, wanted: Rows) -> Iterator[tuple[str, Column]]:
    """Three uses in a row, ``CtDtCtD`` and its kin, with neither drug nor disease met twice."""
    forward = [Step(edge_type, True) for edge_type in (TREATS, PALLIATES)]
    weights = {step: _weights(view, step) for step in forward}
    for first, second, third in product(forward, repeat=3):
        alike = _off_diagonal(weights[first] @ weights[second].T)
        x, y, z = (weights[step][:, wanted].toarray() for step in (first, second, third))
        walks = alike @ z
        back = x * ((y * z).sum(axis=0) - y * z)  # the second disease is the first
        name = abbreviate((first, Step(second.edge_type, False), third))
        yield name, _clean(walks - back, walks)


def _fixed(view: TrainingData) -> _Fixed:
    """Everything that does not change between the views of one graph."""
    edge_types = [e for e in view.matrices if _is_evidence(e) and e not in HIDEABLE]
    steps = [Step(e, way) for e in edge_types for way in (True, False)]
    steps = [s for s in steps if s.forward or not _is_symmetric(s)]
    weights = {step: _weights(view, step) for step in steps}
    of_drugs = [s for s in steps if s.source == "Drug" and s.target not in ("Drug", "Disease")]
    of_diseases = [
        s for s in steps if s.source == "Disease" and s.target not in ("Drug", "Disease")
    ]
    onward = [s for s in steps if not {s.source, s.target} & {"Drug", "Disease"}]
    degrees = [(s, _degree(view, s)) for s in (*of_drugs, *of_diseases)]
    return _Fixed(
        tuple(_joined(of_drugs, of_diseases, onward, weights)),
        tuple(_alike(of_drugs, onward, weights)),
        tuple(_alike(of_diseases, onward, weights)),
        tuple(degrees),
    )


def _joined(
    of_drugs: Sequence[Step],
    of_diseases: Sequence[Step],
    onward: Sequence[Step],
    weights: Mapping[Step, sp.csr_matrix],
) -> Iterator[_Part]:
    """Drug to disease through one, two or three nodes of other types."""
    for first, last in product(of_drugs, of_diseases):
        back = _back(last)
        if first.target == last.target:
            yield _Part((first, back), _dense(weights[first] @ weights[last].T), False)
        for middle in onward:
            if (middle.source, middle.target) == (first.target, last.target):
                walks = weights[first] @ weights[middle] @ weights[last].T
                yield _Part((first, middle, back), _dense(walks), False)
            if first.target == last.target == middle.source != middle.target:
                walks, returning = _through(weights[first], weights[middle], weights[last])
                block = _clean(_dense(walks) - _dense(returning), _dense(walks))
                yield _Part((first, middle, _back(middle), back), block, False)


def _alike(
    profiles: Sequence[Step], onward: Sequence[Step], weights: Mapping[Step, sp.csr_matrix]
) -> Iterator[_Part]:
    """How alike two nodes are by what they lead to; nothing is like itself."""
    for one, other in product(profiles, repeat=2):
        if one.target == other.target:
            block = _off_diagonal(weights[one] @ weights[other].T)
            yield _Part((one, _back(other)), block, one == other)
    for profile, middle in product(profiles, onward):
        if profile.edge_type.relation not in _MAIN or middle.source != profile.target:
            continue
        if middle.source == middle.target:
            if _is_symmetric(middle):
                walks = weights[profile] @ weights[middle] @ weights[profile].T
                steps = (profile, middle, _back(profile))
                yield _Part(steps, _off_diagonal(walks), middle.edge_type.relation == "interacts")
        elif middle.target != "Anatomy":  # nearly every gene is expressed nearly everywhere
            walks, returning = _through(weights[profile], weights[middle], weights[profile])
            block = _clean(_off_diagonal(walks) - _off_diagonal(returning), _dense(walks))
            yield _Part((profile, middle, _back(middle), _back(profile)), block, True)


def _resembling(view: TrainingData, edge_type: EdgeType) -> Iterator[_Part]:
    """Recorded likeness, in one step and in two."""
    step = Step(edge_type, True)
    weights = _weights(view, step)
    yield _Part((step,), _dense(weights), True)
    yield _Part((step, step), _off_diagonal(weights @ weights), True)


def _through(
    first: sp.csr_matrix, middle: sp.csr_matrix, last: sp.csr_matrix
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """All walks first-middle-middle-last, and those of them that come back to the same node."""
    walks = (first @ middle) @ (last @ middle).T
    own = sp.diags_array(np.asarray(middle.multiply(middle).sum(axis=1)).ravel())
    return walks, first @ own @ last.T


def _weights(view: TrainingData, step: Step) -> sp.csr_matrix:
    """(n_sources, n_targets) what each edge of a step weighs; no node leads to itself."""
    matrix = view.matrix(step.edge_type)
    if not step.forward:
        matrix = sp.csr_matrix(matrix.T)
    rows, columns = (_power(np.asarray(matrix.sum(axis=axis)).ravel()) for axis in (1, 0))
    weights = sp.csr_matrix(sp.diags_array(rows) @ matrix @ sp.diags_array(columns))
    if step.source == step.target:
        weights = sp.csr_matrix(weights - sp.diags_array(weights.diagonal()))
        weights.eliminate_zeros()
    return weights.astype(np.float32)


def _power(degrees: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.where(degrees > 0, degrees**-DAMPING, 0).astype(np.float32)


def _hideable_degrees(view: TrainingData) -> list[tuple[Step, NDArray[np.float32]]]:
    ways = [(TREATS, True), (TREATS, False), (PALLIATES, True), (PALLIATES, False)]
    steps = [Step(*way) for way in (*ways, (ALIKE_DRUGS, True), (ALIKE_DISEASES, True))]
    return [(step, _degree(view, step)) for step in steps]


def _degree(view: TrainingData, step: Step) -> NDArray[np.float32]:
    matrix = view.matrix(step.edge_type)
    return np.asarray(matrix.sum(axis=1 if step.forward else 0)).ravel().astype(np.float32)


def _clean(values: Block, walks: Block) -> Block:
    """``values`` without what rounding left where all walks were taken off."""
    return np.where(values > 1e-5 * walks, values, 0).astype(np.float32)


def _off_diagonal(matrix: sp.csr_matrix) -> Block:
    block = _dense(matrix)
    np.fill_diagonal(block, 0)
    return block


def _dense(matrix: sp.csr_matrix) -> Block:
    return matrix.toarray().astype(np.float32)


def _back(step: Step) -> Step:
    return step if _is_symmetric(step) else Step(step.edge_type, not step.forward)


def _is_symmetric(step: Step) -> bool:
    return edge_spec(step.edge_type).symmetric


def _is_evidence(edge_type: EdgeType) -> bool:
    return edge_type.relation in EVIDENCE and edge_type not in _NO_EVIDENCE
