"""Drawings as SVG elements that take their colours from the page around them.

Drawn with matplotlib's Figure, never pyplot: no window, no global figure. Colours are drawn as
placeholders that become CSS variables, so one drawing serves light, dark and print. Two drawings of
the same thing are the same text.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recommend.models.base import import_training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

N_COLOURS = 6
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 2), (3, 1.5), (9, 2, 2, 2), (5, 2, 1, 2, 1, 2))
INK, SOFT, GRID, BACK = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0a000{number}" for number in range(N_COLOURS))
_VARIABLES = {INK: "--text", SOFT: "--soft", GRID: "--line", BACK: "--back"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES)
}
_SETTINGS = {
    "svg.hashsalt": "pharmakon",  # ids by content, not by chance
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a name may have a $ in it
    "axes.formatter.useoffset": False,
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.scale_dashes": False,
    "text.color": INK,
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
}
_SHAPES = {  # around (21, 6)
    "o": "M17 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "s": "M17.5 2.5h7v7h-7z",
    "^": "M21 1.5l4.5 8h-9z",
    "D": "M21 1l5 5l-5 5l-5 -5z",
    "v": "M21 10.5l4.5 -8h-9z",
}
MARKERS = tuple(_SHAPES)  # as matplotlib spells them
_PANELS_ABREAST = 3
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Line:
    """How one series is drawn.

    Attributes:
        label: what it is, not escaped.
        colour: a placeholder.
        dashes: lengths on and off in points; empty is solid.
        marker: one of :data:`MARKERS`, or empty for none.
    """

    label: str
    colour: str
    dashes: tuple[float, ...]
    marker: str = ""

    def to_svg(self) -> str:
        """A sample of it, for a key in the page."""
        dashes = " ".join(f"{length:g}" for length in self.dashes) or "none"
        colour = f"var({_VARIABLES[self.colour]})"
        shape = _SHAPES.get(self.marker, "")
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 42 12" aria-hidden="true">'
            f'<line x1="0" y1="6" x2="42" y2="6" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dashes}"/>'
            + (f'<path d="{shape}" fill="{colour}"/>' if shape else "")
            + "</svg>"
        )

    def style(self, width: float) -> dict[str, Any]:
        """What ``Axes.plot`` takes."""
        pattern = (0, self.dashes) if self.dashes else "solid"
        return {
            "color": self.colour,
            "linestyle": pattern,
            "linewidth": width,
            "marker": self.marker or None,
            "markersize": 4,
        }


def draw_svg(name: str, paint: "Callable[[Figure], None]", size: tuple[float, float]) -> str:
    """An ``<svg>`` element that is well-formed XML and as wide as its place, up to a limit.

    Args:
        name: the prefix of its ids, other than that of any other drawing on the page.
        paint: draws on an empty figure.
        size: width and height in inches.

    Raises:
        ModelError: matplotlib is not installed.
    """
    matplotlib = import_training("matplotlib")
    make_figure = import_training("matplotlib.figure").Figure
    written = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has fonts of its own
        matplotlib.rcdefaults()  # whatever the user's own settings are
        matplotlib.rcParams.update(_SETTINGS)
        figure = make_figure(figsize=size, layout="constrained")
        paint(figure)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    return _for_page(name, written.getvalue(), size[0])


def draw_panels(
    name: str, titles: Sequence[str], paint: "Callable[[Axes, str], None]", height: float
) -> str:
    """A panel for each title, with the same scales; see :func:`draw_svg`.

    Args:
        name: the prefix of its ids.
        titles: one a panel, none twice.
        paint: draws the panel of a title.
        height: of a panel in inches.
    """
    n_columns = min(_PANELS_ABREAST, len(titles))
    n_rows = math.ceil(len(titles) / n_columns)

    def paint_all(figure: "Figure") -> None:
        for place, title in enumerate(titles):
            axes = figure.add_subplot(n_rows, n_columns, place + 1)
            axes.set_title(xml_text(title))
            paint(axes, title)

    width = 4.2 if n_columns == 1 else 3.1 * n_columns
    return draw_svg(name, paint_all, (width, height * n_rows))


def xml_text(text: str) -> str:
    """``text`` without what XML cannot hold at all, such as a NUL; not escaped."""
    return _NO_TEXT.sub("\ufffd", text)


def label_ticks(axis: "Axis", to_text: Callable[[float], str]) -> None:
    """Name the large ticks of ``axis`` with ``to_text`` and leave the small ones unnamed."""
    axis.set_major_formatter(lambda value, _: to_text(value))
    axis.set_minor_formatter(lambda *_: "")


def _for_page(name: str, svg: str, width: float) -> str:
    svg = svg[svg.index("<svg") :].strip()  # no prologue: it stands inside a page
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' width="[\d.]+pt"', f' style="max-width: {width * 1.15:.1f}in"', svg, count=1)
    svg = re.sub(r' height="[\d.]+pt"', "", svg, count=1)
    return re.sub(r"<[^>]+>", lambda tag: _themed(name, tag[0]), svg)  # tags, never texts


def _themed(name: str, tag: str) -> str:
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r"(\.\d\d)\d+", r"\1", tag)  # a hundredth of a point is finer than any screen
    return re.sub(r"#[0-9a-f]{6}\b", _variable, tag)


def _variable(colour: re.Match[str]) -> str:
    found = _VARIABLES.get(colour[0])
    return f"var({found})" if found else colour[0]
