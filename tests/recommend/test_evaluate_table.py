"""Tables: never without the baselines, one set of draws for all rows, texts for people."""

import json
from collections.abc import Hashable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.curves import PrecisionRecall
from recommend.evaluate.samples import PooledAuroc, PooledPrecision, Ratio, Sample, mean_of
from recommend.evaluate.table import (
    BASELINES,
    FLOOR,
    Figure,
    Row,
    Table,
    TrackReport,
    make_table,
    to_rows,
)

N = 30
Samples = dict[str, dict[str, Sample]]


def samples(seed: int = 0, n: int = N) -> Samples:
    """Four models judged by three figures of three kinds; the fourth is the floor again."""
    rng = np.random.default_rng(seed)
    positives = rng.random(10 * n) < 0.3
    positives[:2] = True, False
    units, counts = np.tile(np.arange(n), 10), rng.integers(1, 5, n).astype(np.float64)
    result: Samples = {}
    for model in BASELINES:
        result[model] = {
            "AP": mean_of(rng.random(n)),
            "matched": Ratio(rng.random(n) * counts, counts),
            "AUROC": PooledAuroc(rng.normal(size=10 * n) + positives, positives, units, n),
        }
    return result | {"again": dict(result[FLOOR])}


def by_mean(values: Mapping[str, NDArray[np.float64]]) -> Samples:
    """A table's samples with the mean of ``values`` as only figure; baselines of ones beside."""
    ones = np.ones(len(next(iter(values.values()))))
    return {
        model: {"AP": mean_of(values.get(model, ones))}
        for model in dict.fromkeys((*BASELINES, *values))
    }


@pytest.mark.parametrize("missing", BASELINES)
def test_a_table_without_a_baseline_is_refused(missing: str) -> None:
    incomplete = {model: own for model, own in samples().items() if model != missing}

    with pytest.raises(ModelError, match=f"the table lacks {missing}"):
        make_table("t", incomplete, units=range(N), seed=0)
    with pytest.raises(ModelError, match=f"lacks .*{missing}"):
        Table("t", ("AP",), tuple(Row(model, {}) for model in incomplete), N, N, 10, 0)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_an_interval_holds_its_value_and_a_row_does_not_differ_from_itself(
    seed: int, n: int
) -> None:
    table = make_table("t", samples(seed, n), units=range(n), seed=seed, n_draws=50)

    for row in table.rows:
        for figure in row.figures.values():
            assert figure.low <= figure.value <= figure.high
            assert figure.gain_low <= figure.gain <= figure.gain_high
    for model in (FLOOR, "again"):
        for figure in table.row(model).figures.values():
            assert (figure.gain, figure.gain_low, figure.gain_high) == (0, 0, 0)


def test_figures_are_those_of_all_units() -> None:
    given = samples()

    table = make_table("t", given, units=range(N), seed=0)

    for model, own in given.items():
        for name, figure in table.row(model).figures.items():
            (value,) = own[name].under(np.ones((1, N)))
            (floor,) = given[FLOOR][name].under(np.ones((1, N)))
            assert (figure.value, figure.gain) == pytest.approx((value, value - floor))
    assert table.figures == ("AP", "matched", "AUROC")


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(4).normal(3.0, 2.0, size=400)

    table = make_table("t", by_mean({"model": values}), units=range(400), seed=0)

    figure, half_width = table.row("model").figures["AP"], 1.96 * values.std() / np.sqrt(400)
    assert figure.low == pytest.approx(values.mean() - half_width, abs=0.03)
    assert figure.high == pytest.approx(values.mean() + half_width, abs=0.03)


def test_the_interval_of_a_difference_is_paired() -> None:
    hard = np.random.default_rng(5).normal(0.0, 10.0, size=50)

    table = make_table("t", by_mean({FLOOR: hard, "model": hard + 1}), units=range(50), seed=0)

    figure = table.row("model").figures["AP"]
    assert (figure.gain, figure.gain_low, figure.gain_high) == pytest.approx((1, 1, 1))
    assert figure.high - figure.low > 4


def test_units_of_one_disease_are_drawn_together() -> None:
    of_disease = np.random.default_rng(6).normal(size=20)
    units = [(seed, disease) for seed in range(5) for disease in range(20)]
    clusters: dict[tuple[int, int], Hashable] = {unit: f"DOID:{unit[1]}" for unit in units}
    repeated = by_mean({"model": np.tile(of_disease, 5)})

    together = make_table("t", repeated, units=units, clusters=clusters, seed=0)
    once = make_table("t", by_mean({"model": of_disease}), units=range(20), seed=0)
    apart = make_table("t", repeated, units=units, seed=0)

    one, other = together.row("model").figures["AP"], once.row("model").figures["AP"]
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    assert (together.n_units, together.n_diseases) == (100, 20)
    too_sure = apart.row("model").figures["AP"]
    assert too_sure.high - too_sure.low < 0.6 * (one.high - one.low)


def test_the_table_follows_from_the_seed() -> None:
    one, same, other = (make_table("t", samples(), units=range(N), seed=s) for s in (1, 1, 2))

    assert one == same
    assert one.row("popularity").figures["AP"].low != other.row("popularity").figures["AP"].low


def test_draws_without_any_positive_are_left_out() -> None:
    pairs = ([0.1, 0.9, 0.2, 0.3], [False, True, False, False], [0, 0, 1, 1], 2)
    given: Samples = {model: {"AP": PooledPrecision(*pairs)} for model in BASELINES}

    table = make_table("t", given, units=range(2), seed=0)

    assert table.row(FLOOR).figures["AP"] == Figure(1, 1, 1, 0, 0, 0)


def test_rows_that_were_judged_on_other_things_are_refused() -> None:
    values = np.arange(4.0)
    cases: list[tuple[dict[str, Sample], str]] = [
        ({"AUROC": mean_of(values)}, "'model' has the figures AUROC, the floor has AP"),
        ({"AP": mean_of(values[:3])}, "AP of 'model' has 3 units, the table has 4"),
        ({"AP": mean_of([1, np.nan, 1, 1])}, "AP of 'model' was measured on other pairs"),
        ({"AP": Ratio(values, np.full(4, 2.0))}, "AP of 'model' was measured on other pairs"),
    ]
    for own, message in cases:
        with pytest.raises(ModelError, match=message):
            make_table("t", by_mean({FLOOR: values}) | {"model": own}, units=range(4), seed=0)


def test_units_that_are_no_units_are_refused() -> None:
    given = by_mean({"model": np.arange(2.0)})

    with pytest.raises(ModelError, match="named twice"):
        make_table("t", given, units=["a", "a"], seed=0)
    with pytest.raises(ModelError, match="no disease is given for the unit 'b'"):
        make_table("t", given, units=["a", "b"], clusters={"a": "x"}, seed=0)
    with pytest.raises(ModelError, match="at least 1 draw, not 0"):
        make_table("t", given, units=["a", "b"], seed=0, n_draws=0)
    with pytest.raises(ModelError, match="at least one unit"):
        make_table("t", by_mean({"model": np.empty(0)}), units=[], seed=0)
    nothing = by_mean(dict.fromkeys(BASELINES, np.full(2, np.nan)))
    with pytest.raises(ModelError, match="AP is undefined"):
        make_table("t", nothing, units=["a", "b"], seed=0)


def test_a_row_that_is_not_there_is_named() -> None:
    table = make_table("t", samples(), units=range(N), seed=0)

    with pytest.raises(ModelError, match="no row 'oracle' in this table; it has popularity, "):
        table.row("oracle")


def test_texts_show_each_figure_beside_its_interval_and_its_gain() -> None:
    given = by_mean({FLOOR: np.full(3, 0.5), "model": np.full(3, 0.75)})
    for model, own in given.items():
        own["ECE"] = mean_of(np.full(3, 0.0021 if model == "model" else 0.01))

    rows = to_rows(make_table("t", given, units=range(3), seed=0).to_json())

    assert rows[0] == ("figure", "model", "value", "95 %", "- six-metapath", "95 %")
    assert [row[0] for row in rows[1:]] == ["AP", "", "", "", "ECE", "", "", ""]
    assert rows[3] == ("", FLOOR, "0.500", "0.500 to 0.500", "", "")
    assert rows[4] == ("", "model", "0.750", "0.750 to 0.750", "+0.250", "+0.250 to +0.250")
    assert rows[8][2:5] == ("0.0021", "0.0021 to 0.0021", "-0.0079")


def test_a_report_reads_the_same_from_what_is_stored() -> None:
    table = make_table("t", samples(), units=range(N), seed=0, n_draws=20)
    curve: PrecisionRecall = {"recall": [0.5, 1.0], "precision": [1.0, 0.5], "prevalence": 0.1}
    report = TrackReport(
        track="zero-shot",
        settings={"folds": 5, "strict": True},
        tables=(table,),
        curves={FLOOR: {"precision_recall": curve}},
        leaks=("inverse edge: a drug is treated by a disease",),
        notes=("Few diseases.",),
    )

    stored = json.loads(json.dumps(report.to_json(), allow_nan=False))

    assert list(stored) == ["track", "settings", "tables", "curves", "leaks", "notes", "title"]
    assert to_rows(stored["tables"][0]) == to_rows(table.to_json())
    assert stored["curves"][FLOOR]["precision_recall"] == curve
    assert stored["settings"] == {"folds": 5, "strict": True}
