"""Every reader's fuzz target with good files, and a way to damage them.

A target takes the content of a file and an empty folder, writes the one where the reader looks for
it in the other, and reads it: to a graph where that is possible. It returns, or raises KgError.
``benchmarks/fuzz_readers.py`` runs many cases, ``test_fuzz.py`` a few.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from kg.builder import build
from kg.errors import KgError
from kg.sources import create_source
from tests.graphs import starter_folder
from tests.kg import (
    test_formats_obo,
    test_formats_safe_xml,
    test_formats_triples,
    test_source_indications,
    test_source_interactions,
    test_source_kgx,
    test_source_names,
    test_source_ontology,
    test_source_pharmacogenomics,
    test_source_primekg,
    test_source_rdf,
    test_source_side_effects,
    test_source_table,
)

Target = Callable[[bytes, Path], None]

LARGEST = 1 << 16  # bytes a case

_HETIONET = [
    "id\tname\tkind\nCompound::DB00331\tMetformin\tCompound\n"
    + "".join(f"Gene::{i}\tG{i}\tGene\n" for i in range(1, 20)),
    "source\tmetaedge\ttarget\nCompound::DB00331\tCbG\tGene::1\n"
    + "".join(f"Gene::{i}\tGr>G\tGene::{i % 7 + 1}\n" for i in range(1, 20)),
]
_STARTER = {
    name: (starter_folder() / name).read_bytes()
    for name in ("symptoms.tsv", "kidney.tsv", "combinations.tsv")
}
_NAMES = [
    "drugbank_id\tname\tinchikey\tinchi\nDB01395\tDrospirenone\tMETQSPRSQINEEU\t\n",
    json.dumps({"DB01395": ["Yaz", "Drospirenona"], "DB01608": ["Neuleptil"]}),
    "atc_code,atc_name,ddd,uom,adm_r,note\nG03AA12,drospirenone and ethinylestradiol,NA,NA,NA,NA\n",
    "drugbank_id\tpubchem_id\nDB01395\t68873\n",
    "rxcui\tunii\n11636\tN295J34A25\n",
    "doid_code\tdoid_name\tresource\tresource_id\nDOID:9352\ttype 2 diabetes\tMSH\tD003924\n",
]
_INTERACTIONS = [
    test_source_interactions.HEADER + "1,Warfarin,2,Aspirin,Major\n1,Warfarin,3,metformin,Minor\n",
    "\ufeffSparfloxacin$DB01208$Erythromycin$DB00199$\nAmiodarone$DB01118$Escitalopram$DB01175$\n",
]
_SIDE_EFFECTS = [
    "".join(test_source_side_effects.effect(f"C00274{i}", f"E{i}") for i in range(90, 99)),
    test_source_side_effects.frequency("21%", "0.21", "0.21")
    + test_source_side_effects.frequency("common", "0.01", "0.1", "placebo"),
]
_ADVICE = test_source_pharmacogenomics.advice({"CYP2D6": "Poor Metabolizer"})


def hetionet(content: bytes, tmp: Path) -> None:
    """``content`` as the nodes, and as the edges, of Hetionet."""
    nodes, edges = tmp / "hetionet-v1.0-nodes.tsv", tmp / "hetionet-v1.0-edges.sif"
    for pair in ((content, _HETIONET[1].encode()), (_HETIONET[0].encode(), content)):
        nodes.write_bytes(pair[0])
        edges.write_bytes(pair[1])
        try:
            build([create_source("hetionet", tmp)])
        except KgError:
            continue


def starter(content: bytes, tmp: Path) -> None:
    """``content`` as the starter's file with the same header, or as its symptoms."""
    head = content.partition(b"\n")[0]
    names = [name for name, good in _STARTER.items() if good.partition(b"\n")[0] == head]
    name = names[0] if names else "symptoms.tsv"
    for path in starter_folder().glob("*.tsv"):  # all of them whole would take an hour
        good = path.read_bytes()
        whole = path.name in ("drugs.tsv", "references.tsv")  # what the safety tables point at
        (tmp / path.name).write_bytes(good if whole else good.partition(b"\n")[0] + b"\n")
    (tmp / name).write_bytes(content)
    for _ in create_source("starter", tmp).read():
        pass


# Reader -> its target, and good files.
TARGETS: Mapping[str, tuple[Target, list[str | bytes]]] = {
    "hetionet": (hetionet, [*_HETIONET]),
    "indications": (test_source_indications.read_bytes, [test_source_indications.SAMPLE]),
    "interactions": (test_source_interactions.read_bytes, [*_INTERACTIONS]),
    "kgx": (test_source_kgx.read_bytes, [*test_source_kgx.SAMPLES]),
    "names": (test_source_names.read_bytes, [*_NAMES]),
    "ontology-obo": (test_formats_obo.read_bytes, [*test_formats_obo.SEEDS]),
    "ontology-owl": (test_source_ontology.read_bytes, [test_source_ontology.WHOLE]),
    "ontology-report": (test_source_ontology.read_report, [test_source_ontology.REPORT]),
    "pharmacogenomics": (
        test_source_pharmacogenomics.read_bytes,
        [test_source_pharmacogenomics.guideline(_ADVICE)],
    ),
    "primekg": (test_source_primekg.read_bytes, [test_source_primekg.SAMPLE]),
    "rdf": (test_source_rdf.read_bytes, [test_source_rdf.SEED]),
    "rdf-jsonld": (test_formats_triples.read_jsonld, [test_formats_triples.JSONLD]),
    "rdf-nt": (test_formats_triples.read_nt, [test_formats_triples.NT]),
    "rdf-toml": (test_source_rdf.read_toml_bytes, [test_source_rdf.TOML]),
    "rdf-turtle": (test_formats_triples.read_turtle, [test_formats_triples.TURTLE]),
    "side-effects": (test_source_side_effects.read_bytes, [*_SIDE_EFFECTS]),
    "starter": (starter, [*_STARTER.values()]),
    "table": (test_source_table.read_bytes, [*test_source_table.SAMPLES]),
    "xml": (test_formats_safe_xml.read_bytes, [test_formats_safe_xml.BENIGN]),
}

# Pieces that hurt one reader or another.
_TOKENS = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n\n", b"\t\t\t", b'"', b"'", b'""',
    b",", b"|", b"\\", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"{", b"[" * 2000, b'{"a":' * 500,
    b"(" * 2000, b"<a>" * 500, b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"]]>", b"<!--",
    b"../../x", b"file:///etc/passwd", b"http://127.0.0.1:9/", b"=1+1", b"NaN", b"1e999",
    b"9" * 5000, b"-1", b"0", b"\xe2\x80\xae", b"\xf0\x9f\x92\x8a", b"x" * 5000, b"PAR1",
    b"\x1f\x8b\x08\x00", b"%s%n", b"!", b"#", b"@prefix : <a> .", b"[[table]]", b"[Term]\n",
    b"is_a: ", b"GO:", b":", b"::",
]  # fmt: skip
_WORD = re.compile(rb"[\w.:]+")


def good_files(reader: str) -> list[bytes]:
    """The good files of a reader as bytes."""
    return [s.encode() if isinstance(s, str) else s for s in TARGETS[reader][1]]


def damaged(files: list[bytes], chance: random.Random) -> bytes:
    """One of ``files`` with one or a few things done to it."""
    case = bytearray(chance.choice(files))
    for _ in range(chance.choice([1, 1, 1, 2, 3, 5])):
        start = chance.randint(0, len(case))
        end = min(len(case), start + int(chance.expovariate(1 / 20)))
        what = chance.randint(0, 11)
        if what <= 3:  # the layout stays, a word is another: the damage that reaches furthest
            case = _other_words(case, chance.choice(files), chance)
        elif what == 4 and case:
            for _ in range(chance.randint(1, 8)):
                case[chance.randrange(len(case))] = chance.randrange(256)
        elif what == 5:
            del case[start:end]
        elif what == 6:
            case[start:start] = case[start:end] * chance.choice([1, 2, 50])
        elif what == 7:
            case[start:start] = chance.choice(_TOKENS)
        elif what == 8:
            del case[start:]
        elif what == 9:
            lines = bytes(case).split(b"\n")
            chance.shuffle(lines)
            case = bytearray(b"\n".join(lines))
        elif what == 10:
            lines = bytes(case).splitlines(keepends=True) or [b""]
            case += chance.choice(lines) * chance.choice([1, 2, 30])
        else:
            case[start:end] = chance.randbytes(chance.randint(0, 40))
    return bytes(case[:LARGEST])


def _other_words(case: bytearray, other: bytes, chance: random.Random) -> bytearray:
    """``case`` with a few of its words replaced by words of ``other`` or by a hurtful piece."""
    places = [match.span() for match in _WORD.finditer(case)]
    words = [*_WORD.findall(other), chance.choice(_TOKENS), b""]
    for start, end in sorted(chance.sample(places, min(len(places), 3)), reverse=True):
        case[start:end] = chance.choice(words)
    return case
