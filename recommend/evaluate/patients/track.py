"""The track ``patients``: which drugs does a patient newly start, asked at the start of encounters.

Every row ranks all drugs that anybody of the cohort was ever given; none is sampled. It is learnt
from other patients, and, in the second table, from what was on record before a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import AGES, SEXES, Cohort, Examples, Rows, examples
from recommend.cohorts.collaborative import RELEASED_SHARE, Collaborative
from recommend.cohorts.combination import BANDS, GraphPart, band_of, graph_features
from recommend.errors import ModelError
from recommend.evaluate.patients import rows
from recommend.evaluate.patients.figures import (
    DEPTH,
    Mask,
    Scores,
    figures,
    interacting,
    rank,
    shares,
)
from recommend.evaluate.patients.leakage import check_leakage
from recommend.evaluate.patients.splits import LATEST, Split, latest, patient_folds
from recommend.evaluate.samples import PooledPrecision, Ratio, Sample, mean_of
from recommend.evaluate.table import Table, TrackReport, make_table
from recommend.models.base import Progress
from recommend.models.prescribing import situations

NAME = "patients"
FOLDS = 5
MODEL, RELEASED = "model", "model-for-release"
PATIENTS, GRAPH = "patients-alone", "graph-alone"
HISTORIES = ("als", "bpr", "item-item")
BASELINES = (rows.POPULARITY, rows.REPEAT, rows.COUNTS, rows.FLOOR)
PRESCRIBED = "prescribed"
PRIMARY = f"NDCG@{DEPTH}"
SYNTHETIC = (
    "Evaluation: recovery of the modules of a synthetic-patient generator, not clinical quality"
)
REAL = "Evaluation: which drugs patients newly start; what is prescribed, not what is right"
_POWER = 2.8  # standard errors: found with a chance of 80 %, two-sided 5 %


@dataclass(frozen=True)
class PatientOptions:
    """What the track is asked for.

    Attributes:
        folds: of patients.
        seed: of the folds, of what models draw, and of the bootstrap.
        progress: called with what is being done, steps done, steps in all.
    """

    folds: int = FOLDS
    seed: int = 0
    progress: Progress | None = None


def run(
    cohort: Cohort, graph: GraphPart, interacts: Mask, options: PatientOptions | None = None
) -> TrackReport:
    """See the module.

    Args:
        cohort: the patients.
        graph: what the graph says of the same drugs and diseases; knows no patient.
        interacts: (n_drugs, n_drugs) symmetric: pairs that are contraindicated or major.
        options: None for the usual.

    Raises:
        ModelError: too few patients, none who starts a drug, or the extra ``train`` is not there.
    """
    options = options or PatientOptions()
    asked = examples(cohort)
    if not len(asked):
        raise ModelError("no patient of the cohort newly starts a drug that the graph knows")
    drugs = cohort.vocabulary
    score = _Scoring(graph, drugs, options)
    by_fold = {name: np.zeros((len(asked), len(drugs))) for name in score.names}
    splits = list(patient_folds(cohort, asked, folds=options.folds, seed=options.seed))
    for number, split in enumerate(splits):
        score.report(number, len(splits) + 1)
        for name, values in score(cohort, asked, split).items():
            by_fold[name][split.asked] = values
    cut = latest(cohort, asked)
    score.report(len(splits), len(splits) + 1)
    later = score(cohort, asked, cut)
    score.report(len(splits) + 1, len(splits) + 1)
    main = _Judge(asked, drugs, interacts, options.seed)
    then = _Judge(asked.of(cut.asked), drugs, interacts, options.seed)
    first = main.table("newly started drugs, by what was learnt from other patients", by_fold)
    strata, detectable = main.strata(by_fold)
    return TrackReport(
        track=NAME,
        settings={
            "cohort": cohort.name,
            "patients": cohort.n_patients,
            "patients who start a drug": len(np.unique(asked.patient)),
            "encounters": len(asked),
            "drugs ranked": len(drugs),
            "folds": options.folds,
            f"share of the patients in {RELEASED}": RELEASED_SHARE,
            "latest encounters": f"{LATEST:.0%}, {len(cut.asked):,}",
            "primary end point": f"{PRIMARY} of {MODEL} minus that of {rows.FLOOR}",
            "seed": options.seed,
        },
        tables=(
            first,
            then.table("newly started drugs, by what was on record before a day", later),
            main.interactions(by_fold),
            strata,
        ),
        leaks=tuple(check_leakage(cohort, asked)),
        notes=(_primary(first), *_notes(cohort, drugs), *detectable),
        title=SYNTHETIC if cohort.is_synthetic else REAL,
    )


class _Scoring:
    """Fits all rows on what a split may learn from, and scores what it asks."""

    def __init__(self, graph: GraphPart, drugs: Rows, options: PatientOptions) -> None:
        self._graph, self._drugs, self._options = graph, drugs, options
        self._rows: Mapping[str, rows.Fit] = {
            rows.POPULARITY: rows.popularity,
            rows.REPEAT: rows.repeat_last,
            rows.COUNTS: rows.condition_counts,
            rows.FLOOR: rows.recent_condition_counts,
            **{name: rows.history_model(name) for name in HISTORIES},
        }
        self.names = (*self._rows, GRAPH, PATIENTS, RELEASED, MODEL)

    def report(self, done: int, total: int) -> None:
        """Tell how far it is."""
        if self._options.progress:
            self._options.progress(f"{NAME}: splits", done, total)

    def __call__(self, cohort: Cohort, asked: Examples, split: Split) -> dict[str, Scores]:
        known, here = examples(split.known), asked.of(split.asked)
        result = {
            name: fit(split.known, known, self._drugs, self._options.seed)(here)
            for name, fit in self._rows.items()
        }
        seed = self._options.seed
        model = Collaborative.fit(split.known, self._graph, seed=seed)
        released = Collaborative.fit(split.known, self._graph, seed=seed, share=RELEASED_SHARE)
        seen = situations(cohort, here, model.words)
        _, best, recent, current = graph_features(self._graph, seen)
        in_order = 200 * recent + 100 * current + best  # recorded uses first, as they are shown
        for name, values in (
            (GRAPH, in_order),
            (PATIENTS, model.patients_score(seen)),
            (RELEASED, released.score(situations(cohort, here, released.words), self._graph)),
            (MODEL, model.score(seen, self._graph)),
        ):
            result[name] = values[:, self._drugs].astype(np.float64)
        return result


class _Judge:
    """Judges rankings of the same encounters."""

    def __init__(self, asked: Examples, drugs: Rows, interacts: Mask, seed: int) -> None:
        self._asked, self._seed = asked, seed
        self._started = asked.started[:, drugs].toarray() > 0
        self._had = asked.taken[:, drugs].toarray() > 0
        self._lately = asked.lately[:, drugs].toarray() > 0
        self._interacts = interacts[np.ix_(drugs, drugs)]
        self._patient = dict(enumerate(asked.patient.tolist()))

    def table(self, title: str, scores: Mapping[str, Scores]) -> Table:
        """All figures of all rows."""
        return self._table(title, {name: self._samples(values) for name, values in scores.items()})

    def interactions(self, scores: Mapping[str, Scores]) -> Table:
        """How often what is suggested interacts with what is taken, beside what was prescribed."""
        n_started = self._started.sum(axis=1)
        real = np.where(self._started, 0.0, -np.inf)
        samples = {}
        for name, values in {PRESCRIBED: real, **scores}.items():
            if name == rows.REPEAT:
                continue  # suggests nothing that could be started
            ranked = rank(values, self._started, self._had)
            n = interacting(ranked, self._lately, self._interacts, depth=n_started)
            ratio = Ratio(n.astype(np.float64), n_started.astype(np.float64))
            samples[name] = {"interacting": ratio}
        title = (
            "drugs that interact (contraindicated or major) with one of the last year or with each "
            "other; as many drugs of each list as were started"
        )
        return self._table(title, samples, floor=PRESCRIBED, baselines=(PRESCRIBED,))

    def strata(self, scores: Mapping[str, Scores]) -> tuple[Table, list[str]]:
        """The primary figure in parts of the encounters, and what each part could have shown."""
        parts = {name: where for name, where in _strata(self._asked) if where.any()}
        samples: dict[str, dict[str, Sample]] = {}
        for name in (*BASELINES, RELEASED, MODEL):
            own = figures(rank(scores[name], self._started, self._had))[PRIMARY]
            samples[name] = {
                part: mean_of(np.where(where, own, np.nan)) for part, where in parts.items()
            }
        table = self._table(f"{PRIMARY} in parts of the encounters (descriptive)", samples)
        sentences = []
        for part, where in parts.items():
            gain = table.row(MODEL).figures[part]
            error = (gain.gain_high - gain.gain_low) / (2 * 1.96)
            sentences.append(
                f"{part}: {int(where.sum()):,} encounters; a difference to {rows.FLOOR} of "
                f"{_POWER * error:.3f} would have been found with a chance of 80 %."
            )
        return table, sentences

    def _samples(self, scores: Scores) -> dict[str, Sample]:
        per_unit = figures(rank(scores, self._started, self._had))
        samples: dict[str, Sample] = {name: mean_of(values) for name, values in per_unit.items()}
        open_ = ~self._had
        listed = np.where(np.isfinite(scores), scores, -1e3)
        unit = np.broadcast_to(np.arange(len(scores))[:, None], scores.shape)
        samples["PR-AUC"] = PooledPrecision(
            shares(listed, self._had)[open_], self._started[open_], unit[open_], len(scores)
        )
        return samples

    def _table(
        self,
        title: str,
        samples: Mapping[str, Mapping[str, Sample]],
        *,
        floor: str = rows.FLOOR,
        baselines: tuple[str, ...] = BASELINES,
    ) -> Table:
        return make_table(
            title,
            samples,
            units=list(self._patient),
            seed=self._seed,
            clusters=self._patient,
            floor=floor,
            baselines=baselines,
        )


def _strata(asked: Examples) -> list[tuple[str, NDArray[np.bool_]]]:
    """Parts of the encounters: by length of the history, sex and age."""
    band = band_of(np.diff(asked.taken.indptr).astype(np.int64))
    edges = [0, *BANDS]
    histories = [
        f"{low} drugs before" if high == low + 1 else f"{low} to {high - 1} drugs before"
        for low, high in zip(edges, BANDS, strict=False)
    ] + [f"{BANDS[-1]} or more drugs before"]
    n_bands = len(AGES) + 2
    sex, age = asked.group // n_bands, asked.age
    return [
        *((name, band == i) for i, name in enumerate(histories)),
        *((name, sex == i) for i, name in enumerate(SEXES)),
        ("under 18 years", age < 18),
        ("18 to 64 years", (age >= 18) & (age < 65)),
        ("65 years and older", age >= 65),
    ]


def _primary(table: Table) -> str:
    gains = {name: table.row(name).figures[PRIMARY] for name in (MODEL, RELEASED)}
    said = {
        name: f"{gain.gain:+.3f} (95 % {gain.gain_low:+.3f} to {gain.gain_high:+.3f})"
        for name, gain in gains.items()
    }
    return (
        f"Primary end point: {PRIMARY} of {MODEL} minus that of {rows.FLOOR}, by bootstrap over "
        f"patients: {said[MODEL]}. {RELEASED}, which learns from a secret {RELEASED_SHARE:.0%} of "
        f"the patients so that nobody can tell who they were, pays for that: {said[RELEASED]}. All "
        "other comparisons are descriptive."
    )


def _notes(cohort: Cohort, drugs: Rows) -> tuple[str, ...]:
    made_up = (
        "The patients are made up by a program: what is measured is how well its modules are "
        "recovered. It says nothing of how good a suggestion is for anybody."
    )
    real = "What was prescribed counts as right, whether or not it was good for the patient."
    return (
        made_up if cohort.is_synthetic else real,
        (
            "The moment of prediction is the day on which an encounter starts: the earliest day of "
            "anything that is recorded in it. Visible are conditions on record by then, that day's "
            "included, and drugs ordered before; the reason of an order is never read."
        ),
        (
            "The inputs of the model and the size of its groups were chosen while looking at the "
            "same synthetic patients; penalties and weights were learnt inside each split."
        ),
        (
            "Newly started is a drug that the patient was never given before. Drugs given before "
            f"are not ranked by any row; so {rows.REPEAT} finds nothing by construction."
        ),
        (
            f"Ranked are all {len(drugs)} drugs that anybody of the cohort was ever given, none is "
            "sampled. Intervals are by bootstrap over patients, not over diseases."
        ),
        (
            "The table of interactions counts as many drugs of each list as were started. Nothing "
            "is vetoed there: a rate of zero that is forced says nothing."
        ),
    )
