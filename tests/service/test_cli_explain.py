"""`explain`: a pair by the names that people use."""

from pathlib import Path

import pytest

from tests.service.test_cli_store import write
from tests.shell import run


def test_a_score_is_taken_apart_and_an_edge_taken_out(demo_home: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "profile.json", {"conditions": ["type 2 diabetes"]})
    words = ("explain", "metformin", "type 2 diabetes", "--edges", "1", "--profile", file)

    document = run(*words, "--json", home=demo_home).json

    assert (document["drug"], document["disease"]) == ("DRUGBANK:DB00331", "DOID:9352")
    total = sum(member["part"] for member in document["members"])
    assert document["weighted_sum"] == pytest.approx(total)
    assert len(document["counterfactuals"]) == 1
    assert document["counterfactuals"][0]["text"].startswith("without ")


def test_people_see_the_members_their_terms_and_what_an_edge_is_worth(demo_home: Path) -> None:
    out = run("explain", "metformin", "type 2 diabetes", "--edges", "1", home=demo_home).out

    for words in ("calibrated score", "similarity", "linear metapath part:", "trees (TreeSHAP):"):
        assert words in out
    assert "without " in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("metformin of nowhere", "asthma"), "metformin of nowhere"),
        (("asthma", "metformin"), "is a Disease"),
    ],
)
def test_what_is_no_drug_or_no_disease_is_one_line(
    demo_home: Path, words: tuple[str, str], said: str
) -> None:
    assert said in run("explain", *words, home=demo_home).error
