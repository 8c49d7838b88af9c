"""Profiles are read strictly, say what they know, and keep clinical values out of logs."""

import json
import math
from datetime import date
from typing import Any

import pytest

from recommend import (
    Fact,
    GenePhenotype,
    Knowledge,
    PatientProfile,
    ProfileError,
    RecommendError,
    Unmapped,
)
from recommend.profile import ROUTES, Route

FULL = PatientProfile(
    conditions=(Fact("DOID:9352", "xref", "SNOMEDCT:44054006", "active", "confirmed"),),
    drugs=(
        Fact("DRUGBANK:DB00331", start=date(2020, 5, 31), end=date(2021, 1, 1), dose="10 mg"),
        Fact("DRUGBANK:DB00373", route="eye"),
    ),
    past_drugs=(Fact("DRUGBANK:DB00722", "near"),),
    allergies=(Fact("ATC:J01C", "broader", distance=2, criticality="high", reaction="severe"),),
    symptoms=(Fact("MESH:D009325", is_stale=True, confirmed=True),),
    genes=(GenePhenotype("NCBIGene:1565", "Poor Metabolizer"),),
    conditions_known=Knowledge.KNOWN,
    drugs_known=Knowledge.KNOWN,
    allergies_known=Knowledge.UNKNOWN,
    age_years=61.5,
    sex="female",
    pregnancy="not pregnant",
    lactation="breastfeeding",
    egfr=55.0,
    creatinine=1.2,
    weight_kg=61.5,
    kidney_doubt="they contradict each other",
    child_pugh="B",
    deceased=False,
    unmapped=(
        Unmapped("condition", "odd finding", "no node"),
        Unmapped("pregnancy", "", "two answers"),
        Unmapped("symptom", "seeing stars", "no node"),
    ),
)


@pytest.mark.parametrize("profile", [FULL, PatientProfile()])
def test_a_profile_comes_back_from_json_as_it_was(profile: PatientProfile) -> None:
    text = json.dumps(profile.to_json())

    assert PatientProfile.from_json(json.loads(text)) == profile


def test_a_list_is_known_by_being_given() -> None:
    profile = PatientProfile.from_json({"conditions": ["DOID:9352"], "drugs": []})

    assert profile.conditions == (Fact("DOID:9352"),)
    assert profile.conditions_known is Knowledge.KNOWN
    assert profile.drugs_known is Knowledge.EMPTY
    assert profile.allergies_known is Knowledge.UNKNOWN


def test_a_statement_about_a_list_goes_before_its_looks() -> None:
    profile = PatientProfile.from_json(
        {"conditions": ["DOID:9352"], "conditions_known": "unknown", "drugs_known": "known empty"}
    )

    assert profile.conditions_known is Knowledge.UNKNOWN
    assert profile.drugs_known is Knowledge.EMPTY


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"condition": []}, "no field 'condition'"),
        ({"conditions": "DOID:1"}, "conditions must be a list"),
        ({"conditions": None}, "conditions must be a list"),
        ({"conditions": [7]}, "conditions must hold CURIEs"),
        ({"conditions": [{}]}, "an entry of conditions has no 'node'"),
        ({"conditions": [{"node": 7}]}, "conditions must hold texts"),
        ({"conditions": [{"node": "DOID:1", "doses": "x"}]}, "no field 'doses'"),
        ({"conditions": [{"node": "DOID:1", "grade": "good"}]}, "grade must be one of exact"),
        ({"conditions": [{"node": "DOID:1", "start": "May"}]}, "start must be a date"),
        (
            {"conditions": [{"node": "DOID:1", "distance": -1}]},
            "distance must be a number of steps",
        ),
        ({"drugs": [{"node": "DOID:1", "distance": "far"}]}, "drugs: distance must be a number"),
        ({"drugs": [{"node": "DOID:1", "distance": True}]}, "drugs: distance must be a number"),
        ({"conditions": ["DOID:1"], "conditions_known": "known empty"}, "conditions has entries"),
        ({"drugs_known": "maybe"}, "drugs_known must be one of known"),
        ({"drugs_known": ["known"]}, "drugs_known must be one of known"),
        ({"genes": [{"gene": "NCBIGene:1"}]}, "an entry of genes needs gene, phenotype"),
        ({"genes": [{"gene": "g", "phenotype": "p", "start": "2020-01-01"}]}, "no field 'start'"),
        ({"unmapped": [{"kind": "dog", "text": "t", "reason": "r"}]}, "kind must be one of"),
        ({"age_years": "old"}, "age_years must be a number"),
        ({"age_years": True}, "age_years must be a number"),
        ({"age_years": -1}, "age_years must be a number from 0 to 130"),
        ({"age_years": 131}, "age_years must be a number from 0 to 130"),
        ({"age_years": 10**400}, "age_years must be a number from 0 to 130"),
        ({"egfr": math.nan}, "egfr must be a number from 0 to 250"),
        ({"egfr": math.inf}, "egfr must be a number from 0 to 250"),
        ({"sex": "f"}, "sex must be one of female"),
        ({"sex": ["female"]}, "sex must be one of female"),
        ({"pregnancy": True}, "pregnancy must be one of pregnant"),
        ({"lactation": True}, "lactation must be one of breastfeeding"),
        ({"child_pugh": "D"}, "child_pugh must be one of A, B, C"),
        ({"child_pugh": ["A"]}, "child_pugh must be one of A, B, C"),
        ({"kidney_doubt": 3}, "kidney_doubt must be a text"),
        ({"creatinine": -1}, "creatinine must be a number from 0 to 50"),
        ({"weight_kg": 0}, "weight_kg must be a number from 0.2 to 700"),
        ({"drugs": [{"node": "DRUGBANK:1", "route": "foot"}]}, "route must be one of oral"),
        ({"drugs": [{"node": "DRUGBANK:1", "route": ["eye"]}]}, "drugs must hold texts"),
        ({"drugs": [{"node": "DRUGBANK:1", "is_stale": 1}]}, "must be true or false"),
        ({"allergies": [{"node": "x", "reaction": "bad"}]}, "reaction must be one of mild"),
        ({"deceased": "no"}, "deceased must be true or false"),
        ([], "a profile is a JSON object"),
        ({"Jane Doe": 1}, "no field of that name; fields are conditions"),
        ({"genes": [{"gene": "g", "phenotype": "p", "999-99-9999": "x"}]}, "field of that name"),
    ],
)
def test_what_is_not_a_profile_is_refused_by_field(document: Any, text: str) -> None:
    with pytest.raises(ProfileError, match=text):
        PatientProfile.from_json(document)


def test_a_number_that_is_none_is_refused_in_code_as_well() -> None:
    with pytest.raises(ProfileError, match="egfr"):
        PatientProfile(egfr=math.nan)
    with pytest.raises(ProfileError, match="drugs has entries"):
        PatientProfile(drugs=(Fact("DRUGBANK:DB00331"),), drugs_known=Knowledge.EMPTY)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"conditions": ("DOID:9352",)}, "conditions must be a tuple of Fact"),
        ({"drugs": "DRUGBANK:DB00331"}, "drugs must be a tuple of Fact"),
        ({"past_drugs": None}, "past_drugs must be a tuple of Fact"),
        ({"genes": (Fact("NCBIGene:1565"),)}, "genes must be a tuple of GenePhenotype"),
        ({"unmapped": ("x",)}, "unmapped must be a tuple of Unmapped"),
        ({"age_years": "61"}, "age_years must be a number"),
        ({"egfr": True}, "egfr must be a number"),
    ],
)
def test_an_entry_of_the_wrong_kind_is_refused_in_code_as_well(
    fields: dict[str, Any], text: str
) -> None:
    with pytest.raises(ProfileError, match=text):
        PatientProfile(**fields)


@pytest.mark.parametrize(
    ("fact", "ended"),
    [
        (Fact("DOID:1"), ""),
        (Fact("DOID:1", status="active", verification="provisional"), ""),
        (Fact("DOID:1", status="active", verification="refuted"), "refuted"),
        (Fact("DOID:1", status="inactive", verification="confirmed"), "inactive"),
    ],
)
def test_a_fact_says_which_status_ended_it(fact: Fact, ended: str) -> None:
    assert fact.ended == ended


def test_newborns_and_the_oldest_are_patients() -> None:
    for age in (0, 0.01, 110, 130):
        assert PatientProfile.from_json({"age_years": age}).age_years == age


def test_a_profile_error_is_a_value_error_and_ours() -> None:
    assert issubclass(ProfileError, ValueError)
    assert issubclass(ProfileError, RecommendError)


def test_a_profile_shows_counts_and_nothing_clinical() -> None:
    assert repr(FULL) == "PatientProfile(1 conditions, 2 drugs, 1 allergies)"


@pytest.mark.parametrize(
    ("grade", "is_certain"), [("exact", True), ("xref", True), ("broader", False), ("near", False)]
)
def test_only_the_thing_itself_is_certain(grade: Any, is_certain: bool) -> None:
    assert Fact("DOID:1", grade).is_certain is is_certain


def test_what_is_stale_is_not_certain_until_a_person_confirms_it() -> None:
    stale = Fact("DOID:1", is_stale=True)
    profile = PatientProfile(conditions=(stale, Fact("DOID:2", "near")), drugs=(Fact("X:1"),))

    confirmed = profile.confirm(["DOID:1", "DOID:2"])

    assert not any(fact.is_certain for fact in profile.conditions)
    assert all(fact.is_certain for fact in confirmed.conditions)
    assert confirmed.drugs == profile.drugs
    with pytest.raises(ProfileError, match="no 'DOID:3' that could be confirmed"):
        profile.confirm(["DOID:1", "DOID:3"])


@pytest.mark.parametrize("route", ROUTES)
def test_local_are_the_routes_by_which_little_of_a_drug_is_absorbed(route: Route) -> None:
    is_local = route in ("skin", "eye", "ear", "nasal", "vaginal", "mouth")

    assert Fact("DRUGBANK:1", route=route).is_local is is_local
