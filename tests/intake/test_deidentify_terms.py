"""Which texts count as codes: those of known systems, in their form, with their check digit."""

import pytest

from intake.deidentify.terms import TERMINOLOGIES, Code, known_code
from tests.intake.deidentify_samples import ALL_CANARIES, LOINC, RXNORM, SNOMED

KNOWN = {
    SNOMED: ["44054006", "73211009", "266919005", "999000041000000102"],
    LOINC: ["8302-2", "85354-9", "2160-0", "LA15173-0"],
    RXNORM: ["6809", "860975"],
    "http://www.whocc.no/atc": ["A10BA02", "C09"],
    "http://hl7.org/fhir/sid/icd-10-cm": ["E11.9", "S72.001A"],
    "http://fdasis.nlm.nih.gov": ["9100L32L2N"],
}


@pytest.mark.parametrize(("system", "code"), [(s, c) for s, codes in KNOWN.items() for c in codes])
def test_a_code_of_a_known_system_stays(system: str, code: str) -> None:
    assert known_code(system, code) == Code(system, code)


@pytest.mark.parametrize("code", KNOWN[SNOMED][:3])
def test_a_snomed_code_with_one_other_digit_or_two_exchanged_is_none(code: str) -> None:
    for place, digit in enumerate(code):
        for other in set("0123456789") - {digit}:
            assert known_code(SNOMED, code[:place] + other + code[place + 1 :]) is None
    for place in range(len(code) - 1):
        a, b = code[place], code[place + 1]
        if a != b:
            assert known_code(SNOMED, code[:place] + b + a + code[place + 2 :]) is None


@pytest.mark.parametrize("code", KNOWN[LOINC][:3])
def test_a_loinc_number_with_another_check_digit_is_none(code: str) -> None:
    for other in set("0123456789") - {code[-1]}:
        assert known_code(LOINC, code[:-1] + other) is None


@pytest.mark.parametrize("code", ["45394-4", "45396-9", "45401-7", "42077-8", "56799-0", "21112-8"])
def test_loinc_codes_of_names_numbers_and_addresses_do_not_stay(code: str) -> None:
    assert known_code(LOINC, code) is None


@pytest.mark.parametrize("system", [*TERMINOLOGIES, "urn:own", "", None, 7])
def test_no_name_number_or_address_is_a_code(system: object) -> None:
    for text in [*ALL_CANARIES, "", "44054006 Ann", None, 44054006]:
        assert known_code(system, text) is None


@pytest.mark.parametrize(
    "written",
    [
        "http://snomed.info/sct/",
        "HTTP://SNOMED.info/sct",
        "http://snomed.info/sct|http://snomed.info/sct/731000124108",
        "http://snomed.info/sct/731000124108/version/20190301",
        "urn:oid:2.16.840.1.113883.6.96",
    ],
)
def test_a_system_is_written_as_it_is_written_here(written: str) -> None:
    assert known_code(written, "44054006") == Code(SNOMED, "44054006")
