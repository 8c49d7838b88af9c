"""The documents say what is there: commands, links, counts, files."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer

import cli
from kg.export import FORMATS
from storage.tables import Base
from tests.graphs import starter_folder
from tests.shell import ROOT, run

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FORMATS_TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def leaves(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its words."""
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, child in command.commands.items():
        yield from leaves(child, *words, name)


def starter_tables() -> list[Path]:
    """The tables that a build reads; ``references.PART.tsv`` are pieces of one of them."""
    return [path for path in starter_folder().glob("*.tsv") if "." not in path.stem]


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("words", "command"), list(leaves(typer.main.get_command(cli.app))))
def test_every_command_stands_in_the_readme_with_its_options(words: str, command: Any) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Commands")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if re.search(rf"`{words}\b", row)]
    assert rows, f"no row of the table of commands has `{words}`"
    everywhere = table.partition("| command |")[0]
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert any(option in row for row in (*rows, everywhere)), option


def test_the_readme_names_no_command_that_is_not_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Commands")[2].partition("\n## ")[0]
    known = {words for words, _ in leaves(typer.main.get_command(cli.app))}
    groups = "|".join({words.partition(" ")[0] for words in known if " " in words})

    cells = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| `")]
    named = {
        words for cell in cells for words in re.findall(rf"`((?:(?:{groups}) )?[a-z-]+)", cell)
    }
    assert named == known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+://", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_starters_row_counts_are_those_of_its_files() -> None:
    text = (ROOT / "docs" / "starter.md").read_text(encoding="utf-8")
    stated = {
        name: int(count.replace(",", ""))
        for name, count in re.findall(r"^\| `(\w+\.tsv)` \| ([\d,]+) \|", text, flags=re.MULTILINE)
    }

    counted = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) - 1
        for path in starter_tables()
    }
    assert stated == counted


def test_the_starters_tables_are_described_with_their_columns() -> None:
    for path in starter_tables():
        (row,) = re.findall(rf"^\| `{path.name}` \|.*$", FORMATS_TEXT, flags=re.MULTILINE)
        header = path.read_text(encoding="utf-8").partition("\n")[0].split("\t")
        assert {f"`{column}`" for column in header if column != "reference"} <= set(
            re.findall(r"`\w+`", row)
        ), path.name


@pytest.mark.parametrize("folder", ["graph", "bundle"])
def test_every_file_of_a_written_folder_is_described(demo_home: Path, folder: str) -> None:
    manifest = json.loads((demo_home / folder / "manifest.json").read_bytes())

    assert manifest["kind"] in FORMATS_TEXT
    for name in manifest["files"]:
        assert f"| `{name}` |" in FORMATS_TEXT, name
    for key in ("kind", "version", "files", "fingerprint"):
        assert f"`{key}`" in FORMATS_TEXT


def test_the_card_of_a_bundle_is_described(demo_home: Path) -> None:
    card = json.loads(next((demo_home / "bundle").glob("card.*.json")).read_bytes())
    (row,) = re.findall(r"^\| `card.json` \|.*$", FORMATS_TEXT, flags=re.MULTILINE)

    assert {f"`{key}`" for key in card} <= set(re.findall(r"`\w+`", row))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_file_and_key_of_an_export_is_described(
    demo_home: Path, tmp_path: Path, name: str
) -> None:
    words = ("export", "--seed", "metformin", "--format", name, "--out", tmp_path / "out")
    manifest = run(*words, "--json", home=demo_home).json

    section = FORMATS_TEXT.partition("## Export")[2].partition("\n## ")[0]
    assert {f"`{file}`" for file in manifest["files"]} <= set(re.findall(r"`[\w.-]+`", section))
    assert {f"`{key}`" for key in manifest} <= set(re.findall(r"`\w+`", section))


def test_every_table_of_the_store_is_described() -> None:
    section = FORMATS_TEXT.partition("## Key ring")[2]
    for table in Base.metadata.tables:
        assert f"| `{table}` |" in section, table


def test_every_test_that_a_document_names_is_there() -> None:
    for path in DOCUMENTS:
        for file, name in re.findall(r"`([\w/]+\.py)::(\w+)`", path.read_text(encoding="utf-8")):
            found = chain((ROOT / "tests").rglob(file), (ROOT / "benchmarks").rglob(file))
            assert any(f"def {name}(" in each.read_text(encoding="utf-8") for each in found), name


def test_every_column_of_the_store_is_described() -> None:
    section = FORMATS_TEXT.partition("\n### Store")[2]
    for table in Base.metadata.tables.values():
        (row,) = re.findall(rf"^\| `{table.name}` \|.*$", section, flags=re.MULTILINE)
        assert {f"`{column.name}`" for column in table.columns} <= set(re.findall(r"`\w+`", row))


def test_no_document_waits_for_a_figure() -> None:
    assert not [path for path in DOCUMENTS if "FIGURE:" in path.read_text(encoding="utf-8")]
