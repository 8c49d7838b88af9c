"""The combination of the members, learnt on pairs that they did not see, and calibrated.

Some views of the training data are made, each without a quarter of the diseases and a tenth of the
other pairs. Every member is fitted on each view and scores what it hides. So every treated disease
is scored once as one of which nothing is known, and many pairs once as a missing record. The
members' weights are those under which the hidden treatments rank best within their diseases: one
weighting for diseases of which nothing is known, one for the others. (A logistic regression on the
same scores was tried: it weighs what tells easy pairs apart, and ranked worse than its best
member.) Then the combination is calibrated, and the members are fitted once more, on everything.

The result is a probability with a plain meaning: of pairs with such a score, the share that would
be recorded as *treats* if each record in turn were the one that is missing. It is no chance that a
drug helps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.folds import disease_folds
from recommend.interactions import ALIKE_DISEASES, TrainingData, to_pairs
from recommend.models.base import Progress, ScoredModel, Scores, check_scores

if TYPE_CHECKING:  # it loads what only fitting needs
    from recommend.models.calibration import Calibrator, Kind

# The gnn was a candidate: with it, macro AP in strict zero-shot was .236 instead of .237. Embedding
# and factors rank far worse than these three. See docs/evaluation.md.
MEMBERS = ("metapath", "similarity", "trees")

N_VIEWS = 4
N_PAIR_FOLDS = 10  # of which one is hidden in each view

ScoreMember = Callable[[str, TrainingData], Scores]  # a member fitted on a view

_STEPS = 10  # of the grid on which weights are looked for
_NEARLY = 0.02  # of average precision: less is no difference on the diseases of one graph
_EDGE = 1e-9  # what keeps a probability off 0 and 1
_STRAIGHT = 0.02  # of Platt's curve in an isotonic one, whose steps would make drugs equal


@dataclass(frozen=True, eq=False)
class Hidden:
    """A view, and what it hides.

    Attributes:
        view: the training data without it.
        diseases: (n_diseases,) True where nothing of the disease is left. Diseases without any
            record are dealt to the views as well.
        pairs: (n_drugs, n_diseases) True for pairs of other diseases whose record, if there is
            one, is hidden.
    """

    view: TrainingData
    diseases: NDArray[np.bool_]
    pairs: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Combination:
    """How the members' scores become a probability, for one kind of disease.

    Attributes:
        members: their names.
        weights: (n_members,) on standardised scores; none is negative, they sum to one.
        calibrator: weighted mean of the standardised scores -> probability.
        kind: of the calibrator.
    """

    members: tuple[str, ...]
    weights: NDArray[np.float64]
    calibrator: "Calibrator"
    kind: "Kind"

    def shares(self) -> dict[str, float]:
        """Member -> its weight over the sum of all."""
        return {n: float(w) for n, w in zip(self.members, self.weights, strict=True)}

    def apply(self, standardised: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) probabilities of (n, n_members) standardised scores."""
        return self.calibrator(standardised @ self.weights)


class Stack(ScoredModel):
    """See the module.

    Attributes:
        combinations: for diseases of which nothing is known, and for the others; None where too
            little is recorded to learn one: then all members weigh the same.
        views: on which they were learnt.
        held_out: member -> (n_drugs, n_diseases) its standardised scores of every disease as if
            nothing of it were known, each from the view that hides the disease; with ``"stack"``,
            the probabilities of combinations learnt on the other views. Empty after :meth:`load`,
            and where no model was asked for beside the members: then nobody compares.
    """

    name = "stack"

    def __init__(
        self,
        *,
        members: Sequence[str] = MEMBERS,
        beside: Sequence[str] = (),
        score_member: ScoreMember | None = None,
        views: Sequence["Hidden"] | None = None,
        device: str = "auto",
    ) -> None:
        """Choose the members.

        Args:
            members: names of the models that are combined.
            beside: models that are scored on the views as well, for a table beside the stack.
            score_member: fits a model on a view and returns its scores; for who keeps what is
                fitted. Fits it anew if not given.
            views: to learn on; with none of them all members weigh the same. If not given, those of
                :func:`hidden_views`.
            device: for the members that can choose one.
        """
        self._given_views = views
        self.views: Sequence[Hidden] = ()
        self.members = tuple(sorted(members))
        self.beside = tuple(beside)
        self.device = device
        self._score_member = score_member
        self.combinations: tuple[Combination | None, Combination | None] = (None, None)
        self.held_out: dict[str, NDArray[np.float32]] = {}

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        score = self._score_member or self._fitter(seed)
        names = (*self.members, *self.beside)
        views = self._given_views
        self.views = views = hidden_views(training, seed) if views is None else views
        steps = [(view, name) for view in views for name in names]
        found: dict[str, list[Scores]] = {name: [] for name in names}
        for done, (hidden, name) in enumerate(steps):
            if progress:
                progress("stack", done, len(steps) + len(self.members))
            found[name].append(score(name, hidden.view))
        full = {}
        for done, name in enumerate(self.members, len(steps)):
            if progress:
                progress("stack", done, len(steps) + len(self.members))
            full[name] = score(name, training)
        if progress:
            progress("stack", len(steps) + len(self.members), len(steps) + len(self.members))
        self._scores = check_scores(self._combine(training, views, found, full), training.shape)
        return self

    def _combine(
        self,
        training: TrainingData,
        views: Sequence[Hidden],
        found: Mapping[str, Sequence[Scores]],
        full: Mapping[str, Scores],
    ) -> NDArray[np.float64]:
        truth = training.treats.toarray() > 0
        known = (training.treats + training.palliates).toarray().any(axis=0)
        masks = (
            [np.broadcast_to(h.diseases, truth.shape) for h in views],
            [h.pairs for h in views],
        )
        combinations = []
        result = np.zeros(truth.shape)
        for kind, here in enumerate((~known, known)):
            inputs = [
                np.stack([_standardised(found[n][k], m) for n in self.members], axis=-1)
                for k, m in enumerate(masks[kind])
            ]
            learnt = _learn(self.members, inputs, masks[kind], truth, whole=kind == 0)
            combinations.append(learnt)
            if kind == 0 and views and self.beside:
                self._keep_held_out(views, found, inputs, truth)
            columns = np.broadcast_to(here, truth.shape)
            if columns.any():
                stacked = np.stack([_standardised(full[n], columns) for n in self.members], axis=-1)
                combination = learnt or _even(self.members, truth)
                result[columns] = combination.apply(stacked[columns])
        if known.any() and not known.all():
            result[:, ~known] = _shifted(result[:, ~known], truth, int((~known).sum()))
        self.combinations = (combinations[0], combinations[1])
        return result

    def _keep_held_out(
        self,
        views: Sequence[Hidden],
        found: Mapping[str, Sequence[Scores]],
        inputs: Sequence[NDArray[np.float64]],
        truth: NDArray[np.bool_],
    ) -> None:
        """See :attr:`held_out`."""
        masks = [np.broadcast_to(h.diseases, truth.shape) for h in views]
        for i, name in enumerate((*self.members, *self.beside)):
            self.held_out[name] = whole = np.zeros(truth.shape, np.float32)
            for k, mask in enumerate(masks):
                is_member = i < len(self.members)
                whole[mask] = (
                    inputs[k][..., i] if is_member else _standardised(found[name][k], mask)
                )[mask]
        self.held_out[self.name] = whole = np.zeros(truth.shape, np.float32)
        for k, mask in enumerate(masks):
            others = [i for i in range(len(views)) if i != k]
            learnt = _learn(
                self.members,
                [inputs[i] for i in others],
                [masks[i] for i in others],
                truth,
                whole=True,
            )
            whole[mask] = (learnt or _even(self.members, truth)).apply(inputs[k][mask])

    def _fitter(self, seed: int) -> ScoreMember:
        from recommend.models import create_model

        def score(name: str, view: TrainingData) -> Scores:
            options: dict[str, Any] = {"device": self.device} if name == "gnn" else {}
            return create_model(name, **options).fit(view, seed=seed).score()

        return score

    def weights(self) -> dict[str, dict[str, float]]:
        """``"new"`` (diseases of which nothing is known) and ``"known"`` -> member -> its share."""
        even = dict.fromkeys(self.members, 1 / len(self.members))
        kinds = zip(("new", "known"), self.combinations, strict=True)
        return {kind: c.shares() if c else even for kind, c in kinds}

    def calibration(self) -> dict[str, str]:
        """``"new"`` and ``"known"`` -> how scores were made probabilities; ``"none"`` if not."""
        kinds = zip(("new", "known"), self.combinations, strict=True)
        return {kind: c.kind if c else "none" for kind, c in kinds}


def hidden_views(training: TrainingData, seed: int) -> list[Hidden]:
    """The views on which a stack is learnt; none where fewer than two diseases are treated.

    Where the training data have diseases that resemble nothing, every second view hides what its
    diseases resemble as well.
    """
    try:
        treated = disease_folds(training, _n_views(training), seed, grouped=False)
    except ModelError:
        return []
    rng = np.random.default_rng([seed, training.shape[1]])
    n = len(treated)
    fold_of = rng.permutation(training.shape[1]) % n
    for k, fold in enumerate(treated):
        fold_of[fold] = k
    recorded = to_pairs(training.treats + training.palliates)
    fold_of_pair = rng.integers(N_PAIR_FOLDS, size=training.shape)
    alike = np.diff(training.matrix(ALIKE_DISEASES).indptr) > 0
    result = []
    for k in range(n):
        diseases = fold_of == k
        pairs = (fold_of_pair == k) & ~diseases
        listed = recorded[pairs[recorded[:, 0], recorded[:, 1]]]
        view = training.without(pairs=listed).without(
            diseases=np.flatnonzero(diseases).tolist(),
            resemblance=bool(k % 2) and not alike.all(),
        )
        if view.treats.nnz:
            result.append(Hidden(view, diseases, pairs))
    return result if len(result) > 1 else []


def _n_views(training: TrainingData) -> int:
    treated = np.unique(to_pairs(training.treats)[:, 1])
    return min(N_VIEWS, len(treated))


def scale(scores: Scores, where: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and standard deviation by which a member's scores are standardised.

    Diseases of which a member says the same of every drug are left out: it knows nothing of them,
    and with many of them the few others would lie any number of deviations away.

    Args:
        scores: (n_drugs, n_diseases) of the member.
        where: the pairs that count.
    """
    values = scores.astype(np.float64)
    told = where & (np.ptp(values, axis=0) > 0)
    if not told.any():
        told = where
    return float(values[told].mean()), float(values[told].std()) or 1.0


def _standardised(scores: Scores, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``scores`` in standard deviations from their mean, see :func:`scale`."""
    centre, spread = scale(scores, where)
    return np.asarray((scores.astype(np.float64) - centre) / spread)


def _learn(
    members: tuple[str, ...],
    inputs: Sequence[NDArray[np.float64]],
    masks: Sequence[NDArray[np.bool_]],
    truth: NDArray[np.bool_],
    *,
    whole: bool,
) -> Combination | None:
    """A combination from the pairs that ``masks`` hide, or None if they do not tell anything.

    Args:
        members: names.
        inputs: of each view, (n_drugs, n_diseases, n_members) standardised scores.
        masks: of each view, the pairs to learn from.
        truth: (n_drugs, n_diseases).
        whole: the masks are whole diseases, between which the calibrator can be chosen.
    """
    from recommend.models.calibration import choose, fit

    # One column a view and disease; pairs that are not to be learnt from come last.
    used = [np.flatnonzero((mask & truth).any(axis=0)) for mask in masks]
    if not sum(map(len, used)):
        return None
    lists = [(i, mask, columns) for i, mask, columns in zip(inputs, masks, used, strict=True)]
    scores = np.concatenate([i[:, columns] for i, _, columns in lists], axis=1)
    hidden = np.concatenate([mask[:, columns] for _, mask, columns in lists], axis=1)
    right = np.concatenate([truth[:, columns] for *_, columns in lists], axis=1) & hidden
    if (right.sum(axis=0) == hidden.sum(axis=0)).all():
        return None
    weights = _weigh(scores, hidden, right)
    raw = [values[mask] @ weights for values, mask in zip(inputs, masks, strict=True)]
    labels = [truth[mask] for mask in masks]
    platt = fit("platt", np.concatenate(raw), np.concatenate(labels))
    if whole:
        shape = (len(truth), -1)
        kind, calibrator = choose(
            np.concatenate([values.reshape(shape) for values in raw], axis=1),
            np.concatenate([values.reshape(shape) for values in labels], axis=1),
        )
        if kind == "isotonic":
            return Combination(members, weights, _rising(calibrator, platt), kind)
    return Combination(members, weights, platt, "platt")


def _rising(isotonic: "Calibrator", platt: "Calibrator") -> "Calibrator":
    return lambda raw: (1 - _STRAIGHT) * isotonic(raw) + _STRAIGHT * platt(raw)


def _weigh(
    scores: NDArray[np.float64], hidden: NDArray[np.bool_], right: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The weights, summing to one, under which hidden treatments rank best within their disease.

    The mean of all weightings on a grid whose macro average precision is nearly the best: between
    them the data do not tell.

    Args:
        scores: (n_drugs, n_lists, n_members) standardised.
        hidden: (n_drugs, n_lists) the pairs that are ranked.
        right: those of them that are recorded.
    """
    n = scores.shape[2]
    grid = [w for w in product(range(_STEPS + 1), repeat=n) if sum(w) == _STEPS]
    weightings = np.array(grid) / _STEPS
    reached = np.array([_precision(scores @ w, hidden, right) for w in weightings])
    return np.asarray(weightings[reached >= reached.max() - _NEARLY].mean(axis=0))


def _precision(
    scores: NDArray[np.float64], hidden: NDArray[np.bool_], right: NDArray[np.bool_]
) -> float:
    """Macro average precision of the hidden pairs of each column; ties in the order of rows."""
    order = np.argsort(np.where(hidden, -scores, np.inf), axis=0, kind="stable")
    found = np.take_along_axis(right, order, axis=0)
    ranks = np.arange(1, len(scores) + 1)[:, None]
    precision = (np.cumsum(found, axis=0) / ranks * found).sum(axis=0) / found.sum(axis=0)
    return float(precision.mean())


def _shifted(
    probabilities: NDArray[np.float64], truth: NDArray[np.bool_], n_unknown: int
) -> NDArray[np.float64]:
    """Probabilities of diseases of which nothing is known, on the footing of the others.

    They were learnt where most diseases had been treated before all of that was hidden. Of those
    that really have no record few are so. A recorded pair leaves such a disease behind only if it
    is the one record of its disease: these, among them and the diseases without any, say how often
    a pair is missing there. The order within a disease stays.
    """
    from scipy.special import expit, logit

    uses = truth.sum(axis=0)
    single = int((uses == 1).sum())
    rate = (single + 0.5) / (n_unknown + single + 1)  # missing pairs a disease
    learnt_at = max(float(uses.mean()), _EDGE)
    clipped = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.asarray(expit(logit(clipped) + np.log(rate / learnt_at)))


def _even(members: tuple[str, ...], truth: NDArray[np.bool_]) -> Combination:
    """All members alike, for training data that cannot teach better."""
    from scipy.special import expit, logit

    at_mean = logit(np.clip(truth.mean(), _EDGE, 1 - _EDGE))
    weights = np.full(len(members), 1 / len(members))
    return Combination(members, weights, lambda raw: expit(raw + at_mean), "platt")
