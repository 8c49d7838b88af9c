"""What every registered source promises, checked on each of them; and the starter's bad files."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kg.builder import build
from kg.errors import SourceError
from kg.graph import LABEL_KINDS, Provenance
from kg.identifiers import is_curie
from kg.schema import NODES, is_edge_type
from kg.sources import (
    EdgeBatch,
    LabelBatch,
    NodeBatch,
    Refusal,
    Source,
    StatementBatch,
    TermBatch,
    create_source,
    list_sources,
    source_names,
)
from tests.graphs import starter_folder
from tests.kg import (
    test_source_indications,
    test_source_interactions,
    test_source_kgx,
    test_source_names,
    test_source_pharmacogenomics,
    test_source_primekg,
    test_source_side_effects,
    test_source_table,
)
from tests.kg.given import Given

# The values that the Biolink Model allows.
KNOWLEDGE_LEVELS = {
    "knowledge_assertion", "logical_entailment", "prediction", "statistical_association",
    "observation", "not_provided",
}  # fmt: skip
AGENT_TYPES = {
    "manual_agent", "automated_agent", "data_analysis_pipeline", "computational_model",
    "text_mining_agent", "image_processing_agent", "manual_validation_of_automated_agent",
    "not_provided",
}  # fmt: skip

NODES_TSV = "id\tname\tkind\nCompound::DB00331\tMetformin\tCompound\nGene::1\tA1BG\tGene\n"
EDGES_SIF = "source\tmetaedge\ttarget\nCompound::DB00331\tCbG\tGene::1\n"


def hetionet_folder(path: Path) -> Path:
    (path / "hetionet-v1.0-nodes.tsv").write_text(NODES_TSV)
    (path / "hetionet-v1.0-edges.sif.gz").write_bytes(gzip.compress(EDGES_SIF.encode()))
    return path


def ontology_folder(path: Path) -> Path:
    terms = "[Term]\nid: DOID:4\nname: disease\n\n[Term]\nid: DOID:9352\nname: type 2 diabetes\n"
    (path / "doid.obo").write_text(f"ontology: doid\n\n{terms}is_a: DOID:4\n")
    return path


def rdf_folder(path: Path) -> Path:
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    drug, disease = "<https://identifiers.org/drugbank:DB00331>", f"<{OBO}DOID_9352>"
    treats = "<https://w3id.org/biolink/vocab/treats>"
    (path / "rdf.toml").write_text('[types]\nDRUGBANK = "Drug"\nDOID = "Disease"\n')
    (path / "graph.nt").write_text(
        f'{drug} {label} "Metformin" .\n{disease} {label} "type 2 diabetes" .\n'
        f"{drug} {treats} {disease} .\n"
    )
    return path


OBO = "http://purl.obolibrary.org/obo/"
SAMPLES: dict[str, Callable[[Path], Path]] = {  # a new source needs a line here
    "hetionet": hetionet_folder,
    "indications": test_source_indications.sample,
    "interactions": test_source_interactions.sample,
    "kgx": test_source_kgx.sample_folder,
    "names": test_source_names.sample,
    "ontology": ontology_folder,
    "pharmacogenomics": test_source_pharmacogenomics.sample,
    "primekg": test_source_primekg.sample_folder,
    "rdf": rdf_folder,
    "side-effects": test_source_side_effects.sample,
    "starter": lambda _: starter_folder(),
    "table": test_source_table.sample_folder,
}
# What sources of stage 1 and 2 speak of.
OTHERS = Given(
    Drug=[
        ("DRUGBANK:DB00321", "Amitriptyline", "PUBCHEM.COMPOUND:10917"),
        ("DRUGBANK:DB00678", "Losartan"),
        ("DRUGBANK:DB00682", "Warfarin"),
        ("DRUGBANK:DB00945", "Aspirin", "RXNORM:1191"),
        ("DRUGBANK:DB01118", "Amiodarone"),
        ("DRUGBANK:DB01175", "Escitalopram", "RXNORM:321988"),
    ],
    Gene=[("NCBIGene:1557", "CYP2C19"), ("NCBIGene:1565", "CYP2D6")],
    Disease=[("DOID:10763", "hypertension"), ("DOID:6364", "migraine")],
)


@pytest.fixture(params=source_names())
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Each registered source on files that it can read."""
    return create_source(request.param, SAMPLES[request.param](tmp_path))


def test_a_source_introduces_itself(source: Source) -> None:
    (info,) = (info for info in list_sources() if info.name == source.name)
    assert info.licence == source.licence
    assert info.describes == source.describes
    assert "\n" not in source.describes
    assert source.stage in (0, 1, 2)


def test_every_batch_is_in_the_schema_and_every_text_and_edge_says_whence(source: Source) -> None:
    keys: dict[str, set[str]] = {}
    said: set[Provenance] = set()
    batches = list(source.read())
    for batch in batches:
        match batch:
            case NodeBatch():
                sizes = {len(batch.lines), len(batch.keys), len(batch.ids), len(batch.names)}
                assert batch.type in NODES
                assert len(sizes) == 1
                assert all(map(is_curie, batch.ids))
                assert all(kind in LABEL_KINDS for _, kind, _ in batch.labels)
                keys.setdefault(batch.type, set()).update(batch.keys)
                said.add(batch.provenance)
            case EdgeBatch():
                assert is_edge_type(batch.type)
                assert len(batch.lines) == len(batch.heads) == len(batch.tails)
                assert batch.details is None or len(batch.details) == len(batch.lines)
                if source.stage == 0:
                    assert set(batch.heads.to_pylist()) <= keys[batch.type.head]
                    assert set(batch.tails.to_pylist()) <= keys[batch.type.tail]
                said.add(batch.provenance)
            case LabelBatch():
                assert all(kind in LABEL_KINDS for _, _, kind, _ in batch.rows)
                said.add(batch.provenance)
            case TermBatch():
                assert batch.type in NODES
                assert all(is_curie(term.id) for term in batch.terms)
                said.add(batch.provenance)
            case StatementBatch():
                assert len(batch.lines) == len(batch.rows)
                assert all(name in row for row in batch.rows for name in batch.nodes)
            case Refusal():
                pytest.fail(f"its own files hold a bad row: {batch}")
    assert batches
    for provenance in said:
        assert provenance.source == source.name
        assert provenance.primary_knowledge_source.startswith("infores:")
        assert provenance.licence
        assert provenance.knowledge_level in KNOWLEDGE_LEVELS
        assert provenance.agent_type in AGENT_TYPES


def test_what_it_says_of_known_nodes_reaches_the_graph(source: Source) -> None:
    result = build([OTHERS, source])

    assert result.report.refused == []
    assert not result.report.left_out
    bare = build([OTHERS]).graph
    assert result.graph.fingerprint != bare.fingerprint


def test_the_same_source_read_twice_is_the_same_graph(source: Source) -> None:
    first, second = build([OTHERS, source]), build([OTHERS, source])

    assert first.graph.fingerprint == second.graph.fingerprint


def test_a_source_read_twice_over_is_merged_with_itself(source: Source) -> None:
    once, twice = build([OTHERS, source]).graph, build([OTHERS, source, source]).graph

    assert twice.n_nodes() == once.n_nodes()
    assert twice.n_edges() == once.n_edges()
    for edge_type in once.edge_types:
        assert twice.assertions(edge_type, 0) == once.assertions(edge_type, 0)


def test_the_version_names_every_file_with_its_hash_as_json(source: Source) -> None:
    list(source.read())

    version = source.version()

    assert json.loads(json.dumps(version)) == version
    assert version["files"]
    for entry in version["files"].values():
        assert entry["bytes"] > 0
        assert len(entry["sha256"]) == 64


@pytest.mark.parametrize("name", source_names())
def test_an_empty_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=name):
        build([create_source(name, tmp_path)])


def test_an_unknown_source_or_folder_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'hetnet'; choose from hetionet, "):
        create_source("hetnet")
    with pytest.raises(SourceError, match="is not a folder"):
        create_source("starter", tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="is not a folder"):
        create_source("hetionet", tmp_path / "file")


# ---- the starter's files, damaged one at a time


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(starter_folder(), tmp_path / "starter"))


def append(file: Path, line: str) -> int:
    """Add a line and return its number."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text + line, encoding="utf-8")
    return text.count("\n") + 1


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("treats", "DRUGBANK:DB00331\tDOID:9352\n", "2 columns, not 4"),
        ("treats", "\n", "1 columns, not 4"),
        ("treats", "DRUGBANK:DB99999\tDOID:9352\t\tx", "treats edge to unknown Drug"),
        ("drugs", "DB00331\tname\t\t\t\t\tx\n", "is not a CURIE"),
        ("drugs", "DRUGBANK:DB99999\t\u200b\t\t\t\t\tx\n", "has no name"),
        ("genes", "DRUGBANK:DB00331\tname\t\tx\n", "is a Drug elsewhere, here a Gene"),
        ("products", "nothing\t1\tDRUGBANK:DB99999\tx\n", "product for unknown node"),
        ("broader_codes", "ICD10CM\tZ99\tDOID:0\tx\n", "broader-code for unknown node"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_nothing_else_changes(
    copy: Path, file: str, line: str, reason: str
) -> None:
    whole = build([create_source("starter", copy)]).graph
    number = append(copy / f"{file}.tsv", line)

    result = build([create_source("starter", copy)])

    assert {(r.file, r.line) for r in result.report.refused} == {(f"{file}.tsv", number)}
    assert reason in result.report.refused[0].reason
    assert result.graph.fingerprint == whole.fingerprint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "treats.tsv cannot be read"),
        (b"", "treats.tsv has no column"),
        (b"drug disease reference\n", "treats.tsv has no column"),
        (b"drug\tdisease\tsource\n", r"treats.tsv has no column \['reference'\]"),
        (b"drug\tdisease\treference\n\xff\xfe", "treats.tsv is not UTF-8"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_fails_clearly(
    copy: Path, content: bytes | None, says: str
) -> None:
    if content is None:
        (copy / "treats.tsv").unlink()
    else:
        (copy / "treats.tsv").write_bytes(content)

    with pytest.raises(SourceError, match=says):
        build([create_source("starter", copy)])


def test_windows_line_ends_and_a_missing_last_one_change_nothing(copy: Path) -> None:
    whole = build([create_source("starter", copy)]).graph
    text = (copy / "treats.tsv").read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n")
    (copy / "treats.tsv").write_bytes(text)

    result = build([create_source("starter", copy)])

    assert result.report.refused == []
    assert result.graph.fingerprint == whole.fingerprint


def test_a_line_separator_inside_a_cell_does_not_break_the_row(copy: Path) -> None:
    number = append(copy / "genes.tsv", "NCBIGene:999999999\tODD\u2028NAME\t\tx\n")

    result = build([create_source("starter", copy)])

    assert result.report.refused == []
    assert number > 1
    row = result.graph.row("Gene", "NCBIGene:999999999")
    assert result.graph.node("Gene", row).name == "ODD\u2028NAME"


def test_references_travel_with_each_edge() -> None:
    for batch in create_source("starter").read():
        if isinstance(batch, EdgeBatch):
            details: Any = batch.details
            assert all(isinstance(row["reference"], list) and row["reference"] for row in details)
