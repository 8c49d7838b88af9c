"""PharmacotherapyDB 1.0 (https://github.com/dhimmel/indications): what physicians call indications.

Reads ``indications.tsv``, plain or gzip, from its folders or a folder ``indications`` in them;
without one it downloads it, pinned by SHA-256. Licence: CC0-1.0; it was compiled from MEDI and
PREDICT (CC-BY-NC-SA-3.0), LabeledIn (public domain) and EHRLink. Three physicians sorted 1,388
pairs of 601 drugs and 97 diseases: *disease-modifying* (DM) becomes ``treats``, *symptomatic* (SYM)
``palliates``, and *no indication* (NOT) the statement ``not_indicated``: those pairs stand in some
list of indications, and the physicians struck them off. The details of an edge say how many of the
physicians chose its category at first (``curators``) and how many of the four lists have the pair
(``resources``).

Quirks: the categories follow what a drug does to a disease, not today's practice, so treatments
that have been given up are in it. It was closed in 2016 and licenses nothing. Hetionet has the same
treatments, without the struck-off pairs.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, Refusal, StatementBatch
from kg.sources.files import Download, describe, locate
from kg.sources.formats.delimited import read_rows

_FILE = "indications.tsv"
_PINNED = Download(
    "https://github.com/dhimmel/indications/raw/11d535ba0884ee56c3cd5756fdfb4985f313bd80/catalog/"
    "indications.tsv",
    "bc956b0092fab88975a07932b89382a0ed593d3d21df23395440cfd9a067a917",
)
_PROVENANCE = Provenance(
    "indications", "infores:pharmacotherapydb", "CC0-1.0", "knowledge_assertion", "manual_agent"
)
_EDGES = {
    "DM": EdgeType("Drug", "treats", "Disease"),
    "SYM": EdgeType("Drug", "palliates", "Disease"),
}
_NOT = "NOT"
_COLUMNS = ("doid_id", "drugbank_id", "category", "n_curators", "n_resources")
_COUNT = re.compile(r"[0-9]{1,2}")
_KEY = "pharmacotherapydb-1.0"
_REFERENCE = {
    "key": _KEY,
    "kind": "catalogue",
    "title": "PharmacotherapyDB 1.0: the open catalog of drug therapies for disease",
    "publisher": "figshare",
    "year": "2016",
    "locator": "https://doi.org/10.6084/m9.figshare.3103054",
    "pmid": "",
}


class Indications:
    """755 disease-modifying and 390 symptomatic indications, and 243 pairs that are none."""

    name: ClassVar[str] = "indications"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "PharmacotherapyDB 1.0: indications and pairs that are none"
    stage: ClassVar[int] = 2

    def __init__(self, *folders: Path) -> None:
        places = [place for folder in folders for place in (folder, folder / "indications")]
        self._path = locate(self.name, places, _FILE, _PINNED)

    def read(self) -> Iterator[Batch]:
        """Yield the treatments, then the pairs that are none; see the contract in ``base``."""
        rows: dict[str, list[tuple[int, str, str, Mapping[str, Any]]]] = {}
        for item in read_rows(self._path, _COLUMNS):
            if isinstance(item, Refusal):
                yield item
                continue
            disease, drug, category, curators, resources = item.cells
            if category not in (*_EDGES, _NOT):
                reason = f"category {category[:40]!r} is none of {', '.join((*_EDGES, _NOT))}"
                yield Refusal(self._path.name, item.line, reason)
            elif not (_COUNT.fullmatch(curators) and _COUNT.fullmatch(resources)):
                reason = f"{curators[:20]!r} curators, {resources[:20]!r} resources: not numbers"
                yield Refusal(self._path.name, item.line, reason)
            else:
                details = {
                    "reference": [_KEY], "curators": int(curators), "resources": int(resources)
                }  # fmt: skip
                row = item.line, f"DRUGBANK:{drug}", disease, details
                rows.setdefault(category, []).append(row)
        for category, edge_type in _EDGES.items():
            if found := rows.get(category):
                yield EdgeBatch(
                    type=edge_type,
                    file=_FILE,
                    lines=[line for line, *_ in found],
                    heads=pa.array([drug for _, drug, *_ in found], pa.string()),
                    tails=pa.array([disease for _, _, disease, _ in found], pa.string()),
                    provenance=_PROVENANCE,
                    details=[details for *_, details in found],
                )
        if found := rows.get(_NOT):
            struck = [{"drug": drug, "disease": d, "reference": _KEY} for _, drug, d, _ in found]
            lines = [line for line, *_ in found]
            yield StatementBatch("not_indicated", _FILE, lines, struck, ("drug", "disease"))
        yield StatementBatch("references", _FILE, [0], [_REFERENCE])

    def version(self) -> Mapping[str, Any]:
        """The file read, with size and SHA-256."""
        return describe([self._path])
