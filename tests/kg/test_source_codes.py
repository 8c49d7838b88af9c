"""Which of a drug's several ChEMBL and UNII codes is its own, and which are those of its salts."""

from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.sources.base import LabelBatch
from kg.sources.names import Names
from kg.sources.starter import Starter
from tests.graphs import Handmade

WARFARIN, ASPIRIN, METHADONE = "DRUGBANK:DB00682", "DRUGBANK:DB00945", "DRUGBANK:DB00333"
PAGE = "https://www.ebi.ac.uk/chembl/compound/inspect/CHEMBL"


def write(folder: Path, name: str, *rows: str) -> None:
    (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def read(folder: Path, codes: dict[str, str] | None = None, inchi: str = "") -> BuildResult:
    """The drugs with ``codes`` that another source knows, and what the folder says of them."""
    names = {WARFARIN: "Warfarin", ASPIRIN: "Aspirin", METHADONE: "Methadone"}
    rows = [f"{drug[9:]}\t{name}\t\t{inchi}" for drug, name in names.items()]
    write(folder, "drugbank-slim.tsv", "drugbank_id\tname\tinchikey\tinchi", *rows)
    labels = [(drug, "code", code) for code, drug in (codes or {}).items()]
    return build([Handmade({"Drug": names}, {}, labels), Names(folder)])


def kinds(result: BuildResult, drug: str, prefix: str) -> dict[str, str]:
    row = result.graph.row("Drug", drug)
    found = result.graph.labels_of("Drug", row)
    return {x.text.removeprefix(prefix): x.kind for x in found if x.text.startswith(prefix)}


def chembl(folder: Path, compounds: list[int], named: list[int], inchi: str = "") -> dict[str, str]:
    rows = [f"DB00682\tCHEMBL{number}" for number in compounds]
    write(folder, "mapping-chembl.tsv", "drugbank_id\tchembl_id", *rows)
    rows = [f"1\tDB00682\t{PAGE}{number}" for number in named]
    write(folder, "drugcentral-targets.tsv", "GeneID\tdrugbank_id\turls", *rows)
    return kinds(read(folder, inchi=inchi), WARFARIN, "CHEMBL.COMPOUND:CHEMBL")


@pytest.mark.parametrize(
    ("compounds", "named", "own"),
    [
        ([1464, 251073, 1200879], [1464], "1464"),
        ([1464, 251073, 1200879], [1200879], "1464"),  # a salt
        ([1464, 251073, 1200879], [1464, 1200879], "1464"),
        ([1464, 251073], [251073], None),  # perhaps an isomer
        ([175, 521, 427526], [175], None),  # two that were there from the start
        ([251073, 1200879], [251073], None),
        ([1464, 251073], [], None),
        ([251073], [], "251073"),  # the only one
    ],
)
def test_of_several_compounds_the_one_that_two_witnesses_agree_on_is_the_drugs(
    tmp_path: Path, compounds: list[int], named: list[int], own: str | None
) -> None:
    found = chembl(tmp_path, compounds, named)

    assert found.keys() == set(map(str, compounds))
    assert [code for code, kind in found.items() if kind == "code"] == ([own] if own else [])


def test_a_drug_that_is_an_ion_by_itself_keeps_no_compound(tmp_path: Path) -> None:
    found = chembl(tmp_path, [1245, 1201329], [1201329], inchi="InChI=1S/C22H25N2OS/q+1")

    assert set(found.values()) == {"broader-code"}


def test_a_compound_that_is_called_by_another_drugs_name_too_is_nobodys_own(tmp_path: Path) -> None:
    rows = ["DB00682\tCHEMBL559", "DB00682\tCHEMBL9624", "DB99999\tCHEMBL559"]
    write(tmp_path, "mapping-chembl.tsv", "drugbank_id\tchembl_id", *rows)
    rows = [f"1\t{drug}\t{PAGE}559" for drug in ("DB00682", "DB99999")]
    write(tmp_path, "drugcentral-targets.tsv", "GeneID\tdrugbank_id\turls", *rows)

    found = kinds(read(tmp_path), WARFARIN, "CHEMBL.COMPOUND:CHEMBL")

    assert found == {"559": "broader-code", "9624": "broader-code"}


def test_a_known_rxnorm_code_confirms_the_unii_even_one_that_nobody_joined(tmp_path: Path) -> None:
    rows = ["DB00945\tOTHER", "DB00945\tR16CO5Y76E"]
    write(tmp_path, "mapping-fdasrs-unii.tsv", "drugbank_id\tfdasrs_id", *rows)
    rows = ["1191\tR16CO5Y76E", "11289\t5Q7ZVV76EI", "6813\tONE", "6813\tTWO"]
    write(tmp_path, "rxcui-unii-map.tsv", "rxnorm_id\tfdasrs_id", *rows)
    codes = {"RXNORM:1191": ASPIRIN, "RXNORM:11289": WARFARIN, "RXNORM:6813": METHADONE}

    result = read(tmp_path, codes)
    without = read(tmp_path)

    assert kinds(result, ASPIRIN, "UNII:")["OTHER"] == "broader-code"
    assert ("code", "UNII:R16CO5Y76E") in {(k, f"UNII:{c}") for k, c in pairs(result, ASPIRIN)}
    assert kinds(result, WARFARIN, "UNII:") == {"5Q7ZVV76EI": "code"}
    assert kinds(result, METHADONE, "UNII:") == {}  # RxNorm has two for it
    assert kinds(without, ASPIRIN, "UNII:")["R16CO5Y76E"] == "broader-code"
    assert kinds(without, WARFARIN, "UNII:") == {}


def pairs(result: BuildResult, drug: str) -> set[tuple[str, str]]:
    found = result.graph.labels_of("Drug", result.graph.row("Drug", drug))
    return {(x.kind, x.text.removeprefix("UNII:")) for x in found}


# ---- the real files

OWN = {  # as they are known; none is taken from these files
    "CHEMBL.COMPOUND:CHEMBL25": ASPIRIN,
    "CHEMBL.COMPOUND:CHEMBL1431": "DRUGBANK:DB00331",
    "CHEMBL.COMPOUND:CHEMBL1464": WARFARIN,
    "CHEMBL.COMPOUND:CHEMBL1064": "DRUGBANK:DB00641",
    "CHEMBL.COMPOUND:CHEMBL112": "DRUGBANK:DB00316",
    "CHEMBL.COMPOUND:CHEMBL1487": "DRUGBANK:DB01076",
    "UNII:R16CO5Y76E": ASPIRIN,
    "UNII:5Q7ZVV76EI": WARFARIN,
    "UNII:9100L32L2N": "DRUGBANK:DB00331",
    "UNII:WK2XYI10QM": "DRUGBANK:DB01050",
    "UNII:AGG2FN16EV": "DRUGBANK:DB00641",
}
NOT_OWN = {  # of dexibuprofen, imatinib mesylate, trimetaphan camsilate and others
    "CHEMBL.COMPOUND:CHEMBL175",
    "CHEMBL.COMPOUND:CHEMBL1642",
    "CHEMBL.COMPOUND:CHEMBL1245",
    "CHEMBL.COMPOUND:CHEMBL559",
    "CHEMBL.COMPOUND:CHEMBL870",
}


def test_the_real_codes_of_well_known_drugs_are_their_own(data: Path) -> None:
    result = build([Starter(), Names(data / "drugbank")])

    graph = result.graph
    own: dict[str, set[str]] = {}
    for node_id in graph.ids["Drug"].to_pylist():
        for label in graph.labels_of("Drug", graph.row("Drug", node_id)):
            if label.kind == "code":
                own.setdefault(label.text, set()).add(node_id)
    assert {code: own.get(code) for code in OWN} == {code: {drug} for code, drug in OWN.items()}
    assert not NOT_OWN & own.keys()
    assert all(len(drugs) == 1 for drugs in own.values())
    assert sum(code.startswith("CHEMBL") for code in own) > 200
    assert sum(code.startswith("UNII") for code in own) > 350


def test_no_compound_is_the_own_of_two_drugs(data: Path) -> None:
    batches = [b for b in Names(data / "drugbank").read() if isinstance(b, LabelBatch)]
    codes = [row for b in batches for row in b.rows if row[3].startswith("CHEMBL")]
    own = [(drug, code) for _, drug, kind, code in codes if kind == "code"]

    assert len({drug for drug, _ in own}) == len({code for _, code in own}) == len(own)
