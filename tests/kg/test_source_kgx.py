"""KGX in TSV and JSON Lines: foreign files by Biolink's words, our own export back to the graph."""

import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.graph import Label
from kg.schema import EdgeType
from kg.sources.formats import lines
from kg.sources.kgx import Kgx

TREATS = EdgeType("Drug", "treats", "Disease")
NODES: list[dict[str, Any]] = [
    {"id": "CHEBI:6801", "category": ["biolink:SmallMolecule", "biolink:NamedThing"],
     "name": "metformin", "xref": ["DRUGBANK:DB00331"], "synonym": ["Glucophage"]},
    {"id": "MONDO:0005148", "category": ["biolink:Disease"], "name": "type 2 diabetes mellitus"},
    {"id": "NCBIGene:1", "category": ["biolink:Gene"], "name": "A1BG"},
]  # fmt: skip
EDGE: dict[str, Any] = {
    "id": "e1", "subject": "CHEBI:6801", "predicate": "biolink:treats", "object": "MONDO:0005148",
    "primary_knowledge_source": "infores:drugcentral", "knowledge_level": "knowledge_assertion",
    "agent_type": "manual_agent", "publications": ["PMID:1", "PMID:2"],
}  # fmt: skip


def write_tsv(path: Path, rows: list[dict[str, Any]], *, columns: list[str] | None = None) -> None:
    columns = columns or list(dict.fromkeys(key for row in rows for key in row))
    lines = ["\t".join(columns)]
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        lines.append("\t".join("|".join(c) if isinstance(c, list) else str(c) for c in cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


WRITERS = {"tsv": write_tsv, "jsonl": write_jsonl}


def sample_folder(path: Path) -> Path:
    """A folder with three nodes and an edge."""
    write_tsv(path / "nodes.tsv", NODES)
    write_tsv(path / "edges.tsv", [EDGE])
    return path


def read(folder: Path) -> BuildResult:
    return build([Kgx(folder)])


def one_edge(folder: Path, suffix: str = "tsv", **changes: object) -> BuildResult:
    WRITERS[suffix](folder / f"nodes.{suffix}", NODES)
    edge = {k: v for k, v in {**EDGE, **changes}.items() if v is not None}
    WRITERS[suffix](folder / f"edges.{suffix}", [edge])
    return read(folder)


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: ``content`` as edges, TSV or, where it begins with a brace, JSON Lines."""
    sample_folder(tmp)
    suffix = "jsonl" if content.startswith(b"{") else "tsv"
    (tmp / "edges.tsv").unlink()
    (tmp / f"edges.{suffix}").write_bytes(content)
    read(tmp).graph.validate()


SAMPLES = [
    ("\t".join(EDGE) + "\n" + ("\t".join(map(str, EDGE.values())) + "\n") * 20).encode(),
    ((json.dumps(EDGE) + "\n") * 9 + json.dumps({**EDGE, "negated": True}) + "\n").encode(),
]


@pytest.mark.parametrize("suffix", WRITERS)
def test_nodes_and_edges_are_read_by_biolinks_words(tmp_path: Path, suffix: str) -> None:
    result = one_edge(tmp_path, suffix, license="CC0-1.0", has_count="7")

    graph = result.graph
    drug, disease = graph.row("Drug", "CHEBI:6801"), graph.row("Disease", "MONDO:0005148")
    edge = graph.find_edge(TREATS, drug, disease)
    assert edge == 0
    (assertion,) = graph.assertions(TREATS, edge)
    assert tuple(vars(assertion.provenance).values()) == (
        "kgx", "infores:drugcentral", "CC0-1.0", "knowledge_assertion", "manual_agent",
    )  # fmt: skip
    assert assertion.details == {"reference": ["PMID:1", "PMID:2"], "has_count": "7"}
    labels = {(label.kind, label.text) for label in graph.labels_of("Drug", drug)}
    assert labels >= {("synonym", "Glucophage"), ("code", "DRUGBANK:DB00331")}
    assert result.report.refused == []


@pytest.mark.parametrize(
    "name", ["my_nodes.tsv", "x-nodes.tsv.gz", "nodes.jsonl", "nodes.jsonl.gz"]
)
def test_files_are_found_by_the_end_of_their_name(tmp_path: Path, name: str) -> None:
    sample_folder(tmp_path)
    (tmp_path / "nodes.tsv").unlink()
    plain = tmp_path / name.removesuffix(".gz")
    WRITERS[plain.suffix[1:]](plain, NODES)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()

    assert read(tmp_path).graph.n_nodes() == 3


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        ("biolink:NamedThing|biolink:Disease", "Disease"),
        ("biolink:PhenotypicFeature|biolink:DiseaseOrPhenotypicFeature", "Phenotype"),
        ("biolink:AnatomicalEntity|biolink:CellularComponent", "CellularComponent"),
        ("biolink:Pathway|biolink:BiologicalProcess", "Pathway"),
        ("biolink:Protein", "Gene"),
        ("biolink:ChemicalEntity", "Drug"),
        ("Gene", "Gene"),
        ("biolink:Publication", "Entity"),
    ],
)
def test_the_most_specific_category_decides(tmp_path: Path, categories: str, expected: str) -> None:
    write_tsv(tmp_path / "nodes.tsv", [{"id": "X:1", "category": categories, "name": "one"}])
    write_tsv(tmp_path / "edges.tsv", [], columns=["subject", "predicate", "object"])

    assert read(tmp_path).graph.node_types == (expected,)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("biolink:treats", "treats"),
        ("treats", "treats"),
        ("biolink:contraindicated_in", "contraindicated"),
        # Wider than what our relation of this predicate means:
        ("biolink:applied_to_treat", "applied_to_treat"),
        ("biolink:affects", "affects"),
        ("biolink:related_to", "related_to"),
        ("biolink:in_clinical_trials_for", "in_clinical_trials_for"),
    ],
)
def test_a_predicate_becomes_a_listed_edge_type_only_where_it_says_the_same(
    tmp_path: Path, predicate: str, expected: str
) -> None:
    graph = one_edge(tmp_path, predicate=predicate).graph

    assert graph.edge_types == (EdgeType("Drug", expected, "Disease"),)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("predicate", ["biolink:treats", "biolink:contraindicated_in"])
def test_a_negated_edge_never_becomes_the_fact(tmp_path: Path, suffix: str, predicate: str) -> None:
    graph = one_edge(tmp_path, suffix, negated=True, predicate=predicate).graph

    (edge_type,) = graph.edge_types
    assert edge_type.relation in ("not_treats", "not_contraindicated")
    assert one_edge(tmp_path, suffix, negated=False).graph.edge_types == (TREATS,)


def test_what_older_files_lack_is_not_provided_and_what_is_foreign_is_kept(tmp_path: Path) -> None:
    graph = one_edge(
        tmp_path, knowledge_level=None, agent_type=None, publications=None,
        primary_knowledge_source="SemMedDB", provided_by="text mining",
    ).graph  # fmt: skip

    (assertion,) = graph.assertions(TREATS, 0)
    assert tuple(vars(assertion.provenance).values()) == (
        "kgx", "infores:not-provided", "LicenseRef-no-licence-stated", "not_provided",
        "not_provided",
    )  # fmt: skip
    assert assertion.details == {
        "primary_knowledge_source": "SemMedDB",
        "provided_by": ["text mining"],
    }


def test_a_kgx_toml_says_what_the_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "kgx.toml").write_text(
        'licence = "CC-BY-4.0"\nprimary_knowledge_source = "infores:mine"\n'
    )

    result = one_edge(tmp_path, primary_knowledge_source=None)

    provenance = result.graph.assertions(TREATS, 0)[0].provenance
    assert provenance.licence == "CC-BY-4.0"
    assert provenance.primary_knowledge_source == "infores:mine"
    assert set(result.graph.sources["kgx"]["files"]) == {"nodes.tsv", "edges.tsv", "kgx.toml"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('license = "x"', "unknown key 'license'; did you mean 'licence'"),
        ("licence = 3", "'licence' must be a text"),
        ("licence = " + "[\n" * 5000, "nested too deeply|not TOML"),
        ('primary_knowledge_source = "me"', "'me' is not of the form infores:"),
        ("x = " + "1" * 200_000, "longer than 100,000 bytes"),
    ],
)
def test_a_kgx_toml_with_a_mistake_says_which(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "kgx.toml").write_text(content)

    with pytest.raises(SourceError, match=says):
        read(sample_folder(tmp_path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"object": "MONDO:9"}, "edge to 'MONDO:9', which is in no nodes file"),
        ({"subject": ""}, "no subject"),
        ({"predicate": "RO:0002606"}, "'RO:0002606' is not a Biolink predicate such as"),
        ({"knowledge_level": "sure"}, "knowledge_level 'sure' is none of knowledge_assertion"),
        ({"agent_type": "me"}, "agent_type 'me' is none of manual_agent"),
        ({"negated": "maybe"}, "negated is 'maybe', neither true nor false"),
        ({"qualifiers": "{1"}, "qualifiers begin with { but are not JSON"),
        ({"qualifiers": '{"a": ' + "[" * 20 + "]" * 20 + "}"}, "qualifiers are nested too deeply"),
        ({"name": "a\x07b"}, "a control character"),
    ],
)
def test_an_edge_that_cannot_be_used_is_refused_by_line(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    (refused,) = one_edge(tmp_path, **changes).report.refused

    assert (refused.file, refused.line) == ("edges.tsv", 2)
    assert refused.reason.startswith(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[1]", "not a JSON object"),
        ('{"a": NaN}', "not JSON: NaN is not a JSON number"),
        ('{"a": 1e999}', "nested too deeply, or what JSON cannot say"),
        ('{"a": "\\ud800"}', "nested too deeply, or what JSON cannot say"),
        ('{"a": ' + "[" * 9 + "]" * 9 + "}", "nested too deeply"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "not JSON: Exceeds the limit"),
        ('{"subject": 7, "predicate": "biolink:treats", "object": "X:1"}', "subject is not a text"),
        ('{"predicate": "biolink:treats", "object": "X:1"}', "no subject"),
        ("", "an empty line"),
    ],
)
def test_a_line_of_json_that_cannot_be_used_is_refused(
    tmp_path: Path, line: str, reason: str
) -> None:
    write_jsonl(tmp_path / "nodes.jsonl", NODES)
    good = json.dumps(EDGE)
    (tmp_path / "edges.jsonl").write_text(f"{good}\n{line}\n{good}\n")

    result = read(tmp_path)

    (refused,) = result.report.refused
    assert refused.line == 2
    assert refused.reason.startswith(reason)
    assert len(result.graph.edges(TREATS)) == 1


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1000)
    sample_folder(tmp_path)
    (tmp_path / "edges.tsv").unlink()
    WRITERS[suffix](tmp_path / f"edges.{suffix}", [{**EDGE, "x": "y" * 5000}, EDGE])

    result = read(tmp_path)

    assert [(r.line, r.reason) for r in result.report.refused] == [
        (2 if suffix == "tsv" else 1, "longer than 1,000 bytes")
    ]
    assert len(result.graph.edges(TREATS)) == 1


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ("id\tname\n", "nodes.tsv: no column category in the header 'id, name'"),
        ("id\tid\tcategory\n", "nodes.tsv: a column named twice"),
        ("", "no column id, category"),
        ("\x00\x01", "no column id, category"),
    ],
)
def test_a_file_that_is_something_else_fails_clearly(tmp_path: Path, nodes: str, says: str) -> None:
    sample_folder(tmp_path)
    (tmp_path / "nodes.tsv").write_text(nodes)

    with pytest.raises(SourceError, match=says):
        read(tmp_path)


def test_two_files_of_one_name_are_not_read_twice(tmp_path: Path) -> None:
    sample_folder(tmp_path)
    write_jsonl(tmp_path / "nodes.jsonl", NODES)

    with pytest.raises(SourceError, match="several files are called nodes: which one is meant"):
        read(tmp_path)


def test_a_node_of_two_types_and_a_bad_label_are_refused(tmp_path: Path) -> None:
    sample_folder(tmp_path)
    (tmp_path / "nodes.tsv").unlink()
    again = {"id": "NCBIGene:1", "category": ["biolink:Disease"], "name": "no"}
    labelled = {"id": "NCBIGene:2", "category": ["biolink:Gene"], "name": "G2", "synonym": [3]}
    write_jsonl(tmp_path / "nodes.jsonl", [*NODES, again, labelled])

    reasons = [(r.line, r.reason) for r in read(tmp_path).report.refused]

    assert reasons == [
        (4, "node NCBIGene:1 is a Gene above, here a Disease"),
        (5, "synonym is neither a text nor a list of texts"),
    ]


@settings(max_examples=80, deadline=None)
@given(
    sample=st.sampled_from(SAMPLES),
    content=st.binary(max_size=200),
    place=st.integers(0, 600),
    cut=st.integers(0, 200),
)
def test_damaged_files_give_a_whole_graph_or_a_clear_error(
    sample: bytes, content: bytes, place: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(KgError):
        read_bytes(sample[:place] + content + sample[place + cut :], tmp_path_factory.mktemp("f"))


def test_a_label_is_never_taken_for_its_own_identifier(tmp_path: Path) -> None:
    sample_folder(tmp_path)
    write_tsv(tmp_path / "nodes.tsv", [{**NODES[2], "xref": ["NCBIGene:1", "HGNC:5"]}, *NODES[:2]])

    labels = read(tmp_path).graph.labels_of("Gene", 0)

    assert Label("code", "HGNC:5") in labels
    assert [label for label in labels if label.text == "NCBIGene:1"] == [Label("id", "NCBIGene:1")]
