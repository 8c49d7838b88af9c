"""What the synthetic patients' displays mean, judged row by row, and texts from elsewhere.

``data/displays.tsv`` holds all 252 displays with the nodes that they mean, and the grade at which
the embedded graph finds them by their words alone; ``none`` with a reason where it does not.
``data/other_displays.tsv`` was written from general knowledge, not from data: names of nodes that
the text means; ``~`` marks a misspelling, ``?`` what it may be read as, or nothing.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kg.builder import build
from kg.graph import Graph
from kg.names import Resolution, key, resolve_coding, resolve_disease, resolve_drug
from kg.sources import create_source

HERE = Path(__file__).parent / "data"
FILES = {"drug": "MedicationRequest", "condition": "Condition"}
CONCEPTS = {"drug": "medicationCodeableConcept", "condition": "code"}
READERS = {"drug": resolve_drug, "condition": resolve_disease, "disease": resolve_disease}


class Row(NamedTuple):
    """One display and its judgement."""

    kind: str
    display: str
    class_: str
    meant: frozenset[str]
    complete: bool
    grade: str  # exact, xref, broader, near, none
    reason: str


def table() -> list[Row]:
    with (HERE / "displays.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [
        Row(kind, display, class_, _set(meant), complete == "yes", grade, reason)
        for kind, display, class_, meant, complete, grade, reason in rows
    ]


def _set(cell: str) -> frozenset[str]:
    return frozenset(cell.split("|")) if cell else frozenset()


def ids(resolution: Resolution) -> frozenset[str]:
    return frozenset(match.node.id for match in resolution.matches)


def requests(data: Path, kind: str) -> Iterator[tuple[str, str, str, str]]:
    """(patient, system, code, display) of each entry."""
    with gzip.open(data / "fhir" / f"{FILES[kind]}.ndjson.gz") as file:
        for line in file:
            entry = json.loads(line)
            coding = entry[CONCEPTS[kind]]["coding"][0]
            subject = entry["subject"]["reference"]
            yield subject, coding["system"], coding["code"], coding["display"]


def test_the_table_judges_every_display_once(data: Path) -> None:
    listed = [(row.kind, row.display) for row in table()]
    seen = {(kind, display) for kind in FILES for _, _, _, display in requests(data, kind)}

    assert len(listed) == len(set(listed)) == 252
    assert set(listed) == seen
    assert all(row.reason for row in table() if row.grade == "none")
    assert all(row.complete == (row.grade != "none") for row in table())


@pytest.mark.parametrize("row", table(), ids=lambda row: row.display)
def test_a_display_alone_leads_to_what_it_means_at_its_grade(starter: Graph, row: Row) -> None:
    resolution = READERS[row.kind](starter, row.display)

    if row.grade == "none":
        assert not resolution.matches
        assert resolution.unresolved == (row.display,)
    else:
        assert ids(resolution) == row.meant
        assert resolution.grade == row.grade
    assert resolution.complete == row.complete


def test_the_shares_that_this_project_promises_hold_for_displays_without_codes(
    starter: Graph, data: Path
) -> None:
    judged = {(row.kind, row.display): row for row in table()}
    entries: Counter[bool] = Counter()
    pairs: dict[tuple[str, str], bool] = {}
    diseases: Counter[bool] = Counter()
    for kind in FILES:
        for patient, _, _, display in requests(data, kind):
            row = judged[kind, display]
            found = READERS[kind](starter, display)
            right = found.complete and ids(found) == row.meant
            if kind == "drug":
                entries[right] += 1
                pairs[patient, display] = right
            elif row.class_ == "disease":
                diseases[right] += 1

    assert len(pairs) == 2688
    assert sum(pairs.values()) / len(pairs) >= 0.98
    assert entries[True] / entries.total() >= 0.95
    assert diseases[True] / diseases.total() >= 0.90


def test_code_and_display_of_a_coding_mean_the_same_drugs(starter: Graph, data: Path) -> None:
    judged = {row.display: row for row in table() if row.kind == "drug"}

    for system, code, display in {entry[1:] for entry in requests(data, "drug")}:
        by_code = resolve_coding(starter, system, code, "", ("Drug",))
        assert (ids(by_code), by_code.complete) == (judged[display].meant, True), display


def test_drug_displays_without_a_brand_are_read_by_rules_not_by_heart(starter: Graph) -> None:
    """Another strength and another form, which no table of products lists."""
    for row in table():
        if row.kind == "drug" and " MG " in row.display and "Pack" not in row.display:
            other = row.display.replace(" MG ", " MCG ").replace("Oral Tablet", "Sublingual Film")
            resolution = resolve_drug(starter, other)
            brands = ("Mirena", "Liletta", "Kyleena", "NuvaRing")
            if not row.display.startswith(brands):
                assert (ids(resolution), resolution.complete) == (row.meant, True), other


class Other(NamedTuple):
    """A text from elsewhere and the names of what it means."""

    kind: str
    text: str
    meant: tuple[str, ...]
    mark: str  # "", "~" or "?"


def others() -> list[Other]:
    with (HERE / "other_displays.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [
        Other(
            kind,
            text,
            tuple(filter(None, meant.lstrip("~?").split("|"))),
            meant[:1] if meant[:1] in ("~", "?") else "",
        )
        for kind, text, meant in rows
    ]


def judged(graph: Graph) -> Iterator[tuple[Other, Resolution, bool]]:
    """Each text from elsewhere, what it is read as, and whether that is right."""
    types = {"drug": "Drug", "disease": "Disease"}
    names = {
        (node_type, key(graph.node(node_type, row).name)): graph.node(node_type, row).id
        for node_type in types.values()
        for row in range(graph.n_nodes(node_type))
    }
    for other in others():
        nodes = {names.get((types[other.kind], key(name)), name) for name in other.meant}
        resolution = READERS[other.kind](graph, other.text)
        if other.mark == "?":
            is_right = ids(resolution) <= nodes and resolution.grade in (None, "broader")
        else:
            is_right = ids(resolution) == nodes and resolution.complete == bool(nodes)
        yield other, resolution, is_right


def test_no_text_from_elsewhere_is_read_wrongly_as_complete(starter: Graph) -> None:
    wrong = [
        (other.text, resolution.matches)
        for other, resolution, is_right in judged(starter)
        if not is_right and resolution.complete
    ]

    assert wrong == []


def test_a_misspelling_from_elsewhere_is_never_graded_better_than_near(starter: Graph) -> None:
    for other, resolution, _ in judged(starter):
        if other.mark == "~" and resolution.matches and other.kind == "drug":
            assert resolution.grade == "near", other.text


def test_most_texts_from_elsewhere_are_read_right(starter: Graph) -> None:
    right: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for other, _, is_right in judged(starter):
        read[other.kind] += 1
        right[other.kind] += is_right

    assert right["drug"] / read["drug"] >= 0.9
    assert right["disease"] / read["disease"] >= 0.9


@pytest.fixture(scope="module")
def merged(data: Path) -> Graph:
    """The embedded graph with the names that the ontologies and lists of names lend it."""
    sources = [
        create_source("starter"),
        create_source("ontology", data / "ontology"),
        create_source("names", data / "ontology", data / "drugbank", data / "atc"),
    ]
    return build(sources).graph


@pytest.mark.parametrize("row", table(), ids=lambda row: row.display)
def test_more_names_mislead_no_display(merged: Graph, row: Row) -> None:
    resolution = READERS[row.kind](merged, row.display)

    assert ids(resolution) <= row.meant
    if row.grade != "none":
        assert ids(resolution) == row.meant
        assert resolution.grade == row.grade


def test_more_names_lead_no_text_from_elsewhere_to_a_wrong_exact_node(merged: Graph) -> None:
    wrong = {
        other.text
        for other, resolution, is_right in judged(merged)
        if not is_right and resolution.complete and resolution.grade in ("exact", "xref")
    }

    assert wrong == set()
