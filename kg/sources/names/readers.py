"""The readers of the ``names`` source, one a file: each yields labels and refused rows.

A label is line, CURIE of the node, kind and text. What is dropped on purpose is counted by reason.
"""

import json
import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kg.errors import SourceError
from kg.identifiers import from_xref
from kg.sources.base import Refusal
from kg.sources.files import read_text
from kg.sources.formats.delimited import read_rows
from kg.sources.names.drugs import DrugNames

Label = tuple[int, str, str, str]
Pairs = dict[tuple[str, str], int]  # drug and code -> line

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{8}SA-[A-Z]")
_CHEMBL_PAGE = re.compile(r"/compound/inspect/CHEMBL(\d+)")
_FIRST_COMPOUNDS = 2_000  # ChEMBL numbers: of the drugs that it began with, parents above all
_SALTS_LOADED = range(1_200_000, 1_202_000)  # ChEMBL numbers: of drugs' salts, mostly
_SUBSTANCE = re.compile(r"[A-Z]\d\d[A-Z]{2}\d\d")  # ATC, level 5
_MIXTURE = re.compile(r"combinations?\b|\band\b|,| with |/|^(other|various)", re.IGNORECASE)
_MONDO = frozenset(
    ["DOID", "GARD", "ICD9", "MESH", "MedDRA", "NCIT", "OMIM", "Orphanet", "SCTID", "UMLS"]
)


@dataclass
class Known:
    """What earlier files taught, for later ones, and what was dropped.

    Attributes:
        drugs: DrugBank's, by name.
        charged: drugs that are ions by themselves, whatever their salt.
        named: drug -> the ChEMBL compounds that DrugCentral calls it by.
        uniis: the UNII codes of drugs.
        dropped: reason -> how often, in the file being read.
    """

    drugs: DrugNames = field(default_factory=lambda: DrugNames({}))
    charged: set[str] = field(default_factory=set)
    named: dict[str, set[str]] = field(default_factory=dict)
    uniis: Pairs = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)


def read_names(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """DrugBank's own names and InChIKeys, and the names that its drugs have elsewhere."""
    names: dict[str, str] = {}
    codes: Pairs = {}
    for item in read_rows(path, ("drugbank_id", "name", "inchikey", "inchi")):
        if isinstance(item, Refusal):
            yield item
            continue
        number, name, inchikey, inchi = item.cells
        if "/q" in inchi:
            known.charged.add(f"DRUGBANK:{number}")
        names[f"DRUGBANK:{number}"] = name
        yield item.line, f"DRUGBANK:{number}", "synonym", name
        inchikey = inchikey.removeprefix("InChIKey=")
        if _INCHIKEY.fullmatch(inchikey):
            codes[f"DRUGBANK:{number}", f"INCHIKEY:{inchikey}"] = item.line
        elif inchikey:
            known.dropped["an InChIKey that is not standard"] += 1
    known.drugs = DrugNames(names)
    yield from _labels(codes, codes, known)
    for text, drug in known.drugs.elsewhere.items():
        yield 0, drug, "synonym", text


def read_aliases(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """DrugBank's further names: a JSON object, drug -> names."""
    try:
        document = json.loads(read_text(path))
        aliases = {f"DRUGBANK:{number}": list(texts) for number, texts in document.items()}
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise SourceError(f"{path.name}: not an object of lists ({error})") from None
    if not all(isinstance(text, str) for texts in aliases.values() for text in texts):
        raise SourceError(f"{path.name}: a drug's names are not all texts")
    for drug, kind, text in known.drugs.further(aliases, known.dropped):
        yield 0, drug, kind, text


def read_atc(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """ATC codes of substances, by their names, and those names where they differ by a salt."""
    names: dict[str, tuple[str, int]] = {}
    for item in read_rows(path, ("atc_code", "atc_name"), separator=","):
        if isinstance(item, Refusal):
            yield item
        elif _SUBSTANCE.fullmatch(item.cells[0]):
            names.setdefault(item.cells[0], (item.cells[1], item.line))
    listed = {known.drugs.find(name) for name, _ in names.values()}
    for code, (name, line) in names.items():
        if _MIXTURE.search(name):
            known.dropped["a mixture"] += 1
        elif drug := known.drugs.find(name):
            yield line, drug, "code", f"ATC:{code}"
        elif drug := known.drugs.find_salt(name):
            is_other = drug in listed  # WHO lists the drug itself too
            yield line, drug, "broader-code" if is_other else "code", f"ATC:{code}"
            yield line, drug, "broader" if is_other else "synonym", name
        else:
            known.dropped["a substance that is no drug here"] += 1


def read_pubchem(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """PubChem compounds of drugs."""
    codes: Pairs = {}
    yield from _codes(path, "pubchem_cid", "PUBCHEM.COMPOUND", codes)
    yield from _labels(codes, codes, known)


def read_unii(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """FDA's UNII codes of drugs."""
    known.uniis = {}
    yield from _codes(path, "fdasrs_id", "UNII", known.uniis)
    yield from _labels(known.uniis, known.uniis, known)


def read_drugcentral(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """The ChEMBL compounds that DrugCentral calls drugs by; evidence, not labels."""
    for item in read_rows(path, ("drugbank_id", "urls")):
        if isinstance(item, Refusal):
            yield item
            continue
        drug, urls = item.cells
        for number in _CHEMBL_PAGE.findall(urls):
            named = known.named.setdefault(f"DRUGBANK:{drug}", set())
            named.add(f"CHEMBL.COMPOUND:CHEMBL{number}")


def read_chembl(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """ChEMBL compounds of drugs."""
    codes: Pairs = {}
    yield from _codes(path, "chembl_id", "CHEMBL.COMPOUND", codes)
    yield from _labels(codes, codes, known, _own_compounds(codes, known))


def _own_compounds(codes: Pairs, known: Known) -> set[tuple[str, str]]:
    """Of drugs with several compounds, the one that is the drug and no salt or isomer of it.

    It is the only one among ChEMBL's first compounds, to which most drugs in use then belong, and
    what DrugCentral calls the drug by is that very compound, or a salt of those loaded next.
    """
    first: dict[str, list[str]] = {}
    for drug, code in codes:
        if _number(code) < _FIRST_COMPOUNDS:
            first.setdefault(drug, []).append(code)
    called = {(d, code) for d, named in known.named.items() for code in named} & codes.keys()
    n_called = Counter(code for _, code in called)
    own = set()
    for drug, compounds in first.items():
        pair = drug, compounds[0]
        named = known.named.get(drug, set())
        is_salt = all(_number(code) in _SALTS_LOADED for code in named - {compounds[0]})
        is_anothers = n_called[compounds[0]] > (pair in called)
        if len(compounds) == 1 and named and is_salt and not is_anothers:
            own.add(pair)
    return {(drug, code) for drug, code in own if drug not in known.charged}


def _number(chembl: str) -> int:
    digits = chembl.removeprefix("CHEMBL.COMPOUND:CHEMBL")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 10**9


def read_rxnorm(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """RxNorm ingredients of drugs, by way of their UNII codes, and the reverse.

    Who knows the RxNorm code of a drug from elsewhere thereby knows its own UNII.
    """
    drugs: dict[str, list[str]] = {}
    for drug, unii in known.uniis:
        drugs.setdefault(unii, []).append(drug)
    codes: Pairs = {}
    pairs: Pairs = {}
    for item in read_rows(path, ("rxnorm_id", "fdasrs_id")):
        if isinstance(item, Refusal):
            yield item
            continue
        rxnorm, unii = f"RXNORM:{item.cells[0]}", f"UNII:{item.cells[1]}"
        pairs.setdefault((rxnorm, unii), item.line)
        for drug in drugs.get(unii, ()):
            codes.setdefault((drug, rxnorm), item.line)
    yield from _labels(codes, known.uniis, known)
    n_uniis = Counter(rxnorm for rxnorm, _ in pairs)
    n_rxnorm = Counter(unii for _, unii in pairs)
    for (rxnorm, unii), line in pairs.items():
        if n_uniis[rxnorm] == n_rxnorm[unii] == 1:
            yield line, rxnorm, "code", unii


def _codes(path: Path, column: str, prefix: str, codes: Pairs) -> Iterator[Refusal]:
    for item in read_rows(path, ("drugbank_id", column)):
        if isinstance(item, Refusal):
            yield item
        elif all(item.cells):
            pair = f"DRUGBANK:{item.cells[0]}", f"{prefix}:{item.cells[1]}"
            codes.setdefault(pair, item.line)


def _labels(
    codes: Pairs, joined: Pairs, known: Known, own: Container[tuple[str, str]] = ()
) -> Iterator[Label]:
    """The codes of drugs that no other drug of DrugBank's short list shares.

    Those of a drug that was ``joined`` to several are codes of something narrower: its isomers,
    salts and itself. Only one that is known to be its ``own`` is not.
    """
    joints = Counter(drug for drug, _ in joined)
    sharing = Counter(code for _, code in codes)
    on_list = Counter(code for drug, code in codes if drug in known.drugs.names)
    for (drug, code), line in codes.items():
        if on_list[code] == 1 and drug not in known.drugs.names:
            known.dropped["a code of a drug on the short list"] += 1
        elif on_list[code] > 1 or (not on_list[code] and sharing[code] > 1):
            known.dropped["a code of several drugs"] += 1
        else:
            is_own = joints[drug] == 1 or (drug, code) in own
            yield line, drug, "code" if is_own else "broader-code", code


def read_slim(path: Path, _: Known) -> Iterator[Label | Refusal]:
    """Cross-references of Hetionet's diseases."""
    for item in read_rows(path, ("doid_code", "resource", "resource_id")):
        if isinstance(item, Refusal):
            yield item
            continue
        disease, resource, number = item.cells
        code = from_xref(f"{resource}:{number}")
        if code is None or not disease.startswith("DOID:"):
            reason = f"{disease[:40]!r} {resource}:{number[:40]!r} is no cross-reference"
            yield Refusal(path.name, item.line, reason)
        else:
            yield item.line, disease, "code", code


def read_symptoms(path: Path, _: Known) -> Iterator[Label | Refusal]:
    """MeSH's names of symptoms."""
    for item in read_rows(path, ("mesh_id", "mesh_name")):
        if isinstance(item, Refusal):
            yield item
        else:
            yield item.line, f"MESH:{item.cells[0]}", "xref", item.cells[1]


def read_mondo(path: Path, known: Known) -> Iterator[Label | Refusal]:
    """Codes that belong to one MONDO disease, which has no other one in that system."""
    lines: dict[tuple[str, str, str], int] = {}
    for item in read_rows(path, ("mondo_id", "ontology", "ontology_id"), separator=","):
        if isinstance(item, Refusal):
            yield item
        elif item.cells[1] in _MONDO:
            number, ontology, code = item.cells
            lines.setdefault((f"MONDO:{number.zfill(7)}", ontology, code), item.line)
    of_disease = Counter((disease, ontology) for disease, ontology, _ in lines)
    of_code = Counter((ontology, code) for _, ontology, code in lines)
    pairs: list[tuple[int, str, str]] = []
    for (disease, ontology, code), line in lines.items():
        curie = from_xref(f"{ontology}:{code}")
        if curie is None or of_disease[disease, ontology] > 1 or of_code[ontology, code] > 1:
            known.dropped["one of several in its system"] += 1
        else:
            pairs.append((line, disease, curie))
    # Those of the Disease Ontology first: through them its nodes are found for the others.
    for line, disease, curie in pairs:
        if curie.startswith("DOID:"):
            yield line, curie, "code", disease
    for line, disease, curie in pairs:
        yield line, disease, "code", curie
