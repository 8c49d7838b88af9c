"""A :class:`TrackReport` as one HTML page: tables, plots, leaks and notes.

The page holds everything that it shows, runs no script and may load nothing: its content security
policy says so. It is well-formed XML as well. Texts of the report, such as names of nodes, are
escaped. Two pages of one report are byte for byte the same, so pages can be compared.

What the plots are drawn from is defined in :mod:`recommend.evaluate.curves`.
"""

import html
import json
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from kg.folder import replace_file
from recommend.evaluate.definitions import CONTROL, LIMITS, TRACKS, direction, explain_figure
from recommend.evaluate.plots import Plot, draw
from recommend.evaluate.svg import Line, xml_text
from recommend.evaluate.table import BASELINES, Figure, Row, Table, TrackReport

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_html(report: TrackReport, path: Path) -> None:
    """Write the page of ``report`` to ``path``, whole or not at all.

    Raises:
        ModelError: the report has curves, and matplotlib is not installed.
        OSError: ``path`` cannot be written.
    """
    replace_file(path, to_html(report).encode())


def to_html(report: TrackReport) -> str:
    """The page.

    Raises:
        ModelError: the report has curves, and matplotlib is not installed.
    """
    plots = draw(report.curves, BASELINES)
    style = files("recommend.evaluate").joinpath("report.css").read_text(encoding="utf-8")
    title = report.title or f"Evaluation: {report.track}"
    parts = [
        "<!DOCTYPE html>",
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">',
        '<head><meta charset="utf-8"/>',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        '<meta name="color-scheme" content="light dark"/>',
        f"<title>{_text(title)}</title>",
        f"<style>{style}</style></head>",
        f"<body><main><h1>{_text(title)}</h1>",
        *_measured(report),
        *_leaks(report),
        *_tables(report),
        *(_plot(plot) for plot in plots),
        *_notes(report),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _measured(report: TrackReport) -> Iterable[str]:
    yield '<section aria-labelledby="measured"><h2 id="measured">What was measured</h2>'
    definition = TRACKS.get(report.track)
    if definition:
        yield f"<p>{_text(definition)}</p>"
    if report.settings:
        yield '<table class="settings"><caption>Settings</caption><tbody>'
        for name, value in report.settings.items():
            yield f'<tr><th scope="row">{_text(name)}</th><td>{_text(_setting(value))}</td></tr>'
        yield "</tbody></table>"
    yield "</section>"


def _leaks(report: TrackReport) -> Iterable[str]:
    if report.track == CONTROL and not report.leaks:
        return  # nothing is probed there: its edges mean nothing
    yield '<section aria-labelledby="leaks"><h2 id="leaks">Leaks</h2>'
    if report.leaks:
        yield f'<div class="warning"><p><b>{len(report.leaks)} suspected.</b> The figures below '
        yield "may be better than the models are.</p><ul>"
        yield from (f"<li>{_text(leak)}</li>" for leak in report.leaks)
        yield "</ul></div>"
    else:
        yield "<p>The probes found none of the known ways in which the answer is given away.</p>"
    yield "</section>"


def _tables(report: TrackReport) -> Iterable[str]:
    yield '<section aria-labelledby="tables"><h2 id="tables">Figures</h2>'
    marks = report.track != CONTROL  # there, more is not better
    for table in report.tables:
        yield from _table(table, marks)
    names = dict.fromkeys(name for table in report.tables for name in table.figures)
    explained: dict[str, list[str]] = {}
    for name in names:
        explained.setdefault(explain_figure(name), []).append(name)
    explained.pop("", None)
    if explained:
        yield "<h3>What the figures mean</h3><dl>"
        for text, of in explained.items():
            yield f"<dt>{_text(' · '.join(of))}</dt><dd>{_text(text)}</dd>"
        yield "</dl>"
    yield "</section>"


def _table(table: Table, marks: bool) -> Iterable[str]:
    yield '<div class="wide" tabindex="0" role="region" '
    yield f'aria-label="{_text(table.title)}"><table class="figures">'
    units = f"{table.n_units:,} units"
    if table.n_units != table.n_diseases:
        units += f" of {table.n_diseases:,} groups that are drawn together"
    yield f'<caption><span class="about"><b>{_text(table.title)}</b> Value; 95 % interval; paired '
    yield f"difference to {table.floor} and its interval. {units}; {table.n_draws:,} bootstrap "
    yield f"draws, seed {table.seed}.</span></caption>"
    yield '<thead><tr><th scope="col">model</th>'
    yield from (f'<th scope="col">{_text(name)}</th>' for name in table.figures)
    yield "</tr></thead>"
    digits = {name: _digits(table, name) for name in table.figures}
    best = {name: _best(table, name, digits[name]) if marks else "" for name in table.figures}
    width = len(table.figures) + 1
    for heading, name, inside in (("Models", "models", False), ("Baselines", "baselines", True)):
        rows = [row for row in table.rows if (row.model in table.baselines) == inside]
        if rows:
            yield f'<tbody class="{name}">'
            yield f'<tr><th scope="rowgroup" colspan="{width}">{heading}</th></tr>'
            yield from (_row(row, table, digits, best) for row in rows)
            yield "</tbody>"
    yield "</table></div>"


def _row(row: Row, table: Table, digits: dict[str, int], best: dict[str, str]) -> str:
    cells = []
    for name in table.figures:
        figure, places = row.figures[name], digits[name]
        value = _number(figure.value, places)
        is_best = value == best[name]
        mark = '<span class="mark">best</span>' if is_best else ""
        cells.append(
            f'<td class="{"best" if is_best else "other"}"><span class="value">{value}</span>{mark}'
            f"<small>{_interval(figure.low, figure.high, places)}</small>"
            f"{_gain(figure, places, is_floor=row.model == table.floor)}</td>"
        )
    return f'<tr><th scope="row">{_text(row.model)}</th>{"".join(cells)}</tr>'


def _gain(figure: Figure, places: int, *, is_floor: bool) -> str:
    if is_floor:
        return "<small>the floor</small>"
    gain = _number(figure.gain, places, sign="+")
    interval = _interval(figure.gain_low, figure.gain_high, places)
    if figure.gain_low > 0 or figure.gain_high < 0:
        gain = f"<b>{gain}</b>"  # more than chance
    return f"<small>{gain}</small><small>({interval})</small>"


def _best(table: Table, name: str, places: int) -> str:
    """The best value as it is printed, so that equals are all marked; empty if none is better."""
    values = [row.figures[name].value for row in table.rows]
    values = [value for value in values if math.isfinite(value)]
    sign = direction(name)
    if not sign or len({_number(value, places) for value in values}) < 2:
        return ""
    return _number(max(values, key=lambda value: sign * value), places)


def _digits(table: Table, name: str) -> int:
    """Digits after the point, the same for a whole column."""
    values = [abs(row.figures[name].value) for row in table.rows]
    return 4 if max(values) < 0.1 else 3 if max(values) < 10 else 1


def _number(value: float, places: int, sign: str = "") -> str:
    if not math.isfinite(value):
        return "undefined"
    text = f"{value:{sign}.{places}f}"
    if not float(text):
        text = text.lstrip("+-")  # rounded to 0, which has no sign
    return text.replace("-", "\N{MINUS SIGN}")


def _interval(low: float, high: float, places: int) -> str:
    return f"{_number(low, places)} to {_number(high, places)}"


def _plot(plot: Plot) -> str:
    alt = f'role="img" aria-labelledby="{plot.name}-alt"'
    svg = plot.svg.replace("<svg ", f"<svg {alt} ", 1)
    return "\n".join(
        [
            f'<section aria-labelledby="{plot.name}"><h2 id="{plot.name}">{_text(plot.title)}</h2>',
            f'<figure class="{plot.name}"><figcaption>{_text(plot.caption)}</figcaption>',
            _key(plot.key),
            svg,
            f'<p id="{plot.name}-alt" class="hidden">{_text(plot.alt)}</p></figure>',
            f"<details><summary>{_text(plot.title)} as a table</summary>",
            f'<table class="plotted"><caption>{_text(plot.title)}</caption><thead><tr>',
            *(f'<th scope="col">{_text(name)}</th>' for name in plot.heading),
            "</tr></thead><tbody>",
            *(_cells(row) for row in plot.rows),
            "</tbody></table></details></section>",
        ]
    )


def _cells(row: Sequence[str]) -> str:
    rest = "".join(f"<td>{_text(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{_text(row[0])}</th>{rest}</tr>'


def _key(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{line.to_svg()}{_text(line.label)}</li>" for line in lines)
    return f'<ul class="key">{items}</ul>'


def _notes(report: TrackReport) -> Iterable[str]:
    yield '<section aria-labelledby="notes"><h2 id="notes">Notes and limits</h2><ul>'
    yield from (f"<li>{_text(note)}</li>" for note in (*report.notes, *LIMITS))
    yield "</ul></section>"


def _setting(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, list | tuple) and all(isinstance(item, str | int) for item in value):
        return ", ".join(map(str, value)) or "none"
    return json.dumps(value, ensure_ascii=False)


def _text(value: str) -> str:
    """``value`` as it may stand in an element or in a quoted attribute."""
    return html.escape(xml_text(value))
