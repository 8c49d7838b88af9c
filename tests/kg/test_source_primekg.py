"""PrimeKG's kg.csv: every relation, grouped diseases, both directions, and damaged files."""

import csv
import gzip
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.graph import Label
from kg.schema import EDGES, NODES, EdgeType, edge_spec
from kg.sources import primekg
from kg.sources.formats import blocks
from kg.sources.primekg import NODE_TYPES, PrimeKG, curie
from kg.sources.primekg_relations import RELATIONS

HEADER = (
    "relation,display_relation,x_index,x_id,x_type,x_name,x_source,"
    "y_index,y_id,y_type,y_name,y_source\n"
)
# One node of each type: PrimeKG's columns, and the CURIE.
NODES_OF = {
    "anatomy": ("2107", "liver", "UBERON", "UBERON:0002107"),
    "biological_process": ("6955", "immune response", "GO", "GO:0006955"),
    "cellular_component": ("5634", "nucleus", "GO", "GO:0005634"),
    "disease": ("5148", "type 2 diabetes mellitus", "MONDO", "MONDO:0005148"),
    "drug": ("DB00331", "Metformin", "DrugBank", "DRUGBANK:DB00331"),
    "effect/phenotype": ("1945", "Fever", "HPO", "HP:0001945"),
    "exposure": ("D000393", "Air Pollutants", "CTD", "MESH:D000393"),
    "gene/protein": ("2157", "F8", "NCBI", "NCBIGene:2157"),
    "molecular_function": ("5515", "protein binding", "GO", "GO:0005515"),
    "pathway": ("R-HSA-109582", "Hemostasis", "REACTOME", "REACTOME:R-HSA-109582"),
}
# A second one, where a relation joins two of a type.
OTHERS = {
    "anatomy": ("948", "heart", "UBERON"),
    "biological_process": ("6954", "inflammatory response", "GO"),
    "cellular_component": ("5737", "cytoplasm", "GO"),
    "disease": ("13924_12592_14672", "osteogenesis imperfecta", "MONDO_grouped"),
    "drug": ("DB00945", "Aspirin", "DrugBank"),
    "effect/phenotype": ("2027", "Abdominal pain", "HPO"),
    "exposure": ("C062735", "beta-cyfluthrin", "CTD"),
    "gene/protein": ("9796", "PHYHIP", "NCBI"),
    "molecular_function": ("3674", "molecular_function", "GO"),
    "pathway": ("R-HSA-109581", "Apoptosis", "REACTOME"),
}
OURS = {ours: theirs for theirs, ours in NODE_TYPES.items()}


def row(relation: str, display: str, x: tuple[str, ...], y: tuple[str, ...]) -> list[str]:
    """x and y: type, id, name, source."""
    (x_type, x_id, x_name, x_source), (y_type, y_id, y_name, y_source) = x, y
    return [relation, display, "1", x_id, x_type, x_name, x_source, "2", y_id, y_type, y_name,
            y_source]  # fmt: skip


def both_ways(relation: str, display: str = "a word") -> list[list[str]]:
    edge_type, _ = RELATIONS[relation]
    head, tail = OURS[edge_type.head], OURS[edge_type.tail]
    x = (head, *NODES_OF[head][:3])
    y = (tail, *(OTHERS[tail] if head == tail else NODES_OF[tail][:3]))
    return [row(relation, display, x, y), row(relation, display, y, x)]


def as_csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return HEADER + text.getvalue()


def sample_folder(path: Path) -> Path:
    """A folder with every relation once, in both directions."""
    rows = [each for relation in RELATIONS for each in both_ways(relation)]
    (path / "kg.csv").write_text(as_csv(rows))
    return path


def read(folder: Path) -> BuildResult:
    return build([PrimeKG(folder)])


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: ``content`` as kg.csv."""
    (tmp / "kg.csv").write_bytes(content)
    read(tmp).graph.validate()


SAMPLE = as_csv([each for relation in RELATIONS for each in both_ways(relation)]).encode()


def test_all_thirty_relations_and_ten_node_types_become_edges_of_the_schema(tmp_path: Path) -> None:
    result = read(sample_folder(tmp_path))

    assert len(RELATIONS) == 30
    assert {e for e, _ in RELATIONS.values()} == set(result.graph.edge_types)
    assert set(NODE_TYPES.values()) == set(result.graph.node_types)
    assert result.report.refused == []
    for edge_type, provenance in RELATIONS.values():
        assert edge_spec(edge_type).predicate.startswith("biolink:")
        assert {edge_type.head, edge_type.tail} <= set(NODES)
        assert provenance.licence
    # Both directions of a row are one edge.
    assert all(len(result.graph.edges(e)) == 1 for e in result.graph.edge_types)


def test_what_the_schema_lists_under_its_own_name_is_used() -> None:
    used = {edge_type for edge_type, _ in RELATIONS.values()}

    assert {EdgeType("Drug", "treats", "Disease"), EdgeType("Drug", "off_label", "Disease"),
            EdgeType("Drug", "contraindicated", "Disease")} <= used & set(EDGES)  # fmt: skip


@pytest.mark.parametrize("node_type", NODES_OF)
def test_an_identifier_gets_its_prefix_and_its_padding(node_type: str) -> None:
    identifier, _, source, expected = NODES_OF[node_type]

    assert curie(source, identifier) == expected


@pytest.mark.parametrize(
    ("source", "identifier", "expected"),
    [
        ("NCBI", "4353.0", "NCBIGene:4353"),
        ("MONDO", "13924.0", "MONDO:0013924"),
        ("DrugBank", "DB1", None),
        ("NCBI", "", None),
        ("NCBI", "²", None),
        ("GO", "1e5", None),
        ("Elsewhere", "1", None),
        ("MONDO_grouped", "1__2", None),
        ("MONDO_grouped", "1_x", None),
    ],
)
def test_an_identifier_is_taken_or_refused(source: str, identifier: str, expected: str) -> None:
    assert curie(source, identifier) == expected


def test_no_hierarchy_is_claimed_from_rows_that_stand_in_both_directions(tmp_path: Path) -> None:
    graph = read(sample_folder(tmp_path)).graph

    assert not [e for e in graph.edge_types if e.relation == "subclass_of"]
    related = EdgeType("Disease", "related_to", "Disease")
    one, two = (graph.row("Disease", i) for i in graph.ids["Disease"].to_pylist())
    assert graph.find_edge(related, one, two) == graph.find_edge(related, two, one) == 0


def test_what_is_absent_does_not_become_a_positive_fact(tmp_path: Path) -> None:
    (tmp_path / "kg.csv").write_text(
        as_csv(both_ways("disease_phenotype_negative") + both_ways("anatomy_protein_absent"))
    )

    relations = {e.relation for e in read(tmp_path).graph.edge_types}

    assert relations == {"not_presents", "not_expresses"}


def test_the_kind_of_a_drug_target_is_kept(tmp_path: Path) -> None:
    rows = both_ways("drug_protein", "enzyme") + both_ways("drug_protein", "carrier")
    (tmp_path / "kg.csv").write_text(as_csv(rows))

    graph = read(tmp_path).graph
    said = [a.details for a in graph.assertions(EdgeType("Drug", "binds", "Gene"), 0)]

    assert said == [{"display_relation": "carrier"}, {"display_relation": "enzyme"}]


def test_a_group_of_diseases_is_none_of_its_members_and_they_lead_to_it(tmp_path: Path) -> None:
    (tmp_path / "kg.csv").write_text(as_csv(both_ways("disease_disease")))
    (tmp_path / "kg_grouped_diseases.csv").write_text(
        "node_id,node_type,node_name,node_source,group_name_auto,group_name_bert\n"
        '13924,disease,"osteogenesis imperfecta, type 13",MONDO,osteogenesis imperfecta,x\n'
        "999,disease,something else,MONDO,y,y\n"
    )

    result = read(tmp_path)

    group = curie("MONDO_grouped", "13924_12592_14672")
    assert group is not None
    assert group == curie("MONDO_grouped", "14672_13924_12592")
    assert group != curie("MONDO_grouped", "14672_13924")
    assert group.startswith("PRIMEKG.GROUP:0012592-")
    row = result.graph.row("Disease", group)
    assert result.graph.node("Disease", row).name == "osteogenesis imperfecta"
    labels = {(x.kind, x.text) for x in result.graph.labels_of("Disease", row)}
    assert ("broader-code", "MONDO:0013924") in labels
    assert ("broader", "osteogenesis imperfecta, type 13") in labels
    assert not {label for label in labels if label[0] == "code"}
    assert Label("broader", "something else", 0) not in result.graph.labels_of("Disease", row)
    assert result.report.refused == []


@pytest.mark.parametrize("block", [300, 1000, 1 << 20])
@pytest.mark.parametrize("name", ["kg.csv", "kg.csv.gz"])
def test_bad_rows_are_refused_by_line_and_the_rest_survives_across_blocks(
    tmp_path: Path, block: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    gene = ("gene/protein", "1", "A1BG", "NCBI")
    rows = [row("protein_protein", "ppi", gene, ("gene/protein", str(i), f"G{i}", "NCBI"))
            for i in range(2, 62)]  # fmt: skip
    rows[3] = rows[3][:5]
    rows[9] = [""] * 12
    rows[10][8] = ""
    rows[20][8] = "no gene"
    rows[30] = row("indication", "indication", gene, gene)
    text = as_csv(rows)
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    result = read(tmp_path)

    reasons = {(r.line, r.reason) for r in result.report.refused}
    assert reasons == {
        (5, "5 columns, not 12"),
        (11, "an empty line"),
        (12, "an empty cell"),
        (22, "'no gene' is not an identifier of 'NCBI'"),
        (22, "interacts edge to unknown Gene 'NCBI:no gene'"),
        (32, "indication does not join gene/protein and gene/protein"),
    }
    assert len(result.graph.edges(EdgeType("Gene", "interacts", "Gene"))) == 55


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column relation, display_relation"),
        (b"relation,x_id\n", "no column display_relation"),
        (b"\x1f\x8b\x08", "no column"),
        (SAMPLE + b'a,"b\n' + SAMPLE, "a quote that does not end"),
        (SAMPLE + b"\xff\n", "are not UTF-8 CSV"),
        (SAMPLE.replace(b"\nindication,", b"\ncures,"), "knows the relation 'cures'; known are"),
        (SAMPLE.replace(b"pathway,", b"road,"), "nobody knows the node type 'road'; known are"),
    ],
)
def test_a_file_that_is_something_else_fails_clearly(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "kg.csv").write_bytes(content)

    with pytest.raises(SourceError, match=says) as caught:
        read(tmp_path)

    assert len(str(caught.value)) < 1000


def test_without_a_file_it_says_where_prime_kg_is_published(tmp_path: Path) -> None:
    for source in (PrimeKG(), PrimeKG(tmp_path)):
        with pytest.raises(SourceError, match=r"kg\.csv.*doi:10\.7910/DVN/IXA7BM"):
            build([source])


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), place=st.integers(0, len(SAMPLE)), cut=st.integers(0, 400))
def test_damaged_files_give_a_whole_graph_or_a_clear_error(
    content: bytes, place: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(KgError):
        read_bytes(SAMPLE[:place] + content + SAMPLE[place + cut :], tmp_path_factory.mktemp("f"))


def test_the_samples_of_the_real_file_are_read(data: Path) -> None:
    result = read(data / "primekg")

    binds = EdgeType("Drug", "binds", "Gene")
    texts = [gzip.decompress(p.read_bytes()).decode() for p in (data / "primekg").glob("*.gz")]
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    pairs = {frozenset([r["x_id"], r["y_id"]]) for r in rows}
    assert len(result.graph.edges(binds)) == len(pairs) == 13_106
    assert result.report.refused == []
    assert {p.licence for p in result.graph.provenances} == {"CC-BY-NC-4.0", "LicenseRef-PrimeKG"}
    assert primekg.PrimeKG.licence


def test_the_real_names_of_group_members_are_read(data: Path, tmp_path: Path) -> None:
    (tmp_path / "kg.csv").write_text(as_csv(both_ways("disease_disease")))
    real = data / "txgnn" / "kg_grouped_diseases.csv.gz"
    (tmp_path / real.name).write_bytes(real.read_bytes())

    result = read(tmp_path)

    row = result.graph.row("Disease", str(curie("MONDO_grouped", "13924_12592_14672")))
    labels = {label.text for label in result.graph.labels_of("Disease", row)}
    assert "osteogenesis imperfecta type 13" in labels
    assert result.report.refused == []
