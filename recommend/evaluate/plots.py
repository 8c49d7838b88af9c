"""The plots of a report, each with a text and a table that say the same as the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recommend.evaluate.curves import (
    Curves,
    PrecisionRecall,
    RankByDegree,
    Reliability,
    ReliabilityBin,
)
from recommend.evaluate.svg import (
    BACK,
    DASHES,
    INK,
    MARKERS,
    SERIES,
    SOFT,
    Line,
    draw_panels,
    draw_svg,
    label_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RARE = 0.05  # a smaller prevalence makes precision unreadable on a linear scale
CLASSES = ((0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, None))  # first, last treats-degree
AT_RECALL = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)  # of the table beside the curve
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Plot:
    """One plot, and what it says in words. No text in it is escaped, but for the SVG.

    Attributes:
        name: the prefix of the ids in its SVG.
        title: of its section.
        svg: an ``<svg>`` element; see :mod:`recommend.evaluate.svg`.
        alt: what it shows, for those who do not see it.
        caption: how to read it.
        key: its series, in order; may be empty.
        heading: of the columns of ``rows``.
        rows: what is drawn, as texts.
    """

    name: str
    title: str
    svg: str
    alt: str
    caption: str
    key: tuple[Line, ...]
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def draw(curves: Mapping[str, Curves], baselines: Sequence[str]) -> list[Plot]:
    """The plots for which there are curves.

    Args:
        curves: model -> its curves, in the order of the rows of the tables.
        baselines: the models that are drawn in grey.

    Raises:
        ModelError: matplotlib is not installed.
    """
    precision = {n: c["precision_recall"] for n, c in curves.items() if "precision_recall" in c}
    precision = {n: curve for n, curve in precision.items() if curve["recall"]}
    reliability = {
        n: [part for part in c["reliability"] if part["bins"]]
        for n, c in curves.items()
        if "reliability" in c
    }
    reliability = {n: parts for n, parts in reliability.items() if parts}
    by_degree = {n: c["rank_by_degree"] for n, c in curves.items() if "rank_by_degree" in c}
    by_degree = {n: curve for n, curve in by_degree.items() if curve["degree"]}
    plots = []
    if precision:
        plots.append(_precision_recall(precision, _lines(list(curves), baselines)))
    if reliability:
        plots.append(_reliability(reliability))
    if by_degree:
        plots.append(_rank_by_degree(by_degree))
    return plots


def _lines(names: Sequence[str], baselines: Sequence[str]) -> dict[str, Line]:
    """Baselines grey, models coloured; of the first thirty models no two lines look the same."""
    grey = [name for name in names if name in baselines]
    models = [name for name in names if name not in baselines]
    dashed = DASHES[1:]
    lines = {n: Line(n, SOFT, dashed[i % len(dashed)]) for i, n in enumerate(grey)}
    return lines | {
        name: Line(name, SERIES[i % len(SERIES)], DASHES[i % len(DASHES)])
        for i, name in enumerate(models)
    }


def _precision_recall(curves: Mapping[str, PrecisionRecall], lines: Mapping[str, Line]) -> Plot:
    prevalence = next(iter(curves.values()))["prevalence"]
    rare = prevalence < RARE

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        lowest = prevalence
        for name, curve in curves.items():
            axes.step(curve["recall"], curve["precision"], where="pre", **lines[name].style(1.8))
            lowest = min([lowest, *(value for value in curve["precision"] if value > 0)])
        axes.axhline(prevalence, color=SOFT, linewidth=0.8)
        chance = f"chance: {percent(prevalence)}"
        place, below = (0.99, prevalence), (0, -4)
        axes.annotate(chance, place, below, textcoords="offset points", ha="right", va="top")
        axes.set(xlim=(0, 1), xlabel="recall", ylabel="precision")
        if rare:
            axes.set_yscale("log")
        axes.set_ylim((lowest / 1.8, 1.1) if rare else (0, 1.03))
        label_ticks(axes.xaxis, percent)
        label_ticks(axes.yaxis, percent)

    at = {name: [_precision_at(curve, r) for r in AT_RECALL] for name, curve in curves.items()}
    best_first = sorted(at, key=lambda name: -at[name][2])
    said = ", ".join(f"{name} {percent(at[name][2])}" for name in best_first)
    scale = "Precision is on a logarithmic scale. " if rare else ""
    return Plot(
        name="pr",
        title="Precision and recall",
        svg=draw_svg("pr", paint, (7.4, 4.4)),
        alt=f"Precision against recall; {percent(prevalence)} of the pairs are positive. Precision "
        f"at {percent(AT_RECALL[2])} recall, best first: {said}.",
        caption=f"All pairs in one ranking. {scale}The thin line is what chance reaches: the share "
        "of the pairs that are positive.",
        key=tuple(lines[name] for name in curves),
        heading=("model", *(f"precision at {percent(recall)} recall" for recall in AT_RECALL)),
        rows=tuple((name, *map(percent, values)) for name, values in at.items()),
    )


def _precision_at(curve: PrecisionRecall, recall: float) -> float:
    """The precision at the first point that reaches ``recall``."""
    reached = np.searchsorted(curve["recall"], recall - 1e-12)
    return curve["precision"][min(int(reached), len(curve["precision"]) - 1)]


def _reliability(curves: Mapping[str, Sequence[Reliability]]) -> Plot:
    groups = dict.fromkeys(part["group"] for parts in curves.values() for part in parts)
    looks = {
        group: Line(
            group,
            SERIES[(i - 1) % len(SERIES)] if i else INK,
            DASHES[i % len(DASHES)],
            MARKERS[i % len(MARKERS)],
        )
        for i, group in enumerate(groups)
    }
    bins = [b for parts in curves.values() for part in parts for b in part["bins"]]
    rare = min(b["predicted"] for b in bins) < 0.01
    highest = max(max(b["predicted"], b["observed"]) for b in bins)
    top = min(1.0, max(highest * 1.4, 0.01)) if rare else 1.0

    def paint(axes: "Axes", name: str) -> None:
        axes.plot([0, top], [0, top], color=SOFT, linewidth=0.8)
        for part in curves[name]:
            look = looks[part["group"]]
            predicted = [b["predicted"] for b in part["bins"]]
            low, high = zip(*(_wilson(b) for b in part["bins"]), strict=True)
            axes.vlines(predicted, low, high, color=look.colour, linewidth=0.7)
            axes.plot(predicted, [b["observed"] for b in part["bins"]], **look.style(1.2))
        if rare:
            axes.set_xscale("symlog", linthresh=1e-3, linscale=0.7)
            axes.set_yscale("symlog", linthresh=1e-3, linscale=0.7)
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="predicted", ylabel="recorded")
        label_ticks(axes.xaxis, percent)
        label_ticks(axes.yaxis, percent)

    said = (
        f"{name} predicts {percent(last['predicted'])} in its highest bin, of which "
        f"{percent(last['observed'])} are recorded"
        for name, last in ((name, parts[0]["bins"][-1]) for name, parts in curves.items())
    )
    scale = "Both scales are linear up to 0.1 % and logarithmic above. " if rare else ""
    return Plot(
        name="reliability",
        title="Reliability",
        svg=draw_panels("reliability", list(curves), paint, 3.2),
        alt="Recorded share against predicted probability, a panel a model: "
        + "; ".join(said)
        + ".",
        caption="Bins of equal mass; the thin diagonal is a perfect forecast, a point below it "
        f"promises too much. {scale}Bars are 95 % Wilson intervals of what is recorded.",
        key=tuple(looks.values()),
        heading=("model", "pairs", "predicted", "recorded", "number of pairs"),
        rows=tuple(
            (name, part["group"], percent(b["predicted"]), percent(b["observed"]), f"{b['n']:,}")
            for name, parts in curves.items()
            for part in parts
            for b in part["bins"]
        ),
    )


def _wilson(found: ReliabilityBin) -> tuple[float, float]:
    """The 95 % interval of a share that was observed (Wilson 1927, equation 9)."""
    n, share, z = max(found["n"], 1), found["observed"], 1.96
    middle = share + z**2 / (2 * n)
    reach = z * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    low, high = ((middle + side * reach) / (1 + z**2 / n) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _rank_by_degree(curves: Mapping[str, RankByDegree]) -> Plot:
    ranks = {name: _by_class(curve) for name, curve in curves.items()}
    places = [i for i in range(len(CLASSES)) if any(len(found[i]) for found in ranks.values())]
    labels = [_class_name(i) for i in places]
    n_ranked = max(curve["n_ranked"] for curve in curves.values())

    def paint(axes: "Axes", name: str) -> None:
        for x, i in enumerate(places):
            if not len(ranks[name][i]):
                continue
            low, quarter, middle, most, high = np.quantile(ranks[name][i], QUANTILES)
            axes.vlines(x, low, high, color=SOFT, linewidth=1.2)
            axes.vlines(x, quarter, most, color=SERIES[0], linewidth=7)
            axes.plot([x], [middle], marker="o", color=BACK, markeredgecolor=INK, markersize=5)
        axes.axhline((n_ranked + 1) / 2, color=SOFT, linewidth=0.8)
        axes.set_yscale("log")
        axes.set(ylim=(n_ranked * 1.3, 0.8), xlim=(-0.6, len(places) - 0.4))
        axes.set_xticks(range(len(places)), labels)
        axes.set(xlabel="treats-degree of the drug", ylabel="rank")
        label_ticks(axes.yaxis, lambda value: f"{value:,.0f}")

    said = "; ".join(
        f"{name}: "
        + ", ".join(
            f"{np.median(found[i]):,.0f} at degree {_class_name(i)}"
            for i in places
            if len(found[i])
        )
        for name, found in ranks.items()
    )
    return Plot(
        name="rank",
        title="Rank by degree",
        svg=draw_panels("rank", list(curves), paint, 3.0),
        alt=f"Median rank of the positives among {n_ranked:,} drugs, by how many diseases the drug "
        f"is known to treat. {said}.",
        caption="Where the positives landed, best at the top, by the number of treats edges that "
        "their drug has in the view. Point: median; thick bar: the middle half; thin bar: from the "
        "10th to the 90th percentile; thin line: chance. A model that knows only fame falls off "
        "to the left.",
        key=(),
        heading=("model", "degree", "positives", "10 %", "25 %", "median", "75 %", "90 %"),
        rows=tuple(
            (
                name,
                _class_name(i),
                f"{len(found[i]):,}",
                *(f"{value:,.1f}" for value in np.quantile(found[i], QUANTILES)),
            )
            for name, found in ranks.items()
            for i in places
            if len(found[i])
        ),
    )


def _by_class(curve: RankByDegree) -> list[NDArray[np.float64]]:
    """The ranks of the positives in each of :data:`CLASSES`."""
    degree, rank = np.asarray(curve["degree"]), np.asarray(curve["rank"], np.float64)
    starts = [first for first, _ in CLASSES]
    which = np.searchsorted(starts, degree, side="right") - 1
    return [rank[which == i] for i in range(len(CLASSES))]


def _class_name(i: int) -> str:
    first, last = CLASSES[i]
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def percent(value: float) -> str:
    """A share for people: three digits at most, none of them a needless zero."""
    return f"{float(f'{100 * value:.3g}'):g} %"
