"""A route is read from words and codes; doubt never makes a drug a local one."""

import pytest

from intake.routes import local_only, one_route, route_of_coding, route_of_words, stated_route
from recommend.profile import LOCAL_ROUTES, ROUTES, Route


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("timolol eye drops", "eye"),
        ("Timolol 2.5 MG/ML Ophthalmic Solution", "eye"),
        ("hydrocortisone 1% cream", "skin"),
        ("diclofenac gel", "skin"),
        ("Hydrocortisone 10 MG/ML Topical Cream", "skin"),
        ("fluticasone inhaler", "inhaled"),
        ("NDA020503 200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "inhaled"),
        ("fluticasone nasal spray", "nasal"),
        ("Ofloxacin Otic Solution", "ear"),
        ("ciprofloxacin ear drops", "ear"),
        ("clotrimazole vaginal cream", "vaginal"),
        ("chlorhexidine mouthwash", "mouth"),
        ("Simvastatin 20 MG Oral Tablet", "oral"),
        ("metformin tabs", "oral"),
        ("nitroglycerin sublingual tablet", "oral"),
        ("miconazole oral gel", "oral"),
        ("1 ML Enoxaparin sodium 150 MG/ML Prefilled Syringe", "injected"),
        ("insulin lispro injection", "injected"),
        ("{21 (Ethinyl Estradiol 0.02 MG Oral Tablet) } Pack", "oral"),
        ("doxycycline for eye infection", ""),
        ("doxycycline 100 mg (vaginal infection)", ""),
        ("fentanyl transdermal patch", ""),
        ("ibuprofen 200 mg soft gel", ""),
        ("Advil Liqui-Gels", ""),
        ("ibuprofen liqui-gel", ""),
        ("docusate gel capsule", "oral"),
        ("warfarin", ""),
        ("drops", ""),
        ("hydrocortisone cream and tablets", "oral"),
        ("", ""),
    ],
)
def test_the_words_of_a_form_give_the_route(text: str, route: Route) -> None:
    assert route_of_words(text) == route


@pytest.mark.parametrize(
    ("code", "display", "route"),
    [
        ("26643006", "", "oral"),
        ("54485002", "Ophthalmic route (qualifier value)", "eye"),
        ("0", "Intravenous route", "injected"),
        ("0", "Per vagina", "vaginal"),
        ("0", "Respiratory tract route (qualifier value)", "inhaled"),
        ("45890007", "Transdermal route", ""),
        ("0", "Left arm", ""),
    ],
)
def test_a_code_of_a_route_gives_it_or_its_display(code: str, display: str, route: Route) -> None:
    assert route_of_coding("http://snomed.info/sct", code, display) == route


def test_of_two_routes_the_systemic_one_counts_and_two_local_ones_are_none() -> None:
    for one in ROUTES:
        for other in ROUTES:
            found = one_route([one, other])

            systemic = {route for route in (one, other) if route and route not in LOCAL_ROUTES}
            assert found in systemic if systemic else found in {one, other, ""}
            assert (found in LOCAL_ROUTES) <= (one == other or "" in (one, other))


@pytest.mark.parametrize(
    ("route", "name", "kept"),
    [
        ("skin", "Testosterone", ""),
        ("nasal", "Sumatriptan", ""),
        ("vaginal", "Estradiol", ""),
        ("vaginal", "Conjugated estrogens", ""),
        ("skin", "Hydrocortisone", "skin"),
        ("eye", "Ketorolac", "eye"),
        ("nasal", "Ketorolac", ""),
        ("oral", "Testosterone", "oral"),
    ],
)
def test_what_is_given_locally_to_act_elsewhere_is_not_local(
    route: Route, name: str, kept: Route
) -> None:
    assert local_only(route, ["Menthol", name]) == kept


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("topical", "skin"),
        ("Ophthalmic", "eye"),
        ("IV", "injected"),
        ("inhalation", "inhaled"),
        ("intranasal", "nasal"),
        ("transdermal", ""),
        ("eye", "eye"),
        ("", ""),
        ("sideways", None),
    ],
)
def test_a_route_is_stated_in_the_words_of_people(text: str, route: str | None) -> None:
    assert stated_route(text) == route
