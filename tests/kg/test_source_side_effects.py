"""SIDER: drugs by compound, effects by preferred term, frequencies as details."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.schema import EdgeType
from kg.sources.base import EdgeBatch, NodeBatch
from kg.sources.side_effects import SideEffects
from tests.kg.given import Given

CAUSES = EdgeType("Drug", "causes", "SideEffect")
DRUGS = [
    ("DRUGBANK:DB00583", "Levocarnitine", "PUBCHEM.COMPOUND:10917"),
    ("DRUGBANK:DB00338", "Omeprazole", "PUBCHEM.COMPOUND:4594"),
]
STEREO = "CID100000085\tCID000010917"  # all stereoisomers together; this one
NAUSEA, PAIN = "UMLS:C0027497", "UMLS:C0000737"


def effect(concept: str, name: str, level: str = "PT", drug: str = STEREO) -> str:
    return f"{drug}\tC0000001\t{level}\t{concept}\t{name}\n"


def frequency(text: str, lower: str, upper: str, placebo: str = "") -> str:
    cells = (STEREO, "C0000001", placebo, text, lower, upper, "PT", "C0027497", "Nausea")
    return "\t".join(cells) + "\n"


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content as each of the two files."""
    (tmp / "meddra_all_se.tsv").write_text(effect("C0027497", "Nausea"))
    for name in ("meddra_freq.tsv", "meddra_all_se.tsv"):
        (tmp / name).write_bytes(content)
        try:
            build([Given(Drug=DRUGS), SideEffects(tmp)])
        except KgError:
            continue


def sample(folder: Path) -> Path:
    """A folder that the source can read."""
    (folder / "meddra_all_se.tsv").write_text(effect("C0027497", "Nausea"))
    (folder / "meddra_freq.tsv").write_text(frequency("1%", "0.01", "0.01"))
    return folder


def read(folder: Path, effects: str, frequencies: str = "") -> BuildResult:
    (folder / "meddra_all_se.tsv.gz").write_bytes(gzip.compress(effects.encode()))
    if frequencies:
        (folder / "meddra_freq.tsv").write_text(frequencies)
    return build([Given(Drug=DRUGS), SideEffects(folder)])


def detail(result: BuildResult, effect: str = NAUSEA) -> dict[str, Any]:
    graph = result.graph
    rows = (graph.row("Drug", DRUGS[0][0]), graph.row("SideEffect", effect))
    edge = graph.find_edge(CAUSES, *rows)
    assert edge is not None
    (assertion,) = graph.assertions(CAUSES, edge)
    return dict(assertion.details)


def test_the_stereoisomer_is_the_drug_and_the_flat_compound_is_not(tmp_path: Path) -> None:
    omeprazole = "CID100004594\tCID009568614"  # the flat compound of omeprazole, esomeprazole's own
    result = read(
        tmp_path,
        effect("C0027497", "Nausea") + effect("C0000737", "Abdominal pain", drug=omeprazole),
    )

    graph = result.graph
    assert len(graph.edges(CAUSES)) == 1
    assert detail(result) == {}
    assert result.report.left_out["side-effects", "PUBCHEM.COMPOUND:9568614"] == 1


def test_only_preferred_terms_are_read_and_become_nodes(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        effect("C0000729", "Abdominal cramps", "LLT")
        + effect("C0000737", "Abdominal pain")
        + effect("C0000737", "Abdominal pain", drug="CID100004594\tCID000004594")
        + effect("", "", ""),
    )

    assert result.graph.ids["SideEffect"].to_pylist() == [PAIN]
    assert result.graph.node("SideEffect", 0).name == "Abdominal pain"
    assert len(result.graph.edges(CAUSES)) == 2
    assert result.report.refused == []


def test_a_side_effect_that_another_source_names_keeps_that_name(tmp_path: Path) -> None:
    (tmp_path / "meddra_all_se.tsv").write_text(effect("C0027497", "Nausea"))
    given = Given(Drug=DRUGS, SideEffect=[(NAUSEA, "Feeling sick")])

    graph = build([given, SideEffects(tmp_path)]).graph

    assert graph.node("SideEffect", 0).name == "Feeling sick"


def test_frequencies_give_all_words_and_the_widest_bounds_apart_from_placebo(
    tmp_path: Path,
) -> None:
    result = read(
        tmp_path,
        effect("C0027497", "Nausea") + effect("C0000737", "Abdominal pain"),
        frequency("common", "0.01", "0.1")
        + frequency("21%", "0.21", "0.21")
        + frequency("21%", "0.21", "0.21")
        + frequency("0.0001%", "0", "1e-06")
        + frequency("17%", "0.17", "0.17", "placebo"),
    )

    assert detail(result) == {
        "frequency": ["common", "21%", "0.0001%"],
        "frequency_lower": 0.0,
        "frequency_upper": 0.21,
        "placebo": ["17%"],
        "placebo_lower": 0.17,
        "placebo_upper": 0.17,
    }
    assert detail(result, PAIN) == {}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (frequency("lots", "2", "3"), "not a frequency"),
        (frequency("lots", "nan", "inf"), "not a frequency"),
        (frequency("1%", "0.01", "0.01", "sugar"), "not a frequency"),
        (frequency("1%", "0.01", "0.01").replace("C0027497", "C0000737"), "no such side effect"),
        ("CID1\tCID0\n", "2 columns, not 10"),
    ],
)
def test_a_frequency_that_is_none_is_refused_by_its_line(
    tmp_path: Path, row: str, reason: str
) -> None:
    result = read(tmp_path, effect("C0027497", "Nausea"), frequency("1%", "0.01", "0.01") + row)

    (refusal,) = result.report.refused
    assert refusal[:2] == ("meddra_freq.tsv", 2)
    assert refusal.reason.startswith(reason)
    assert detail(result)["frequency"] == ["1%"]


@pytest.mark.parametrize(
    "row",
    [
        effect("C0027497", "Nausea", "HLT"),
        effect("nausea", "Nausea"),
        effect("C0027497", ""),
        effect("C0027497", "Nausea", drug="CID100000085\t85"),
        "no tab at all\n",
        "\n",
    ],
)
def test_a_bad_row_is_refused_by_its_line_and_the_rest_stays(tmp_path: Path, row: str) -> None:
    result = read(tmp_path, row + effect("C0000737", "Abdominal pain"))

    assert [refusal.line for refusal in result.report.refused] == [1]
    assert len(result.graph.edges(CAUSES)) == 1


def test_a_file_that_is_not_utf_8_or_is_missing_fails_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no meddra_all_se\.tsv"):
        build([Given(Drug=DRUGS), SideEffects(tmp_path)])
    (tmp_path / "meddra_all_se.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match=r"meddra_all_se\.tsv line 1 is not UTF-8"):
        build([Given(Drug=DRUGS), SideEffects(tmp_path)])


def test_the_real_pairs_are_those_of_hetionet_where_both_know_the_drug(data: Path) -> None:
    """An independent oracle: Hetionet took its edges from the same release by other means."""
    drugs: dict[str, set[str]] = {}
    for line in (data / "drugbank" / "pubchem-mapping.tsv").read_text().splitlines()[1:]:
        drug, compound = line.split("\t")
        drugs.setdefault(f"PUBCHEM.COMPOUND:{compound}", set()).add(drug)
    batches = list(SideEffects(data / "sider").read())
    (edges,) = [batch for batch in batches if isinstance(batch, EdgeBatch)]
    ours = {
        (drug, effect.removeprefix("UMLS:"))
        for compound, effect in zip(edges.heads.to_pylist(), edges.tails.to_pylist(), strict=True)
        for drug in drugs.get(compound, ())
    }
    with gzip.open(data / "hetionet" / "hetionet-v1.0-edges.sif.gz", "rt") as file:
        rows = [line.rstrip("\n").split("\tCcSE\t") for line in file if "\tCcSE\t" in line]
    theirs = {
        (row[0].removeprefix("Compound::"), row[1].removeprefix("Side Effect::")) for row in rows
    }
    both = {drug for drug, _ in ours} & {drug for drug, _ in theirs}
    ours = {pair for pair in ours if pair[0] in both}

    assert len(both) > 700
    assert len(ours - theirs) < 0.001 * len(ours)
    (nodes,) = [batch for batch in batches if isinstance(batch, NodeBatch)]
    assert len(nodes.ids) == 4_251
    assert sum(map(bool, edges.details or ())) == 61_513
