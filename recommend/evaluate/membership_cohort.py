"""What a bundle holds of a cohort, under the attack of :mod:`~recommend.evaluate.membership`.

The attacker is given more than a bundle's user has: each patient's whole record, dates included, as
the training read it. What is published is looked at part by part: the regression on the situation,
the drugs' factors, the counts, and their sum with the learnt weights.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import Cohort, Examples, examples
from recommend.cohorts.collaborative import Collaborative
from recommend.evaluate.membership import (
    Membership,
    Release,
    Statistics,
    infer_membership,
    read_factors,
)
from recommend.models.prescribing import situations


def attack_cohort(
    make: Callable[[Cohort], Collaborative],
    cohort: Cohort,
    *,
    imitate: Callable[[Cohort], Collaborative] | None = None,
    **options: Any,
) -> Membership:
    """Attack what ``make`` learns from the patients of ``cohort`` that are in.

    Args:
        make: such as :meth:`Collaborative.fit` with the graph's part and the settings of the real
            training, the published seed included.
        cohort: everyone.
        imitate: for a ``make`` that learns from a part of its patients: one that learns from all.
            Give ``imitate_share`` with it, the share of all patients that the part is.
        **options: of :func:`~recommend.evaluate.membership.infer_membership`.

    Raises:
        ModelError: see there; or ``make`` cannot learn from a share of the patients.
    """
    asked = examples(cohort)

    def released(by: Callable[[Cohort], Collaborative]) -> Release:
        return lambda members: by(cohort.of(np.flatnonzero(members))).save()

    def read(arrays: Mapping[str, NDArray[Any]]) -> Statistics:
        return read_collaborative(Collaborative.load(arrays), cohort, asked)

    return infer_membership(
        released(make),
        read,
        cohort.n_patients,
        imitate=released(imitate) if imitate else None,
        **options,
    )


def read_collaborative(model: Collaborative, cohort: Cohort, asked: Examples) -> Statistics:
    """What a bundle's part of a cohort says of each patient, in or not.

    Args:
        model: as loaded from a bundle.
        cohort: all patients of whom it is asked.
        asked: the examples of that cohort.

    Returns:
        (n_patients, 6): the three of :func:`~recommend.evaluate.membership.read_factors`; the mean
        log share that the regression, and that all parts but the graph, give to a drug that the
        patient started; the mean count of the patient's conditions with the patient's drugs.
    """
    factors = {
        "item_factors": model.factors,
        "regularization": np.array([model.regularization]),
        "alpha": np.array([model.alpha]),
    }
    seen = situations(cohort, asked, model.words)
    started, taken = (matrix.toarray() > 0 for matrix in (asked.started, asked.taken))
    shares = [
        _per_patient(_log_shares(scores, started, taken), asked.patient, cohort.n_patients)
        for scores in (model.prescribing.score(seen), model.patients_score(seen))
    ]
    return np.column_stack(
        [read_factors(factors, cohort.histories()), *shares, _counted(model, cohort)]
    )


def _log_shares(
    scores: NDArray[np.float32], started: NDArray[np.bool_], taken: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n,) the mean over the started drugs of the log of their softmax among those not taken."""
    open_scores = np.where(taken, -np.inf, scores.astype(np.float64))
    top = open_scores.max(axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.exp(open_scores - top).sum(axis=1))
    own = np.where(started, scores, 0).sum(axis=1, dtype=np.float64) / started.sum(axis=1)
    return np.asarray(own - total, np.float64)


def _per_patient(
    values: NDArray[np.float64], patient: NDArray[np.int64], n_patients: int
) -> NDArray[np.float64]:
    """(n_patients,) the mean of the values of each patient; 0 for one without any."""
    number = np.bincount(patient, minlength=n_patients)
    total = np.bincount(patient, values, minlength=n_patients)
    return np.asarray(total / np.maximum(number, 1), np.float64)


def _counted(model: Collaborative, cohort: Cohort) -> NDArray[np.float64]:
    """(n_patients,) the mean published count over each patient's pairs of condition and drug."""
    rows: dict[int, list[int]] = {}
    for code, row in cohort.code_rows.tolist():
        rows.setdefault(code, []).append(row)
    conditions: list[set[int]] = [set() for _ in range(cohort.n_patients)]
    for patient, code in zip(
        cohort.condition_patient.tolist(), cohort.condition_code.tolist(), strict=True
    ):
        conditions[patient].update(rows.get(code, ()))
    drugs: list[set[int]] = [set() for _ in range(cohort.n_patients)]
    for patient, drug in zip(
        cohort.order_patient.tolist(), cohort.order_drug.tolist(), strict=True
    ):
        drugs[patient].add(drug)
    known: dict[tuple[int, int], int] = {}
    result = np.zeros(cohort.n_patients)
    for patient, (own, given) in enumerate(zip(conditions, drugs, strict=True)):
        pairs = [(condition, drug) for condition in own for drug in given]
        for pair in pairs:
            if pair not in known:
                found = model.similar(*pair)
                known[pair] = found.received if found else 0
        result[patient] = np.mean([known[pair] for pair in pairs]) if pairs else 0.0
    return result
