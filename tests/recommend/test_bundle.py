"""A bundle opens as it was written, on its own graph, without the libraries that trained it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.errors import FolderError
from kg.folder import write_folder
from kg.graph import Graph
from kg.store import write_graph
from recommend.answers.degrees import percentiles
from recommend.bundle import KIND, VERSION, Bundle, check_target, open_bundle, write_bundle
from recommend.contributions import top_contributions
from recommend.errors import BundleError
from tests.recommend.clinic import collaborative
from tests.recommend.planted import DISEASES, DRUGS, N, planted_graph

RNG = np.random.default_rng(0)
SCORES = {
    name: RNG.normal(size=(N, N)).astype(np.float32) for name in ("gnn", "popularity", "stack")
}
PARTS = RNG.normal(size=(N * N, 2))
BASE = RNG.normal(size=N).astype(np.float32)
CONTRIBUTIONS = top_contributions(
    ["CbGaD", "Drug-binds-Gene degree"], [PARTS], base=BASE, shape=(N, N)
)
CARD: dict[str, Any] = {
    "members": {"gnn": {}, "popularity": {}},
    "weights": {kind: {"gnn": 0.5, "popularity": 0.5} for kind in ("new", "known")},
    "calibration": {"new": "none", "known": "none"},
    "explained_by": "gnn",
    "absent": {},
}
PART = collaborative(N, N)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return planted_graph()


def write(path: Path, graph: Graph, **changes: Any) -> Bundle:
    content: dict[str, Any] = {
        "card": CARD,
        "scores": SCORES,
        "contributions": CONTRIBUTIONS,
        "linear": {"intercepts": np.zeros(3)},
        "embeddings": RNG.normal(size=(graph.n_nodes(), 4)).astype(np.float16),
        "collaborative": PART.save(),
        "evaluation": {"rows": [], "skipped": "made for a test"},
    }
    return write_bundle(path, graph, **{**content, **changes})


def test_a_bundle_opens_as_it_was_written(tmp_path: Path, graph: Graph) -> None:
    embeddings = RNG.normal(size=(graph.n_nodes(), 4)).astype(np.float16)
    written = write(tmp_path / "bundle", graph, embeddings=embeddings)

    bundle = open_bundle(tmp_path / "bundle", graph, verify=True)

    assert bundle.fingerprint == written.fingerprint
    assert bundle.graph_fingerprint == graph.fingerprint
    assert bundle.drug_ids == tuple(DRUGS)
    assert bundle.disease_ids == tuple(DISEASES)
    assert bundle.members == ("gnn", "popularity")
    assert bundle.evaluation["skipped"] == "made for a test"
    np.testing.assert_array_equal(bundle.scores(), SCORES["stack"], strict=True)
    np.testing.assert_array_equal(bundle.member_scores("gnn"), SCORES["gnn"], strict=True)
    np.testing.assert_array_equal(bundle.embeddings, embeddings, strict=True)
    expected = percentiles(SCORES["gnn"])[:, 3]
    np.testing.assert_array_equal(bundle.member_percentiles("gnn", 3), expected)


def test_contributions_are_read_as_they_were_written(tmp_path: Path, graph: Graph) -> None:
    bundle = write(tmp_path / "bundle", graph)

    assert bundle.explained_by == "gnn"
    assert bundle.contributions.features == ("CbGaD", "Drug-binds-Gene degree")
    for name in ("feature", "part", "rest", "base"):
        written, read = getattr(CONTRIBUTIONS, name), getattr(bundle.contributions, name)
        np.testing.assert_array_equal(read, written, strict=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"explained_by": "als"}, "explained_by is 'als'; it must be one of the members gnn, pop"),
        ({"explained_by": None}, "explained_by is None"),
    ],
)
def test_a_bundle_that_nothing_explains_is_not_written(
    tmp_path: Path, graph: Graph, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        write(tmp_path / "bundle", graph, card={**CARD, **changes})
    assert not (tmp_path / "bundle").exists()


def test_arrays_of_another_size_are_not_written(tmp_path: Path, graph: Graph) -> None:
    with pytest.raises(BundleError, match=rf"gnn has shape \(3, {N}\)"):
        write(tmp_path / "bundle", graph, scores={"gnn": np.zeros((3, N), np.float32)})


@pytest.mark.parametrize("feature", ["CzGaD", "GaD", "popularity"])
def test_a_feature_that_could_not_be_explained_is_not_written(
    tmp_path: Path, graph: Graph, feature: str
) -> None:
    contributions = replace(CONTRIBUTIONS, features=("CbGaD", feature))

    with pytest.raises(BundleError, match=f"feature '{feature}'"):
        write(tmp_path / "bundle", graph, contributions=contributions)


def test_what_was_learnt_from_patients_is_read_as_it_was_written(
    tmp_path: Path, graph: Graph
) -> None:
    bundle = write(tmp_path / "bundle", graph)

    assert bundle.collaborative is not None
    scores = bundle.collaborative.history_scores(np.array([1, 4]))
    np.testing.assert_array_equal(scores, PART.history_scores(np.array([1, 4])))


def test_a_bundle_says_why_it_has_no_collaborative_part(tmp_path: Path, graph: Graph) -> None:
    card = {**CARD, "absent": {"collaborative": "no patients were given"}}
    bundle = write(tmp_path / "bundle", graph, card=card, collaborative=None)

    assert bundle.collaborative is None
    assert bundle.absent == {"collaborative": "no patients were given"}


def test_where_its_patients_were_read_is_told_and_is_no_content(
    tmp_path: Path, graph: Graph
) -> None:
    reads = {"store": "0" * 32, "first": 4, "stop": 9, "root": "ab" * 32}
    embeddings = np.zeros((graph.n_nodes(), 4), np.float16)

    bundle = write(tmp_path / "a", graph, embeddings=embeddings, read_from=reads)
    again = write(tmp_path / "b", graph, embeddings=embeddings)

    assert open_bundle(tmp_path / "a", graph).read_from == bundle.read_from == reads
    assert again.read_from is None
    assert bundle.fingerprint == again.fingerprint


def test_an_unknown_member_is_refused(tmp_path: Path, graph: Graph) -> None:
    with pytest.raises(BundleError, match="no member 'stack'; the bundle has gnn, popularity"):
        write(tmp_path / "bundle", graph).member_scores("stack")


def test_a_bundle_of_another_graph_is_refused(tmp_path: Path, graph: Graph) -> None:
    write(tmp_path / "bundle", graph)
    other = planted_graph(without_diseases=(next(iter(DISEASES)),))

    with pytest.raises(BundleError, match=f"this is graph {other.fingerprint[:12]}"):
        open_bundle(tmp_path / "bundle", other)


def test_a_graph_opened_from_its_folder_is_the_same_graph(tmp_path: Path, graph: Graph) -> None:
    write(tmp_path / "bundle", graph)

    stored = write_graph(graph, tmp_path / "graph")

    assert open_bundle(tmp_path / "bundle", stored).graph_fingerprint == graph.fingerprint


def test_a_truncated_file_is_refused(tmp_path: Path, graph: Graph) -> None:
    bundle = write(tmp_path / "bundle", graph)
    file = bundle.folder.file("scores.safetensors")
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(BundleError, match="bytes"):
        open_bundle(tmp_path / "bundle", graph)


@pytest.mark.parametrize("name", ["card.json", "ids.json", "evaluation.json"])
def test_a_file_with_other_content_of_the_same_size_is_refused(
    tmp_path: Path, graph: Graph, name: str
) -> None:
    file = write(tmp_path / "bundle", graph).folder.file(name)
    file.write_bytes(b"[" * len(file.read_bytes()))

    with pytest.raises(BundleError, match="damaged"):
        open_bundle(tmp_path / "bundle", graph)


def test_damaged_arrays_are_refused_when_they_are_asked_for(tmp_path: Path, graph: Graph) -> None:
    bundle = write(tmp_path / "bundle", graph)
    file = bundle.folder.file("scores.safetensors")
    file.write_bytes(b"\xff" * len(file.read_bytes()))

    with pytest.raises(BundleError, match="damaged"):
        open_bundle(tmp_path / "bundle", graph).scores()


def test_one_changed_byte_of_the_scores_is_found_by_verification(
    tmp_path: Path, graph: Graph
) -> None:
    file = write(tmp_path / "bundle", graph).folder.file("scores.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    with pytest.raises(BundleError, match="SHA-256"):
        open_bundle(tmp_path / "bundle", graph, verify=True)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, graph: Graph) -> None:
    write_graph(graph, tmp_path / "graph")

    for path in (tmp_path / "nothing", tmp_path / "graph"):
        with pytest.raises(BundleError, match=KIND):
            open_bundle(path, graph)


def test_a_later_version_is_refused_by_its_number(tmp_path: Path, graph: Graph) -> None:
    write_folder(tmp_path / "bundle", kind=KIND, version=VERSION + 1, files={}, header={})

    with pytest.raises(BundleError, match=f"version {VERSION + 1}"):
        open_bundle(tmp_path / "bundle", graph)


def test_an_earlier_version_is_refused_and_may_be_written_over(
    tmp_path: Path, graph: Graph
) -> None:
    write_folder(tmp_path / "bundle", kind=KIND, version=1, files={}, header={})

    with pytest.raises(BundleError, match="version 1; this program reads version 3: train again"):
        open_bundle(tmp_path / "bundle", graph)
    check_target(tmp_path / "bundle")
    write(tmp_path / "bundle", graph)
    assert open_bundle(tmp_path / "bundle", graph).folder.manifest["version"] == 3


def test_only_a_bundle_or_nothing_may_be_written_over(tmp_path: Path, graph: Graph) -> None:
    write(tmp_path / "bundle", graph)
    write_graph(graph, tmp_path / "graph")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".card.json.x.part").write_text("{")

    for name in ("bundle", "empty", "nothing", "killed"):
        check_target(tmp_path / name)
    for name in ("graph", "folder", "file"):
        with pytest.raises(FolderError, match="not a pharmakon-bundle"):
            check_target(tmp_path / name)


def test_the_manifest_says_what_is_inside(tmp_path: Path, graph: Graph) -> None:
    write(tmp_path / "bundle", graph)

    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_bytes())

    assert manifest["graph"] == graph.fingerprint
    assert manifest["weights"]["new"] == {"gnn": 0.5, "popularity": 0.5}


def test_no_training_library_is_loaded_to_read_a_bundle(tmp_path: Path, graph: Graph) -> None:
    write(tmp_path / "bundle", graph)
    write_graph(graph, tmp_path / "graph")
    code = f"""
import sys
from pathlib import Path
import numpy as np
from kg.store import open_graph
from recommend.bundle import open_bundle
folder = Path({str(tmp_path)!r})
bundle = open_bundle(folder / "bundle", open_graph(folder / "graph"))
bundle.scores(), bundle.contributions, bundle.embeddings, bundle.member_percentiles("gnn", 0)
bundle.collaborative.history_scores(np.array([1]))
heavy = {{"torch", "torch_geometric", "implicit", "sklearn"}} & set(sys.modules)
sys.exit(str(heavy or "") or 0)
"""

    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)

    assert result.returncode == 0, result.stderr.decode()
