"""The only texts of a record that may stay: codes of known systems, units, and FHIR's own words.

A code stays if its system is listed here and it has the form of that system's codes, with a right
check digit where the system has one. The system is written as it is written here, never as it came.
So a name or number that was put where a code belongs does not pass; what passes by chance is
carried by one patient, and ``intake.deidentify.anonymity`` takes out what too few carry.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from intake.resource import CODES, clean
from kg.identifiers import from_system

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
UCUM: Final = "http://unitsofmeasure.org"
ABSENT: Final = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"

_DIHEDRAL = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]  # fmt: skip
_ROUND = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def is_snomed(code: str) -> bool:
    """Whether ``code`` is the identifier of a SNOMED CT concept: its partition and check digit."""
    if not re.fullmatch(r"[1-9][0-9]{5,17}", code) or code[-3:-1] not in ("00", "10"):
        return False
    check, turned = 0, list(range(10))
    for digit in reversed(code):  # Verhoeff (1969)
        check = _DIHEDRAL[check][turned[int(digit)]]
        turned = [_ROUND[place] for place in turned]
    return check == 0


def is_loinc(code: str) -> bool:
    """Whether ``code`` is a LOINC term's number with its check digit (mod 10), or an answer's."""
    if re.fullmatch(r"LA[1-9][0-9]{0,4}-[0-9]", code):
        return True  # how their check digit is made is not published
    match = re.fullmatch(r"([1-9][0-9]{0,5})-([0-9])", code)
    if match is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(match.group(1) + match.group(2))):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _form(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda code: compiled.fullmatch(code) is not None


class Terminology(NamedTuple):
    """A code system whose codes may stay."""

    system: str  # the URI that is written
    is_code: Callable[[str], bool]


_ICD10 = _form(r"[A-TV-Z][0-9][0-9AB](?:\.?[0-9A-Z]{1,4})?")
# By the prefix that kg.identifiers gives a system. Not among them, because any number of nine
# digits is one of their codes: PubChem, NCBI Gene.
_TERMINOLOGIES: Final[Mapping[str, Terminology]] = {
    "SNOMEDCT": Terminology("http://snomed.info/sct", is_snomed),
    "LOINC": Terminology("http://loinc.org", is_loinc),
    "RXNORM": Terminology("http://www.nlm.nih.gov/research/umls/rxnorm", _form("[1-9][0-9]{0,6}")),
    "ATC": Terminology(
        "http://www.whocc.no/atc", _form("[A-V](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?")
    ),
    "ICD10CM": Terminology("http://hl7.org/fhir/sid/icd-10-cm", _ICD10),
    "ICD10": Terminology("http://hl7.org/fhir/sid/icd-10", _ICD10),
    "ICD9CM": Terminology(
        "http://hl7.org/fhir/sid/icd-9-cm",
        _form(r"(?:[0-9]{3}|V[0-9]{2})(?:\.?[0-9]{1,2})?|E[0-9]{3}(?:\.?[0-9])?"),
    ),
    "UNII": Terminology("http://fdasis.nlm.nih.gov", _form("(?=.*[A-Z])[0-9A-Z]{10}")),
    "MESH": Terminology("http://id.nlm.nih.gov/mesh", _form("[CD][0-9]{6}(?:[0-9]{3})?")),
    "UMLS": Terminology("http://www.nlm.nih.gov/research/umls", _form("C[0-9]{7}")),
    "OMIM": Terminology("http://www.omim.org", _form("[1-6][0-9]{5}")),
    "MONDO": Terminology("http://purl.obolibrary.org/obo/mondo.owl", _form("[0-9]{7}")),
    "DOID": Terminology("http://purl.obolibrary.org/obo/doid.owl", _form("[0-9]{1,7}")),
    "HP": Terminology("http://purl.obolibrary.org/obo/hp.owl", _form("[0-9]{7}")),
    "ORPHA": Terminology("http://www.orpha.net", _form("[1-9][0-9]{0,5}")),
    "DRUGBANK": Terminology("https://go.drugbank.com", _form("DB[0-9]{5}")),
    "CHEMBL.COMPOUND": Terminology("https://www.ebi.ac.uk/chembl", _form("CHEMBL[1-9][0-9]{0,6}")),
    "NDFRT": Terminology("http://hl7.org/fhir/ndfrt", _form("N[0-9]{10}")),
    "NCIT": Terminology("http://ncithesaurus-stage.nci.nih.gov", _form("C[1-9][0-9]{1,5}")),
    "HGNC": Terminology("http://www.genenames.org", _form("[1-9][0-9]{0,4}")),
}
TERMINOLOGIES: Final = {terms.system: terms for terms in _TERMINOLOGIES.values()}

# LOINC codes of what Safe Harbor removes: name, address, numbers, birth date.
_PERSONAL = frozenset(
    ["45392-8", "45393-6", "45394-4", "45395-1", "45396-9", "45397-7", "45400-9", "45401-7",
     "42077-8", "56799-0", "21112-8"]
)  # fmt: skip


class Code(NamedTuple):
    """A code that may stay, its system as it is written here."""

    system: str
    code: str


def known_code(system: object, code: object) -> Code | None:
    """The code in its usual spelling if it may stay, else None."""
    is_text = isinstance(system, str) and isinstance(code, str)
    return _known(system, code) if is_text and len(system) + len(code) < 200 else None  # type: ignore[arg-type]


@lru_cache(maxsize=2**14)
def _known(system: str, code: str) -> Code | None:
    if ABSENT.rpartition("/")[2] in system and code in _NOTHING_KNOWN:
        return Code(ABSENT, code)
    curie = from_system(clean(system), clean(code))
    prefix, _, local = curie.partition(":") if curie else ("", "", "")
    terms = _TERMINOLOGIES.get(prefix)
    if terms is None or not terms.is_code(local):
        return None
    return None if prefix == "LOINC" and local in _PERSONAL else Code(terms.system, local)


_NOTHING_KNOWN = frozenset(
    ["no-known-allergies", "no-known-medication-allergies", "no-known-environmental-allergies",
     "no-known-food-allergies", "no-allergy-info", "no-known-problems", "no-problem-info",
     "no-known-medications", "no-medication-info"]
)  # fmt: skip

# FHIR's own code systems: URI -> codes. Small, and the same in every hospital.
VALUE_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    f"{HL7}condition-clinical": CODES["Condition", "clinicalStatus"],
    f"{HL7}condition-ver-status": CODES["Condition", "verificationStatus"],
    f"{HL7}allergyintolerance-clinical": CODES["AllergyIntolerance", "clinicalStatus"],
    f"{HL7}allergyintolerance-verification": CODES["AllergyIntolerance", "verificationStatus"],
    f"{HL7}condition-category": ("problem-list-item", "encounter-diagnosis"),
    f"{HL7}observation-category": (
        "social-history", "vital-signs", "imaging", "laboratory", "procedure", "survey", "exam",
        "therapy", "activity"),
    f"{HL7}data-absent-reason": (
        "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked",
        "not-applicable", "unsupported", "as-text", "error", "not-a-number", "negative-infinity",
        "positive-infinity", "not-performed", "not-permitted"),
    f"{HL7}v3-ObservationInterpretation": (
        "N", "A", "AA", "H", "HH", "HU", "L", "LL", "LU", "POS", "NEG", "IND", "S", "R", "I",
        "DET", "ND"),
    f"{HL7}dose-rate-type": ("calculated", "ordered"),
}  # fmt: skip

# UCUM units of measurements and doses, and a few that systems write instead. Listed one by one,
# because UCUM allows any words in braces.
_UCUM_UNITS = (
    "% 1 cm mm m [in_i] [ft_i] kg g mg ug ng pg [lb_av] [oz_av] L dL mL uL fL kg/m2 m2 cm2 "
    "mm[Hg] cm[H2O] kPa Cel [degF] /min {beats}/min {breaths}/min bpm s min h d wk mo a ms Hz "
    "mol mmol umol nmol mmol/L umol/L nmol/L pmol/L mmol/mol mol/L g/L g/dL mg/dL mg/L ug/dL ug/L "
    "ug/mL ng/mL ng/dL ng/L pg/mL pg/dL mg/g ug/mg mg/mmol ug/g mg/24h g/24h mg/d g/d mL/min "
    "mL/min/{1.73_m2} mL/min/1.73.m2 mL/min/1.73m2 10*3/uL 10*6/uL 10*9/L 10*12/L /uL /mL /L "
    "10*3 10*6 {cells}/uL U/L U/mL kU/L [IU]/L [IU]/mL m[IU]/L m[IU]/mL u[IU]/mL k[IU]/L IU/L "
    "mIU/L K/uL M/uL [IU] [iU] U mU/L meq/L meq mosm/kg mosm/L [pH] pH {score} (score) {count} "
    "{ratio} {INR} {T-score} {nominal} {index} ratio units mm/h mL/h mL/kg/h L/min L/s mg/kg "
    "mg/kg/d mg/h ug/h ug/kg ug/min g/kg dB[SPL] dB kcal kcal/d {tbl} {tablet} {capsule} {puff} "
    "{drop} {patch} {dose} TAB CAP [drp] {pack}/a {pack-years} {cigarettes}/d {drinks}/wk"
)
UNITS: Final = frozenset(_UCUM_UNITS.split())

# Words that FHIR requires, by element; the rest are in intake.resource.CODES.
GENDERS: Final = ("male", "female", "other", "unknown")
COMPARATORS: Final = ("<", "<=", ">=", ">")
ALLERGY_TYPES: Final = ("allergy", "intolerance")
ALLERGY_CATEGORIES: Final = ("food", "medication", "environment", "biologic")
CRITICALITIES: Final = ("low", "high", "unable-to-assess")
SEVERITIES: Final = ("mild", "moderate", "severe")
TIME_UNITS: Final = ("s", "min", "h", "d", "wk", "mo", "a")

# US Core: the race and ethnicity categories of the Office of Management and Budget.
OMB: Final = "urn:oid:2.16.840.1.113883.6.238"
RACE_URL: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY_URL: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
RACES: Final = ("1002-5", "2028-9", "2054-5", "2076-8", "2106-3")
ETHNICITIES: Final = ("2135-2", "2186-5")
