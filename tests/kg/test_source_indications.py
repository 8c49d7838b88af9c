"""PharmacotherapyDB: indications, symptomatic ones, and pairs that physicians struck off."""

from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.schema import EdgeType
from kg.sources.indications import Indications
from tests.kg.given import Given

LOSARTAN, ASPIRIN = ("DRUGBANK:DB00678", "Losartan"), ("DRUGBANK:DB00945", "Aspirin")
HYPERTENSION, MIGRAINE = ("DOID:10763", "hypertension"), ("DOID:6364", "migraine")
NODES = Given(Drug=[LOSARTAN, ASPIRIN], Disease=[HYPERTENSION, MIGRAINE])
TREATS = EdgeType("Drug", "treats", "Disease")
PALLIATES = EdgeType("Drug", "palliates", "Disease")
HEADER = "doid_id\tdrugbank_id\tdisease\tdrug\tcategory\tn_curators\tn_resources\n"
SAMPLE = HEADER + (
    "DOID:10763\tDB00678\thypertension\tLosartan\tDM\t2\t4\n"
    "DOID:6364\tDB00945\tmigraine\tAspirin\tSYM\t3\t1\n"
    "DOID:10763\tDB00945\thypertension\tAspirin\tNOT\t1\t2\n"
)


def sample(folder: Path) -> Path:
    """A folder that the source can read."""
    (folder / "indications.tsv").write_text(SAMPLE)
    return folder


def read(folder: Path, text: str = SAMPLE) -> BuildResult:
    (folder / "indications.tsv").write_text(text)
    return build([NODES, Indications(folder)])


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content as the file."""
    (tmp / "indications.tsv").write_bytes(content)
    try:
        build([NODES, Indications(tmp)])
    except KgError:
        return


def test_each_category_becomes_its_own_kind_of_fact(tmp_path: Path) -> None:
    graph = read(tmp_path).graph

    assert [graph.edge_tables[t].head.tolist() for t in (TREATS, PALLIATES)] == [[0], [1]]
    assert [graph.edge_tables[t].tail.tolist() for t in (TREATS, PALLIATES)] == [[0], [1]]
    assert list(graph.statements["not_indicated"]) == [
        {
            "drug": ASPIRIN[0],
            "disease": HYPERTENSION[0],
            "reference": "pharmacotherapydb-1.0",
            "source": "indications",
        }
    ]


def test_an_indication_says_who_stands_behind_it_and_of_which_year_it_is(tmp_path: Path) -> None:
    graph = read(tmp_path).graph

    (said,) = graph.assertions(TREATS, 0)
    assert said.details == {"reference": ["pharmacotherapydb-1.0"], "curators": 2, "resources": 4}
    assert said.provenance.primary_knowledge_source == "infores:pharmacotherapydb"
    (reference,) = graph.statements["references"]
    assert (reference["key"], reference["year"]) == ("pharmacotherapydb-1.0", "2016")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("DOID:10763\tDB00678\th\tL\tMAYBE\t2\t4", "category 'MAYBE' is none of DM, SYM, NOT"),
        ("DOID:10763\tDB00678\th\tL\tDM\ttwo\t4", "'two' curators, '4' resources: not numbers"),
        ("DOID:10763\tDB00678\tDM", "3 columns, not 7"),
    ],
)
def test_a_bad_row_is_refused_by_its_line_and_the_rest_stays(
    tmp_path: Path, row: str, reason: str
) -> None:
    result = read(tmp_path, SAMPLE.replace(HEADER, f"{HEADER}{row}\n"))

    assert result.report.refused == [("indications.tsv", 2, reason)]
    assert len(result.graph.edge_tables[TREATS].head) == 1


def test_pairs_of_nodes_that_nobody_brings_are_left_out_and_counted(tmp_path: Path) -> None:
    result = read(tmp_path, SAMPLE + "DOID:1\tDB00678\tx\tLosartan\tNOT\t1\t1\n")

    assert result.report.left_out["indications", "DOID:1"] == 1
    assert len(result.graph.statements["not_indicated"]) == 1


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no indications\.tsv"):
        Indications(tmp_path)


def test_the_real_catalogue_is_hetionets_own_and_243_pairs_more(data: Path) -> None:
    from kg.sources import create_source

    hetionet = create_source("hetionet", data / "hetionet")
    result = build([hetionet, Indications(data)])

    assert result.report.refused == []
    assert [len(result.graph.edge_tables[t].head) for t in (TREATS, PALLIATES)] == [755, 390]
    struck = {(r["drug"], r["disease"]) for r in result.graph.statements["not_indicated"]}
    assert len(struck) == 243
    told = {
        (result.graph.node("Drug", h).id, result.graph.node("Disease", t).id)
        for kind in (TREATS, PALLIATES)
        for h, t in zip(
            result.graph.edge_tables[kind].head.tolist(),
            result.graph.edge_tables[kind].tail.tolist(),
            strict=True,
        )
    }
    assert not struck & told
