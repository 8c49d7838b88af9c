"""Figures of several models side by side, with intervals, and never without the baselines.

All intervals are 95 % percentile intervals of a bootstrap over diseases. Every row and every figure
of a table is recomputed under the same draws, so a difference of two rows is paired: what is hard
in a drawn disease is hard for both.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves
from recommend.evaluate.samples import Figures, Sample, Weights

BASELINES = ("popularity", "degree-product", "six-metapath")
FLOOR = "six-metapath"  # the row to which all others are compared
N_DRAWS = 2000
SMALL = 0.1  # figures below it are shown with four digits


@dataclass(frozen=True)
class Figure:
    """One figure of one model.

    Attributes:
        value: over all units.
        low: lower end of its 95 % interval.
        high: upper end of it.
        gain: ``value`` minus that of the floor; where less is better, less than 0 is better.
        gain_low: lower end of the interval of the gain, paired disease by disease.
        gain_high: upper end of it.
    """

    value: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class Row:
    """All figures of one model.

    Attributes:
        model: its name.
        figures: name of the figure -> the figure, in the order of the table.
    """

    model: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Table:
    """Models side by side, judged on the same units; the floor and the baselines are among them.

    Attributes:
        title: what was measured, for people to read.
        figures: the names of the figures, in their order.
        rows: one a model; those of ``baselines`` are always there.
        n_units: how many units were judged (a disease, or a disease of one seed).
        n_diseases: how many diseases (or patients) the bootstrap draws from.
        n_draws: how often it did.
        seed: what it drew with.
        floor: the row to which all others are compared; one of the baselines.
        baselines: what no figure stands without.

    Raises:
        ModelError: a baseline is missing.
    """

    title: str
    figures: tuple[str, ...]
    rows: tuple[Row, ...]
    n_units: int
    n_diseases: int
    n_draws: int
    seed: int
    floor: str = FLOOR
    baselines: tuple[str, ...] = BASELINES

    def __post_init__(self) -> None:
        _check_baselines({row.model for row in self.rows}, self.baselines)

    def row(self, model: str) -> Row:
        """The row of ``model``.

        Raises:
            ModelError: the table has no such row.
        """
        found = {row.model: row for row in self.rows}
        if model not in found:
            raise ModelError(f"no row {model!r} in this table; it has {', '.join(found)}")
        return found[model]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


@dataclass(frozen=True)
class TrackReport:
    """Everything that one track of the evaluation found.

    Attributes:
        track: its name.
        settings: what it was run with, as JSON values.
        tables: at least one.
        curves: model -> what its plots are drawn from; see :mod:`recommend.evaluate.curves`.
        leaks: a sentence for each suspected leak; empty where none was found.
        notes: sentences that a reader of the tables needs.
    """

    track: str
    settings: Mapping[str, Any]
    tables: tuple[Table, ...]
    curves: Mapping[str, Curves] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""  # of the page; empty for the usual one

    def to_json(self) -> dict[str, Any]:
        """JSON values only, keys in the order of the fields."""
        return asdict(self)


def make_table(
    title: str,
    samples: Mapping[str, Mapping[str, Sample]],
    *,
    units: Sequence[Hashable],
    seed: int,
    clusters: Mapping[Any, Hashable] | None = None,
    n_draws: int = N_DRAWS,
    floor: str = FLOOR,
    baselines: tuple[str, ...] = BASELINES,
) -> Table:
    """The table of these samples.

    Args:
        title: what was measured, for people to read.
        samples: model -> name of the figure -> sample. Every model has the same figures, in the
            order of the floor's; must have every model of ``baselines``.
        units: a name for each unit of the samples, none twice: ``disease`` or ``(seed, disease)``.
        seed: draws the bootstrap.
        clusters: unit -> its disease, where a disease has several units: all are drawn together.
            None where each unit is a disease.
        n_draws: how often the diseases are drawn.
        floor: the row to which all others are compared; one of ``baselines``.
        baselines: rows that must be there.

    Raises:
        ModelError: a baseline is missing; a row lacks a figure, has other units than ``units`` or
            was judged on other pairs than the floor; a figure is undefined on all units.
    """
    _check_baselines(samples, baselines)
    names = tuple(samples[floor])
    for model, own in samples.items():
        _check_row(model, own, samples[floor], len(units))
    diseases = _diseases(units, clusters)
    draws = _draw(diseases, n_draws, seed)
    measured = {
        model: {name: _measure(name, own[name], draws) for name in names}
        for model, own in samples.items()
    }
    compared = measured[floor]
    rows = tuple(
        Row(model, {name: _figure(own[name], compared[name]) for name in names})
        for model, own in measured.items()
    )
    n_diseases = int(diseases.max()) + 1
    return Table(title, names, rows, len(units), n_diseases, n_draws, seed, floor, baselines)


def to_rows(table: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table as rows of texts, with its heading; what was stored as JSON is read as it is.

    One row for each figure and model; the name of a figure stands in the first of its rows.

    Args:
        table: :meth:`Table.to_json`, or that read back from JSON.
    """
    floor = table.get("floor", FLOOR)
    texts: list[tuple[str, ...]] = [("figure", "model", "value", "95 %", f"- {floor}", "95 %")]
    for name in table["figures"]:
        column = [row["figures"][name] for row in table["rows"]]
        digits = 4 if max(abs(figure["value"]) for figure in column) < SMALL else 3
        for n, (row, figure) in enumerate(zip(table["rows"], column, strict=True)):
            value, low, high = (f"{figure[key]:.{digits}f}" for key in ("value", "low", "high"))
            gain, gain_low, gain_high = (
                f"{figure[key]:+.{digits}f}" for key in ("gain", "gain_low", "gain_high")
            )
            compared = (gain, f"{gain_low} to {gain_high}") if row["model"] != floor else ("", "")
            texts.append(("" if n else name, row["model"], value, f"{low} to {high}", *compared))
    return texts


def _check_baselines(models: Collection[str], baselines: tuple[str, ...]) -> None:
    missing = [name for name in baselines if name not in models]
    if missing:
        raise ModelError(
            f"no figure without its baselines: the table lacks {', '.join(missing)}; "
            f"score {', '.join(baselines)} on the same view"
        )


def _check_row(
    model: str, own: Mapping[str, Sample], floor: Mapping[str, Sample], n_units: int
) -> None:
    if set(own) != set(floor):
        raise ModelError(
            f"row {model!r} has the figures {', '.join(sorted(own))}, "
            f"the floor has {', '.join(sorted(floor))}"
        )
    for name, sample in own.items():
        if sample.n_units != n_units:
            raise ModelError(
                f"{name} of {model!r} has {sample.n_units} units, the table has {n_units}"
            )
        if not np.array_equal(sample.support, floor[name].support):
            raise ModelError(f"{name} of {model!r} was measured on other pairs than the floor")


def _diseases(
    units: Sequence[Hashable], clusters: Mapping[Any, Hashable] | None
) -> NDArray[np.int64]:
    """(n_units,) the number of the disease of each unit, from 0, in order of appearance."""
    if not units:
        raise ModelError("a table needs at least one unit to measure on")
    if len(set(units)) != len(units):
        raise ModelError("a unit is named twice; a unit is a disease, or a disease of one seed")
    lacking = [unit for unit in units if clusters is not None and unit not in clusters]
    if lacking:
        raise ModelError(f"no disease is given for the unit {lacking[0]!r}")
    diseases = units if clusters is None else [clusters[unit] for unit in units]
    numbers = {disease: n for n, disease in enumerate(dict.fromkeys(diseases))}
    return np.array([numbers[disease] for disease in diseases])


def _draw(diseases: NDArray[np.int64], n_draws: int, seed: int) -> Weights:
    """(1 + n_draws, n_units) how often each unit counts; first as it is, once each."""
    if n_draws < 1:
        raise ModelError(f"a bootstrap needs at least 1 draw, not {n_draws}")
    n_diseases = int(diseases.max()) + 1
    rng = np.random.default_rng([seed, n_diseases])
    drawn = rng.multinomial(n_diseases, np.full(n_diseases, 1 / n_diseases), size=n_draws)
    return np.vstack([np.ones(len(diseases)), drawn[:, diseases]])


def _measure(name: str, sample: Sample, draws: Weights) -> Figures:
    """(1 + n_draws,) the figure itself, then under each draw."""
    figures = sample.under(draws)
    if np.isnan(figures[0]):
        raise ModelError(f"{name} is undefined: no unit has what it needs")
    return figures


def _figure(own: Figures, floor: Figures) -> Figure:
    return Figure(*_interval(own), *_interval(own - floor))


def _interval(figures: Figures) -> tuple[float, float, float]:
    """The value and its bounds, widened to hold it where the draws lie to one side.

    A draw in which the figure is undefined (no positive was drawn) is left out.
    """
    value = float(figures[0])
    low, high = np.nanquantile(figures, [0.025, 0.975])  # the first is never NaN
    return value, min(float(low), value), max(float(high), value)
