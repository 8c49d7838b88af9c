"""The embedded starter graph: readable TSV files, written for this project, with references.

Columns are named in each file's header; lists inside a cell are joined with ``|``. The tables below
say what each file becomes, ``starter_interactions`` what the rules about pairs of drugs amount to.
``docs/formats.md`` describes the files for people who edit them.
"""

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from kg.errors import SourceError
from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.base import (
    Batch,
    EdgeBatch,
    LabelBatch,
    LabelRow,
    NodeBatch,
    Refusal,
    StatementBatch,
)
from kg.sources.files import describe
from kg.sources.starter_interactions import expand, sides_of_three

_PROVENANCE = Provenance(
    "starter", "infores:pharmakon-starter", "Apache-2.0", "knowledge_assertion", "manual_agent"
)

# file -> node type, and which columns hold codes of which system
_NODES = {
    "diseases": ("Disease", {"snomed": "SNOMEDCT", "icd10cm": "ICD10CM", "mesh": "MESH"}),
    "drug_classes": ("DrugClass", {"snomed_allergy": "SNOMEDCT"}),
    "drugs": ("Drug", {"rxnorm": "RXNORM", "atc": "ATC"}),
    "genes": ("Gene", {}),
    "side_effects": ("SideEffect", {}),
    "symptoms": ("Symptom", {}),
}  # type: Mapping[str, tuple[str, Mapping[str, str]]]

# file -> edge type; the first two columns are head and tail, the others qualify the assertion
_EDGES = {
    "allergy": EdgeType("DrugClass", "cross_reacts", "DrugClass"),
    "associates": EdgeType("Disease", "associates", "Gene"),
    "binds": EdgeType("Drug", "binds", "Gene"),
    "causes": EdgeType("Drug", "causes", "SideEffect"),
    "contraindicated": EdgeType("Drug", "contraindicated", "Disease"),
    "includes": EdgeType("DrugClass", "includes", "Drug"),
    "metabolized_by": EdgeType("Drug", "metabolized_by", "Gene"),
    "palliates": EdgeType("Drug", "palliates", "Disease"),
    "presents": EdgeType("Disease", "presents", "Symptom"),
    "subclass_of": EdgeType("Disease", "subclass_of", "Disease"),
    "treats": EdgeType("Drug", "treats", "Disease"),
}

_INTERACTS = EdgeType("Drug", "interacts", "Drug")

# file -> the columns that hold CURIEs of nodes
_STATEMENTS = {
    "age": ("drug",),
    "allergy_families": ("drug",),
    "combinations": ("drug_a", "drug_b"),
    "coverage": ("drug",),
    "guidance": ("gene", "drug"),
    "judged": ("disease",),
    "kidney": ("drug",),
    "lactation": ("drug",),
    "liver": ("drug",),
    "partner_only": ("drug",),
    "pregnancy": ("drug",),
    "references": (),
    "universes": (),
    "withdrawn": ("drug",),
}


_SEVERITIES = "contraindicated|major|moderate"
_GRADES = f"{_SEVERITIES}|none"
_NUMBER = r"\d+(\.\d+)?"
_IF_TOPICAL = "(yes)?"
_TABLES = "contraindicated|interacts"

# Tables from which the safety checks conclude whether there is a danger, and how great: a row lost
# there is a danger unseen, so one bad row stops the build. Column -> pattern of its values.
_SAFETY: Mapping[str, Mapping[str, str]] = {
    "age": {"severity": _SEVERITIES, "below_years": f"({_NUMBER})?", "from_years": f"({_NUMBER})?"},
    "allergy": {"severity": _SEVERITIES},
    "allergy_families": {"severity": _SEVERITIES},
    "combinations": {},
    "contraindicated": {"severity": _SEVERITIES, "topical": _IF_TOPICAL},
    "coverage": {"table": _TABLES, "extent": "(complete|known)?"},
    "guidance": {"strength": "strong|moderate|optional"},
    "includes": {},
    "interaction_groups": {},
    "interacts": {"severity": _GRADES},
    "judged": {},
    "kidney": {"severity": _SEVERITIES, "measure": "eGFR|CrCl", "below": _NUMBER},
    "lactation": {"severity": _GRADES, "topical": _IF_TOPICAL},
    "liver": {"severity": _SEVERITIES, "child_pugh": "[ABC]"},
    "partner_only": {},
    "pregnancy": {"severity": _GRADES, "topical": _IF_TOPICAL},
    "triples": {"severity": _SEVERITIES},
    "universes": {"table": _TABLES, "date": r"\d{4}-\d\d-\d\d"},
    "withdrawn": {"year": r"(19|20)\d\d"},
}
_NODE_COLUMNS = ("allergen_class", "disease", "drug", "drug_a", "drug_b", "drug_class", "gene")


class _Row(NamedTuple):
    line: int
    cells: Mapping[str, str]


class Starter:
    """Common diseases and medicines of general practice, checked by hand."""

    name: ClassVar[str] = "starter"
    licence: ClassVar[str] = "Apache-2.0"
    describes: ClassVar[str] = "the embedded graph of common diseases and medicines"
    stage: ClassVar[int] = 0

    def __init__(self, *folders: Path) -> None:
        self._folder = folders[0] if folders else Path(__file__).parent.parent / "starter"

    def read(self) -> Iterator[Batch]:
        """Yield nodes, their texts, edges, statements; see the contract in ``base``.

        A bad row is refused and the reading goes on, but not in a table that safety rests on.
        """
        for batch in self._read():
            if isinstance(batch, Refusal) and Path(batch.file).stem in _SAFETY:
                raise SourceError(
                    f"starter: {batch.file} line {batch.line}: {batch.reason}; a table that safety "
                    "rests on is read whole or not at all"
                )
            yield batch

    def _read(self) -> Iterator[Batch]:
        for stem, (node_type, systems) in _NODES.items():
            yield from self._read_nodes(stem, node_type, systems)
        yield from self._read_labels()
        for stem, edge_type in _EDGES.items():
            yield from self._read_edges(stem, edge_type)
        groups = self._groups()
        yield from self._rows("interaction_groups", ("group", "drug"))
        yield from self._read_interactions(groups)
        yield from self._read_triples(groups)
        for stem, nodes in _STATEMENTS.items():
            rows = yield from self._rows(stem, nodes)
            lines, cells = [row.line for row in rows], [row.cells for row in rows]
            yield StatementBatch(stem, f"{stem}.tsv", lines, cells, nodes)

    def version(self) -> Mapping[str, Any]:
        """The files read, each with its SHA-256."""
        return describe(sorted(self._folder.glob("*.tsv")))

    def _read_nodes(self, stem: str, node_type: str, systems: Mapping[str, str]) -> Iterator[Batch]:
        rows = yield from self._rows(stem, ("id", "name", "reference", *systems))
        labels: list[LabelRow] = []
        for position, (_, cells) in enumerate(rows):
            texts = [*_cell(cells.get("name_zh", "")), *_cell(cells.get("synonyms", ""))]
            labels += [LabelRow(position, "synonym", text) for text in texts]
            for column, system in systems.items():
                labels += [
                    LabelRow(position, "code", f"{system}:{code}") for code in _cell(cells[column])
                ]
        ids = [row.cells["id"] for row in rows]
        yield NodeBatch(
            type=node_type,
            file=f"{stem}.tsv",
            lines=[row.line for row in rows],
            keys=ids,
            ids=ids,
            names=[row.cells["name"] for row in rows],
            provenance=_PROVENANCE,
            labels=labels,
        )

    def _read_labels(self) -> Iterator[Batch]:
        products = yield from self._rows("products", ("name", "rxnorm", "ingredients"))
        labels = []
        for line, cells in products:
            texts = [cells["name"], *(f"RXNORM:{code}" for code in _cell(cells["rxnorm"]))]
            for drug in _cell(cells["ingredients"]):
                labels += [(line, drug, "product", text) for text in texts if text]
        yield LabelBatch("products.tsv", labels, _PROVENANCE)
        codes = yield from self._rows("broader_codes", ("system", "code", "disease"))
        yield LabelBatch(
            "broader_codes.tsv",
            [
                (line, cells["disease"], "broader-code", f"{cells['system']}:{cells['code']}")
                for line, cells in codes
            ],
            _PROVENANCE,
        )

    def _read_edges(self, stem: str, edge_type: EdgeType) -> Iterator[Batch]:
        rows = yield from self._rows(stem, ("reference",))
        if not rows:
            return
        head, tail, *qualifiers = rows[0].cells
        yield EdgeBatch(
            type=edge_type,
            file=f"{stem}.tsv",
            lines=[row.line for row in rows],
            heads=pa.array([row.cells[head] for row in rows], pa.string()),
            tails=pa.array([row.cells[tail] for row in rows], pa.string()),
            provenance=_PROVENANCE,
            details=[_details(row.cells, qualifiers) for row in rows],
        )

    def _groups(self) -> dict[str, set[str]]:
        """What the side of a rule may name: drug, class or group of drugs -> its drugs."""
        groups = {row.cells["id"]: {row.cells["id"]} for row in self._parse("drugs", ())[0]}
        for stem, group in (("includes", "drug_class"), ("interaction_groups", "group")):
            for row in self._parse(stem, ())[0]:
                groups.setdefault(row.cells[group], set()).add(row.cells["drug"])
        return groups

    def _read_triples(self, groups: Mapping[str, Collection[str]]) -> Iterator[Batch]:
        """Yield the rules about three drugs, each side as the drugs that it means."""
        rows = yield from self._rows("triples", ("a", "b", "c", "severity", "reference"))
        triples, refused = sides_of_three(rows, groups)
        yield from refused
        lines, cells = [line for line, _ in triples], [row for _, row in triples]
        yield StatementBatch("triples", "triples.tsv", lines, cells)

    def _read_interactions(self, groups: Mapping[str, Collection[str]]) -> Iterator[Batch]:
        """Yield the pairs that the rules of interacts.tsv amount to."""
        rules = yield from self._rows("interacts", ("a", "b", "severity", "reference"))
        drugs = {row.cells["id"] for row in self._parse("drugs", ())[0]}
        interactions, refused = expand(rules, drugs, groups)
        yield from refused
        if interactions:
            qualifiers = [name for name in interactions[0].cells if name not in ("a", "b")]
            yield EdgeBatch(
                type=_INTERACTS,
                file="interacts.tsv",
                lines=[i.line for i in interactions],
                heads=pa.array([i.first for i in interactions], pa.string()),
                tails=pa.array([i.second for i in interactions], pa.string()),
                provenance=_PROVENANCE,
                details=[_details(i.cells, qualifiers) for i in interactions],
            )

    def _rows(self, stem: str, needed: tuple[str, ...]) -> Generator[Refusal, None, list[_Row]]:
        """Yield the malformed rows of a file as refusals and return the good ones."""
        rows, refused = self._parse(stem, needed)
        yield from refused
        return rows

    def _parse(self, stem: str, needed: tuple[str, ...]) -> tuple[list[_Row], list[Refusal]]:
        path = self._folder / f"{stem}.tsv"
        try:
            # Not splitlines: it also splits at characters that may stand in a cell.
            lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except OSError as error:
            raise SourceError(f"starter: {path} cannot be read ({error.strerror})") from None
        except UnicodeDecodeError as error:
            raise SourceError(f"starter: {path.name} is not UTF-8 ({error.reason})") from None
        header = lines[0].split("\t")
        missing = [name for name in needed if name not in header]
        if missing or len(header) < 2:
            raise SourceError(f"starter: {path.name} has no column {missing or 'at all'}")
        rows, refused = [], []
        for number, line in enumerate(lines[1:], start=2):
            cells = line.split("\t")
            if len(cells) != len(header):
                reason = f"{len(cells)} columns, not {len(header)}"
                refused.append(Refusal(path.name, number, reason))
                continue
            row = _Row(number, dict(zip(header, map(str.strip, cells), strict=True)))
            wrong = self._wrong(stem, row.cells) if stem in _SAFETY else None
            if wrong:
                refused.append(Refusal(path.name, number, wrong))
            else:
                rows.append(row)
        return rows, refused

    def _wrong(self, stem: str, cells: Mapping[str, str]) -> str | None:
        """What is wrong with a row of a table that safety rests on."""
        for column, pattern in _SAFETY[stem].items():
            if not re.fullmatch(pattern, cells.get(column, "")):
                return f"{column} {cells.get(column)!r} is not of the form {pattern}"
        for column in _NODE_COLUMNS:
            if column in cells and cells[column] not in self._ids:
                return f"unknown {column} {cells[column]!r}"
        if stem == "age" and bool(cells["below_years"]) == bool(cells["from_years"]):
            return "one of below_years and from_years is to be filled, and only one"
        if stem == "interacts":
            for drug in _cell(cells.get("topical", "")):
                if drug != "any" and drug not in self._ids:
                    return f"topical names the unknown drug {drug!r}"
        return None

    @cached_property
    def _ids(self) -> frozenset[str]:
        """The identifiers of all nodes."""
        return frozenset(row.cells["id"] for stem in _NODES for row in self._parse(stem, ())[0])


def _details(cells: Mapping[str, str], names: Iterable[str]) -> dict[str, str | list[str]]:
    """The filled cells under ``names``; references as a list."""
    return {n: _cell(cells[n]) if n == "reference" else cells[n] for n in names if cells[n]}


def _cell(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]
