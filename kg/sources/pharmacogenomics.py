"""Guidance of CPIC and DPWG: what a patient's gene means for the dose or the choice of a drug.

Reads ``pharmcat-guidelines*.tar.gz`` from a folder: the guideline files of PharmCAT
(https://pharmcat.org), one JSON document a guideline. They are published as a folder of a
repository, not as a file, so there is no download. Licence: CC-BY-SA-4.0 (PharmGKB's annotations),
CPIC's own content CC0-1.0. The archive is read in memory; nothing of it is written.

Becomes statements of three kinds:

- ``guidance``: ``gene``, ``phenotype``, ``drug``, ``recommendation``, ``strength``, ``population``,
  ``reference``, as in the starter graph.
- ``guidance_pairs``: advice for both ``gene`` and ``other_gene`` together, with ``phenotype`` and
  ``other_phenotype``. The second is "No Result" where the guideline says what holds as long as the
  other gene is unknown.
- ``references``: the guidelines.

Quirks: a gene's result is a phenotype, an activity score, a diplotype or the status of an allele.
Each is kept; an activity score also leads to the phenotype that CPIC gives it, and where the scores
of one phenotype get different advice, each row says for which score it holds. Advice that changes
neither dose nor drug begins with "Usual dosing:": the guideline's flags say so, and, where only the
third is set ("other guidance"), its words. Rows that recommend nothing, for want of evidence or
otherwise, begin with "No recommendation": they clear nothing.

What a row may say: ``strength`` is "strong", "moderate" or "optional", or "not graded" where the
guideline states none, as DPWG never does. ``phenotype`` is a phenotype in full ("Poor Metabolizer",
"Likely Intermediate Metabolizer", "Decreased Function", "Deficient", "Indeterminate"); an activity
score with its words ("Activity score 0.5", "Activity score ≥3"), never a bare number; a diplotype
("*1/*3"); or an allele of HLA with its gene ("HLA-B*57:01 positive"). Who reads a record must bring
"0.5", "PM" or "*57:01 positive" to these.
"""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from kg.errors import SourceError
from kg.sources.base import Batch, Refusal, StatementBatch
from kg.sources.files import describe, open_bytes
from kg.sources.pharmacogenomics_ids import DRUGS, GENES, phenotype_of

_MOST_FILES, _MOST_BYTES = 2_000, 8 << 20  # of an archive; of one of its files

_STRENGTHS = {"Strong": "strong", "Moderate": "moderate", "Optional": "optional"}
_OTHER_DOSE, _OTHER_DRUG, _OTHER = (
    "dosingInformation", "alternateDrugAvailable", "otherPrescribingGuidance",
)  # fmt: skip
_AS_USUAL = re.compile(
    r"\b(desired|normal|recommended|standard)\b[^.]*\bdos(age|e|es|ing)\b|no need to avoid",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"no recommendation|n/a$|the guideline does not provide", re.IGNORECASE)
_NO_RESULT = "No Result"
_SCORE = re.compile(r"(≥?)(\d+(?:\.\d+)?)(?: \(.*\))?")


class _Result(NamedTuple):
    """What may be known of one gene."""

    gene: str
    phenotype: str  # as the guideline words it
    usual: str  # the phenotype that an activity score means; else the same


class _Advice(NamedTuple):
    results: tuple[_Result, ...]
    drug: str
    population: str
    strength: str
    text: str


class Pharmacogenomics:
    """About 120 guidelines for 100 drugs and 20 genes."""

    name: ClassVar[str] = "pharmacogenomics"
    licence: ClassVar[str] = "CC-BY-SA-4.0 AND CC0-1.0"
    describes: ClassVar[str] = "CPIC and DPWG guidance as PharmCAT publishes it, from a folder"
    stage: ClassVar[int] = 2

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield each guideline's statements; see the contract in ``base``."""
        found = [p for f in self._folders for p in f.glob("pharmcat-guidelines*.tar.gz")]
        if not found:
            raise SourceError(
                "pharmacogenomics: no pharmcat-guidelines*.tar.gz in "
                f"{', '.join(map(str, self._folders)) or 'any folder: name one with --from'}"
            )
        self._files = [max(found, key=lambda path: path.name)]  # the newest, by the date in it
        for member, content in _members(self._files[0]):
            yield from _read_guideline(member, content)

    def version(self) -> Mapping[str, Any]:
        """The archive read, with size and SHA-256."""
        return describe(self._files)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each JSON file of an archive, in the order of their names."""
    contents: dict[str, bytes] = {}
    with open_bytes(path) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for n_members, member in enumerate(archive):
                    if n_members == _MOST_FILES or member.size > _MOST_BYTES:
                        raise SourceError(
                            f"{path.name}: more than {_MOST_FILES:,} files, or one of more than "
                            f"{_MOST_BYTES:,} bytes"
                        )
                    extracted = archive.extractfile(member) if member.isfile() else None
                    if extracted and member.name.endswith(".json"):
                        contents[Path(member.name).name] = extracted.read()
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise SourceError(f"{path.name}: not an archive, or a damaged one ({error})") from None
    if not contents:
        raise SourceError(f"{path.name}: there is no guideline in it")
    yield from sorted(contents.items())


def _read_guideline(file: str, content: bytes) -> Iterator[Batch]:
    try:
        document = json.loads(content)
        guideline, recommendations = document["guideline"], document["recommendations"]
        publisher, number = str(guideline["source"]), str(guideline["id"])
        key = f"{publisher.lower()}-{number}"
        reference = {
            "key": key,
            "kind": "guideline",
            "title": str(guideline["name"]),
            "publisher": publisher,
            "year": str(document.get("version", ""))[:4],
            "locator": str(guideline["url"]),
            "pmid": "|".join(str(c["pmid"]) for c in document.get("citations", ()) if c["pmid"]),
        }
        rows = list(enumerate(recommendations, start=1))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{file}: not a guideline of PharmCAT ({type(error).__name__}: {error})"
        ) from None
    advice: dict[_Advice, int] = {}
    for line, row in rows:
        try:
            found = list(_advice(row))
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            reason = f"not a recommendation ({type(error).__name__}: {error})"
            yield Refusal(file, line, reason[:200])
            continue
        for item in found:
            advice.setdefault(item, line)
    yield StatementBatch("references", file, [1], [reference])
    tables: dict[tuple[str, tuple[str, ...]], dict[_Advice, int]] = {}
    for item, line in advice.items():
        tables.setdefault(_table(item), {})[item] = line
    for (kind, nodes), items in sorted(tables.items()):
        stated: dict[tuple[tuple[str, str], ...], int] = {}
        for line, cells in _statements(items):
            stated.setdefault(tuple({**cells, "reference": key}.items()), line)
        yield StatementBatch(kind, file, [*stated.values()], [dict(r) for r in stated], nodes)


def _table(advice: _Advice) -> tuple[str, tuple[str, ...]]:
    """The kind of statement, and which of its columns must be nodes that somebody brings."""
    if len(advice.results) == 1:
        return "guidance", ("gene", "drug")
    if advice.results[1].usual == _NO_RESULT:
        return "guidance_pairs", ("gene", "drug")
    return "guidance_pairs", ("gene", "other_gene", "drug")


def _advice(row: Mapping[str, Any]) -> Iterator[_Advice]:
    """What a recommendation says, once for each of its drugs."""
    term = (row.get("classification") or {}).get("term", "")
    text = _plain(row["text"]["html"])
    results = [_result(gene, value) for gene, value in sorted(row["lookupKey"].items())]
    results.sort(key=lambda result: result.usual == _NO_RESULT)  # what is known comes first
    if results[0].usual == _NO_RESULT or any(r.usual == "xN combinations" for r in results):
        return
    if not text or len(results) > 2:
        raise ValueError(f"{len(results)} genes, and the text {text[:40]!r}")
    if term == "No recommendation" or _NOTHING.match(text):
        is_said = text.casefold().startswith("no recommendation")
        text = text if is_said else f"No recommendation: {text}"
    elif _changes_nothing(row, text):
        text = f"Usual dosing: {text}"
    for drug in row["relatedChemicals"]:
        yield _Advice(
            tuple(results),
            DRUGS.get(drug["name"], f"PHARMGKB.DRUG:{drug['id']}"),
            " ".join((row.get("population") or "general").split()),
            _STRENGTHS.get(term, "not graded"),
            text,
        )


def _changes_nothing(row: Mapping[str, Any], text: str) -> bool:
    """Whether the advice is the usual dose, perhaps with something else to mind."""
    flags = row[_OTHER_DOSE], row[_OTHER_DRUG], row[_OTHER]
    if not all(isinstance(flag, bool) for flag in flags):
        raise TypeError(f"the flags {flags} are not all true or false")
    if any(flags[:2]):
        return False
    return not flags[2] or (bool(_AS_USUAL.search(text)) and "caution" not in text.lower())


def _result(gene: str, value: Any) -> _Result:
    """What a gene's lookup key means."""
    node = GENES.get(gene, f"HGNC.SYMBOL:{gene}")
    if isinstance(value, dict):  # alleles, each with how often
        alleles = [allele for allele, times in sorted(value.items()) for _ in range(int(times))]
        return _Result(node, "/".join(alleles), "/".join(alleles))
    score = _SCORE.fullmatch(value)
    usual = phenotype_of(node, float(score[2])) if score else None
    if score is None or usual is None:
        word = {"n/a": "Indeterminate"}.get(value, value)  # of a score: no phenotype follows
        word = f"{gene}{word}" if gene.startswith("HLA-") and word.startswith("*") else word
        return _Result(node, word, word)
    return _Result(node, f"Activity score {score[1]}{float(score[2]):g}", usual)


def _statements(advice: Mapping[_Advice, int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of each row: advice as it is worded, then by the phenotypes of its scores."""
    grouped: dict[tuple[Any, ...], dict[tuple[str, str], list[_Advice]]] = {}
    for item, line in advice.items():
        worded = tuple(result.phenotype for result in item.results)
        usual = tuple(result.usual for result in item.results)
        yield line, _cells(item, worded, item.text)
        if usual != worded:
            genes = tuple(result.gene for result in item.results)
            group = grouped.setdefault((genes, usual, item.drug, item.population), {})
            group.setdefault((item.strength, item.text), []).append(item)
    for (_, usual, *_), texts in grouped.items():
        for (_, text), items in texts.items():
            scores = ", ".join(
                " with ".join(result.phenotype for result in item.results) for item in items
            )
            holds = f" (This holds for {scores}.)" if len(texts) > 1 else ""
            yield advice[items[0]], _cells(items[0], usual, text + holds)


def _cells(item: _Advice, phenotypes: tuple[str, ...], text: str) -> dict[str, str]:
    cells = {"gene": item.results[0].gene, "phenotype": phenotypes[0], "drug": item.drug}
    if len(item.results) == 2:
        cells |= {"other_gene": item.results[1].gene, "other_phenotype": phenotypes[1]}
    return {
        **cells,
        "recommendation": text,
        "strength": item.strength,
        "population": item.population,
    }


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(": " if tag in ("h3", "h4", "h5") else " ")


def _plain(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split()).replace(" :", ":")
