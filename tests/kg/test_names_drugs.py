"""Drug texts as hospitals send them: packs, brands, salts, and the traps among them."""

import pytest

from kg.graph import Graph
from kg.names import resolve_drug
from tests.graphs import make_graph

EE, LNG, DRSP, PERI, LOS, HCT, APAP, COD, ASA = (f"X:{i}" for i in range(9))

PACK = (
    "{21 (ethinyl estradiol 0.03 MG / levonorgestrel 0.15 MG Oral Tablet) / 7 (inert "
    "ingredients 1 MG Oral Tablet) } Pack [Levora 28 Day]"
)


@pytest.fixture(scope="module")
def graph() -> Graph:
    names = {
        EE: "Ethinyl Estradiol", LNG: "Levonorgestrel", DRSP: "Drospirenone",
        PERI: "Propericiazine", LOS: "Losartan", HCT: "Hydrochlorothiazide",
        APAP: "Acetaminophen", COD: "Codeine", ASA: "Acetylsalicylic acid",
        "X:20": "Ranitidine", "X:21": "Potassium Chloride", "X:22": "Telmisartan",
        "X:23": "Valproic Acid", "X:24": "Iodine", "X:25": "Cyclosporine", "X:26": "Nifedipine",
    }  # fmt: skip
    labels = [
        (EE, "product", "Yaz"), (DRSP, "product", "Yaz"),
        (PERI, "synonym", "Yaz"), (DRSP, "synonym", "Yaz"),  # as DrugBank lists it
        (EE, "product", "Levora"), (LNG, "product", "Levora"),
        (LOS, "broader", "Hyzaar"), (LOS, "synonym", "Cozaar"),
        (APAP, "synonym", "Tylenol"), (APAP, "product", "Tylenol with Codeine"),
        (COD, "product", "Tylenol with Codeine"),
        (ASA, "synonym", "aspirin"), ("X:20", "synonym", "Zantac"),
        ("X:22", "synonym", "Micardis"), ("X:23", "synonym", "valproate"),
        ("X:24", "code", "RXNORM:1"), ("X:25", "code", "RXNORM:1"),
        ("X:25", "broader-code", "UNII:A"),
    ]  # fmt: skip
    return make_graph({"Drug": names}, {}, labels)


def read(graph: Graph, text: str) -> tuple[list[str], bool]:
    resolution = resolve_drug(graph, text)
    return sorted(match.node.id for match in resolution.matches), resolution.complete


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        (PACK, [EE, LNG]),
        ("levonorgestrel 0.15 MG / ethinyl estradiol 0.03 MG Oral Tablet", [EE, LNG]),
        ("Levora-28", [EE, LNG]),
        ("Yaz 28 Day Pack", [EE, DRSP]),
        ("acetaminophen with codeine 300-30 mg", [APAP, COD]),
        ("aspirin 75mg dispersible tablets", [ASA]),
        ("baby aspirin", [ASA]),
        ("low-dose aspirin 81 chewable", [ASA]),
        ("Enteric coated aspirin 81", [ASA]),
        ("Extra Strength Tylenol 500", [APAP]),
        ("Children's Tylenol", [APAP]),
        ("Sodium valproate 200mg gastro-resistant tablets", ["X:23"]),
        ("potassium chloride 20 meq ER tablet", ["X:21"]),
        ("chloride, potassium", ["X:21"]),
        ("losartan potassium (as losartan) 50 mg 1.5 tablets daily x 30", [LOS]),
        ("hydrochlorothiazide/losartan 12.5-50", [HCT, LOS]),
    ],
)
def test_the_whole_ingredient_set_is_read(graph: Graph, text: str, nodes: list[str]) -> None:
    assert read(graph, text) == (sorted(nodes), True)


@pytest.mark.parametrize(
    "text",
    [
        "Tylenol PM",
        "Tylenol 3",
        "Tylenol #3",
        "Tylenol Cold & Flu",
        "Micardis Plus",
        "Micardis Plus 80/12.5 mg tablets",
        "Iodine 131",
        "potassium",
        "sodium chloride",
        "Nimodipine 30 MG Oral Capsule",
        "influenza virus vaccine",
        "aspirin allergy",
        "Zantac syndrome",
    ],
)
def test_what_is_more_or_other_than_a_known_drug_is_not_that_drug(graph: Graph, text: str) -> None:
    assert read(graph, text) == ([], False)


def test_a_brand_of_which_one_ingredient_is_known_is_broader_and_not_complete(
    graph: Graph,
) -> None:
    resolution = resolve_drug(graph, "Hyzaar 50-12.5")

    assert [(m.node.id, m.grade) for m in resolution.matches] == [(LOS, "broader")]
    assert not resolution.complete
    assert resolve_drug(graph, "Hyzaar", worst="xref").matches == ()


@pytest.mark.parametrize(
    ("text", "nodes", "complete"),
    [
        ("losartan 50 MG / hydrochlorothiazide 12.5 MG Oral Tablet [Hyzaar]", [HCT, LOS], True),
        ("acetaminophen 325 MG Oral Tablet [Tylenol with Codeine]", [APAP, COD], True),
        ("unknownol 3 MG / ethinyl estradiol 0.02 MG Oral Tablet [Yaz]", [EE, DRSP], True),
        ("aspirin 81 MG Oral Tablet [Cozaar]", [LOS, ASA], False),
        ("aspirin 81 MG / unknownol 3 MG [Tylenol]", [APAP, ASA], False),
    ],
)
def test_ingredients_and_the_brand_beside_them_are_reconciled(
    graph: Graph, text: str, nodes: list[str], complete: bool
) -> None:
    assert read(graph, text) == (sorted(nodes), complete)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("Losartan (hydrochlorothiazide)", [LOS, HCT]),
        ("Tylenol (codeine) 300 mg", [APAP, COD]),
        ("Tylenol (acetaminophen)", [APAP]),
        ("Losartan (as potassium) (Cozaar) 50 mg", [LOS]),
        ("Losartan (50 mg)", [LOS]),
        ("Losartan (for blood pressure)", [LOS]),
        ("Losartan (product)", [LOS]),
    ],
)
def test_an_aside_that_names_a_drug_is_one_of_the_ingredients(
    graph: Graph, text: str, nodes: list[str]
) -> None:
    assert read(graph, text) == (sorted(nodes), True)


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        ("Losartan (discontinued)", "discontinued"),
        ("Losartan [discontinued]", "discontinued"),
        ("Losartan (Cozaar) (on hold)", "on hold"),
        ("Losartan (not codeine)", "not codeine"),
        ("Losartan (allergy)", "allergy"),
        ("Losartan (stopped) 50 mg", "stopped"),
        ("Losartan (blood thinner)", "blood thinner"),
        ("Losartan (hydrochlorothiazid)", "hydrochlorothiazid"),  # near is no reading of a remark
    ],
)
def test_an_aside_that_is_not_understood_or_says_no_makes_it_incomplete(
    graph: Graph, text: str, aside: str
) -> None:
    resolution = resolve_drug(graph, text)

    assert read(graph, text) == ([LOS], False)
    assert resolution.unresolved == (aside,)


@pytest.mark.parametrize("text", ["cycloserine", "cycloserine 250 mg"])
def test_another_drug_with_one_other_syllable_is_not_near(graph: Graph, text: str) -> None:
    assert read(graph, text) == ([], False)


@pytest.mark.parametrize("text", ["acetominophen", "telmisarten", "levonorgestel", "ranitydine"])
def test_a_slip_of_letter_or_sound_is_still_near(graph: Graph, text: str) -> None:
    assert resolve_drug(graph, text).grade == "near"


def test_a_code_that_a_source_gives_to_two_drugs_means_neither(graph: Graph) -> None:
    assert read(graph, "RXNORM:1") == ([], False)


def test_a_code_of_something_narrower_is_broader(graph: Graph) -> None:
    resolution = resolve_drug(graph, "UNII:A")

    assert [(m.grade, m.distance) for m in resolution.matches] == [("broader", 0)]
    assert not resolution.complete
