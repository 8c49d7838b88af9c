"""PrimeKG (Chandak, Huang & Zitnik 2023, Sci Data 10:67): ``kg.csv``, plain or gzip.

Reads ``kg.csv`` of a folder, or where there is none every ``*_edges.csv`` in its layout; with
``kg_grouped_diseases.csv`` beside it, the names of grouped diseases too. It is published at Harvard
Dataverse, doi:10.7910/DVN/IXA7BM; nobody has pinned a checksum here, so nothing is downloaded.

Licence: the compilation's terms are on that page; every edge carries the licence of the database
that it came from. DrugBank, SIDER and DisGeNET allow no commercial use.

Quirks:

- Each edge stands in both directions, so the file does not say which end of a "parent-child" edge
  is the parent. Hierarchies become the symmetric ``related_to``, never ``subclass_of``: nobody can
  climb them. Read the ontology itself beside PrimeKG for that.
- Ids lack prefix and zero padding (``13924`` is MONDO:0013924) and may look like floats.
- Grouped diseases join their members' ids with ``_``. A group is none of its members, so it gets a
  CURIE of its own, made of the members' ids in any order; the members lead to it as broader codes.
- "phenotype absent" and "expression absent" become relations of their own, ``not_presents`` and
  ``not_expresses``. "target", "enzyme", "carrier", "transporter" are kept in the edge's details.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import SourceError
from kg.sources.base import Batch, EdgeBatch, LabelBatch, LabelRow, NodeBatch, Refusal
from kg.sources.files import describe, find, find_all, locate
from kg.sources.formats.blocks import Block, read_blocks
from kg.sources.primekg_relations import PRIMEKG, RELATIONS

_COLUMNS = (
    "relation", "display_relation", "x_id", "x_type", "x_name", "x_source",
    "y_id", "y_type", "y_name", "y_source",
)  # fmt: skip
_GROUPS = "kg_grouped_diseases.csv"

NODE_TYPES: Mapping[str, str] = {
    "anatomy": "Anatomy",
    "biological_process": "BiologicalProcess",
    "cellular_component": "CellularComponent",
    "disease": "Disease",
    "drug": "Drug",
    "effect/phenotype": "Phenotype",
    "exposure": "Exposure",
    "gene/protein": "Gene",
    "molecular_function": "MolecularFunction",
    "pathway": "Pathway",
}

_DIGITS = r"(\d{1,9})(?:\.0)?"
# Their source -> how its ids look, and the CURIE made of what the pattern catches.
_IDS: Mapping[str, tuple[str, str]] = {
    "CTD": (r"([CD]\d+)", "MESH:{}"),
    "DrugBank": (r"(DB\d{5})", "DRUGBANK:{}"),
    "GO": (_DIGITS, "GO:{:0>7}"),
    "HPO": (_DIGITS, "HP:{:0>7}"),
    "MONDO": (_DIGITS, "MONDO:{:0>7}"),
    "NCBI": (_DIGITS, "NCBIGene:{}"),
    "REACTOME": (r"(R-[A-Z]{3}-\d+)", "REACTOME:{}"),
    "UBERON": (_DIGITS, "UBERON:{:0>7}"),
}
_GROUPED = re.compile(r"\d{1,9}(?:_\d{1,9})*")
_DETAILED = "drug_protein"  # the only relation whose display_relation says more than its name


class PrimeKG:
    """129,375 nodes of 10 types and 8,100,498 rows of 30 relations, each edge in two rows."""

    name: ClassVar[str] = "primekg"
    licence: ClassVar[str] = "LicenseRef-PrimeKG AND LicenseRef-per-edge"
    describes: ClassVar[str] = "PrimeKG kg.csv, from a folder (doi:10.7910/DVN/IXA7BM)"
    stage: ClassVar[int] = 0

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield block by block the nodes that are new, then the edges; see ``base``."""
        edges = self._find()
        groups = find(self._folders, _GROUPS)
        self._files = [*edges, *([groups] if groups else [])]
        seen: dict[str, set[str]] = {node_type: set() for node_type in NODE_TYPES.values()}
        for path in edges:
            for block in read_blocks(path, _COLUMNS):
                yield from block.refused
                yield from _nodes(path, block, seen)
                yield from _edges(path, block)
        if groups:
            yield from _members(groups, seen["Disease"])

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256."""
        return describe(self._files)

    def _find(self) -> list[Path]:
        if find(self._folders, "kg.csv") is None:
            found = find_all(self._folders, "*_edges.csv")
            if found:
                return found
        try:
            return [locate("primekg", self._folders, "kg.csv")]
        except SourceError as error:
            raise SourceError(f"{error}; it is published at doi:10.7910/DVN/IXA7BM") from None


def curie(source: str, identifier: str) -> str | None:
    """The CURIE of one of PrimeKG's ids, or None where it does not look like one of ``source``."""
    if source == "MONDO_grouped" and _GROUPED.fullmatch(identifier):
        members = sorted(_mondo(identifier))
        digest = hashlib.sha256("_".join(members).encode()).hexdigest()[:12]
        return f"PRIMEKG.GROUP:{members[0].partition(':')[2]}-{digest}"
    pattern, template = _IDS.get(source, ("", ""))
    match = re.fullmatch(pattern, identifier, re.ASCII) if pattern else None
    return template.format(match[1]) if match else None


def _mondo(identifier: str) -> list[str]:
    return [f"MONDO:{member:0>7}" for member in identifier.split("_")]


def _nodes(path: Path, block: Block, seen: dict[str, set[str]]) -> Iterator[Batch]:
    """The nodes of a block that no earlier one had; their keys are ``source:id``."""
    for side in "xy":
        types = block.rows.column(f"{side}_type")
        keys = _keys(block.rows, side)
        for code, word in enumerate(types.dictionary.to_pylist()):
            rows = np.flatnonzero(types.indices.to_numpy() == code)
            if not len(rows):  # the word of a refused row
                continue
            if word not in NODE_TYPES:
                raise SourceError(
                    f"{path.name}: nobody knows the node type {word!r}; "
                    f"known are {', '.join(NODE_TYPES)}"
                )
            of_type = keys.take(rows).dictionary_encode()
            words = of_type.dictionary.to_pylist()
            first = np.empty(len(words), np.int64)
            first[of_type.indices.to_numpy()[::-1]] = rows[::-1]  # the last one given stays
            known = seen[NODE_TYPES[word]]
            new = [row for key, row in zip(words, first.tolist(), strict=True) if key not in known]
            known.update(words)
            if new:
                yield from _new_nodes(path, block, NODE_TYPES[word], side, new)


def _new_nodes(
    path: Path, block: Block, node_type: str, side: str, rows: list[int]
) -> Iterator[Batch]:
    sources = block.rows.column(f"{side}_source").take(rows).to_pylist()
    natives = block.rows.column(f"{side}_id").take(rows).to_pylist()
    ids = [curie(*pair) for pair in zip(sources, natives, strict=True)]
    good = [i for i, node_id in enumerate(ids) if node_id is not None]
    for i, node_id in enumerate(ids):
        if node_id is None:
            reason = f"{natives[i]!r} is not an identifier of {sources[i]!r}"
            yield Refusal(path.name, int(block.lines[rows[i]]), reason)
    if not good:
        return
    labels = []
    for position, i in enumerate(good):
        if sources[i] == "MONDO_grouped":
            members = _mondo(natives[i])
            labels += [LabelRow(position, "broader-code", member) for member in members]
    names = block.rows.column(f"{side}_name").take([rows[i] for i in good])
    yield NodeBatch(
        type=node_type,
        file=path.name,
        lines=block.lines[[rows[i] for i in good]],
        keys=[f"{sources[i]}:{natives[i]}" for i in good],
        ids=[str(ids[i]) for i in good],
        names=names.to_pylist(),
        provenance=PRIMEKG,
        labels=labels,
    )


def _edges(path: Path, block: Block) -> Iterator[Batch]:
    """The edges of a block, those of one relation, wording and direction together."""
    columns = [block.rows.column(c) for c in ("relation", "display_relation", "x_type", "y_type")]
    words = [column.dictionary.to_pylist() for column in columns]
    sizes = [max(len(dictionary), 1) for dictionary in words]
    codes = np.ravel_multi_index([column.indices.to_numpy() for column in columns], sizes)
    kinds, which = np.unique(codes, return_inverse=True)
    ends = {side: _keys(block.rows, side) for side in "xy"}
    for number, kind in enumerate(kinds):
        places = np.unravel_index(kind, sizes)
        relation, display, *types = (words[i][place] for i, place in enumerate(places))
        if relation not in RELATIONS:
            raise SourceError(
                f"{path.name}: nobody knows the relation {relation!r}; "
                f"known are {', '.join(RELATIONS)}"
            )
        edge_type, provenance = RELATIONS[relation]
        rows = np.flatnonzero(which == number)
        x, y = (NODE_TYPES[word] for word in types)
        if sorted([x, y]) != sorted([edge_type.head, edge_type.tail]):
            reason = f"{relation} does not join {types[0]} and {types[1]}"
            yield from (Refusal(path.name, int(line), reason) for line in block.lines[rows])
            continue
        head, tail = "xy" if x == edge_type.head else "yx"
        said = {"display_relation": display} if relation == _DETAILED else None
        yield EdgeBatch(
            type=edge_type,
            file=path.name,
            lines=block.lines[rows],
            heads=ends[head].take(rows),
            tails=ends[tail].take(rows),
            provenance=provenance,
            details=[said] * len(rows) if said else None,
        )


def _keys(rows: pa.RecordBatch, side: str) -> pa.Array:
    """``source:id`` of one end of every row."""
    parts = [rows.column(f"{side}_{what}").dictionary_decode() for what in ("source", "id")]
    return pc.binary_join_element_wise(*parts, ":")


def _members(path: Path, seen: set[str]) -> Iterator[Batch]:
    """The names of the diseases that were grouped, as broader names of their groups."""
    groups: dict[str, str] = {}  # MONDO id as PrimeKG writes it -> CURIE of its group
    for native in seen:
        source, _, identifier = native.partition(":")
        group = curie(source, identifier) if source == "MONDO_grouped" else None
        if group:
            groups.update(dict.fromkeys(identifier.split("_"), group))
    for block in read_blocks(path, ("node_id", "node_name")):
        yield from block.refused
        columns = (block.rows.column(c).to_pylist() for c in ("node_id", "node_name"))
        rows = [
            (line, groups[member], "broader", name)
            for line, member, name in zip(block.lines.tolist(), *columns, strict=True)
            if member in groups
        ]
        yield LabelBatch(path.name, rows, PRIMEKG)
