"""The allowlist: the elements of FHIR R4 that may stay, by resource type, and how.

What is not here does not leave, whatever it holds. The Patient is not here: of it only the
quasi-identifiers leave, generalised, see ``intake.deidentify.anonymity``.

An entry whose meaning would change is dropped whole: one with a ``modifierExtension`` or
``implicitRules``, with a status that is not R4's, or without the code, drug or value that it is
about.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from intake.deidentify import terms
from intake.deidentify.rules import (
    Rule,
    concept,
    count,
    day,
    flag,
    linked,
    many,
    number,
    of_value_set,
    part,
    quantity,
    time_unit,
    word,
    words,
)
from intake.deidentify.terms import HL7
from intake.resource import CODES


class Elements(NamedTuple):
    """What may stay of one type.

    Attributes:
        rules: element -> rule.
        needs: of each group one must be left, or the entry is dropped.
        decisive: if one of these is there and cannot stay, the entry is dropped.
    """

    rules: Mapping[str, Rule]
    needs: Collection[tuple[str, ...]] = ()
    decisive: Collection[str] = ()


_period = part({"start": day, "end": day})
_absent = of_value_set(f"{HL7}data-absent-reason")
_timing = part(
    {
        "repeat": part(
            {
                "boundsPeriod": _period,
                "boundsDuration": quantity,
                "count": count,
                "duration": number,
                "durationUnit": time_unit,
                "frequency": count,
                "frequencyMax": count,
                "period": number,
                "periodMax": number,
                "periodUnit": time_unit,
            }
        )
    }
)
_dosages = many(
    part(
        {
            "sequence": count,
            "timing": _timing,
            "asNeededBoolean": flag,
            "route": concept,
            "doseAndRate": many(
                part(
                    {
                        "type": of_value_set(f"{HL7}dose-rate-type"),
                        "doseQuantity": quantity,
                        "rateQuantity": quantity,
                    },
                    needs=[("doseQuantity", "rateQuantity")],
                )
            ),
        }
    )
)
_medication: Mapping[str, Rule] = {
    "medicationCodeableConcept": concept,
    "medicationReference": linked,
}
_VALUES = (
    "valueQuantity",
    "valueCodeableConcept",
    "valueBoolean",
    "valueInteger",
    "valueDateTime",
    "valuePeriod",
)
_values: Mapping[str, Rule] = {
    "valueQuantity": quantity,
    "valueCodeableConcept": concept,
    "valueBoolean": flag,
    "valueInteger": count,
    "valueDateTime": day,
    "valuePeriod": _period,
    "dataAbsentReason": _absent,
    "interpretation": many(of_value_set(f"{HL7}v3-ObservationInterpretation")),
}

COMPONENT_NEEDS: Final = (("code",), (*_VALUES, "dataAbsentReason"))

ELEMENTS: Final[Mapping[str, Elements]] = {
    "Condition": Elements(
        {
            "clinicalStatus": of_value_set(f"{HL7}condition-clinical"),
            "verificationStatus": of_value_set(f"{HL7}condition-ver-status"),
            "category": many(of_value_set(f"{HL7}condition-category")),
            "severity": concept,
            "code": concept,
            "bodySite": many(concept),
            "onsetDateTime": day,
            "onsetPeriod": _period,
            "onsetAge": quantity,
            "abatementDateTime": day,
            "abatementPeriod": _period,
            "abatementAge": quantity,
            "recordedDate": day,
        },
        needs=[("code",)],
        decisive=["clinicalStatus", "verificationStatus"],
    ),
    "MedicationRequest": Elements(
        {
            "status": word(*CODES["MedicationRequest", "status"]),
            "intent": word(*CODES["MedicationRequest", "intent"]),
            "doNotPerform": flag,
            **_medication,
            "authoredOn": day,
            "reasonCode": many(concept),
            "reasonReference": many(linked),
            "dosageInstruction": _dosages,
            "dispenseRequest": part(
                {
                    "validityPeriod": _period,
                    "numberOfRepeatsAllowed": count,
                    "quantity": quantity,
                    "expectedSupplyDuration": quantity,
                }
            ),
        },
        needs=[tuple(_medication), ("status",), ("intent",)],
        decisive=["doNotPerform"],
    ),
    "MedicationStatement": Elements(
        {
            "status": word(*CODES["MedicationStatement", "status"]),
            **_medication,
            "effectiveDateTime": day,
            "effectivePeriod": _period,
            "dateAsserted": day,
            "reasonCode": many(concept),
            "reasonReference": many(linked),
            "dosage": _dosages,
        },
        needs=[tuple(_medication), ("status",)],
    ),
    "Medication": Elements(
        {
            "status": word("active", "inactive", "entered-in-error"),
            "code": concept,
            "form": concept,
            "ingredient": many(
                part(
                    {"itemCodeableConcept": concept, "itemReference": linked, "isActive": flag},
                    needs=[("itemCodeableConcept", "itemReference")],
                ),
                whole=True,
            ),
        },
        needs=[("code", "ingredient")],
        decisive=["status", "ingredient"],
    ),
    "AllergyIntolerance": Elements(
        {
            "clinicalStatus": of_value_set(f"{HL7}allergyintolerance-clinical"),
            "verificationStatus": of_value_set(f"{HL7}allergyintolerance-verification"),
            "type": word(*terms.ALLERGY_TYPES),
            "category": words(*terms.ALLERGY_CATEGORIES),
            "criticality": word(*terms.CRITICALITIES),
            "code": concept,
            "onsetDateTime": day,
            "onsetPeriod": _period,
            "onsetAge": quantity,
            "recordedDate": day,
            "lastOccurrence": day,
            "reaction": many(
                part(
                    {
                        "substance": concept,
                        "manifestation": many(concept),
                        "onset": day,
                        "severity": word(*terms.SEVERITIES),
                    }
                )
            ),
        },
        needs=[("code",)],
        decisive=["clinicalStatus", "verificationStatus"],
    ),
    "Observation": Elements(
        {
            "status": word(*CODES["Observation", "status"]),
            "category": many(of_value_set(f"{HL7}observation-category")),
            "code": concept,
            "effectiveDateTime": day,
            "effectivePeriod": _period,
            "effectiveInstant": day,
            **_values,
            "bodySite": concept,
            "method": concept,
            "hasMember": many(linked),
            "derivedFrom": many(linked),
            "component": many(
                part({"code": concept, **_values}, needs=COMPONENT_NEEDS),
                whole=True,
            ),
        },
        needs=[("code",), ("status",), (*_VALUES, "dataAbsentReason", "component", "hasMember")],
        decisive=[*_VALUES, "component", "dataAbsentReason"],
    ),
}
