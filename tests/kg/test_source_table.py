"""A hospital's own tables, by a table.toml: what they say, what is left out, what is wrong."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.schema import EdgeType
from kg.sources.formats import lines
from kg.sources.table import Table
from tests.graphs import Handmade

CONTRAINDICATED = EdgeType("Drug", "contraindicated", "Disease")
TOML = """
licence = "LicenseRef-StElsewhere"
primary_knowledge_source = "infores:st-elsewhere"
knowledge_level = "knowledge_assertion"
agent_type = "manual_agent"

[[table]]
file = "contraindications.csv"
what = "edges"
edge = "Drug-contraindicated-Disease"
head = "drug"
head_prefix = "DRUGBANK"
tail = "diagnosis"
tail_prefix = "ICD10CM"
details = ["severity", "reference"]
"""
CSV = (
    "drug,diagnosis,severity,reference,remark\n"
    "DB00331,N18.6,contraindicated,SOP 12,dialysis\n"
    'DRUGBANK:DB00945,K25,major,,"ulcer,\nbleeding"\n'
)


def world() -> Handmade:
    """What another source brings."""
    return Handmade(
        {
            "Drug": {"DRUGBANK:DB00331": "Metformin", "DRUGBANK:DB00945": "Aspirin"},
            "Disease": {"DOID:784": "kidney failure", "DOID:10808": "gastric ulcer"},
        },
        {},
        [("DOID:784", "code", "ICD10CM:N18.6"), ("DOID:10808", "code", "ICD10CM:K25"),
         ("DRUGBANK:DB00945", "synonym", "ASA")],
    )  # fmt: skip


def sample_folder(path: Path) -> Path:
    """A folder with a formulary and a contraindication among its own nodes."""
    (path / "table.toml").write_text(
        '[[table]]\nfile = "n.tsv"\nwhat = "nodes"\ntype = "Drug"\nid = "id"\nname = "name"\n'
        '[[table]]\nfile = "d.tsv"\nwhat = "nodes"\ntype = "Disease"\nid = "id"\nname = "name"\n'
        '[[table]]\nfile = "e.tsv"\nwhat = "edges"\nedge = "Drug-contraindicated-Disease"\n'
        'head = "drug"\ntail = "disease"\n'
    )
    (path / "n.tsv").write_text("id\tname\nLOCAL:1\tElixir\n")
    (path / "d.tsv").write_text("id\tname\nLOCAL:2\tMelancholia\n")
    (path / "e.tsv").write_text("drug\tdisease\nLOCAL:1\tLOCAL:2\n")
    return path


def read(folder: Path, toml: str = TOML, **files: str | bytes) -> BuildResult:
    (folder / "table.toml").write_text(toml)
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{stem}.{suffix}").write_bytes(data)
    return build([Table(folder), world()])


def contraindications(result: BuildResult) -> list[tuple[str, str]]:
    graph = result.graph
    if CONTRAINDICATED not in graph.edge_tables:
        return []
    table = graph.edges(CONTRAINDICATED)
    return [
        (graph.node("Drug", head).name, graph.node("Disease", tail).name)
        for head, tail in zip(table.head.tolist(), table.tail.tolist(), strict=True)
    ]


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: ``content`` as the table, as its description, or as Parquet."""
    (tmp / "contraindications.csv").write_bytes(content)
    (tmp / "table.toml").write_text(TOML)
    if b"[[table]]" in content:
        (tmp / "contraindications.csv").write_text(CSV)
        (tmp / "table.toml").write_bytes(content)
    elif content.startswith(b"PAR1"):
        (tmp / "contraindications.parquet").write_bytes(content)
        (tmp / "table.toml").write_text(TOML.replace(".csv", ".parquet"))
    build([Table(tmp), world()]).graph.validate()


def parquet(columns: dict[str, Sequence[object]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


SAMPLES = [
    (CSV + "".join(f"DB{i:05},K{i},,,\n" for i in range(40))).encode(),
    TOML.encode(),
    parquet({k: ["DB00331"] for k in ("drug", "diagnosis", "severity", "reference")}),
]


def test_a_hospitals_contraindications_join_the_nodes_of_other_sources(tmp_path: Path) -> None:
    result = read(tmp_path, contraindications_csv=CSV)

    assert contraindications(result) == [
        ("Metformin", "kidney failure"),
        ("Aspirin", "gastric ulcer"),
    ]
    (said,) = result.graph.assertions(CONTRAINDICATED, 0)
    assert said.details == {"severity": "contraindicated", "reference": "SOP 12"}
    assert tuple(vars(said.provenance).values()) == (
        "table", "infores:st-elsewhere", "LicenseRef-StElsewhere", "knowledge_assertion",
        "manual_agent",
    )  # fmt: skip
    assert result.graph.assertions(CONTRAINDICATED, 1)[0].details == {"severity": "major"}
    assert result.report.refused == []
    assert set(result.graph.sources["table"]["files"]) == {"table.toml", "contraindications.csv"}


def test_a_row_about_a_node_that_nobody_brings_is_left_out_and_named(tmp_path: Path) -> None:
    rows = "".join(f"DB{i:05},N18.6,,,\n" for i in range(30))

    result = read(tmp_path, contraindications_csv=CSV + rows)

    assert len(contraindications(result)) == 2
    assert result.report.refused == []
    assert result.report.left_out["table", "DRUGBANK:DB00007"] == 1
    assert sum(result.report.left_out.values()) == 30


def test_what_is_not_said_of_a_table_is_local_and_not_provided(tmp_path: Path) -> None:
    lines = [
        line for line in TOML.splitlines() if not line.startswith(("lic", "prim", "kno", "ag"))
    ]

    result = read(tmp_path, "\n".join(lines), contraindications_csv=CSV)

    assert tuple(vars(result.graph.assertions(CONTRAINDICATED, 0)[0].provenance).values()) == (
        "table", "infores:local", "LicenseRef-local", "not_provided", "not_provided",
    )  # fmt: skip


def test_names_are_looked_up_and_an_ambiguous_one_is_left_out(tmp_path: Path) -> None:
    toml = (
        '[[table]]\nfile = "c.csv"\nwhat = "edges"\nedge = "drug-contraindicated-disease"\n'
        'head = "drug"\ntail = "diagnosis"\nby = "name"\ndetails = {severity = "how bad"}\n'
    )

    result = read(
        tmp_path, toml,
        c_csv="how bad;drug;diagnosis\nmajor;asa;Gastric Ulcer\n;Nobody;gastric ulcer\n".replace(
            ";", ","
        ),
    )  # fmt: skip

    assert contraindications(result) == [("Aspirin", "gastric ulcer")]
    assert result.graph.assertions(CONTRAINDICATED, 0)[0].details == {"severity": "major"}
    assert dict(result.report.left_out) == {("table", "Nobody"): 1}


def test_a_formulary_brings_nodes_names_and_codes_of_its_own(tmp_path: Path) -> None:
    toml = (
        '[[table]]\nfile = "l.csv"\nwhat = "labels"\nid = "id"\nid_prefix = "ST"\n'
        'kind = "product"\ntext = "brand"\n'
        '[[table]]\nfile = "n.csv"\nwhat = "nodes"\ntype = "Drug"\nid = "no"\nid_prefix = "ST"\n'
        'name = "name"\nsynonyms = ["also"]\ncodes = {atc = "ATC"}\ndelimiter = ";"\n'
        '[[table]]\nfile = "k.csv"\nwhat = "labels"\nid = "id"\nkind = "code"\ntext = "code"\n'
        'text_prefix = "ATC"\n'
    )

    result = read(
        tmp_path, toml,
        n_csv="no;name;also;atc\n7;Elixir;Potion | Brew;A01|A02\n;nameless;;\n8;;;\n",
        l_csv="id,brand\n7,Elixir 5 mg\n9,nobody\n",
        k_csv="id,code\nDRUGBANK:DB00331,A10BA02\n",
    )  # fmt: skip

    graph = result.graph
    row = graph.row("Drug", "ST:7")
    assert {(label.kind, label.text) for label in graph.labels_of("Drug", row)} == {
        ("id", "ST:7"), ("name", "Elixir"), ("synonym", "Potion"), ("synonym", "Brew"),
        ("code", "ATC:A01"), ("code", "ATC:A02"), ("product", "Elixir 5 mg"),
    }  # fmt: skip
    metformin = graph.labels_of("Drug", graph.row("Drug", "DRUGBANK:DB00331"))
    assert ("code", "ATC:A10BA02") in {(label.kind, label.text) for label in metformin}
    assert [(r.line, r.reason) for r in result.report.refused] == [
        (3, "no is empty"),
        (4, "name is empty"),
    ]
    assert dict(result.report.left_out) == {("table", "ST:9"): 1}


@pytest.mark.parametrize("kind", ["csv", "tsv", "tsv.gz", "parquet"])
def test_the_same_table_in_every_format_gives_the_same_edges(tmp_path: Path, kind: str) -> None:
    import gzip

    table: dict[str, Sequence[object]] = {
        "drug": ["DB00331", "DB00945"],
        "diagnosis": ["N18.6", "K25"],
        "severity": ["major", None],
        "reference": [12, None],
    }
    lines = ["drug,diagnosis,severity,reference", "DB00331,N18.6,major,12", "DB00945,K25,,"]
    text = "\n".join(lines).replace(",", "," if kind == "csv" else "\t").encode()
    content = {"parquet": parquet(table), "tsv.gz": gzip.compress(text)}.get(kind, text)
    (tmp_path / f"contraindications.{kind}").write_bytes(content)

    result = read(tmp_path, TOML.replace("contraindications.csv", f"contraindications.{kind}"))

    assert len(contraindications(result)) == 2
    said = [result.graph.assertions(CONTRAINDICATED, i)[0].details for i in range(2)]
    assert said == [{"severity": "major", "reference": "12"}, {}]


def test_bad_rows_are_refused_by_line_and_blank_ones_skipped(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        contraindications_csv=CSV + "\n,,,,\nDB1,K25\n,K25,,,\nDB 2,K25,,,\nDB\x07,K25,,,\n",
    )

    assert [(r.file, r.line, r.reason) for r in result.report.refused] == [
        ("contraindications.csv", 7, "2 columns, not 5"),
        ("contraindications.csv", 8, "drug is empty"),
        ("contraindications.csv", 9, "drug 'DB 2' is not an identifier"),
        ("contraindications.csv", 10, "a control character"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("head =", "heads =", r"table 1: unknown key 'heads'; did you mean 'head'\? have file, wh"),
        ("licence", "license", r"table.toml: unknown key 'license'; did you mean 'licence'"),
        ('what = "edges"', "", "table 1: 'what' must be a text"),
        ('"edges"', '"edge"', "what = 'edge'; choose from nodes, edges, labels"),
        ('head = "drug"', "", "table 1: 'head' must be a text"),
        ('head = "drug"', 'head = "drog"', r"no column is called 'drog'; did you mean 'drug'\?"),
        ("-contraindicated-", "-", "edge must look like 'Drug-contraindicated-Disease'"),
        ("Drug-contra", "Drog-contra", "no node type 'Drog'; choose from Anatomy"),
        ("-contraindicated-", "-Is Bad-", "needs a relation in snake case"),
        ('"DRUGBANK"', '"Drug Bank"', "head_prefix 'Drug Bank' is not a prefix such as DRUGBANK"),
        ("contraindications.csv", "../x.csv", "file '../x.csv' must lie beside table.toml"),
        ("contraindications.csv", "x.csv", "no x.csv or x.csv.gz in"),
        ("details =", 'by = "word"\ndetails =', "by = 'word'; choose 'id' or 'name'"),
        ("details =", 'by = "name"\ndetails =', "names have no prefix"),
        ("details =", 'delimiter = "x"\ndetails =', "delimiter 'x' is none of"),
        ('["severity", "reference"]', '"severity"', "'details' must be a list of texts"),
        ("knowledge_assertion", "certain", "knowledge_level = 'certain'; choose from knowledge_as"),
        ("infores:st", "st", "'st-elsewhere' is not of the form infores:st-elsewhere"),
        ("[[table]]", "[table]", r"table.toml: needs a \[\[table\]\] for each file"),
        ("licence =", "licence", "table.toml is not TOML: .*line 2"),
        ("[[table]]", "a." * 40_000 + "b = 1\n[[table]]", "is longer than 1,000 bytes"),
        ("[[table]]", "a." * 400 + "b = 1\n[[table]]", "unknown key 'a'"),
        ("[[table]]", "a = " + "[\n" * 20_000 + "[[table]]", "nested too deeply|not TOML"),
    ],
)
def test_a_mistake_in_the_description_is_named_with_what_would_be_right(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(SourceError, match=says):
        read(tmp_path, TOML.replace(old, new, 1), contraindications_csv=CSV)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column is called 'drug'; have"),
        (b"drug;diagnosis;severity;reference\n", r"separated by a comma"),
        (b"drug,drug,diagnosis,severity,reference\n", "two columns are called 'drug'"),
        (CSV.encode() + b'DB1,"K25\n', r"contraindications.csv line 5: not CSV"),
        (CSV.encode() + b'DB1,"K25"x,,\n', "line 5: not CSV"),
        (CSV.encode() + "DB1,Übelkeit,,,\n".encode("latin-1"), "line 5 is not UTF-8; save a tab"),
    ],
)
def test_a_table_that_is_something_else_fails_clearly(
    tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(SourceError, match=says):
        read(tmp_path, contraindications_csv=content)


@pytest.mark.parametrize("cut", [4, 100, -1])
def test_a_truncated_parquet_file_fails_clearly(tmp_path: Path, cut: int) -> None:
    (tmp_path / "contraindications.parquet").write_bytes(SAMPLES[2][:cut])

    with pytest.raises(SourceError, match=r"contraindications.parquet is not a whole Parquet file"):
        read(tmp_path, TOML.replace(".csv", ".parquet"))


def test_a_parquet_column_of_lists_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "contraindications.parquet").write_bytes(
        parquet({"drug": [["DB1"]], "diagnosis": ["K25"], "severity": [""], "reference": [""]})
    )

    with pytest.raises(SourceError, match=r"column 'drug' holds list<.*, not texts or numbers"):
        read(tmp_path, TOML.replace(".csv", ".parquet"))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 200)

    with pytest.raises(SourceError, match="line 5 is longer than 200 bytes"):
        read(tmp_path, contraindications_csv=CSV + "x" * 1000)


def test_without_a_description_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"table: no table.toml"):
        build([Table(tmp_path), world()])
    with pytest.raises(SourceError, match="table: say with --from which folder holds"):
        build([Table(), world()])


def test_the_example_of_the_docstring_is_true(tmp_path: Path) -> None:
    import inspect

    from kg.sources import table

    example = (inspect.getdoc(table) or "").split("::\n")[1].split("``what``")[0]
    lines = [line.removeprefix("    ") for line in example.splitlines()]

    result = read(tmp_path, "\n".join(lines), contraindications_csv=CSV)

    assert len(contraindications(result)) == 2


@settings(max_examples=80, deadline=None)
@given(
    sample=st.sampled_from(SAMPLES),
    content=st.binary(max_size=100),
    place=st.integers(0, 600),
    cut=st.integers(0, 200),
)
def test_damaged_files_give_a_whole_graph_or_a_clear_error(
    sample: bytes, content: bytes, place: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(KgError):
        read_bytes(sample[:place] + content + sample[place + cut :], tmp_path_factory.mktemp("f"))


def test_a_table_can_stand_alone(tmp_path: Path) -> None:
    result = build([Table(sample_folder(tmp_path))])

    assert contraindications(result) == [("Elixir", "Melancholia")]
