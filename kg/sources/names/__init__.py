"""Names and codes of drugs, diseases and symptoms that other sources bring.

Reads, plain or gzip, whatever of this its folders hold; without a folder it downloads all of it,
pinned by SHA-256. :meth:`Names.version` says what was read and how much of it was dropped.

- ``drugbank-slim.tsv`` (DrugBank, CC-BY-NC-4.0): names and InChIKeys of 1,552 drugs. Its ATC codes
  are not read: they were assigned by parts of names and give loratadine the code of lisinopril.
  Nor are its groups: what it calls *withdrawn* is in use, mostly. Which of its drugs were taken off
  the market is told by our own short table (``withdrawn``), as statements ``withdrawn``.
- ``aliases.json`` (DrugBank, CC-BY-NC-4.0): further names, most of them brands; ``drugs`` says
  what they are worth. Needs ``drugbank-slim.tsv``.
- ``WHO*ATC-DDD*.csv`` (CC-BY-NC-SA-4.0 claimed; the index is WHOCC's, not for commercial use): ATC
  codes by the substance's name. Needs ``drugbank-slim.tsv``.
- ``pubchem-mapping.tsv``, ``mapping-fdasrs-unii.tsv``, ``mapping-chembl.tsv`` (UniChem CC0,
  DrugBank's identifiers CC-BY-NC-4.0): codes of drugs. UNII and ChEMBL were joined by connectivity,
  which puts isomers and salts of a drug together: where a drug has several codes they count as
  codes of something narrower, and a code that several drugs on DrugBank's short list share is
  dropped. The next two say which of several is the drug's own.
- ``drugcentral-targets.tsv`` (DrugCentral by way of Hetionet; from a folder only): by which ChEMBL
  compounds it calls a drug. Salts, often, so that is evidence beside ChEMBL's own numbering.
  Ibuprofen and lisinopril keep nothing but codes of something narrower.
- ``rxcui-unii-map.tsv`` (RxNorm, no restriction): RxNorm ingredients, joined by UNII; and the UNII
  of the drug whose RxNorm code another source, such as ``starter``, or a lone UNII has confirmed.
- ``mondo_references.csv`` (MONDO, CC-BY-4.0): codes that one MONDO disease has and no other, of
  systems in which it has no second one.
- ``doid-xrefs-slim.tsv`` (Disease Ontology 2015, CC-BY-3.0): codes of 137 diseases.
- ``mesh-symptoms.tsv`` (MeSH): names of 438 symptoms.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from kg.errors import SourceError
from kg.graph import Provenance
from kg.sources.base import Batch, LabelBatch, Refusal
from kg.sources.files import Download, describe, find, locate
from kg.sources.names import readers
from kg.sources.names.withdrawn import withdrawn

_GITHUB = "https://github.com"
_DRUGBANK = f"{_GITHUB}/dhimmel/drugbank/raw"
_CURATED = ("knowledge_assertion", "manual_agent")
_JOINED = ("logical_entailment", "data_analysis_pipeline")

Reader = Callable[[Path, readers.Known], Iterator[readers.Label | Refusal]]


class _File(NamedTuple):
    read: Reader
    provenance: Provenance
    pinned: Download | None  # None: read from a folder only


def _by(infores: str, licence: str, how: tuple[str, str] = _CURATED) -> Provenance:
    return Provenance("names", f"infores:{infores}", licence, *how)


# In the order in which they are read: later readers use what earlier ones learnt.
_FILES: Mapping[str, _File] = {
    "drugbank-slim.tsv": _File(
        readers.read_names,
        _by("drugbank", "CC-BY-NC-4.0"),
        Download(
            f"{_DRUGBANK}/6b9ae386d6ba4a0eca2d66d4b0337a6e90fe81f4/data/drugbank-slim.tsv",
            "72de0a8b93dcc9e7e0462bfe79c0ce20be0802efb2a1ccaeb08e372e2243356d",
        ),
    ),
    "aliases.json": _File(
        readers.read_aliases,
        _by("drugbank", "CC-BY-NC-4.0"),
        Download(
            f"{_DRUGBANK}/6b9ae386d6ba4a0eca2d66d4b0337a6e90fe81f4/data/aliases.json",
            "b6993c6c4e085e646a4101a8f44c7f75569136b3db4b51b7952791d14f33ae04",
        ),
    ),
    "WHO*ATC-DDD*.csv": _File(
        readers.read_atc,
        _by("whocc", "CC-BY-NC-SA-4.0 AND LicenseRef-WHOCC-non-commercial"),
        Download(
            f"{_GITHUB}/fabkury/atcd/raw/934a34736e0042f3808f3808b4a36910bbafdbe2/"
            "WHO%20ATC-DDD%202026-04-25.csv",
            "2c5caa215d05c71834cfda0d3782d17e22704d9565cdd012bd00e567e546ac0d",
        ),
    ),
    "pubchem-mapping.tsv": _File(
        readers.read_pubchem,
        _by("drugbank", "CC0-1.0 AND CC-BY-NC-4.0"),
        Download(
            f"{_DRUGBANK}/d79513f4ce1c7165eca7b45da7a41915072720fa/data/pubchem-mapping.tsv",
            "c842d787d39741bd8957b2224c4899d21afa5cb353b152fdef5658467d93c292",
        ),
    ),
    "mapping-fdasrs-unii.tsv": _File(
        readers.read_unii,
        _by("unichem", "CC0-1.0 AND CC-BY-NC-4.0", _JOINED),
        Download(
            f"{_DRUGBANK}/e8567eed2dd48ae0694a0960c518763a777845ff/data/mapping/fdasrs.tsv",
            "1b8f1124cb7a4f50494b91bd6f398c64628afaeb3f203d16cf790e199b2d9365",
        ),
    ),
    "drugcentral-targets.tsv": _File(
        readers.read_drugcentral, _by("drugcentral", "CC-BY-4.0", _JOINED), None
    ),
    "mapping-chembl.tsv": _File(
        readers.read_chembl,
        _by("unichem", "CC0-1.0 AND CC-BY-NC-4.0", _JOINED),
        Download(
            f"{_DRUGBANK}/e8567eed2dd48ae0694a0960c518763a777845ff/data/mapping/chembl.tsv",
            "3a54bd96e62f4bad3e9d5793598d85bba961e381427802b11f1f7450d3bf0c5f",
        ),
    ),
    "rxcui-unii-map.tsv": _File(
        readers.read_rxnorm,
        _by("rxnorm", "CC0-1.0 AND CC-BY-NC-4.0", _JOINED),
        Download(
            f"{_GITHUB}/dhimmel/indications/raw/3a6732ad700c5e76ee3be7deeb8e2236c2eb89ee/"
            "data/rxcui-unii-map.tsv",
            "ba95df20b9cc8bd583fcfe5dacfe5cba67ce46d1a93deb51df1df8151f71a275",
        ),
    ),
    "mondo_references.csv": _File(
        readers.read_mondo,
        _by("mondo", "CC-BY-4.0"),
        Download(
            f"{_GITHUB}/mims-harvard/TxGNN/raw/35c6086f96d63d715abd20810ce4d19be9f0e6cc/"
            "txgnn/data_splits/mondo_references.csv",
            "714f258b7b8c11bcbb6728b862a276d59a9dfd9b0b494a4a7d74b28449169972",
        ),
    ),
    "doid-xrefs-slim.tsv": _File(
        readers.read_slim,
        _by("disease-ontology", "CC-BY-3.0"),
        Download(
            f"{_GITHUB}/dhimmel/disease-ontology/raw/052ffcc960f5897a0575f5feff904ca84b7d2c1d/"
            "data/xrefs-slim.tsv",
            "b6561f3f644f5f3adbe55435148995b4e22b13944c57e95cf4d0bc1fb8fab907",
        ),
    ),
    "mesh-symptoms.tsv": _File(
        readers.read_symptoms,
        _by("mesh", "CC0-1.0"),
        Download(
            f"{_GITHUB}/dhimmel/mesh/raw/e561301360e6de2140dedeaa7c7e17ce4714eb7f/data/symptoms.tsv",
            "ba2d799e99cc687cdda2f390ce7145bf5bcbae2751117c9cb39a431b0f3c312d",
        ),
    ),
}


class Names:
    """Names and codes of DrugBank, WHO, UniChem, RxNorm, the Disease Ontology, MONDO and MeSH."""

    name: ClassVar[str] = "names"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0 AND CC-BY-4.0 AND CC-BY-3.0 AND CC0-1.0"
    describes: ClassVar[str] = "names and codes of drugs and diseases, from folders or downloads"
    stage: ClassVar[int] = 1

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: dict[str, Path] = {}
        self._dropped: dict[str, Counter[str]] = {}

    def read(self) -> Iterator[Batch]:
        """Yield the labels of each file; see the contract in ``base``."""
        self._files = self._find()
        self._dropped = {path.name: Counter() for path in self._files.values()}
        known = readers.Known()
        for name, path in self._files.items():
            known.dropped = self._dropped[path.name]
            labels: list[readers.Label] = []
            for item in _FILES[name].read(path, known):
                if isinstance(item, Refusal):
                    yield item
                else:
                    labels.append(item)
            if labels:
                yield LabelBatch(path.name, labels, _FILES[name].provenance)
        yield from withdrawn(known.drugs.names)

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256, and what was dropped from each, and why."""
        dropped = {name: dict(sorted(why.items())) for name, why in self._dropped.items() if why}
        return {**describe(self._files.values()), "dropped": dropped}

    def _find(self) -> dict[str, Path]:
        found = {}
        for name, file in _FILES.items():
            path: Path | None
            if not self._folders:
                path = locate("names", (), name, file.pinned) if file.pinned else None
            elif "*" in name:
                paths = [p for folder in self._folders for p in folder.glob(f"{name}*")]
                path = max(paths, key=lambda p: p.name, default=None)  # the newest by its date
            else:
                path = find(self._folders, name)
            if path is not None:
                found[name] = path
        if not found:
            folders = ", ".join(map(str, self._folders))
            raise SourceError(f"names: none of {', '.join(_FILES)} in {folders}")
        return found
