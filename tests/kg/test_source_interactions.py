"""DDInter and the ONC lists: what becomes of their words, their doubles and their bad rows."""

import gzip
import random
from itertools import combinations
from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.graph import Assertion
from kg.schema import EdgeType
from kg.sources.base import EdgeBatch, Refusal, StatementBatch
from kg.sources.interactions import Interactions
from kg.sources.interactions_coverage import extent
from tests.kg.given import Given

INTERACTS = EdgeType("Drug", "interacts", "Drug")
DRUGS = [
    ("DRUGBANK:DB00682", "Warfarin"),
    ("DRUGBANK:DB00945", "Aspirin"),
    ("DRUGBANK:DB00331", "Metformin"),
    ("DRUGBANK:DB01175", "Escitalopram"),
    ("DRUGBANK:DB01118", "Amiodarone"),
]
HEADER = "DDInterID_A,Drug_A,DDInterID_B,Drug_B,Level\n"
A, B = "ddinter_downloads_code_A.csv", "ddinter_downloads_code_B.csv"
HIGH, LOW = "ONC_High_Priority_Mapped.csv", "ONC_Non_Interuptive_Mapped.csv"


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content, as each of the two formats."""
    for name in (A, HIGH):
        folder = tmp / name.partition(".")[0]
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        try:
            build([Given(Drug=DRUGS), Interactions(folder)])
        except KgError:
            continue


def sample(folder: Path) -> Path:
    """A folder that the source can read."""
    (folder / A).write_text(HEADER + "1,Warfarin,2,Aspirin,Major\n")
    (folder / HIGH).write_text("Amiodarone$DB01118$Escitalopram$DB01175$\n")
    return folder


def read(folder: Path) -> BuildResult:
    return build([Given(Drug=DRUGS), Interactions(folder)])


def said(result: BuildResult, first: int, second: int) -> tuple[Assertion, ...]:
    rows = (result.graph.row("Drug", DRUGS[first][0]), result.graph.row("Drug", DRUGS[second][0]))
    edge = result.graph.find_edge(INTERACTS, min(rows), max(rows))
    return () if edge is None else result.graph.assertions(INTERACTS, edge)


def test_levels_become_our_severities_and_an_unknown_one_becomes_none(tmp_path: Path) -> None:
    (tmp_path / A).write_text(
        HEADER
        + "1,Warfarin,2,Aspirin,Major\n"
        + "1,Warfarin,3,metformin,Moderate\n"
        + "1,Warfarin,4,Escitalopram,Minor\n"
        + "1,Warfarin,5,Amiodarone,Unknown\n"
    )

    result = read(tmp_path)

    severities = [said(result, 0, other)[0].details.get("severity") for other in (1, 2, 3, 4)]
    assert severities == ["major", "moderate", "minor", None]
    assert said(result, 0, 4)[0].details["why"]
    assert said(result, 0, 1)[0].provenance.licence == "CC-BY-NC-SA-4.0"


def test_a_pair_that_stands_in_several_files_is_stated_once(tmp_path: Path) -> None:
    (tmp_path / "ddinter").mkdir()
    (tmp_path / A).write_text(HEADER + "1,Warfarin,2,Aspirin,Major\n")
    (tmp_path / "ddinter" / f"{B}.gz").write_bytes(
        gzip.compress((HEADER + "2,Aspirin,1,Warfarin,Major\n").encode())
    )

    source = Interactions(tmp_path)
    result = build([Given(Drug=DRUGS), source])

    assert len(said(result, 0, 1)) == 1
    assert set(source.version()["files"]) == {A, f"{B}.gz"}


def test_two_levels_of_one_pair_are_both_kept(tmp_path: Path) -> None:
    (tmp_path / A).write_text(HEADER + "1,Warfarin,2,Aspirin,Major\n2,Aspirin,1,Warfarin,Minor\n")

    assert {a.details["severity"] for a in said(read(tmp_path), 0, 1)} == {"major", "minor"}


def test_the_onc_lists_are_told_apart_and_their_doubles_merged(tmp_path: Path) -> None:
    bom = "\ufeff"
    (tmp_path / HIGH).write_text(
        f"{bom}Amiodarone$DB01118$Escitalopram$DB01175$\nEscitalopram$DB01175$Amiodarone$DB01118$\n"
    )
    (tmp_path / LOW).write_text(f"{bom}Warfarin$DB00682$Aspirin$DB00945$\n")

    result = read(tmp_path)

    (high,), (low,) = said(result, 3, 4), said(result, 0, 1)
    assert (high.details["severity"], high.details["alert"]) == ("major", "high-priority")
    assert (low.details["severity"], low.details["alert"]) == ("moderate", "non-interruptive")
    assert high.provenance.primary_knowledge_source != low.provenance.primary_knowledge_source
    assert result.report.refused == []


def test_pairs_of_drugs_that_nobody_brings_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / A).write_text(HEADER + "1,Warfarin,9,Unheardofine,Major\n")

    result = read(tmp_path)

    assert INTERACTS not in result.graph.edge_types
    assert result.report.left_out["interactions", "Unheardofine"] == 1
    assert result.report.refused == []


def test_a_name_of_two_drugs_says_nothing_of_either(tmp_path: Path) -> None:
    (tmp_path / A).write_text(HEADER + "1,Warfarin,2,Aspirin,Major\n")
    twice = [*DRUGS, ("DRUGBANK:DB99999", "aspirin")]

    result = build([Given(Drug=twice), Interactions(tmp_path)])

    assert result.report.left_out["interactions", "Aspirin"] == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,Warfarin,2,Aspirin,Deadly", "level 'Deadly' is none of Major, Moderate, Minor, Unk"),
        ("1,Warfarin,1,warfarin,Major", "not a pair of two drugs"),
        ("1,Warfarin,1,,Major", "not a pair of two drugs"),
        ("1,Warfarin,2,Aspirin", "4 columns, not 5"),
        ("", "an empty line"),
    ],
)
def test_a_bad_row_is_refused_by_its_line_and_the_rest_stays(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / A).write_text(f"{HEADER}{line}\n1,Warfarin,2,Aspirin,Major\n")

    result = read(tmp_path)

    (refusal,) = result.report.refused
    assert refusal[:2] == (A, 2)
    assert refusal.reason.startswith(reason)
    assert said(result, 0, 1)


def test_an_onc_row_without_drugbank_identifiers_is_refused(tmp_path: Path) -> None:
    (tmp_path / HIGH).write_text("Warfarin$$Aspirin$DB00945$\n")

    assert "DrugBank" in read(tmp_path).report.refused[0].reason


def test_a_folder_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"no ddinter_downloads.*{HIGH}"):
        read(tmp_path)


def coverage(result: BuildResult) -> dict[str, str]:
    names = dict(DRUGS)
    rows = result.graph.statements.get("coverage", ())
    assert {(row["table"], row["reference"]) for row in rows} <= {("interacts", "ddinter-1.0")}
    return {names[row["drug"]]: row["extent"] for row in rows}


def write(folder: Path, **pairs: str) -> Path:
    """One file a group; ``"Warfarin-Aspirin Warfarin-Metformin"``."""
    for group, text in pairs.items():
        rows = [pair.split("-") for pair in text.split()]
        lines = "".join(f"1,{a},2,{b},Major\n" for a, b in rows)
        (folder / f"ddinter_downloads_code_{group}.csv").write_text(HEADER + lines)
    return folder


def test_a_drug_is_complete_where_its_file_must_hold_all_its_pairs(tmp_path: Path) -> None:
    # Metformin has pairs in two files, so it is of neither group; who stands beside it is.
    write(tmp_path, A="Metformin-Escitalopram", B="Warfarin-Metformin Aspirin-Warfarin")

    assert coverage(read(tmp_path)) == {
        "Warfarin": "complete",
        "Escitalopram": "complete",
        "Metformin": "known",
        "Aspirin": "known",
    }


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_called_complete_is_of_a_group_that_was_read(seed: int) -> None:
    rng = random.Random(seed)
    of = {f"drug {i}": set(rng.sample("ABXYZ", rng.randint(1, 2))) for i in range(12)}
    pairs = [pair for pair in combinations(of, 2) if rng.random() < 0.4]
    files = {g: {(a, b) for a, b in pairs if g in of[a] | of[b]} for g in "AB"}

    found = extent(files)

    listed = {drug for file in files.values() for pair in file for drug in pair}
    assert {drug for drug in found.complete if not of[drug] & {"A", "B"}} == set()
    assert sorted([*found.complete, *found.known]) == sorted(listed)


def test_a_drug_that_is_documented_in_part_is_not_covered_at_all() -> None:
    found = extent({"A": {("Lopinavir", "x"), ("y", "x")}, "B": {("x", "z")}})

    assert found == (("y", "z"), ("x",))


def test_one_list_alone_proves_nothing(tmp_path: Path) -> None:
    result = read(write(tmp_path, A="Warfarin-Aspirin Warfarin-Metformin"))

    assert not {"coverage", "universes"} & set(result.graph.statements)


def test_a_universe_says_which_groups_were_read_and_how_many_drugs(tmp_path: Path) -> None:
    (universe,) = read(
        write(tmp_path, A="Metformin-Escitalopram", B="Warfarin-Metformin")
    ).graph.statements["universes"]

    assert "ATC groups A, B" in universe["scope"]
    assert (universe["table"], universe["date"]) == ("interacts", "2021")


def test_the_onc_lists_claim_to_cover_nothing(tmp_path: Path) -> None:
    (tmp_path / HIGH).write_text("Amiodarone$DB01118$Escitalopram$DB01175$\n")

    assert "coverage" not in read(tmp_path).graph.statements


def test_what_is_cited_has_a_reference(tmp_path: Path) -> None:
    (tmp_path / HIGH).write_text("Amiodarone$DB01118$Escitalopram$DB01175$\n")

    (reference,) = read(tmp_path).graph.statements["references"]
    assert (reference["key"], reference["year"]) == ("onc-high-priority-2012", "2012")


def test_the_real_lists_hold_the_pairs_that_their_authors_count(data: Path) -> None:
    pairs: dict[str, int] = {}
    severities: dict[str, int] = {}
    for batch in Interactions(data / "ddi").read():
        assert not isinstance(batch, Refusal)
        if not isinstance(batch, EdgeBatch):
            continue
        assert batch.details is not None
        source = batch.provenance.primary_knowledge_source
        pairs[source] = pairs.get(source, 0) + len(batch.heads)
        for detail in batch.details:
            word = detail.get("severity", "none")
            severities[word] = severities.get(word, 0) + (source == "infores:ddinter")

    assert pairs == {
        "infores:ddinter": 160_235,
        "infores:onc-high-priority": 1_150,
        "infores:onc-non-interruptive": 2_101,
    }
    assert severities == {"major": 26_914, "moderate": 96_675, "minor": 6_833, "none": 29_813}


def test_the_real_files_prove_of_half_their_drugs_that_they_hold_every_pair(data: Path) -> None:
    batches = [b for b in Interactions(data / "ddi").read() if isinstance(b, StatementBatch)]
    rows = {row["drug"]: row["extent"] for b in batches if b.kind == "coverage" for row in b.rows}

    assert {word: [*rows.values()].count(word) for word in ("complete", "known")} == {
        "complete": 955,
        "known": 957,
    }
    assert rows["Warfarin"] == rows["Metformin"] == rows["Methotrexate"] == "complete"
    assert rows["Sildenafil"] == rows["Digoxin"] == rows["Lisinopril"] == "known"
    assert "Acenocoumarol" not in rows
