"""The commands on graph and models: what they print, and how they end."""

import json
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from kg.store import write_graph
from tests.graphs import make_graph
from tests.shell import Outcome, run

METAPATH = "Drug-binds-Gene-associates-Disease"


@pytest.fixture
def other_graph(tmp_path: Path) -> Path:
    """A graph on disk that is not the demo's."""
    graph = make_graph(
        {"Drug": {"DRUGBANK:DB00331": "Metformin"}, "Disease": {"DOID:9352": "diabetes"}},
        {"Drug-treats-Disease": [("DRUGBANK:DB00331", "DOID:9352")]},
    )
    write_graph(graph, tmp_path / "other")
    return tmp_path / "other"


def test_the_demo_answers_for_every_patient_and_leaves_a_whole_audit_log(demo: Outcome) -> None:
    document = demo.json

    assert len(document["patients"]) == 8
    assert document["coverage"]["answered"] == 7
    assert document["coverage"]["refused"] == {"the patient is recorded as deceased": 1}
    assert all(answer["receipt"]["bundle"] == document["bundle"] for answer in document["patients"])
    # List, then for each import, training read, treatment read and suggestion one entry.
    assert document["audit_entries"] >= 4 * 8


def test_the_demo_shows_vetoed_drugs_with_the_reason(demo: Outcome) -> None:
    vetoed = {
        (item["drug_name"], verdict["check"])
        for answer in demo.json["patients"]
        for item in answer["vetoed"]
        for verdict in item["verdicts"]
    }

    assert ("Metformin", "kidney") in vetoed
    assert ("Lisinopril", "pregnancy") in vetoed
    assert ("Rivaroxaban", "interaction") in vetoed


def test_build_says_what_it_read_and_where_the_report_lies(tmp_path: Path) -> None:
    document = run("build", "--json", home=tmp_path).json

    assert document["nodes"] > 1_000
    assert document["read"]["starter/Drug"] >= 150
    assert document["refused"] == 0
    assert Path(document["report"]).read_text().startswith("what\tfile\tline\treason\n")


def test_build_prints_a_table_for_people(tmp_path: Path) -> None:
    outcome = run("build", home=tmp_path)

    assert outcome.status == 0
    assert "Drug-treats-Disease" in outcome.out
    assert "refused rows: 0" in outcome.out


def test_an_unknown_source_is_one_line(tmp_path: Path) -> None:
    assert "startr" in run("build", "startr", home=tmp_path).error


def test_a_source_folder_without_its_files_leaves_the_old_graph_whole(
    home: Path, tmp_path: Path
) -> None:
    before = run("query", "metformin", "--json", home=home).json

    error = run("build", "starter", "hetionet", "--from", tmp_path, home=home).error

    assert "hetionet-v1.0-nodes.tsv" in error
    assert run("query", "metformin", "--json", home=home).json == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("starter", "--from", "{}"), "say SOURCE=DIR"),
        (("starter", "--from", "hetionet={}"), "not among those to build"),
        (("hetionet", "--from", "{}/nowhere"), "is not a folder"),
    ],
)
def test_a_folder_that_no_source_reads_is_refused(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    words = tuple(word.format(tmp_path) for word in words)

    assert said in run("build", *words, home=tmp_path / "home").error


@pytest.mark.parametrize(
    "text", ["metformin", "二甲双胍", "DRUGBANK:DB00331", "Compound::DB00331", "6809", "GLUCOPHAGE"]
)
def test_query_finds_a_drug_by_any_of_its_names_and_codes(demo_home: Path, text: str) -> None:
    assert run("query", text, "--json", home=demo_home).json["id"] == "DRUGBANK:DB00331"


def test_query_shows_a_node_and_its_neighbours_by_relation(demo_home: Path) -> None:
    outcome = run("query", "metformin", home=demo_home)

    assert outcome.status == 0
    assert "二甲双胍" in outcome.out
    assert "type 2 diabetes mellitus" in outcome.out
    assert "Biguanides" in outcome.out


def test_query_to_a_type_lists_only_that_type(demo_home: Path) -> None:
    relations = run("query", "metformin", "--to", "Disease", "--json", home=demo_home).json[
        "relations"
    ]

    assert {relation["type"] for relation in relations} == {"Disease"}


def test_query_along_a_metapath_lists_diseases_with_their_paths(demo_home: Path) -> None:
    targets = run("query", "--metapath", METAPATH, "metformin", "--json", home=demo_home).json

    assert targets[0]["node"]["type"] == "Disease"
    assert targets[0]["paths"][0].startswith("Metformin –binds→ ")
    assert "–binds→" in run("query", "--metapath", "CbGaD", "metformin", home=demo_home).out


def test_an_unknown_name_gets_the_closest_names(demo_home: Path) -> None:
    assert "closest names: Metformin" in run("query", "metfromin", home=demo_home).error
    assert "closest names: Metformin" in run("query", "metfromin", "--json", home=demo_home).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("metformin", "--to", "Planet"), "no node type 'Planet'"),
        (("metformin", "--metapath", "Drug-eats-Gene"), "'eats'"),
        (("metformin", "--metapath", "DaG"), "begins with a Disease"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(
    demo_home: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in run("query", *words, home=demo_home).error


@pytest.mark.parametrize("name", ["graphml", "kgx", "parquet"])
def test_export_writes_a_closed_subset_with_a_manifest(
    demo_home: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "e"
    words = ("export", "--seed", "metformin", "--hops", "1", "--format", name, "--out", out)
    manifest = run(*words, "--json", home=demo_home).json

    assert manifest == json.loads((out / "manifest.json").read_text())
    assert {*manifest["files"], "manifest.json"} == {path.name for path in out.iterdir()}
    assert manifest["edges"]["Drug-treats-Disease"] >= 1
    assert "nodes" in run(*words, home=demo_home).out  # replaces the earlier export


def test_an_exported_edge_has_both_ends(demo_home: Path, tmp_path: Path) -> None:
    run("export", "--seed", "metformin", "--hops", "2", "--out", tmp_path / "e", home=demo_home)

    nodes, edges = (
        [line.split("\t") for line in (tmp_path / "e" / f"{name}.tsv").read_text().splitlines()[1:]]
        for name in ("nodes", "edges")
    )
    ids = {row[0] for row in nodes}
    assert edges
    assert {end for row in edges for end in (row[1], row[3])} <= ids


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", "metfromin"), "closest names"),
        (("--seed", "metformin", "--format", "csv"), "graphml, html, kgx"),
        (("--seed", "metformin", "--license-allow", "MIT"), "Apache-2.0"),
        (("--seed", "metformin", "--relations", "eats"), "no relation 'eats'"),
    ],
)
def test_a_refused_export_writes_nothing(
    demo_home: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in run("export", *words, "--out", tmp_path / "e", home=demo_home).error
    assert not list(tmp_path.iterdir())


def test_scores_are_finite_for_all_drugs_and_diseases(demo_home: Path, tmp_path: Path) -> None:
    document = run("scores", "--out", tmp_path / "s.npz", "--json", home=demo_home).json

    file = np.load(tmp_path / "s.npz", allow_pickle=False)
    assert file["scores"].shape == (document["drugs"], document["diseases"])
    assert file["scores"].dtype == np.float32
    assert np.isfinite(file["scores"]).all()
    assert "DRUGBANK:DB00331" in file["drug_ids"]
    assert "DOID:9352" in file["disease_ids"]


def test_a_missing_graph_is_one_line(tmp_path: Path) -> None:
    assert "`build` makes one" in run("query", "metformin", home=tmp_path / "new").error


def test_a_missing_bundle_is_one_line(home: Path) -> None:
    (home / "bundle").rename(home / "elsewhere")

    assert "`train` makes one" in run("recommend", "--all", home=home).error
    assert "`train` makes one" in run("scores", "--out", home / "s.npz", home=home).error


def test_a_folder_that_is_no_graph_is_refused_by_name(demo_home: Path) -> None:
    error = run("query", "metformin", "--graph", demo_home / "bundle").error

    assert "is not a pharmakon-graph: its manifest says 'pharmakon-bundle'" in error


def test_a_build_or_an_export_never_replaces_what_is_not_its_own(
    demo_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("Dear")
    out = ("--out", tmp_path / "letters")
    export = ("export", "--seed", "aspirin", *out)

    assert "choose another folder" in run("build", *out, home=tmp_path).error
    assert "choose another folder" in run(*export, home=demo_home).error
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["mother.txt"]


def test_a_damaged_bundle_of_the_same_size_is_refused(demo_home: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(demo_home / "bundle", tmp_path / "bundle"))
    (scores,) = bundle.glob("scores.*.safetensors")
    content = bytearray(scores.read_bytes())
    content[-4:] = bytes(4 * [content[-1] ^ 255])
    scores.write_bytes(content)
    profile = tmp_path / "profile.json"
    profile.write_text('{"conditions": ["DOID:9352"]}')

    words = ("recommend", "--profile", profile, "--bundle", bundle)
    assert "has SHA-256" in run(*words, home=demo_home).error


def test_a_bundle_of_another_graph_is_refused(demo_home: Path, other_graph: Path) -> None:
    words = ("scores", "--graph", other_graph, "--out", other_graph / "s.npz")

    assert "train again on this graph" in run(*words, home=demo_home).error


def test_a_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    assert "must be a folder" in run("query", "metformin", home=tmp_path / "home").error


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("query",),
        ("query", "metformin", "--limit", "0"),
        ("query", "metformin", "--sideways"),
        ("export", "--seed", "metformin"),
        ("recommend",),
        ("recommend", "one", "--all"),
        ("train", "--seed", "many"),
        ("patient", "import"),
    ],
)
def test_wrong_usage_ends_with_status_2(words: tuple[str, ...]) -> None:
    outcome = run(*words)

    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err


@pytest.mark.parametrize("words", [(), ("patient",), ("audit",), ("keys",)])
def test_help_says_what_there_is(words: tuple[str, ...]) -> None:
    outcome = run(*words, "--help")

    assert outcome.status == 0
    assert "Commands" in outcome.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--patients", "file.tsv"), "'store'"),
        (("--device", "abacus"), "abacus"),
        (("--hide", "{file}"), "no column 'disease_id'"),
        (("--hide-diseases", "{file}"), "no column 'disease_id'"),
    ],
)
def test_training_refuses_what_it_cannot_use(
    demo_home: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "file").write_bytes(b"drug_id\nDRUGBANK:DB00331\n\xff")
    words = tuple(word.format(file=tmp_path / "file") for word in words)

    assert said in run("train", *words, "--out", tmp_path / "bundle", home=demo_home).error
    assert not (tmp_path / "bundle").exists()


def test_training_without_the_extra_says_what_to_install(demo_home: Path, tmp_path: Path) -> None:
    missing = dict.fromkeys(("torch", "torch_geometric", "implicit", "sklearn"))
    words = ("train", "--out", tmp_path / "bundle")

    with patch.dict(sys.modules, missing):
        assert "train" in run(*words, home=demo_home).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("query",), "give a node"),
        (("query", "metformin", "--to", "Gene", "--hops", "2"), "only one of"),
        (("query", "metformin", "--through", "TNF"), "need a --metapath"),
        (("query", "metformin", "--metapath", "CbG", "--types", "Gene"), "a metapath says its"),
        (("query", "--sparql", "q.rq", "--sources", "starter"), "says itself"),
        (("query", "--sparql", "q.rq", "--direction", "in"), "says itself"),
        (("export", "--seed", "metformin"), "--out DIR"),
        (("export", "--check", "x", "--evidence", "observation"), "takes no selection"),
    ],
)
def test_options_that_would_say_nothing_are_wrong_usage(
    demo_home: Path, words: tuple[str, ...], said: str
) -> None:
    outcome = run(*words, home=demo_home)

    assert outcome.status == 2
    assert said in " ".join(outcome.err.replace("│", " ").split())
