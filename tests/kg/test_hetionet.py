"""Hetionet's files as they are, and damaged in every way that was thought of."""

import contextlib
import csv
import gzip
import hashlib
import zlib
from collections import Counter
from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.graph import Graph
from kg.query import resolve
from kg.schema import EdgeType
from kg.sources import create_source
from kg.sources.download import fetch
from kg.sources.formats import blocks
from kg.sources.hetionet_relations import METAEDGES, NAMES

NODES = "id\tname\tkind\n"
EDGES = "source\tmetaedge\ttarget\n"
# https://biolink.github.io/biolink-model: KnowledgeLevelEnum and AgentTypeEnum
KNOWLEDGE_LEVELS = {
    "knowledge_assertion", "logical_entailment", "prediction", "statistical_association",
    "observation", "not_provided",
}  # fmt: skip
AGENT_TYPES = {
    "manual_agent", "automated_agent", "data_analysis_pipeline", "computational_model",
    "text_mining_agent", "image_processing_agent", "manual_validation_of_automated_agent",
    "not_provided",
}  # fmt: skip
INTERACTS = EdgeType("Gene", "interacts", "Gene")
TREATS = EdgeType("Drug", "treats", "Disease")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    genes = "".join(f"Gene::{i}\tG{i}\tGene\n" for i in range(60))
    other = "Compound::DB00331\tMetformin\tCompound\nDisease::DOID:9352\tT2D\tDisease\n"
    (tmp_path / "hetionet-v1.0-nodes.tsv").write_text(NODES + genes + other)
    (tmp_path / "hetionet-v1.0-edges.sif").write_text(
        EDGES + "Compound::DB00331\tCtD\tDisease::DOID:9352\nGene::2\tGr>G\tGene::1\n"
    )
    return tmp_path


def read(folder: Path) -> BuildResult:
    return build([create_source("hetionet", folder)])


def edges_file(folder: Path, text: str | bytes, *, name: str = "hetionet-v1.0-edges.sif") -> None:
    content = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content as the edges, plain or gzip, and as the nodes."""
    edges = "hetionet-v1.0-edges.sif" + (".gz" if zlib.crc32(content) % 4 == 0 else "")
    (tmp / "hetionet-v1.0-nodes.tsv").write_text(NODES + "Gene::1\tG\tGene\n")
    (tmp / edges).write_bytes(content)
    for name in (edges, "hetionet-v1.0-nodes.tsv"):
        (tmp / name).write_bytes(content)
        with contextlib.suppress(KgError):
            read(tmp)


def test_nodes_and_edges_become_curies_and_directions_stay(folder: Path) -> None:
    graph = read(folder).graph

    drug, disease = graph.row("Drug", "DRUGBANK:DB00331"), graph.row("Disease", "DOID:9352")
    assert graph.find_edge(TREATS, drug, disease) == 0
    regulates = EdgeType("Gene", "regulates", "Gene")
    one, two = graph.row("Gene", "NCBIGene:1"), graph.row("Gene", "NCBIGene:2")
    assert graph.find_edge(regulates, two, one) == 0
    assert graph.find_edge(regulates, one, two) is None
    assert graph.assertions(TREATS, 0)[0].provenance.licence == "CC0-1.0"


@pytest.mark.parametrize("block", [16, 50, 200, 1 << 20])
@pytest.mark.parametrize("name", ["hetionet-v1.0-edges.sif", "hetionet-v1.0-edges.sif.gz"])
def test_bad_lines_are_refused_by_number_and_the_rest_survives_across_blocks(
    folder: Path, block: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    (folder / "hetionet-v1.0-edges.sif").unlink()
    bad = {
        0: ("Gene::1\tGiG", "2 columns, not 3"),
        3: ("", "an empty line"),
        4: ("\t\t", "an empty line"),
        17: ("Gene::1\tGiG\tGene::2\tagain", "4 columns, not 3"),
        18: ("no tab at all", "1 columns, not 3"),
        30: ("Gene::1\tGiG\t", "an empty cell"),
        31: ("Gene::1\t\tGene::2", "an empty cell"),
        40: ("Gene::1\tGiG\tGene::777", "interacts edge to unknown Gene 'Gene::777'"),
        41: ("Gene::1\tGiG\tCompound::DB00331", "interacts edge to unknown Gene"),
        59: ("Gene::1\tGiG", "2 columns, not 3"),
    }
    lines = [bad[i][0] if i in bad else f"Gene::{i}\tGiG\tGene::{i}" for i in range(60)]
    edges_file(folder, EDGES + "\n".join(lines) + "\n", name=name)

    result = read(folder)

    refused = {r.line: r.reason for r in result.report.refused}
    assert {r.file for r in result.report.refused} == {name}
    assert sorted(refused) == [i + 2 for i in sorted(bad)]
    assert all(refused[i + 2].startswith(reason) for i, (_, reason) in bad.items())
    table = result.graph.edges(INTERACTS)
    ids = [result.graph.node("Gene", row).id for row in table.tail]
    assert sorted(ids) == sorted(f"NCBIGene:{i}" for i in range(60) if i not in bad)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_the_end_of_the_file_loses_no_edge(folder: Path, ending: str) -> None:
    text = EDGES + "Gene::1\tGiG\tGene::2\nGene::1\tGiG\tGene::3"
    text = text.replace("\n", "\r\n") if ending == "\r\n" else text
    edges_file(folder, text + ending)

    result = read(folder)

    assert len(result.graph.edges(INTERACTS)) == 2
    assert len(result.report.refused) == (1 if ending == "\n\n" else 0)


def test_a_file_with_nothing_but_its_header_gives_no_edges(folder: Path) -> None:
    edges_file(folder, EDGES)

    assert read(folder).graph.n_edges() == 0


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_gzip_is_refused_by_name(folder: Path, keep: float) -> None:
    lines = "".join(f"Gene::{i}\tGiG\tGene::{j}\n" for i in range(60) for j in range(60))
    whole = gzip.compress((EDGES + lines).encode())
    path = folder / "hetionet-v1.0-edges-b.sif.gz"
    path.write_bytes(whole[: int(len(whole) * keep)])

    with pytest.raises(SourceError, match=f"{path.name}: the gzip data is truncated or damaged"):
        read(folder)


@pytest.mark.parametrize("place", [0, 30, -6])
def test_a_damaged_gzip_is_refused_by_name(folder: Path, place: int) -> None:
    lines = "".join(f"Gene::{i}\tGiG\tGene::{i}\n" for i in range(60))
    content = bytearray(gzip.compress((EDGES + lines).encode()))
    content[place] ^= 0xFF
    path = folder / "hetionet-v1.0-edges-b.sif.gz"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=f"{path.name}: "):
        read(folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no column source, metaedge, target; the header is ''"),
        (b"source,metaedge,target\n", "the header is 'source,metaedge,target'"),
        (b"head\trelation\ttail\nGene::1\tGiG\tGene::2\n", "the header is"),
        (b"\x00" * 100_000, "no column source"),
        (b"source\tmetaedge\ttarget\nGene::1\tGiG\tGene::\xff\n", "lines 2 to 2 are not UTF-8"),
        (b"source\tmetaedge\ttarget\nGene::1\t\xff\n", "lines 2 to 2 are not UTF-8"),
        (EDGES.encode() + b"a\tb\tc\rd\te\tf\n", "lines 2 to 2 hold stray carriage returns"),
        (b"source\tmetaedge\ttarget\nGene::1\tGxG\tGene::2\n", "knows the metaedge 'GxG'; known"),
    ],
)
def test_an_edge_file_that_is_something_else_fails_clearly(
    folder: Path, text: bytes, says: str
) -> None:
    edges_file(folder, text)

    with pytest.raises(SourceError, match=says) as caught:
        read(folder)

    assert len(str(caught.value)) < 500


def test_a_node_kind_that_nobody_knows_fails_with_what_is_known(folder: Path) -> None:
    path = folder / "hetionet-v1.0-nodes.tsv"
    path.write_text(NODES + "Planet::1\tMars\tPlanet\n")

    with pytest.raises(SourceError, match=r"node kind 'Planet'; known are Anatomy, Biological Pro"):
        read(folder)


def test_bad_node_rows_are_refused_and_the_rest_survives(folder: Path) -> None:
    rows = [
        "Gene::1\tone\tGene",
        "Gene::1\tuno\tGene",
        "Gene::2\tGene",
        "Gene::\tempty\tGene",
        "Compound::DB1\tmislabelled\tGene",
        "Gene::3\t\tGene",
        "Gene::4\tfour\tGene",
    ]
    (folder / "hetionet-v1.0-nodes.tsv").write_text(NODES + "\n".join(rows))
    edges_file(folder, EDGES)

    result = read(folder)

    assert {r.line: r.reason for r in result.report.refused} == {
        4: "2 columns, not 3",
        5: "identifier 'Gene::' is not a CURIE such as DRUGBANK:DB00331",
        6: "identifier 'Compound::DB1' is not of the kind 'Gene'",
        7: "an empty cell",
    }
    assert result.graph.ids["Gene"].to_pylist() == ["NCBIGene:1", "NCBIGene:4"]
    (conflict,) = result.report.conflicts
    assert conflict[2:] == (3, "NCBIGene:1", "one", "uno")


def test_every_edge_file_of_the_folder_is_read_once_plain_before_gzip(folder: Path) -> None:
    edges_file(folder, EDGES + "Gene::1\tGiG\tGene::2\n")
    edges_file(folder, EDGES + "Gene::3\tGiG\tGene::4\n", name="hetionet-v1.0-edges.sif.gz")
    edges_file(folder, EDGES + "Gene::5\tGiG\tGene::6\n", name="hetionet-v1.0-edges-more.sif.gz")

    result = read(folder)

    assert len(result.graph.edges(INTERACTS)) == 2
    assert set(result.graph.sources["hetionet"]["files"]) == {
        "hetionet-v1.0-nodes.tsv", "hetionet-v1.0-edges.sif", "hetionet-v1.0-edges-more.sif.gz",
    }  # fmt: skip


def test_a_download_that_is_not_what_was_pinned_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"content": b"something else"}

    def server(url: str, output_file: str, pooch: object) -> None:
        Path(output_file).write_bytes(sent["content"])

    def cache(name: str) -> Path:
        return tmp_path / name

    monkeypatch.setattr("pooch.os_cache", cache)
    monkeypatch.setattr("pooch.core.choose_downloader", lambda *_, **__: server)
    good = b"what was published"
    digest = hashlib.sha256(good).hexdigest()
    with pytest.raises(SourceError, match=r"gives has not the SHA-256 .* nothing of it was kept"):
        fetch("https://example.org/edges.sif.gz", digest)
    assert list((tmp_path / "pharmakon").iterdir()) == []

    sent["content"] = good
    assert fetch("https://example.org/edges.sif.gz", digest).read_bytes() == good


def test_several_folders_are_read_together(folder: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    edges_file(extra, EDGES + "Gene::5\tGiG\tGene::6\n", name="hetionet-v1.0-edges-more.sif.gz")

    result = build([create_source("hetionet", folder, extra)])

    assert len(result.graph.edges(INTERACTS)) == 1
    assert len(result.graph.edges(TREATS)) == 1


def test_reconstructed_edges_are_told_apart_and_stated_beside_upstream_ones(folder: Path) -> None:
    name = "hetionet-v1.0-edges-reconstructed.sif.gz"
    edges_file(folder, EDGES + "Gene::1\tGiG\tGene::2\n")
    edges_file(folder, EDGES + "Gene::1\tGiG\tGene::2\nGene::3\tGiG\tGene::4\n", name=name)

    graph = read(folder).graph

    said = {
        (a.provenance.primary_knowledge_source, a.provenance.knowledge_level)
        for edge in (0, 1)
        for a in graph.assertions(INTERACTS, edge)
    }
    assert said == {
        ("infores:hetionet", "not_provided"),
        ("infores:hetionet-reconstructed", "prediction"),
    }
    assert len(graph.assertions(INTERACTS, 0)) == 2
    assert len(graph.assertions(INTERACTS, 1)) == 1


def test_every_provenance_is_in_the_words_of_biolink_and_names_a_licence() -> None:
    provenances = [*NAMES.values(), *(p for _, p in METAEDGES.values())]

    assert len(METAEDGES) == 24
    for provenance in provenances:
        assert provenance.source == "hetionet"
        assert provenance.primary_knowledge_source.startswith("infores:")
        assert provenance.knowledge_level in KNOWLEDGE_LEVELS
        assert provenance.agent_type in AGENT_TYPES
        assert provenance.licence


def test_names_keep_the_licence_of_whom_they_come_from(folder: Path) -> None:
    graph = read(folder).graph

    licences = {p.primary_knowledge_source: p.licence for p in graph.provenances}
    assert licences["infores:drugbank"] == "CC-BY-NC-4.0"
    assert licences["infores:disease-ontology"] == "CC-BY-3.0"


# ---- the real files


@pytest.fixture(scope="module")
def real(data: Path) -> BuildResult:
    return build([create_source("starter"), create_source("hetionet", data / "hetionet")])


@pytest.fixture(scope="module")
def counts(data: Path) -> dict[str, int]:
    path = data / "hetionet-extra" / "hetionet-v1.0-edges.counts.tsv"
    with path.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {row["abbreviation"]: int(row["present_edges"]) for row in rows}


def test_the_real_edges_are_all_there_by_metaedge(data: Path, counts: dict[str, int]) -> None:
    result = read(data / "hetionet")

    found = {
        short: len(result.graph.edges(edge_type)) for short, (edge_type, _) in METAEDGES.items()
    }
    assert found == counts
    assert sum(found.values()) == 1_379_325
    assert result.graph.n_nodes() == 47_031
    assert result.report.refused == []


def test_the_real_reconstructed_edges_add_to_the_others(data: Path) -> None:
    result = build([create_source("hetionet", data / "hetionet", data / "hetionet-extra")])

    assert sum(len(result.graph.edges(t)) for t, _ in METAEDGES.values()) == 1_379_325 + 569_078
    assert result.report.refused == []


def test_the_starter_and_hetionet_meet_at_their_curies(real: BuildResult) -> None:
    graph: Graph = real.graph
    metformin = resolve(graph, "二甲双胍")[0].node
    row = graph.row("Drug", metformin.id)

    table = graph.edges(TREATS)
    said = [
        {a.provenance.source for a in graph.assertions(TREATS, edge)}
        for edge in table.of_head(row).tolist()
    ]

    assert resolve(graph, "Compound::DB00331")[0].node == metformin
    assert {"starter", "hetionet"} in said
    assert real.report.refused == []
    assert real.report.merged["hetionet", "Drug"] > 300
    assert Counter(graph.ids["Drug"].to_pylist()).most_common(1)[0][1] == 1
