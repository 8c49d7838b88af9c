"""What HIPAA's Safe Harbor method asks for, and under which of its categories an element falls.

45 CFR 164.514(b)(2)(i) lists eighteen categories, (A) to (R). Nothing is kept *because* it is in
none of them: the allowlist in ``intake.deidentify.elements`` says what is kept. The categories only
say, in the report, why something was removed.
"""

import re
from typing import Final

# The letter and a short name of each category; what has none of its own in FHIR is in free text,
# extensions and identifiers, which are removed whole.
CATEGORIES: Final = {
    "A": "names",
    "B": "geography smaller than a state",
    "C": "dates more exact than the year, and ages over 89",
    "D": "telephone numbers",
    "E": "fax numbers",
    "F": "email addresses",
    "G": "social security numbers",
    "H": "medical record numbers",
    "I": "health plan beneficiary numbers",
    "J": "account numbers",
    "K": "certificate and licence numbers",
    "L": "vehicle identifiers, licence plates included",
    "M": "device identifiers and serial numbers",
    "N": "web addresses (URLs)",
    "O": "internet (IP) addresses",
    "P": "biometric identifiers",
    "Q": "full-face photographs and comparable images",
    "R": "any other unique number, characteristic or code",
}
# Reasons besides the categories.
FREE_TEXT: Final = "free text"  # may hold any of them
OTHER: Final = "not on the allowlist"

# ZIP areas of three digits with 20,000 people or fewer by the census of 2000: HHS, Office for Civil
# Rights, "Guidance Regarding Methods for De-identification of Protected Health Information", 26
# November 2012, section 3.2. HHS has published no newer list.
SMALL_ZIP3: Final = frozenset(
    ["036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
     "879", "884", "890", "893"]
)  # fmt: skip
ZIP: Final = re.compile(r"([0-9]{3})[0-9]{2}(?:-?[0-9]{4})?")

OLDEST: Final = 89  # years; every higher age is one class, "90 or older"

_TELECOM = {"phone": "D", "sms": "D", "pager": "D", "fax": "E", "email": "F", "url": "N"}
# HL7 v2 table 0203.
_IDENTIFIERS = {
    "SS": "G", "MR": "H", "MRT": "H", "PI": "H", "MB": "I", "MC": "I", "MA": "I", "SN": "I",
    "HC": "I", "AN": "J", "BA": "J", "ACSN": "J", "DL": "K", "PPN": "K", "LN": "K", "MD": "K",
    "SNO": "M", "UDI": "M", "VIN": "L",
}  # fmt: skip
_ELEMENTS = {
    "A": "name contact family given prefix suffix performer recorder asserter requester author "
    "generalPractitioner practitioner agent informationSource link",
    "B": "address city district line state postalCode country location serviceProvider "
    "managingOrganization organization",
    "C": "birthDate issued lastUpdated authoredOn recordedDate dateAsserted date created "
    "lastOccurrence start end timing onsetAge abatementAge multipleBirthInteger",
    "I": "subscriberId beneficiary insurance insurer payor policyHolder",
    "J": "account",
    "M": "device udiCarrier udi serialNumber lotNumber batch manufacturer focus",
    "N": "url fullUrl source profile implicitRules instantiatesUri instantiatesCanonical endpoint",
    "Q": "photo image media",
    "R": "id identifier extension modifierExtension meta encounter basedOn partOf specimen "
    "groupIdentifier maritalStatus communication language multipleBirthBoolean",
    FREE_TEXT: "text note div display comment description title contentType data attachment "
    "valueString onsetString abatementString patientInstruction additionalInstruction unit",
}
_CATEGORY_OF = {name: letter for letter, names in _ELEMENTS.items() for name in names.split()}
_IS_TIME = re.compile(r"(?:Date|DateTime|Period|Instant|Time)\Z")
_OTHERS = (
    "active category clinicalStatus code coding component contained criticality dataAbsentReason "
    "deceasedBoolean dispenseRequest dosage dosageInstruction doseAndRate evidence gender "
    "hasMember ingredient intent interpretation medicationCodeableConcept medicationReference "
    "method priority quantity reaction reasonCode reasonReference referenceRange route severity "
    "stage status statusReason subject patient substitution substance system type valueBoolean "
    "telecom valueCodeableConcept valueInteger valueQuantity "
    "valueRange valueRatio valueSampledData "
    "verificationStatus bodySite derivedFrom manifestation exposureRoute detail version"
)
_ALSO_KNOWN = frozenset(_OTHERS.split())


def reported_name(name: str) -> str:
    """``name`` as a report may say it: the names in a record may be anything."""
    is_known = name in _CATEGORY_OF or name in _ALSO_KNOWN
    return name if is_known or name in _TIMES else "(other)"


_TIMED = (
    "onsetDateTime onsetPeriod abatementDateTime abatementPeriod effectiveDateTime effectivePeriod "
    "effectiveInstant effectiveTiming valueDateTime valuePeriod valueTime deceasedDateTime "
    "boundsPeriod validityPeriod period"
)
_TIMES = frozenset(_TIMED.split())


def category(name: str, value: object) -> str:
    """The category under which removing the element ``name`` is reported.

    Args:
        name: the element's name in its parent.
        value: what was removed; looked at only for the kind of a contact or identifier.
    """
    if name == "telecom":
        return _TELECOM.get(_first_text(value, "system"), "D")
    if name == "identifier":
        return _IDENTIFIERS.get(_kind(value), "R")
    if name in _CATEGORY_OF:
        return _CATEGORY_OF[name]
    return "C" if _IS_TIME.search(name) else OTHER


def zip3(text: object) -> str:
    """The three digits of a ZIP code that may stay, "000" for a small area; "" for no ZIP code."""
    match = ZIP.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return ""
    return "000" if match.group(1) in SMALL_ZIP3 else match.group(1)


def _first_text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _kind(value: object) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    listed = kind.get("coding") if isinstance(kind, dict) else None
    for coding in listed if isinstance(listed, list) else ():
        if _first_text(coding, "code") in _IDENTIFIERS:
            return _first_text(coding, "code")
    return ""
