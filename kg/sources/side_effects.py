"""SIDER 4.1 (http://sideeffects.embl.de): side effects of drugs, mined from their labels.

Reads ``meddra_all_se.tsv`` and, if it is there, ``meddra_freq.tsv``, plain or gzip, from its
folders; without one it downloads both, pinned by SHA-256. Licence: CC-BY-NC-SA-4.0. Quirks: the
files have no header. Each effect stands there as a lowest-level term (LLT) and as the preferred
terms (PT) of MedDRA that hold it; only preferred terms are read, by their UMLS concepts. A drug is
a STITCH id: the ``CID0...`` of a stereoisomer holds its PubChem compound, by which it is found
(the ``names`` source lends such codes). The ``CID1...`` beside it stands for all stereoisomers
together and leads nowhere: what omeprazole does is not said of esomeprazole. Side effects that no
other source brings become nodes.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, LabelRow, NodeBatch, Refusal
from kg.sources.files import Download, describe, find, locate
from kg.sources.formats.delimited import read_rows

_URL = "https://github.com/dhimmel/SIDER4/raw/94c99c1b65217a4f6b2047b8eb8872db454cdf4e/download/"
_EFFECTS, _FREQUENCIES = "meddra_all_se.tsv", "meddra_freq.tsv"
_PINNED = {
    _EFFECTS: Download(
        f"{_URL}{_EFFECTS}.gz", "119b2f5319a9398da83e5fe3419889010dbacf8d3eef590251b00c025e2b3f99"
    ),
    _FREQUENCIES: Download(
        f"{_URL}{_FREQUENCIES}.gz",
        "fcdfbf479c6b568dfca557a3eb2cdbe49c4a3291090999c0de0bd7092feaec7f",
    ),
}
_EFFECT_COLUMNS = ("flat", "stereo", "label_concept", "level", "concept", "name")
_FREQUENCY_COLUMNS = (
    "flat", "stereo", "label_concept", "placebo", "frequency", "lower", "upper", "level",
    "concept", "name",
)  # fmt: skip

_PROVENANCE = Provenance(
    "side-effects", "infores:sider", "CC-BY-NC-SA-4.0", "not_provided", "text_mining_agent"
)
_CAUSES = EdgeType("Drug", "causes", "SideEffect")
_STITCH, _UMLS = re.compile(r"CID0(\d{8})"), re.compile(r"C\d{7}")
_SHARE = re.compile(r"1(\.0+)?|0(\.\d+)?|\d(\.\d+)?e-\d\d")

Pair = tuple[str, str]  # drug and side effect, as CURIEs


class SideEffects:
    """Some 1,400 drugs, 4,200 side effects and 150,000 pairs of them, a third with frequencies."""

    name: ClassVar[str] = "side-effects"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0"
    describes: ClassVar[str] = "SIDER 4.1: side effects with frequencies, from a folder or download"
    stage: ClassVar[int] = 2

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield the side effects, then which drug causes them; see the contract in ``base``."""
        effects = locate(self.name, self._folders, _EFFECTS, _PINNED[_EFFECTS])
        frequencies = find(self._folders, _FREQUENCIES)
        if not self._folders:
            frequencies = locate(self.name, (), _FREQUENCIES, _PINNED[_FREQUENCIES])
        self._files = [effects] if frequencies is None else [effects, frequencies]
        names: dict[str, dict[str, int]] = {}  # concept -> its names, each with a line
        pairs: dict[Pair, int] = {}
        for item in _rows(effects, _EFFECT_COLUMNS, ("concept", "name")):
            if isinstance(item, Refusal):
                yield item
                continue
            line, drug, (concept, name) = item
            names.setdefault(concept, {}).setdefault(name, line)
            pairs.setdefault((drug, f"UMLS:{concept}"), line)
        yield _nodes(effects.name, names)
        details: dict[Pair, dict[str, Any]] = {pair: {} for pair in pairs}
        if frequencies is not None:
            yield from _read_frequencies(frequencies, details)
        yield EdgeBatch(
            type=_CAUSES,
            file=effects.name,
            lines=list(pairs.values()),
            heads=pa.array([drug for drug, _ in pairs], pa.string()),
            tails=pa.array([effect for _, effect in pairs], pa.string()),
            provenance=_PROVENANCE,
            details=list(details.values()),
        )

    def version(self) -> Mapping[str, Any]:
        """Release and the files read, each with size and SHA-256."""
        return {"release": "4.1", **describe(self._files)}


def _nodes(file: str, names: Mapping[str, Mapping[str, int]]) -> NodeBatch:
    concepts = list(names)
    return NodeBatch(
        type="SideEffect",
        file=file,
        lines=[min(names[concept].values()) for concept in concepts],
        keys=concepts,
        ids=[f"UMLS:{concept}" for concept in concepts],
        names=[next(iter(names[concept])) for concept in concepts],
        provenance=_PROVENANCE,
        labels=[
            LabelRow(position, "synonym", name)
            for position, concept in enumerate(concepts)
            for name in list(names[concept])[1:]
        ],
    )


def _rows(
    path: Path, columns: tuple[str, ...], wanted: tuple[str, ...]
) -> Iterator[tuple[int, str, tuple[str, ...]] | Refusal]:
    """Line, drug and wanted cells of each row about a preferred term; ``wanted[0]`` is the term."""
    needed = ("level", "stereo", *wanted)
    for item in read_rows(path, needed, header=columns, quoted=False):
        if isinstance(item, Refusal):
            yield item
            continue
        level, stereo, *cells = item.cells
        compound = _STITCH.fullmatch(stereo)
        if level in ("LLT", ""):  # "": a concept that MedDRA does not have
            continue
        if level != "PT" or not compound or not _UMLS.fullmatch(cells[0]) or not all(cells[:2]):
            yield Refusal(
                path.name, item.line, "not a row of SIDER's: " + " ".join(item.cells)[:80]
            )
            continue
        yield item.line, f"PUBCHEM.COMPOUND:{int(compound[1])}", tuple(cells)


def _read_frequencies(path: Path, details: Mapping[Pair, dict[str, Any]]) -> Iterator[Refusal]:
    """Add to the pairs what is said of their frequency, with and without the drug."""
    wanted = ("concept", "frequency", "lower", "upper", "placebo")
    for item in _rows(path, _FREQUENCY_COLUMNS, wanted):
        if isinstance(item, Refusal):
            yield item
            continue
        line, drug, (concept, text, lower, upper, placebo) = item
        detail = details.get((drug, f"UMLS:{concept}"))
        shares = _SHARE.fullmatch(lower) and _SHARE.fullmatch(upper)
        if detail is None or not shares or placebo not in ("", "placebo"):
            reason = "no such side effect of the drug" if detail is None else "not a frequency"
            yield Refusal(path.name, line, reason)
            continue
        prefix = placebo or "frequency"
        texts = detail.setdefault(prefix, [])
        if text not in texts:
            texts.append(text)
        low, high = f"{prefix}_lower", f"{prefix}_upper"
        detail[low] = min(detail.get(low, 1.0), float(lower))
        detail[high] = max(detail.get(high, 0.0), float(upper))
