"""Resources of one patient to the PatientProfile that the recommender may see.

Which entries count is said in ``intake.lists``, which observations in ``intake.observations``.
Facts of one node become one, see ``intake.merging``.
A partial birth date is taken at its latest, so the age is the youngest possible one: rules that
protect children then err on the safe side.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from intake.body import (
    WEIGHT,
    find_child_pugh,
    find_weight,
    is_child_pugh,
    observed_symptoms,
)
from intake.checks import complaint, forbidden
from intake.codes import Resolver, medications_of, says_nothing, stated_empty, worst
from intake.errors import MixedPatientsError
from intake.kidneys import CREATININE, read_kidneys
from intake.lactation import find_lactation
from intake.lists import (
    of_match,
    read_allergies,
    read_conditions,
    read_drugs,
    resolve_allergy,
)
from intake.merging import merged
from intake.observations import EGFR, LOINC, find_genes
from intake.pregnancy import find_pregnancy
from intake.resource import KEPT, Resource, codings, span
from kg.graph import Graph
from kg.names import Resolution
from recommend.profile import Fact, PatientProfile, Sex

_MEASURED = EGFR | CREATININE | WEIGHT
OLDEST = 130  # years; what is older is a wrong birth date


def to_profile(
    resources: Iterable[Resource], graph: Graph | Resolver, *, today: date
) -> PatientProfile:
    """The profile of the patient whose resources these are.

    Args:
        resources: FHIR R4 resources as they came, in any order; other types are passed over, and
            what cannot be used is listed in ``unmapped``.
        graph: where codes are looked up; a Resolver remembers them from patient to patient.
        today: the day the profile is for.

    Raises:
        MixedPatientsError: there is more than one Patient.
    """
    resolver = graph if isinstance(graph, Resolver) else Resolver(graph)
    by_type = _by_type(resources)
    patient = _the_patient(by_type["Patient"])
    age, sex = _age(patient, today), _sex(patient)
    observations = [result for result in by_type["Observation"] if _may_matter(result)]
    conditions, symptoms = read_conditions(by_type["Condition"], resolver, today=today)
    drugs, past = read_drugs(
        by_type["MedicationRequest"] + by_type["MedicationStatement"],
        by_type["Medication"],
        resolver,
        today=today,
    )
    allergies = read_allergies(by_type["AllergyIntolerance"], resolver)
    genes, unmapped_genes = find_genes(observations, resolver, today=today)
    problems = [entry for entry in by_type["Condition"] if not complaint(entry)]
    pregnancy, doubts = find_pregnancy(observations, problems, today=today, sex=sex, age_years=age)
    kidneys = read_kidneys(observations, today=today, age_years=age, sex=sex)
    symptoms += [
        of_match(Fact("", start=day), match)
        for match, day in observed_symptoms(observations, resolver, today=today)
    ]
    current = _merged(drugs.facts)
    taken = {fact.node for fact in current}
    return PatientProfile(
        conditions=_merged(conditions.facts),
        drugs=current,
        past_drugs=tuple(fact for fact in _merged(past) if fact.node not in taken),
        allergies=_merged(allergies.facts),
        symptoms=_merged(symptoms),
        genes=genes,
        conditions_known=conditions.known(),
        drugs_known=drugs.known(),
        allergies_known=allergies.known(),
        day=today,
        age_years=age,
        sex=sex,
        pregnancy=pregnancy,
        lactation=find_lactation(observations, problems, today=today, sex=sex, age_years=age),
        egfr=kidneys.egfr,
        creatinine=kidneys.creatinine,
        weight_kg=find_weight(observations, today=today, age_years=age),
        kidney_doubt=kidneys.doubt,
        child_pugh=find_child_pugh(observations, today=today),
        deceased=_is_deceased(patient),
        unmapped=tuple(
            dict.fromkeys(
                [
                    *conditions.unmapped,
                    *drugs.unmapped,
                    *allergies.unmapped,
                    *unmapped_genes,
                    *doubts,
                ]
            )
        ),
    )


def code_grades(resources: Iterable[Resource], graph: Graph | Resolver) -> Counter[str]:
    """How the codes of all conditions, drugs and allergies map, current or not.

    Returns:
        ``exact``, ``xref``, ``broader``, ``near`` and ``unmapped`` to numbers of entries. A drug
        counts by its weakest ingredient and is unmapped if one is missing.
    """
    resolver = graph if isinstance(graph, Resolver) else Resolver(graph)
    by_type = _by_type(resources)
    medications = medications_of(by_type["Medication"])
    counts: Counter[str] = Counter()

    def count(entries: Sequence[Resource], resolve: Callable[[Resource], Resolution]) -> None:
        for entry in entries:
            found = Resolution((), False) if complaint(entry) else resolve(entry)
            near = any(match.grade == "near" for match in found.matches)
            counts[worst(found.matches) if found.complete or near else "unmapped"] += 1

    count(by_type["Condition"], lambda entry: resolver.condition(entry.get("code")))
    count(
        by_type["MedicationRequest"] + by_type["MedicationStatement"],
        lambda entry: resolver.medication(entry, medications),
    )
    statements = [
        entry
        for entry in by_type["AllergyIntolerance"]
        if not (stated_empty(entry.get("code")) or says_nothing(entry.get("code")))
    ]
    count(statements, lambda entry: resolve_allergy(entry, resolver))
    return counts


def _by_type(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {kind: [] for kind in KEPT}
    for resource in resources:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if isinstance(kind, str) and kind in found:
            found[kind].append(resource)
    return found


def _may_matter(observation: Resource) -> bool:
    """Whether one of the readers may look at it; of a thousand measurements few are."""
    if "valueQuantity" not in observation or "component" in observation:
        return True
    found = codings(observation.get("code"))
    return any(coding.system == LOINC and coding.code in _MEASURED for coding in found) or (
        is_child_pugh(observation)
    )


def _the_patient(patients: list[Resource]) -> Resource:
    if len(patients) > 1:
        raise MixedPatientsError(
            f"{len(patients)} Patient resources",
            "a profile is made of the resources of one patient",
        )
    usable = [patient for patient in patients if not forbidden(patient)]
    return usable[0] if usable else {}


def _age(patient: Resource, today: date) -> float | None:
    """Years lived, with the fraction of the year since the last birthday."""
    stated = span(patient.get("birthDate"))
    if stated is None or stated.first > today or today.year - stated.first.year > OLDEST:
        return None
    born = min(stated.last, today)
    years = today.year - born.year
    if _birthday(born, today.year) > today:
        years -= 1
    last, following = (_birthday(born, born.year + years + n) for n in (0, 1))
    age = years + (today - last).days / (following - last).days
    return age if age <= OLDEST else None


def _birthday(born: date, year: int) -> date:
    if (born.month, born.day) == (2, 29):
        return date(year, 3, 1) if not _is_leap(year) else date(year, 2, 29)
    return born.replace(year=year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _sex(patient: Resource) -> Sex:
    known: dict[object, Sex] = {"female": "female", "male": "male", "other": "other"}
    gender = patient.get("gender")
    return known.get(gender, "unknown") if isinstance(gender, str) else "unknown"


def _is_deceased(patient: Resource) -> bool:
    # An unreadable statement of death is one: to refuse is the smaller error.
    return patient.get("deceasedBoolean") not in (None, False) or "deceasedDateTime" in patient


def _merged(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """One fact a node, sorted by node."""
    return tuple(sorted(merged(facts), key=lambda fact: fact.node))
