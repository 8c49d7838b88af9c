"""Which drugs interact: DDInter 1.0, and the two lists of the United States' ONC.

Reads, from its folders or a folder ``ddinter`` in them, plain or gzip, whatever of this is there;
without a folder it downloads all of it, pinned by SHA-256:

- ``ddinter_downloads_code_*.csv`` of http://ddinter.scbdd.com, CC-BY-NC-SA-4.0. Drugs are found by
  their names; *Timolol (ophthalmic)* and the like are not the drug, and lead nowhere. A pair stands
  in the file of each of its drugs' ATC groups, and is stated once. Level *Unknown* means an
  interaction of unknown severity: it is stated without one.
- ``ONC_High_Priority_Mapped.csv`` (Phansalkar et al. 2012), no licence stated; ``$`` parts columns,
  DrugBank identifiers, a pair may stand there twice. Severity *major*: an expert panel held that
  these pairs deserve an alert that interrupts. The list names classes, which others unfolded into
  pairs of drugs, so it does not say *contraindicated*, which would veto.
- ``ONC_Non_Interuptive_Mapped.csv`` (Phansalkar et al. 2013), in the same form. Severity
  *moderate*: pairs that need no interrupting alert, which is not the same as harmless.

Beside the pairs: statements ``coverage`` and ``universes``. DDInter publishes no files for the ATC
groups C, G, J, M, N and S; a drug is *complete* if every pair of it must be in the files read
(``interactions_coverage``), else *known*. The universe is what DDInter lists, not all there is: its
authors say that it is incomplete. Of the pairs called major elsewhere that it should have by this
it lacks one in sixteen, half of them of a few drugs, which are therefore in no coverage. The ONC
lists have none at all.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from kg.errors import SourceError
from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, Refusal, StatementBatch
from kg.sources.files import Download, describe, find, locate
from kg.sources.formats.delimited import read_rows
from kg.sources.interactions_coverage import Pair, extent
from kg.sources.vocabularies.provenance import UNSTATED

_DDINTER_URL = (
    "https://github.com/hitesh19426/ddinter-main/raw/0c55eeee0563111e3e3592ac6b50d13c2556e6a6/"
    "ddinterpy/"
)
_ONC_URL = (
    "https://github.com/dbmi-pitt/public-PDDI-analysis/raw/"
    "66ba0cfb9869b4d62b43b26eea2c1bbb8bc83fff/PDDI-Datasets/"
)
_GROUPS = {
    "A": "5bb75de36056f353b3788d5a8a71fb4e07f3bcfeb97537f73e53b371b556df0a",
    "B": "bfc60bff7f9a7eb26eb21cf07f4250a10df6c9cccfd4cb5066ac1fbe4aa52480",
    "D": "17ed5485a838438525315f57ec70630911a54ff95d1f25ef442e56c100ca2868",
    "H": "dc309089efd8e745144870eabe8ef36ec3ac184e93668e1cb9cb22abe44740b5",
    "L": "5a0b628a4110368c8c669a30f7c51d016130ad50ae8c3a0c49114ddb831cba08",
    "P": "ffa738f88159884ee47e2c5a77e26581a914420288959555acd4dea1a251ac9c",
    "R": "d58bf4038802bd6a4977757b64929c7496927ababf958bc6575b379ec2459a3d",
    "V": "82ceffb431e39dc69e813bd3aca3fcf96c8d5d6b61004d12ec7610c42e00b093",
}
_HIGH, _LOW = "ONC_High_Priority_Mapped.csv", "ONC_Non_Interuptive_Mapped.csv"
_PINNED = {
    **{
        f"ddinter_downloads_code_{group}.csv": Download(
            f"{_DDINTER_URL}ddinter_downloads_code_{group}.csv", sha256
        )
        for group, sha256 in _GROUPS.items()
    },
    _HIGH: Download(
        f"{_ONC_URL}ONC-High-Priority/{_HIGH}",
        "6478cc0ff57244ed66f84a6f534596f8d3f6267af5fb2bad869c60aa53ef37e7",
    ),
    _LOW: Download(
        f"{_ONC_URL}ONC-Non-Interuptive/{_LOW}",
        "a5f856b0243a1cc1f2fbba6ef45b75195bae0008196193a7aae80307a58ed694",
    ),
}

_INTERACTS = EdgeType("Drug", "interacts", "Drug")


def _by(infores: str, licence: str) -> Provenance:
    return Provenance(
        "interactions", f"infores:{infores}", licence, "knowledge_assertion", "manual_agent"
    )


class _List(NamedTuple):
    provenance: Provenance
    details: Mapping[str, Any]


_DDINTER = _by("ddinter", "CC-BY-NC-SA-4.0")
_LISTED = {"why": "listed by DDInter, which gives no reason", "reference": ["ddinter-1.0"]}
_LEVELS: Mapping[str, Mapping[str, Any]] = {
    "Major": {"severity": "major", **_LISTED},
    "Moderate": {"severity": "moderate", **_LISTED},
    "Minor": {"severity": "minor", **_LISTED},
    "Unknown": _LISTED,
}
_ONC: Mapping[str, _List] = {
    _HIGH: _List(
        _by("onc-high-priority", UNSTATED),
        {
            "severity": "major",
            "alert": "high-priority",
            "why": "on the ONC list of pairs whose alert should interrupt",
            "reference": ["onc-high-priority-2012"],
        },
    ),
    _LOW: _List(
        _by("onc-non-interruptive", UNSTATED),
        {
            "severity": "moderate",
            "alert": "non-interruptive",
            "why": "on the ONC list of pairs whose alert need not interrupt",
            "reference": ["onc-non-interruptive-2013"],
        },
    ),
}


_REFERENCES = (
    {
        "key": "ddinter-1.0",
        "kind": "database",
        "title": "DDInter 1.0: an online drug-drug interaction database",
        "publisher": "Nucleic Acids Research 50(D1), D1200-D1207",
        "year": "2021",
        "locator": "http://ddinter.scbdd.com",
        "pmid": "34634800",
    },
    {
        "key": "onc-high-priority-2012",
        "kind": "consensus",
        "title": "High-priority drug-drug interactions for use in electronic health records",
        "publisher": "JAMIA 19(5), 735-743",
        "year": "2012",
        "locator": "as unfolded into pairs by the PDDI analysis of Pittsburgh",
        "pmid": "22539083",
    },
    {
        "key": "onc-non-interruptive-2013",
        "kind": "consensus",
        "title": "Drug-drug interactions that should be non-interruptive",
        "publisher": "JAMIA 20(3), 489-493",
        "year": "2013",
        "locator": "as unfolded into pairs by the PDDI analysis of Pittsburgh",
        "pmid": "23011124",
    },
)


class _Pair(NamedTuple):
    line: int
    first: str
    second: str
    details: Mapping[str, Any]


class Interactions:
    """Some 160,000 pairs of DDInter and 3,250 of the ONC."""

    name: ClassVar[str] = "interactions"
    licence: ClassVar[str] = f"CC-BY-NC-SA-4.0 AND {UNSTATED}"
    describes: ClassVar[str] = "DDInter 1.0 and the ONC lists, from a folder or download"
    stage: ClassVar[int] = 2

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield the pairs of each file that no earlier one states; see the contract in ``base``."""
        self._files = self._find()
        stated: set[tuple[str, frozenset[str], str]] = set()
        groups: dict[str, set[Pair]] = {}
        cited: set[str] = set()
        for path in self._files:
            onc = _ONC.get(path.name.removesuffix(".gz"))
            provenance = onc.provenance if onc else _DDINTER
            pairs = []
            for item in _read_onc(path, onc.details) if onc else _read_ddinter(path):
                if isinstance(item, Refusal):
                    yield item
                    continue
                if not onc:
                    groups.setdefault(_group(path), set()).add((item.first, item.second))
                drugs = frozenset((item.first, item.second))
                key = (
                    provenance.primary_knowledge_source, drugs, item.details.get("severity", "")
                )  # fmt: skip
                if key not in stated:
                    stated.add(key)
                    pairs.append(item)
            yield EdgeBatch(
                type=_INTERACTS,
                file=path.name,
                lines=[pair.line for pair in pairs],
                heads=pa.array([pair.first for pair in pairs], pa.string()),
                tails=pa.array([pair.second for pair in pairs], pa.string()),
                provenance=provenance,
                details=[pair.details for pair in pairs],
                by="id" if onc else "name",
            )
            cited.update(key for pair in pairs for key in pair.details["reference"])
        yield from _coverage(groups)
        references = [row for row in _REFERENCES if row["key"] in cited]
        yield StatementBatch("references", self.name, [0] * len(references), references)

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256."""
        return describe(self._files)

    def _find(self) -> list[Path]:
        if not self._folders:
            return [locate(self.name, (), name, pinned) for name, pinned in _PINNED.items()]
        places = [p for folder in self._folders for p in (folder, folder / "ddinter")]
        names = {
            path.name.removesuffix(".gz")
            for place in places
            for path in place.glob("ddinter_downloads_code_*.csv*")
        }
        found = [find(places, name) for name in (*sorted(names), *_ONC)]
        files = [path for path in found if path is not None]
        if not files:
            raise SourceError(
                f"interactions: no ddinter_downloads_code_*.csv, {_HIGH} or {_LOW} in "
                f"{', '.join(map(str, self._folders))}"
            )
        return files


def _group(path: Path) -> str:
    """The ATC group whose file it is: the letters in its name."""
    found = re.search(r"_code_([A-Z]+)\.", path.name)
    return found[1] if found else path.name


def _coverage(groups: Mapping[str, set[Pair]]) -> Iterator[StatementBatch]:
    """How much DDInter lists of each drug, and of which groups."""
    found = extent(groups)
    if not found.complete:
        return
    told = {"table": "interacts", "reference": "ddinter-1.0"}
    rows = [
        {**told, "drug": drug, "extent": word}
        for word, drugs in (("complete", found.complete), ("known", found.known))
        for drug in drugs
    ]
    scope = (
        f"DDInter 1.0, ATC groups {', '.join(sorted(groups))}: all that it lists of "
        f"{len(found.complete):,} drugs, a part of what it lists of {len(found.known):,} others; "
        "its authors do not call it complete"
    )
    yield StatementBatch("coverage", "ddinter", [0] * len(rows), rows, names={"drug": "Drug"})
    yield StatementBatch("universes", "ddinter", [0], [{**told, "scope": scope, "date": "2021"}])


def _read_ddinter(path: Path) -> Iterator[_Pair | Refusal]:
    for item in read_rows(path, ("Drug_A", "Drug_B", "Level"), separator=","):
        if isinstance(item, Refusal):
            yield item
            continue
        first, second, level = item.cells
        if level not in _LEVELS:
            reason = f"level {level[:40]!r} is none of {', '.join(_LEVELS)}"
            yield Refusal(path.name, item.line, reason)
        elif not first or not second or first.casefold() == second.casefold():
            yield Refusal(path.name, item.line, "not a pair of two drugs")
        else:
            yield _Pair(item.line, first, second, _LEVELS[level])


def _read_onc(path: Path, details: Mapping[str, Any]) -> Iterator[_Pair | Refusal]:
    columns = ("name", "drug", "other_name", "other", "nothing")
    for item in read_rows(path, ("drug", "other"), separator="$", header=columns, quoted=False):
        if isinstance(item, Refusal):
            yield item
            continue
        first, second = item.cells
        if not first.startswith("DB") or not second.startswith("DB") or first == second:
            yield Refusal(path.name, item.line, "not a pair of two DrugBank identifiers")
        else:
            yield _Pair(item.line, f"DRUGBANK:{first}", f"DRUGBANK:{second}", details)
