"""Reports made by hand, and the parts of their pages."""

from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

from recommend.evaluate.curves import Curves, ReliabilityBin
from recommend.evaluate.report import to_html
from recommend.evaluate.table import BASELINES, FLOOR, Figure, Row, Table, TrackReport

EVIL = "<script>alert(1)</script> & \"'> \x00\x1b"
HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
MODELS = ("stack", *BASELINES)


def figure(value: float, gain: float = 0.0, reach: float = 0.01) -> Figure:
    return Figure(value, value - reach, value + reach, gain, gain - reach, gain + reach)


def a_table(values: Mapping[str, Mapping[str, Figure]], title: str = "the table") -> Table:
    rows = tuple(Row(model, figures) for model, figures in values.items())
    return Table(title, tuple(rows[0].figures), rows, 12, 12, 2000, 0)


def plain_table() -> Table:
    return a_table(
        {
            "stack": {"AUROC": figure(0.9, 0.1), "ECE": figure(0.02, 0.004)},
            "popularity": {"AUROC": figure(0.7, -0.1), "ECE": figure(0.03, 0.014)},
            "degree-product": {"AUROC": figure(0.9, 0.1), "ECE": figure(0.04, 0.024)},
            FLOOR: {"AUROC": figure(0.8), "ECE": figure(0.016)},
        }
    )


def curves() -> Curves:
    """One of each kind."""
    bins: list[ReliabilityBin] = [
        {"predicted": 0.001, "observed": 0.0, "n": 500},
        {"predicted": 0.02, "observed": 0.012, "n": 500},
    ]
    return {
        "precision_recall": {"recall": [0.5, 1.0], "precision": [0.2, 0.004], "prevalence": 0.003},
        "reliability": [{"group": "all", "bins": bins}, {"group": "low degree", "bins": bins}],
        "rank_by_degree": {"degree": [0, 0, 1, 4, 40], "rank": [3, 5, 2.5, 1, 1], "n_ranked": 90},
    }


def a_report(**changes: object) -> TrackReport:
    report = TrackReport("zero-shot", {"graph": "f00d", "seeds": [0, 1]}, (plain_table(),))
    return replace(report, **changes)  # type: ignore[arg-type]


def parse(page: TrackReport | str) -> ElementTree.Element:
    """The page as XML, which is stricter than HTML: what is not well-formed raises."""
    return ElementTree.fromstring(page if isinstance(page, str) else to_html(page))


def texts(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def rows_of(table: ElementTree.Element) -> dict[str, list[ElementTree.Element]]:
    """Model -> its cells."""
    rows = [row for row in table.iter(f"{HTML}tr") if row.find(f"{HTML}td") is not None]
    return {texts(row[0]): list(row.iter(f"{HTML}td")) for row in rows}


def figure_tables(page: ElementTree.Element) -> list[ElementTree.Element]:
    return [table for table in page.iter(f"{HTML}table") if table.get("class") == "figures"]


def plotted_tables(page: ElementTree.Element) -> list[ElementTree.Element]:
    return [table for table in page.iter(f"{HTML}table") if table.get("class") == "plotted"]


def pictures(page: ElementTree.Element) -> list[ElementTree.Element]:
    return [svg for svg in page.iter(f"{SVG}svg") if svg.get("role") == "img"]


class Reader(HTMLParser):
    """Reads as a browser does; every tag that is opened must be closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
