"""``query --similar`` on the command line."""

from pathlib import Path

import pytest

from kg.store import write_graph
from tests.recommend.ward import D, ward, ward_bundle
from tests.shell import run


@pytest.fixture(scope="module")
def ward_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small graph and a bundle in which drugs 5 and 7 lie together."""
    home = tmp_path_factory.mktemp("ward")
    graph = write_graph(ward(), home / "graph")
    ward_bundle(home / "bundle", graph)
    return home


def test_similar_nodes_stand_in_a_table_with_what_they_share(ward_home: Path) -> None:
    lines = run("query", "drug 5", "--similar", "--limit", "2", home=ward_home).out.splitlines()

    assert lines[0].split() == ["drug", "5", "Drug", D[5]]
    assert lines[1].split() == ["rank", "id", "Drug", "cosine", "shared", "neighbours"]
    assert lines[2].split() == ["1", D[7], "drug", "7", "1.000", "1:", "GENE1"]
    assert lines[3].split()[:2] == ["2", D[0]]
    assert len(lines) == 4


def test_another_type_may_be_asked_for(ward_home: Path) -> None:
    document = run("query", "drug 5", "--similar", "--to", "disease", "--json", home=ward_home).json

    assert document["id"] == D[5]
    assert {row["type"] for row in document["similar"]} == {"Disease"}


def test_similarity_needs_a_bundle_of_this_graph(ward_home: Path, tmp_path: Path) -> None:
    other = write_graph(ward(all_bad=D), tmp_path / "graph")

    nothing = run("query", "drug 5", "--similar", "--graph", ward_home / "graph", home=tmp_path)
    foreign = run("query", "drug 5", "--similar", "--bundle", ward_home / "bundle", home=tmp_path)

    assert "no bundle of models at" in nothing.error
    assert "`train` makes one" in nothing.error
    assert f"this is graph {other.fingerprint[:12]}" in foreign.error


@pytest.mark.parametrize(
    "words",
    [
        ("x", "--similar", "--hops", "2"),
        ("x", "--similar", "--metapath", "CbGaD"),
        ("x", "--similar", "--sources", "starter"),
        ("x", "--similar", "--types", "Gene"),
        ("x", "--bundle", "b"),
        ("--sparql", "q.rq", "--similar"),
    ],
)
def test_similarity_goes_with_nothing_that_it_would_not_heed(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = run("query", *words, home=tmp_path)

    assert outcome.status == 2
    assert "--similar compares embeddings" in outcome.err
