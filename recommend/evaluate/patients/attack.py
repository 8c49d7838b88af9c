"""Whether what is learnt of a cohort gives away who was in it: the attack of ``membership``.

The attacker reads a bundle's part for each patient by five numbers: how likely it makes what the
patient started, how well the item factors fit the history (three numbers of
:func:`recommend.evaluate.membership.read_factors`), and how large the counts are in which the
patient would be counted.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import Cohort, Examples, examples
from recommend.cohorts.collaborative import Collaborative
from recommend.cohorts.combination import GraphPart
from recommend.cohorts.counts import ALL, patients_of
from recommend.evaluate.membership import Membership, infer_membership, read_factors
from recommend.models.prescribing import situations

_LEAST_SHARE = 1e-5  # what has no weight at all is not infinitely unlikely


def attack(
    cohort: Cohort, graph: GraphPart, *, share: float, seed: int = 0, **options: Any
) -> Membership:
    """Attack what is learnt of random parts of ``cohort``.

    Args:
        cohort: the patients; those who never got a drug are left out: nothing is learnt of them.
        graph: of the same graph; the attacker has it.
        share: of the patients that a bundle learns from; see :meth:`Collaborative.fit`.
        seed: of the fits, known to the attacker.
        **options: of :func:`infer_membership`.

    Raises:
        ModelError: too few patients or shadows.
    """
    cohort = cohort.of(np.unique(cohort.order_patient))
    asked = examples(cohort)

    def release(members: NDArray[np.bool_]) -> Mapping[str, NDArray[Any]]:
        part = cohort.of(np.flatnonzero(members))
        return Collaborative.fit(part, graph, seed=seed, share=share).save()

    def read(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        return read_bundle(arrays, cohort, asked, graph)

    return infer_membership(release, read, cohort.n_patients, seed=seed, **options)


def read_bundle(
    arrays: Mapping[str, NDArray[Any]], cohort: Cohort, asked: Examples, graph: GraphPart
) -> NDArray[np.float64]:
    """(n_patients, 5) what the arrays of a :class:`Collaborative` say of each patient."""
    model = Collaborative.load(arrays)
    scores = model.score(situations(cohort, asked, model.words), graph).astype(np.float64)
    scores = scores[:, cohort.vocabulary]
    scores[asked.taken[:, cohort.vocabulary].toarray() > 0] = -np.inf
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = np.maximum(odds / odds.sum(axis=1, keepdims=True), _LEAST_SHARE)
    started = asked.started[:, cohort.vocabulary].toarray()
    loss = -(np.log(shares) * started).sum(axis=1) / started.sum(axis=1)
    n = cohort.n_patients
    of_patient = np.bincount(asked.patient, loss, n) / np.maximum(
        np.bincount(asked.patient, minlength=n), 1
    )
    factors = {
        "item_factors": model.factors,
        "regularization": np.array([model.regularization]),
        "alpha": np.array([model.alpha]),
    }
    return np.column_stack(
        [of_patient, read_factors(factors, cohort.histories()), _counted(model, cohort)]
    )


def _counted(model: Collaborative, cohort: Cohort) -> NDArray[np.float64]:
    """(n_patients,) the sum of the counts in which each patient would be."""
    told = {(d, x): n for d, x, group, n in model.counts.cells.tolist() if group == ALL}
    result = np.zeros(cohort.n_patients)
    for patient, disease, drug, _ in patients_of(cohort).tolist():
        result[patient] += told.get((disease, drug), 0)
    return result
