"""The figures of each track for models whose figures are known, and what the tracks refuse."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.evaluate.metrics import ranks
from recommend.evaluate.table import BASELINES, FLOOR, TrackReport
from recommend.evaluate.tracks import TRACKS, Options
from recommend.evaluate.tracks.tally import filtered_ranks
from recommend.folds import drug_folds, pair_splits
from recommend.interactions import TREATS, TrainingData, from_pairs
from tests.recommend.tracked import N_DISEASES, N_DRUGS, Spy, knows, tracked

DATA = tracked()
TRUTH = DATA.treats.toarray() > 0
UNRECORDED = np.argwhere(DATA.treats.toarray() + DATA.palliates.toarray() == 0)
LABELS = UNRECORDED[::7]


def report(track: str, data: TrainingData = DATA, /, **options: Any) -> TrackReport:
    """A run with the baselines, a row that knows the truth and one that has it upside down."""
    truth = knows(data)
    spy = Spy(oracle=truth, liar=lambda view: -truth(view))
    if track == "external":
        options.setdefault("labels", LABELS)
    return TRACKS[track](data, spy, Options(**options))


def value(found: TrackReport, model: str, figure: str, table: int = 0) -> float:
    return found.tables[table].row(model).figures[figure].value


@pytest.mark.parametrize("track", ["zero-shot", "cold-drug"])
def test_who_knows_the_truth_reaches_one_and_who_knows_nothing_a_half(track: str) -> None:
    found = report(track, folds=3)

    for number, table in enumerate(found.tables):
        reached = {name: value(found, "oracle", name, number) for name in table.figures}
        assert reached == pytest.approx(dict.fromkeys(table.figures, 1.0))
        assert value(found, FLOOR, "AUROC", number) == 0.5
        assert value(found, "liar", "AUROC", number) == 0
    assert list(found.tables[-1].figures) == [
        "AP", "AUROC", "Recall@20", "Recall@100", "Hits@10", "MRR", "degree-matched AUROC",
    ]  # fmt: skip


def test_zero_shot_takes_means_over_diseases_not_over_pairs() -> None:
    found = report("zero-shot", folds=3)

    shares = TRUTH[:, :-2].mean(axis=0)  # what all ties reach
    assert value(found, FLOOR, "AP") == pytest.approx(shares.mean())
    assert (found.tables[0].n_units, found.tables[0].n_diseases) == (12, 12)


def test_a_disease_of_several_seeds_is_drawn_as_one() -> None:
    table = report("zero-shot", folds=3, seeds=2).tables[0]

    assert (table.n_units, table.n_diseases) == (24, 12)


def test_the_ranked_drugs_and_diseases_are_those_asked_for() -> None:
    drugs, diseases = np.arange(0, N_DRUGS, 2), np.arange(6)

    found = report("zero-shot", folds=3, drugs=drugs, diseases=diseases)

    assert found.tables[0].n_units == 6
    assert value(found, FLOOR, "AP") == pytest.approx(TRUTH[np.ix_(drugs, diseases)].mean())


def test_a_new_drug_that_stands_behind_known_ones_has_lost_to_no_right_answer() -> None:
    """What the view records as right is no candidate, so it can push nobody down."""

    def tells_what_it_was_told(view: TrainingData) -> Any:
        return 2 * view.treats.toarray() + TRUTH

    found = TRACKS["cold-drug"](DATA, Spy(parrot=tells_what_it_was_told), Options(folds=3))

    assert value(found, "parrot", "AP", 1) == 1
    shares = []  # of what is hidden among all that the view does not record: what ties reach
    for fold in drug_folds(DATA, 3, 0):
        hidden = TRUTH & np.isin(np.arange(N_DRUGS), fold)[:, None]
        n_hidden, n_asked = hidden.sum(axis=0), (~TRUTH | hidden).sum(axis=0)
        shares += (n_hidden / n_asked)[n_hidden > 0].tolist()
    assert value(found, "parrot", "Recall@100", 1) == 1
    assert value(found, FLOOR, "AP", 1) == pytest.approx(np.mean(shares))


def test_transductive_ranks_are_filtered_by_all_parts() -> None:
    def tells_what_it_was_told(view: TrainingData) -> Any:
        return 2 * view.treats.toarray() + TRUTH  # training pairs above validation and test pairs

    found = TRACKS["transductive"](DATA, Spy(parrot=tells_what_it_was_told), Options())

    for table in range(2):
        for name in ("MRR", "Hits@1", "Hits@3", "Hits@10"):
            assert value(found, "parrot", name, table) == 1


def test_transductive_ties_get_the_mean_of_the_best_and_the_worst_rank() -> None:
    found = report("transductive")

    expected: dict[int, list[float]] = {0: [], 1: []}
    for seed in range(5):
        for i, j in pair_splits(DATA, seed).test:
            expected[0].append(1 / (1 + (~TRUTH[i]).sum() / 2))  # among diseases
            expected[1].append(1 / (1 + (~TRUTH[:, j]).sum() / 2))  # among drugs
    for table, reciprocal in expected.items():
        assert value(found, FLOOR, "MRR", table) == pytest.approx(np.mean(reciprocal))


@settings(max_examples=30)
@given(
    arrays(np.float32, (6, 4), elements=st.integers(0, 3).map(float)),
    arrays(np.bool_, (6, 4)),
)
def test_filtered_ranks_are_those_of_a_count_pair_by_pair(scores: Any, known: Any) -> None:
    pairs = np.argwhere(known)

    found = filtered_ranks(scores, known, pairs)

    for (i, j), rank in zip(pairs, found, strict=True):
        others = scores[~known[:, j], j]
        above, level = (others > scores[i, j]).sum(), (others == scores[i, j]).sum()
        assert rank == 1 + above + level / 2
    column = known[:, 0]
    if column.any() and not column.all():
        of_column = np.sort(found[pairs[:, 1] == 0])
        np.testing.assert_array_equal(of_column, ranks(scores[:, 0], column))


def labelled(view: TrainingData) -> Any:
    """The labels on top of all pairs that may be asked, what is recorded on top of them."""
    scores = 2 * (view.treats.toarray() + view.palliates.toarray())
    scores[LABELS[:, 0], LABELS[:, 1]] = 1
    return scores


def test_external_asks_for_what_is_neither_recorded_nor_excluded() -> None:
    rest = np.argwhere(TRUTH)[:3]
    exclude = np.concatenate([UNRECORDED[1::7], LABELS[:2]])
    options = Options(labels=np.concatenate([LABELS, rest, LABELS]), exclude=exclude)

    found = TRACKS["external"](DATA, Spy(labelled=labelled), options)

    for name in ("AUROC", "AUPRC", "degree-matched AUROC", "macro AUROC"):
        assert value(found, "labelled", name) == 1
    assert value(found, FLOOR, "AUPRC") == pytest.approx(
        (len(LABELS) - 2) / (len(UNRECORDED) - len(exclude))
    )
    assert set(found.curves["labelled"]["rank_by_degree"]["rank"]) == {1.0}
    assert found.settings["positives"] == len(LABELS) - 2
    assert "3 are recorded" in found.notes[0]
    assert found.notes[1].startswith("2 more labels are excluded")


def test_external_labels_outside_the_ranked_drugs_and_diseases_do_not_count() -> None:
    drugs, diseases = np.arange(0, N_DRUGS, 2), np.arange(0, N_DISEASES, 2)
    inside = np.isin(LABELS[:, 0], drugs) & np.isin(LABELS[:, 1], diseases)

    found = report("external", drugs=drugs, diseases=diseases)

    assert 0 < inside.sum() < len(LABELS)
    assert found.settings["positives"] == inside.sum()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "give a file"),
        (np.empty((0, 2), np.int64), "no label is left.*0 of 0"),
        (np.argwhere(TRUTH), "are recorded in the graph"),
        (UNRECORDED, "nothing is wrong"),
    ],
)
def test_external_without_anything_to_be_judged_by_is_refused(labels: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        report("external", labels=labels)


def test_the_negative_control_finds_no_truth_on_graphs_without_any() -> None:
    found = report("negative-control", folds=4)

    real, permuted = (value(found, "oracle", "AUROC", table) for table in (0, 1))
    assert real == 1
    assert permuted < 0.75
    titles = [table.title.partition(";")[0] for table in found.tables]
    assert titles == [
        "zero-shot, the graph as it is", "zero-shot, permuted graphs",
        "transductive, the graph as it is", "transductive, permuted graphs",
    ]  # fmt: skip
    assert f"oracle 1.000 and {permuted:.3f}" in found.notes[0]


def test_the_negative_control_asks_for_test_pairs_alone() -> None:
    found = report("negative-control", folds=4)

    shares = []
    for seed in range(5):
        split = pair_splits(DATA, seed)
        n_test, n_known = (
            np.bincount(part[:, 1], minlength=N_DISEASES)
            for part in (split.test, np.concatenate([split.train, split.validation]))
        )
        shares += (n_test / (N_DRUGS - n_known))[n_test > 0].tolist()
    assert value(found, FLOOR, "AP", 2) == pytest.approx(np.mean(shares))


def test_a_planted_way_back_is_told_in_the_report() -> None:
    back = EdgeType("Disease", "treated by", "Drug")
    leaky = TrainingData(DATA.n_nodes, {**DATA.matrices, back: DATA.treats.T.tocsr()})

    assert any("treated by" in leak for leak in report("zero-shot", leaky, folds=3).leaks)
    assert not any("treated by" in leak for leak in report("zero-shot", folds=3).leaks)


@pytest.mark.parametrize("track", TRACKS)
def test_every_report_has_the_baselines_is_json_and_follows_from_the_seed(track: str) -> None:
    steps: list[tuple[int, int]] = []

    def hear(_: str, done: int, total: int) -> None:
        steps.append((done, total))

    found = report(track, folds=4, progress=hear) if track != "external" else report(track)

    assert found.track == track
    for table in found.tables:
        assert set(BASELINES) < {row.model for row in table.rows}
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document == json.loads(json.dumps(report(track, folds=4).to_json()))
    if steps:
        assert steps[0] == (0, steps[-1][1])
        assert steps[-1][0] == steps[-1][1]


@pytest.mark.parametrize("track", TRACKS)
def test_no_track_gives_figures_without_its_baselines(track: str) -> None:
    def without_floor(view: TrainingData) -> Any:
        scores = Spy()(view)
        del scores[FLOOR]
        return scores

    with pytest.raises(ModelError, match=FLOOR):
        TRACKS[track](DATA, without_floor, Options(labels=LABELS, folds=4))


@pytest.mark.parametrize("track", ["transductive", "negative-control"])
def test_what_is_drawn_at_random_takes_five_seeds(track: str) -> None:
    with pytest.raises(ModelError, match="at least 5 seeds, not 4"):
        report(track, seeds=4)


@pytest.mark.parametrize("broken", [np.full(DATA.shape, np.nan), np.zeros((2, 2))])
def test_scores_that_are_none_are_refused(broken: Any) -> None:
    with pytest.raises(ModelError):
        TRACKS["zero-shot"](DATA, Spy(broken=lambda _: broken), Options(folds=3))


def test_a_universe_without_a_treated_disease_is_refused() -> None:
    untreated = np.array([N_DISEASES - 1])

    with pytest.raises(ModelError, match="no disease"):
        report("zero-shot", diseases=untreated, folds=3)
    with pytest.raises(ModelError, match="no drug"):
        report("cold-drug", diseases=untreated, folds=3)
    with pytest.raises(ModelError, match="fold has no treated"):
        report("calibration", diseases=untreated, folds=3)


def test_curves_tell_of_the_positives_that_were_hidden() -> None:
    found = report("zero-shot", folds=3)

    curve = found.curves["oracle"]["rank_by_degree"]
    assert curve["rank"] == [1.0] * int(TRUTH.sum())
    assert max(curve["degree"]) < N_DISEASES
    assert curve["n_ranked"] == N_DRUGS
    assert found.curves["oracle"]["precision_recall"]["precision"] == [1.0]


def test_a_graph_where_everything_is_treated_by_everything_has_nothing_to_ask() -> None:
    every = from_pairs(np.argwhere(np.ones(DATA.shape)).astype(np.int64), DATA.shape)
    full = TrainingData(DATA.n_nodes, {TREATS: every})

    with pytest.raises(ModelError, match="no disease"):
        TRACKS["zero-shot"](full, Spy(), Options(folds=3))
