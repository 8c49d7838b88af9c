"""Drugs that were taken off the market, told by hand and only of drugs that were read."""

import csv
from pathlib import Path

from kg.builder import build
from kg.sources.names import Names
from kg.sources.names.withdrawn import _REFERENCES, _ROWS, withdrawn
from tests.kg.given import Given


def table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]


def test_each_drug_says_where_and_by_whom_and_each_reference_is_cited() -> None:
    rows, references = table(_ROWS), table(_REFERENCES)

    assert all(where for _, where, _, _ in rows)
    assert {reference for *_, reference in rows} == {reference[0] for reference in references}
    assert len({row[0] for row in rows}) == len(rows)


def test_only_drugs_that_were_read_are_told(tmp_path: Path) -> None:
    columns = "drugbank_id\tname\ttype\tgroups\tatc_codes\tcategories\tinchikey\tinchi\tdescription"
    (tmp_path / "drugbank-slim.tsv").write_text(
        f"{columns}\nDB00914\tPhenformin\tx\tapproved\t\t\t\t\t\n"
        "DB00761\tPotassium Chloride\tx\tapproved|withdrawn\t\t\t\t\t\n"
    )
    drugs = [("DRUGBANK:DB00914", "Phenformin"), ("DRUGBANK:DB00761", "Potassium Chloride")]

    result = build([Given(Drug=drugs), Names(tmp_path)])

    (row,) = result.graph.statements["withdrawn"]
    assert (row["drug"], row["year"]) == ("DRUGBANK:DB00914", "1977")
    (reference,) = result.graph.statements["references"]
    assert reference["key"] == row["reference"]
    assert not result.report.left_out


def test_the_real_numbers_are_those_of_the_drugs_that_they_stand_beside(data: Path) -> None:
    lines = (data / "hetionet" / "hetionet-v1.0-nodes.tsv").read_text(encoding="utf-8").splitlines()
    names = {
        row["id"].removeprefix("Compound::"): row["name"].casefold()
        for row in csv.DictReader(lines, delimiter="\t")
    }
    told = dict(cells[0].split(maxsplit=1) for cells in table(_ROWS))

    assert {number: names.get(number) for number in told} == told


def test_nothing_is_told_of_no_drugs() -> None:
    assert list(withdrawn({})) == []
