"""The page of a track's report: what stands in it, and what can never get into it."""

from recommend.evaluate.definitions import CONTROL, FIGURES, TRACKS, direction, explain_figure
from recommend.evaluate.report import to_html
from recommend.evaluate.table import BASELINES, FLOOR, Figure, TrackReport
from recommend.evaluate.tracks import TRACKS as RUNS
from tests.recommend.pages import (
    EVIL,
    HTML,
    MODELS,
    Reader,
    a_report,
    a_table,
    figure,
    figure_tables,
    parse,
    plain_table,
    rows_of,
    texts,
)


def test_every_figure_of_every_row_of_every_table_is_on_the_page() -> None:
    second = a_table({model: {"AP": figure(0.0123 + i)} for i, model in enumerate(MODELS)}, "b")

    tables = figure_tables(parse(a_report(tables=(plain_table(), second))))

    assert len(tables) == 2
    for table, wanted in zip(tables, (plain_table(), second), strict=True):
        shown = rows_of(table)
        assert set(shown) == {row.model for row in wanted.rows}
        assert [th.text for th in table.iter(f"{HTML}th") if th.get("scope") == "col"] == [
            "model",
            *wanted.figures,
        ]
        assert all(len(cells) == len(wanted.figures) for cells in shown.values())
    first = rows_of(tables[0])
    assert texts(first["popularity"][0]) == "0.7000.690 to 0.710−0.100(−0.110 to −0.090)"
    assert texts(first["stack"][1]) == "0.02000.0100 to 0.0300+0.0040(−0.0060 to 0.0140)"
    assert texts(first[FLOOR][0]) == "0.8000.790 to 0.810the floor"


def test_the_best_of_each_figure_is_marked_equals_together_and_less_where_less_is_better() -> None:
    (table,) = figure_tables(parse(a_report()))

    marked = {
        (model, i)
        for model, cells in rows_of(table).items()
        for i, cell in enumerate(cells)
        if "best" in texts(cell)
    }

    assert marked == {("stack", 0), ("degree-product", 0), (FLOOR, 1)}


def test_where_all_are_equal_or_more_is_no_better_nothing_is_marked() -> None:
    equal = a_table({model: {"AP": figure(0.3)} for model in MODELS})
    neither = a_table({m: {"drug entropy": figure(2.0 + i)} for i, m in enumerate(MODELS)})

    for report in (a_report(tables=(equal, neither)), a_report(track=CONTROL)):
        assert 'class="best"' not in to_html(report)


def test_what_rounds_to_nothing_has_no_sign() -> None:
    tiny = Figure(0.5, 0.4, 0.6, -0.00001, -0.2, 0.00001)
    table = a_table({"stack": {"AP": tiny}, **{m: {"AP": figure(0.4)} for m in BASELINES}})

    (shown,) = figure_tables(parse(a_report(tables=(table,))))

    assert "0.600 0.000 (−0.200 to 0.000)" in " ".join(rows_of(shown)["stack"][0].itertext())


def test_baselines_stand_apart_and_a_sure_difference_is_in_bold() -> None:
    (table,) = figure_tables(parse(a_report()))

    bodies = {body.get("class"): list(rows_of(body)) for body in table.iter(f"{HTML}tbody")}
    bold = {
        (model, texts(b))
        for model, cells in rows_of(table).items()
        for cell in cells
        for b in cell.iter(f"{HTML}b")
    }

    assert bodies == {"models": ["stack"], "baselines": list(BASELINES)}
    assert ("stack", "+0.100") in bold
    assert ("popularity", "−0.100") in bold
    assert not {text for _, text in bold} & {"+0.0040", "0.000"}


def test_a_figure_that_is_not_a_number_is_named_undefined_and_is_never_best() -> None:
    nan = Figure(*[float("nan")] * 6)
    table = a_table({"stack": {"AP": nan}, **{m: {"AP": figure(0.2)} for m in BASELINES}})

    (shown,) = figure_tables(parse(a_report(tables=(table,))))

    assert texts(rows_of(shown)["stack"][0]).startswith("undefined")
    assert "best" not in texts(shown)


def test_text_from_files_cannot_become_part_of_the_page() -> None:
    values = {model: {EVIL: figure(0.2)} for model in (EVIL, *BASELINES)}
    table = a_table(values, EVIL)
    report = TrackReport(EVIL, {EVIL: [EVIL], "a": {EVIL: 1}}, (table,), {}, (EVIL,), (EVIL,))

    page, reader = parse(report), Reader(to_html(report))

    assert "script" not in reader.seen
    assert texts(page).count("<script>alert(1)</script>") == 10
    assert not any(name.startswith("on") for tag in page.iter() for name in tag.attrib)


def test_the_page_names_the_track_its_settings_its_leaks_and_its_notes() -> None:
    settings = {"graph": "f00d", "seeds": [0, 1], "cut": None, "strict": True, "share": 0.4}

    page = parse(a_report(settings=settings, leaks=("beware",), notes=("so it was",)))

    for text in (TRACKS["zero-shot"], "1 suspected", "beware", "so it was", explain_figure("ECE")):
        assert text in texts(page)
    (table,) = [table for table in page.iter(f"{HTML}table") if table.get("class") == "settings"]
    assert {name: texts(cell) for name, (cell,) in rows_of(table).items()} == {
        "graph": "f00d",
        "seeds": "0, 1",
        "cut": "none",
        "strict": "yes",
        "share": "0.4",
    }
    assert "found none" in texts(parse(a_report()))


def test_nothing_is_said_of_leaks_where_none_was_looked_for() -> None:
    assert "leak" not in texts(parse(a_report(track=CONTROL))).casefold()


def test_every_track_and_every_figure_that_they_make_is_explained() -> None:
    assert set(TRACKS) == {*RUNS, "patients"}
    assert explain_figure("ECE, low degree") == FIGURES["ECE"]
    assert explain_figure("degree-matched AUROC") == FIGURES["degree-matched AUROC"]
    assert explain_figure("AUROC above main effects") != FIGURES["AUROC"] != ""
    assert explain_figure("another") == ""
    assert [direction(n) for n in ("MRR", "ECE", "Brier skill", "Brier", "Drug entropy@20")] == [
        1, -1, 1, -1, 0,
    ]  # fmt: skip
