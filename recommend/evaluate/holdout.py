"""The report that every bundle carries: a fifth of the treated diseases as if nothing were known.

All *treats* and *palliates* edges of the test diseases are hidden from every model; then all drugs
are ranked for each of them, and what is recorded as *treats* counts as right. Averages are over
diseases. The trivial baselines and the regression on six metapaths stand beside the models: without
them no figure means anything. Test diseases are drawn one by one and may resemble diseases that
were trained on, which flatters; a protocol that groups them is stricter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.evaluate.metrics import auroc, average_precision, bootstrap_interval
from recommend.interactions import TrainingData
from recommend.models.base import Scores

SHARE = 0.2  # of the treated diseases are hidden
FLOOR = "six-metapath"  # the row to which the others are compared
LEAST = 5  # treated diseases that it takes


@dataclass(frozen=True)
class Row:
    """One model's figures over the test diseases; every interval is a 95 % bootstrap over diseases.

    Attributes:
        model: its name.
        ap: macro average precision over all drugs.
        ap_interval: its interval.
        ap_gain: mean difference to the six-metapath row, disease by disease.
        ap_gain_interval: the interval of that difference.
        auroc: macro area under the ROC curve.
        auroc_interval: its interval.
        ap_of_diseases: average precision of each test disease.
        auroc_of_diseases: area under the ROC curve of each test disease.
    """

    model: str
    ap: float
    ap_interval: tuple[float, float]
    ap_gain: float
    ap_gain_interval: tuple[float, float]
    auroc: float
    auroc_interval: tuple[float, float]
    ap_of_diseases: tuple[float, ...]
    auroc_of_diseases: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """The hold-out report.

    Attributes:
        diseases: rows of the test diseases.
        n_drugs: how many drugs were ranked for each.
        n_positives: how many of these pairs are recorded.
        seed: what the choice of the diseases was drawn with.
        rows: one a model.
        skipped: why there is no report, or empty.
    """

    diseases: tuple[int, ...]
    n_drugs: int
    n_positives: int
    seed: int
    rows: tuple[Row, ...]
    skipped: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def choose_diseases(training: TrainingData, seed: int) -> NDArray[np.int64]:
    """Rows of a fifth of the treated diseases, sorted; none where there are too few.

    A disease that every drug treats has no wrong answer and is not chosen.
    """
    n_right = np.bincount(training.positives[:, 1], minlength=training.shape[1])
    treated = np.flatnonzero((n_right > 0) & (n_right < training.shape[0]))
    if len(treated) < LEAST:
        return treated[:0]
    rng = np.random.default_rng([seed, len(treated)])
    return np.sort(rng.choice(treated, max(2, round(len(treated) * SHARE)), replace=False))


def evaluate_holdout(
    training: TrainingData,
    score: Callable[[TrainingData], Mapping[str, Scores]],
    *,
    seed: int,
) -> Evaluation:
    """Hide a fifth of the treated diseases, score without them, and say how well that went.

    Args:
        training: everything that may be learnt from; what is hidden from it stays hidden.
        score: fits all models on what it is given; name -> (n_drugs, n_diseases). Must have a
            ``"six-metapath"``.
        seed: draws the diseases and the bootstrap.
    """
    diseases = choose_diseases(training, seed)
    n_drugs = training.shape[0]
    if not len(diseases):
        reason = f"fewer than {LEAST} diseases have a recorded treatment"
        return Evaluation((), n_drugs, 0, seed, (), reason)
    right = training.treats.tocsc()[:, diseases].toarray() > 0
    ranked = score(training.without(diseases=diseases.tolist()))
    figures = {name: _of_diseases(scores[:, diseases], right) for name, scores in ranked.items()}
    rows = tuple(_row(name, figures, seed) for name in figures)
    return Evaluation(tuple(diseases.tolist()), n_drugs, int(right.sum()), seed, rows)


def to_rows(evaluation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The report as a table of texts, with its heading; what a bundle stores is read as it is.

    Args:
        evaluation: :meth:`Evaluation.to_json`, or that read back from JSON.
    """
    heading = ("model", "AP", "95 %", "AP - six", "95 %", "AUROC", "95 %")
    return [
        heading,
        *(
            (
                str(row["model"]),
                f"{row['ap']:.3f}",
                _interval(row["ap_interval"]),
                f"{row['ap_gain']:+.3f}",
                _interval(row["ap_gain_interval"]),
                f"{row['auroc']:.3f}",
                _interval(row["auroc_interval"]),
            )
            for row in evaluation["rows"]
        ),
    ]


def _of_diseases(
    scores: Scores, right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average precision and AUROC of each column."""
    columns = list(zip(scores.T, right.T, strict=True))
    precision = [average_precision(values, positives) for values, positives in columns]
    area = [auroc(values, positives) for values, positives in columns]
    return np.array(precision), np.array(area)


def _row(
    name: str,
    figures: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    seed: int,
) -> Row:
    precision, area = figures[name]
    gain = precision - figures[FLOOR][0]
    return Row(
        model=name,
        ap=float(precision.mean()),
        ap_interval=bootstrap_interval(precision, seed=seed),
        ap_gain=float(gain.mean()),
        ap_gain_interval=bootstrap_interval(gain, seed=seed),
        auroc=float(area.mean()),
        auroc_interval=bootstrap_interval(area, seed=seed),
        ap_of_diseases=tuple(precision.tolist()),
        auroc_of_diseases=tuple(area.tolist()),
    )


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"
