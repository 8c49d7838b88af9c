"""A profile that a person wrote: names, brands and codes become nodes, and nothing gets lost."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import Resolver, read_profile
from kg.graph import Graph
from recommend.errors import ProfileError
from recommend.profile import Fact, GenePhenotype, Knowledge, PatientProfile, Unmapped
from tests.graphs import make_graph
from tests.intake.samples import (
    ACETAMINOPHEN,
    ASPIRIN,
    CYP2C19,
    CYP2D6,
    DIABETES,
    HYPERTENSION,
    METFORMIN,
    OXYCODONE,
    PENICILLINS,
    SNOMED,
    WARFARIN,
    small_graph,
)

SMALL = Resolver(small_graph())


def nodes(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.node for fact in facts]


@pytest.mark.parametrize(
    ("entry", "node", "grade"),
    [
        ("hypertension", HYPERTENSION, "exact"),
        (DIABETES, DIABETES, "exact"),
        ("SNOMEDCT:44054006", DIABETES, "xref"),
        ("SNOMED:44054006", DIABETES, "xref"),
        ("44054006", DIABETES, "xref"),
        ({"name": "hypertension"}, HYPERTENSION, "exact"),
        ({"node": HYPERTENSION}, HYPERTENSION, "exact"),
        ({"node": "hypertension"}, HYPERTENSION, "exact"),
        ({"system": SNOMED, "code": "44054006"}, DIABETES, "xref"),
        ({"system": "SNOMED", "code": "44054006"}, DIABETES, "xref"),
        ({"code": "SNOMEDCT:44054006"}, DIABETES, "xref"),
        ({"system": "urn:mine", "code": "x1", "name": "hypertension"}, HYPERTENSION, "exact"),
        ("SNOMEDCT:59621000", HYPERTENSION, "broader"),
        ("hypertenssion", HYPERTENSION, "near"),
    ],
)
def test_an_entry_may_be_written_in_many_ways(
    resolver: Resolver, entry: object, node: str, grade: str
) -> None:
    (fact,) = read_profile({"conditions": [entry]}, resolver).conditions

    assert (fact.node, fact.grade) == (node, grade)


def test_what_no_node_answers_to_is_listed_and_its_list_is_known(resolver: Resolver) -> None:
    found = read_profile(
        {
            "conditions": ["hypertension", "glass bones"],
            "drugs": ["Foozumab", "warfarin / wonderin"],
            "allergies": ["latex"],
            "symptoms": ["seeing stars"],
            "genes": {"FOO1": "Poor Metabolizer"},
        },
        resolver,
    )

    assert [(item.kind, item.text) for item in found.unmapped] == [
        ("condition", "glass bones"),
        ("drug", "Foozumab"),
        ("drug", "warfarin / wonderin"),
        ("allergy", "latex"),
        ("symptom", "seeing stars"),
        ("gene", "FOO1 Poor Metabolizer"),
    ]
    assert "'wonderin'" in found.unmapped[2].reason
    assert nodes(found.drugs) == [WARFARIN]
    assert {found.conditions_known, found.drugs_known, found.allergies_known} == {Knowledge.KNOWN}
    assert PatientProfile.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("document", "known"),
    [
        ({}, Knowledge.UNKNOWN),
        ({"allergies": []}, Knowledge.EMPTY),
        ({"allergies": ["no known allergies"]}, Knowledge.EMPTY),
        ({"allergies": ["NKDA", "penicillin"]}, Knowledge.KNOWN),
        ({"allergies": ["latex"]}, Knowledge.KNOWN),
        ({"allergies": [], "allergies_known": "unknown"}, Knowledge.UNKNOWN),
    ],
)
def test_a_list_is_known_by_being_given(
    resolver: Resolver, document: dict[str, Any], known: Knowledge
) -> None:
    assert read_profile(document, resolver).allergies_known is known


def test_a_product_gives_a_fact_an_ingredient_with_what_was_said_of_it(resolver: Resolver) -> None:
    entry = {"name": "Percocet", "status": "active", "start": "2024-05-01", "dose": "as needed"}

    found = read_profile({"drugs": [entry]}, resolver).drugs

    assert sorted(nodes(found)) == sorted([OXYCODONE, ACETAMINOPHEN])
    assert {(f.dose, f.status, str(f.start)) for f in found} == {
        ("as needed", "active", "2024-05-01")
    }


@pytest.mark.parametrize(
    ("entry", "route"),
    [
        ("warfarin", ""),
        ("warfarin 5 mg tablet", "oral"),
        ("warfarin eye drops", "eye"),
        ({"name": "warfarin cream", "route": "eye"}, "eye"),
        ({"name": "warfarin eye drops", "route": "oral"}, "oral"),
        ({"node": WARFARIN, "route": "skin"}, "skin"),
    ],
)
def test_the_form_gives_the_route_and_a_stated_route_goes_before_it(
    resolver: Resolver, entry: object, route: str
) -> None:
    (fact,) = read_profile({"drugs": [entry]}, resolver).drugs

    assert fact.route == route


@pytest.mark.parametrize(
    "entry", ["sumatriptan nasal spray", {"name": "sumatriptan", "route": "nasal"}]
)
def test_a_drug_given_in_the_nose_to_act_elsewhere_is_not_local(entry: object) -> None:
    graph = make_graph({"Drug": {"DRUGBANK:DB00669": "Sumatriptan"}}, {})

    (fact,) = read_profile({"drugs": [entry]}, graph).drugs

    assert not fact.is_local
    assert "nasal, to act in the whole body" in fact.dose


def test_a_drug_taken_in_two_ways_counts_as_taken_in_the_systemic_one(resolver: Resolver) -> None:
    (fact,) = read_profile({"drugs": ["warfarin eye drops", "warfarin tablets"]}, resolver).drugs

    assert fact.route == "oral"


def test_stopped_drugs_are_past_and_drugs_not_taken_are_none(resolver: Resolver) -> None:
    found = read_profile(
        {
            "drugs": [
                {"name": "metformin", "status": "stopped"},
                {"name": "aspirin", "status": "not-taken"},
            ]
        },
        resolver,
    )

    assert (found.drugs, nodes(found.past_drugs)) == ((), [METFORMIN])
    assert found.drugs_known is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    "genes",
    [
        {"CYP2D6": "Poor Metabolizer", "CYP2C19": ["Normal Metabolizer", "2.0"]},
        [
            {"gene": CYP2D6, "phenotype": "Poor Metabolizer"},
            {"gene": "CYP2C19", "phenotype": ["Normal Metabolizer", "2.0"]},
        ],
    ],
)
def test_genes_may_be_symbols_with_one_phenotype_or_several(
    resolver: Resolver, genes: object
) -> None:
    assert read_profile({"genes": genes}, resolver).genes == (
        GenePhenotype(CYP2D6, "Poor Metabolizer"),
        GenePhenotype(CYP2C19, "Normal Metabolizer"),
        GenePhenotype(CYP2C19, "2.0"),
    )


def test_an_allele_is_part_of_the_phenotype() -> None:
    graph = make_graph({"Gene": {"NCBIGene:3106": "HLA-B"}}, {})

    for said in ("positive", "HLA-B*57:01 positive"):
        found = read_profile({"genes": {"HLA-B*57:01": said}}, graph).genes

        assert found == (GenePhenotype("NCBIGene:3106", "HLA-B*57:01 positive"),)


@pytest.mark.parametrize(
    ("document", "pregnancy", "lactation"),
    [
        ({"pregnancy": True, "lactation": False}, "pregnant", "not breastfeeding"),
        ({"pregnancy": "not pregnant"}, "not pregnant", "unknown"),
        ({"conditions": ["pregnancy"]}, "pregnant", "unknown"),
        ({"conditions": [{"name": "Breastfeeding"}]}, "unknown", "breastfeeding"),
        ({"conditions": ["pregnant"], "pregnancy": False}, "unknown", "unknown"),
        ({"conditions": ["pregnant"], "sex": "male"}, "unknown", "not breastfeeding"),
        ({"sex": "male"}, "not pregnant", "not breastfeeding"),
        ({"sex": "female", "age_years": 75}, "not pregnant", "not breastfeeding"),
        ({"sex": "female", "age_years": 35}, "unknown", "unknown"),
        ({"sex": "male", "pregnancy": "unknown"}, "unknown", "not breastfeeding"),
    ],
)
def test_pregnancy_and_breastfeeding_are_states(
    resolver: Resolver, document: dict[str, Any], pregnancy: str, lactation: str
) -> None:
    found = read_profile(document, resolver)

    assert (found.pregnancy, found.lactation) == (pregnancy, lactation)
    assert not found.conditions
    assert bool(found.unmapped) is ("pregnant" in document.get("conditions", []))


def test_a_symptom_among_the_conditions_is_a_symptom_and_not_assessed_as_a_disease() -> None:
    graph = make_graph({"Disease": {"DOID:1": "gout"}, "Symptom": {"MESH:D009325": "Nausea"}}, {})

    found = read_profile({"conditions": ["nausea"], "symptoms": ["Nausea (finding)"]}, graph)

    assert (found.conditions, nodes(found.symptoms)) == ((), ["MESH:D009325"])
    assert found.unmapped == (Unmapped("condition", "nausea", "it is a symptom, not a disease"),)


def test_allergies_are_drugs_or_classes_with_reaction_and_criticality(resolver: Resolver) -> None:
    found = read_profile(
        {"allergies": ["penicillin", {"name": "aspirin", "reaction": "severe"}, "PCN allergy"]},
        resolver,
    ).allergies

    assert nodes(found) == [PENICILLINS, ASPIRIN]
    assert [fact.reaction for fact in found] == ["", "severe"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"medications": []}, "no field 'medications'; fields are conditions"),
        ({"drugs": "warfarin"}, "drugs must be a list"),
        ({"drugs": [3]}, "drugs must hold names"),
        ({"drugs": [{"dose": "1"}]}, "drugs must hold names"),
        ({"drugs": [{"name": ""}]}, "an entry of drugs has no name"),
        ({"drugs": [{"name": 3}]}, "the names of drugs must be texts"),
        ({"drugs": [{"name": "warfarin", "grade": "exact"}]}, "only a 'node' may have grade"),
        ({"drugs": [{"name": "warfarin", "route": "foot"}]}, "route must be one of oral"),
        ({"drugs": [{"name": "warfarin", "route": []}]}, "drugs must hold texts"),
        ({"drugs": [{"name": "warfarin", "dose": 5}]}, "drugs must hold texts"),
        ({"drugs": [{"name": "warfarin", "color": "red"}]}, "has no field 'color'"),
        ({"genes": "CYP2D6"}, "genes must be a list"),
        ({"genes": ["CYP2D6"]}, "needs gene, phenotype"),
        ({"genes": {"CYP2D6": 3}}, "entries of genes must hold texts"),
        ([], "a profile is a JSON object"),
        ('{"drugs": [], "drugs": ["warfarin"]}', "names a field twice"),
        (b"{", "not JSON"),
    ],
)
def test_what_is_not_a_profile_is_refused_by_field(
    resolver: Resolver, document: object, text: str
) -> None:
    with pytest.raises(ProfileError, match=text):
        read_profile(document, resolver)


WORDS = ["warfarin", "warfarn", METFORMIN, "Percocet", "eye drops", "CYP2D6", "pregnancy", "nasal"]
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(WORDS) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "node", "code", "system", "route", "dose", "status", "grade"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
FIELDS = sorted(PatientProfile.__dataclass_fields__)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUE, max_size=4))
def test_every_document_is_a_profile_or_refused(document: dict[str, Any]) -> None:
    try:
        found = read_profile(document, SMALL)
    except ProfileError:
        return

    assert PatientProfile.from_json(found.to_json()) == found
    assert read_profile(found.to_json(), SMALL) == found


def test_a_profile_of_nodes_is_read_as_it_is(starter: Graph) -> None:
    written = {
        "conditions": ["type 2 diabetes", "heart failure"],
        "drugs": ["co-trimoxazole", "simvistatin", "timolol eye drops"],
        "allergies": ["penicillin"],
        "genes": {"CYP2D6": "Poor Metabolizer"},
        "unmapped": [{"kind": "drug", "text": "x", "reason": "y"}],
        "egfr": 51,
    }
    resolver = Resolver(starter)

    found = read_profile(json.dumps(written), resolver)

    assert len(found.drugs) == 4
    assert read_profile(found.to_json(), resolver) == found
    assert found.unmapped == (Unmapped("drug", "x", "y"),)
