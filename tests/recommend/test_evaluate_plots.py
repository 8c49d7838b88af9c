"""The plots of a report: what they need, what they say in words, and that they hold still."""

import re
import sys
from pathlib import Path
from typing import cast

import pytest

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves
from recommend.evaluate.report import to_html, write_html
from recommend.evaluate.table import BASELINES, FLOOR, TrackReport
from tests.recommend.pages import (
    EVIL,
    HTML,
    MODELS,
    SVG,
    XLINK,
    Reader,
    a_report,
    curves,
    parse,
    pictures,
    plotted_tables,
    rows_of,
    texts,
)

pytest.importorskip("matplotlib", reason="the extra train is not installed")


@pytest.fixture(scope="module")
def html() -> str:
    """A page with every kind of plot."""
    return to_html(full_report())


def full_report() -> TrackReport:
    return a_report(curves={model: curves() for model in MODELS})


def test_a_page_with_all_plots_is_whole_and_needs_nothing_from_outside(html: str) -> None:
    page, reader = parse(html), Reader(html)

    links = [
        value
        for tag in page.iter()
        for name, value in tag.attrib.items()
        if name.endswith(("href", "src"))
    ]
    assert len(pictures(page)) == 3
    assert reader.open == []
    assert not reader.seen & {"script", "link", "img", "iframe", "object", "image"}
    assert links
    assert all(link.startswith("#") for link in links)
    assert "url(" not in html.replace("url(#", "")
    assert "default-src 'none'" in html
    assert html.count("<style") == 1  # one in a drawing would hold for the whole page


def test_no_id_is_given_twice_and_every_reference_has_its_target(html: str) -> None:
    tags = list(parse(html).iter())

    ids = [tag.attrib["id"] for tag in tags if "id" in tag.attrib]
    wanted = {tag.attrib["aria-labelledby"] for tag in tags if "aria-labelledby" in tag.attrib}
    wanted |= {tag.attrib[XLINK][1:] for tag in tags if XLINK in tag.attrib}
    wanted |= set(re.findall(r"url\(#(.*?)\)", html))

    assert len(set(ids)) == len(ids)
    assert wanted <= set(ids)


def test_every_plot_has_a_text_and_a_table_of_what_it_shows(html: str) -> None:
    page = parse(html)

    said = {tag.get("id"): texts(tag) for tag in page.iter(f"{HTML}p") if tag.get("id")}
    shown = [
        [[texts(cell) for cell in row] for row in table.iter(f"{HTML}tr")]
        for table in plotted_tables(page)
    ]

    assert [svg.get("aria-labelledby") for svg in pictures(page)] == list(said)
    assert "0.3 % of the pairs are positive" in said["pr-alt"]
    assert "stack predicts 2 % in its highest bin, of which 1.2 %" in said["reliability-alt"]
    assert "stack: 4 at degree 0, 2 at degree 1" in said["rank-alt"]
    assert [len(rows) - 1 for rows in shown] == [4, 4 * 2 * 2, 4 * 4]
    assert ["stack", "20 %", "20 %", "20 %", "20 %", "20 %", "0.4 %"] in shown[0]
    assert ["stack", "low degree", "2 %", "1.2 %", "500"] in shown[1]
    assert ["stack", "0", "2", "3.2", "3.5", "4.0", "4.5", "4.8"] in shown[2]


def test_every_table_has_a_caption_and_every_heading_says_what_it_heads(html: str) -> None:
    page = parse(html)

    captions = [table.find(f"{HTML}caption") for table in page.iter(f"{HTML}table")]

    assert all(caption is not None and texts(caption) for caption in captions)
    assert {th.get("scope") for th in page.iter(f"{HTML}th")} == {"col", "row", "rowgroup"}


@pytest.mark.parametrize("kind", ["precision_recall", "reliability", "rank_by_degree"])
def test_a_kind_of_curve_that_is_missing_or_empty_gives_no_plot(kind: str) -> None:
    empty: Curves = {
        "precision_recall": {"recall": [], "precision": [], "prevalence": 0.1},
        "reliability": [{"group": "all", "bins": []}],
        "rank_by_degree": {"degree": [], "rank": [], "n_ranked": 9},
    }
    one = cast(Curves, {**empty, kind: cast(dict[str, object], curves())[kind]})

    page = parse(a_report(curves={"stack": one, "trees": {}, FLOOR: empty}))

    assert len(pictures(page)) == 1
    (table,) = plotted_tables(page)
    assert set(rows_of(table)) == {"stack"}


def test_two_pages_of_one_report_are_the_same_bytes(html: str, tmp_path: Path) -> None:
    import matplotlib

    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30}):  # a user's own settings
        write_html(full_report(), tmp_path / "second.html")

    assert (tmp_path / "second.html").read_bytes() == html.encode()


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were() -> None:
    import matplotlib

    had_pyplot = "matplotlib.pyplot" in sys.modules  # another library may have loaded it
    with matplotlib.rc_context({"font.size": 30}):
        to_html(a_report(curves={"stack": {"precision_recall": curves()["precision_recall"]}}))

        assert matplotlib.rcParams["font.size"] == 30
    assert ("matplotlib.pyplot" in sys.modules) == had_pyplot


def test_lines_differ_in_dashes_and_no_colour_but_those_of_the_page_is_drawn(html: str) -> None:
    names = [*(f"model {i}" for i in range(5)), *BASELINES]
    only: Curves = {"precision_recall": curves()["precision_recall"]}

    page = parse(a_report(curves=dict.fromkeys(names, only)))

    (key,) = [tag for tag in page.iter(f"{HTML}ul") if tag.get("class") == "key"]
    looks = [(line.get("stroke"), line.get("stroke-dasharray")) for line in key.iter(f"{SVG}line")]
    assert [texts(item) for item in key] == names
    assert len(set(looks)) == 8
    assert len({dashes for _, dashes in looks[:5]}) == 5
    assert len({colour for colour, _ in looks[5:]}) == 1
    styles = ";".join(tag.get("style", "") for tag in parse(html).iter()).split(";")
    paints = {style.strip() for style in styles if style.strip().startswith(("fill:", "stroke:"))}
    assert len(paints) > 4
    assert all(paint.endswith(("none", ")")) and "rgb" not in paint for paint in paints)


def test_a_name_cannot_become_part_of_a_drawing() -> None:
    data = curves()
    data["reliability"][0]["group"] = EVIL

    html = to_html(a_report(curves={EVIL + ' #010101 id="x" $x$': data}))

    assert "script" not in Reader(html).seen
    titles = [texts(tag) for tag in parse(html).iter(f"{SVG}text")]
    assert sum("</script> & \"'>" in title for title in titles) == 2
    assert sum(title.endswith('#010101 id="x" $x$') for title in titles) == 2


def test_without_matplotlib_a_report_with_curves_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "report.html"

    with pytest.raises(ModelError, match=r"matplotlib.*pharmakon\[train\]"):
        write_html(full_report(), path)

    assert list(tmp_path.iterdir()) == []
    write_html(a_report(), path)
    assert path.exists()
