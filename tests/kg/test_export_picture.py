"""The picture is one file that needs no network and in which no text of the graph can act."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.export import check, export, picture
from kg.export.layout import layout
from kg.graph import Graph
from kg.selection import Selection, Subset, select
from tests.graphs import make_graph
from tests.kg.exported import ODD, SCRIPT, hard_graph

VENDORED = {
    "cytoscape.min.js": "081591ab735b2b6a3b31a3c60f8f3a3e2fee8c92939e0c7820ad1208571b6cd8",
    "cytoscape.LICENSE": "eb319c6e6f233607f71e8e2f450391751883cfc0eeb3ca7ef574c13d1d9c2203",
}


class Page(HTMLParser):
    """Tags, attributes and the texts of scripts, as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._in: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        else:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in = None


def draw(subset: Subset, folder: Path) -> tuple[str, Page, Any]:
    """The page's text, its parts and its data."""
    export(subset, "html", folder)
    text = (folder / "graph.html").read_text(encoding="utf-8")
    page = Page(text)
    return text, page, json.loads(page.scripts[0])


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_vendored_is_unmodified_and_its_version_is_named(name: str) -> None:
    folder = files("kg.export").joinpath("vendor")

    assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == VENDORED[name]
    package = json.loads(folder.joinpath("package.json").read_text(encoding="utf-8"))
    assert package["dependencies"] == {"cytoscape": "3.34.4"}


def test_the_policy_allows_the_two_scripts_and_no_network(tmp_path: Path) -> None:
    _, page, _ = draw(select(hard_graph(), Selection(("aspirin",))), tmp_path / "out")

    (policy,) = [
        str(attributes["content"])
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in page.scripts[1:]
    ]
    assert len(hashes) == 2
    assert rules["script-src"] == " ".join(hashes)
    assert "connect-src" not in rules


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    _, page, _ = draw(select(hard_graph(), Selection()), tmp_path / "out")

    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [tag for tag, attributes in page.tags if loading & set(attributes)]
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "img", "base"}
    style = files("kg.export").joinpath("page", "page.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_a_name_that_is_a_script_stays_a_text(tmp_path: Path) -> None:
    graph = hard_graph()
    seed = select(graph, Selection(("DRUGBANK:B",)))

    text, page, data = draw(seed, tmp_path / "out")

    assert SCRIPT in [node["name"] for node in data["nodes"]]
    assert SCRIPT in "".join(page.text)  # the title, escaped
    assert "<img" not in text
    assert "onerror" not in [name for _, attributes in page.tags for name in attributes]
    assert len(page.scripts) == 3
    qualifiers = [json.loads(said["qualifiers"] or "{}") for said in data["statements"]]
    assert ODD in [found.get("severity") for found in qualifiers]


@given(st.text(alphabet=st.sampled_from("</script!-->&\u2028\"'\\a"), max_size=30))
def test_no_text_ends_the_element_that_holds_the_data(text: str) -> None:
    written = picture.inert({"name": text})

    assert json.loads(written) == {"name": text}
    assert not re.search("[<>&\u2028\u2029]", written)


def test_our_script_never_writes_html() -> None:
    script = files("kg.export").joinpath("page", "page.js").read_text(encoding="utf-8")

    for danger in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(",
                   "Function(", "fetch(", "XMLHttpRequest", "import(", "setTimeout",
                   "createContextualFragment", ".href", ".src"):  # fmt: skip
        assert danger not in script


def test_every_assertion_of_a_drawn_edge_is_in_the_page(tmp_path: Path) -> None:
    subset = select(hard_graph(), Selection())

    _, _, data = draw(subset, tmp_path / "out")

    edges = {
        (data["nodes"][edge["subject"]]["id"], edge["relation"],
         data["nodes"][edge["object"]]["id"]): edge
        for edge in data["edges"]
    }  # fmt: skip
    treats = edges["DRUGBANK:A", "treats", "DOID:1"]
    said = [data["statements"][i] for i in treats["said"]]
    assert [row["license"] for row in said] == ["CC0-1.0", "CC-BY-NC-4.0"]
    assert said[0]["publications"] == ["PMID:17", "y"]
    assert not treats["symmetric"]
    assert edges["DRUGBANK:A", "interacts", "DRUGBANK:B"]["symmetric"]
    assert len(edges) == 7
    assert {t["name"]: t["count"] for t in data["types"]} == {"Disease": 2, "Drug": 4, "Gene": 1}
    assert [node["name"] for node in data["nodes"] if node["seed"]] == []


def crowd(n_drugs: int) -> Graph:
    """One disease that all drugs treat, and a gene that the last ones bind."""
    drugs = {f"DRUGBANK:{i:04}": f"drug {i}" for i in range(n_drugs)}
    return make_graph(
        {"Disease": {"DOID:1": "hub"}, "Drug": drugs, "Gene": {"NCBIGene:1": "far"}},
        {
            "Drug-treats-Disease": [(drug, "DOID:1") for drug in drugs],
            "Drug-binds-Gene": [(drug, "NCBIGene:1") for drug in list(drugs)[-3:]],
        },
    )


def test_a_crowd_is_cut_to_what_is_nearest_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MOST_NODES", 40)
    monkeypatch.setattr(picture, "MOST_EDGES", 30)
    subset = select(crowd(60), Selection(("hub",), hops=2))

    _, page, data = draw(subset, tmp_path / "out")

    assert len(data["nodes"]) == 40
    assert len(data["edges"]) == 30
    assert data["nodes"][0]["name"] == "hub"
    assert "far" not in [node["name"] for node in data["nodes"]]
    assert (
        "Drawn are 40 of the 62 nodes, those nearest to the seeds, and 30 of the 63 edges. "
        "A narrower selection shows everything."
    ) in page.text
    assert check(tmp_path / "out")["nodes"] == {"Disease": 1, "Drug": 60, "Gene": 1}


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(("aspirin",)),
        Selection(("one",), hops=3, licences=("CC-BY-NC-4.0",)),
        Selection(("alone",), hops=0),
    ],
)
def test_a_node_tells_its_edges_in_the_selection_and_in_the_graph(
    selection: Selection, tmp_path: Path
) -> None:
    graph = hard_graph()
    subset = select(graph, selection)

    _, _, data = draw(subset, tmp_path / "out")

    for node in data["nodes"]:
        assert node["n_selected"] == slow_degree(subset, node["id"])
        assert node["n_known"] == slow_degree(select(graph, Selection()), node["id"])


def slow_degree(subset: Subset, node_id: str) -> int:
    """Edges with this end, one by one; a loop is one edge."""
    count = 0
    for edge_type, edges in subset.edges.items():
        table = subset.graph.edges(edge_type)
        for edge in edges.tolist():
            head = subset.graph.node(edge_type.head, int(table.head[edge])).id
            tail = subset.graph.node(edge_type.tail, int(table.tail[edge])).id
            count += node_id in (head, tail)
    return count


def test_edges_that_are_not_drawn_count_for_their_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MOST_EDGES", 10)

    _, _, data = draw(select(crowd(60), Selection(("hub",))), tmp_path / "out")

    assert len(data["edges"]) == 10
    hub = data["nodes"][0]
    assert (hub["name"], hub["n_selected"], hub["n_known"]) == ("hub", 60, 60)
    drug = next(node for node in data["nodes"] if node["name"] == "drug 59")
    assert (drug["n_selected"], drug["n_known"]) == (1, 2)


def test_a_cut_of_edges_leaves_every_node_its_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MOST_EDGES", 61)
    subset = select(crowd(60), Selection(("hub",), hops=2))

    _, page, data = draw(subset, tmp_path / "out")

    ends = {end for edge in data["edges"] for end in (edge["subject"], edge["object"])}
    assert ends == set(range(62))
    assert any(text.startswith("Drawn are all nodes and 61 of the 63 edges") for text in page.text)


def test_a_subset_of_nothing_is_an_empty_page(tmp_path: Path) -> None:
    subset = select(hard_graph(), Selection())
    nothing = replace(subset, nodes={}, edges={}, distance={})

    _, page, data = draw(nothing, tmp_path / "out")

    assert data["nodes"] == data["edges"] == data["types"] == []
    assert "A part of the knowledge graph" in page.text


@settings(max_examples=20)
@given(st.integers(0, 40), st.data())
def test_every_node_has_a_place_of_its_own(n_nodes: int, data: st.DataObject) -> None:
    rows = st.integers(0, max(n_nodes - 1, 0))
    pairs = data.draw(st.lists(st.tuples(rows, rows), max_size=60 if n_nodes else 0))
    array = np.array(pairs, np.int32).reshape(-1, 2)
    boxes = np.full((n_nodes, 2), 40, np.float32)

    places = layout(n_nodes, array, boxes)

    assert places.shape == (n_nodes, 2)
    assert np.isfinite(places).all()
    apart = np.abs(places[:, None] - places[None]).max(2) + np.eye(n_nodes) * 100
    assert not n_nodes or apart.min() > 10
    assert np.array_equal(places, layout(n_nodes, array, boxes))


def test_joined_nodes_lie_nearer_than_others() -> None:
    first = [(i, j) for i in range(8) for j in range(i)]
    second = [(i + 8, j + 8) for i, j in first]
    places = layout(16, np.array(first + second, np.int32), np.full((16, 2), 30, np.float32))

    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    inside = np.concatenate([distance[:8, :8].ravel(), distance[8:, 8:].ravel()])
    assert inside.mean() < 0.8 * distance[:8, 8:].mean()
