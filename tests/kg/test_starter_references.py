"""Every row of the starter names works that are listed, and every listed work is named."""

import csv
import re
from collections.abc import Mapping

import pytest

from tests.graphs import starter_folder

KINDS = {"compendium", "guideline", "label", "list", "ontology", "review", "textbook"}
TABLES = sorted(path.stem for path in starter_folder().glob("*.tsv") if path.stem != "references")


def rows(name: str) -> list[Mapping[str, str]]:
    text = (starter_folder() / f"{name}.tsv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


REFERENCES = rows("references")


def test_each_work_is_listed_once_with_kind_title_publisher_and_year() -> None:
    keys = [row["key"] for row in REFERENCES]

    assert keys == sorted(set(keys))
    assert {row["kind"] for row in REFERENCES} <= KINDS
    assert [row for row in REFERENCES if not (row["title"] and row["publisher"])] == []
    assert [row for row in REFERENCES if not re.fullmatch(r"(19|20)\d\d", row["year"])] == []
    assert [row for row in REFERENCES if not re.fullmatch(r"\d*", row["pmid"])] == []


@pytest.mark.parametrize("name", TABLES)
def test_every_row_names_a_listed_work(name: str) -> None:
    known = {row["key"] for row in REFERENCES}

    unknown = [row for row in rows(name) if not set(row["reference"].split("|")) <= known]

    assert unknown == []


def test_every_listed_work_is_named_by_a_row() -> None:
    named = {key for name in TABLES for row in rows(name) for key in row["reference"].split("|")}

    assert {row["key"] for row in REFERENCES} - named == set()
