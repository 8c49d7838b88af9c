"""The safety part alone: drugs by name against a patient, and against each other."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from intake.routes import stated_route
from kg.graph import Graph
from kg.names import resolve_drug
from recommend.answers.gaps import missing, not_assessed
from recommend.errors import ProfileError
from recommend.profile import ROUTES, Fact, Knowledge, PatientProfile, Route
from recommend.safety import PatientState, SafetyRules, check_drug, vetoes
from recommend.suggestion import Outcome, Verdict
from service.errors import DrugNameError, SettingsError
from service.profiles import read_profile_file
from service.settings import Settings

MOST = 200  # drugs at once


@dataclass(frozen=True)
class CheckedDrug:
    """One drug and everything that the rules say of it.

    Attributes:
        drug: CURIE of an ingredient.
        name: of the node.
        asked: as it was given.
        verdicts: one or more a check, in the order of the checks.
        answer: ``"contraindicated"`` (do not give), ``"acknowledge"`` (a major hit), ``"caution"``
            (any other hit), ``"clear"`` or ``"not covered"``: clear only if every check is.
    """

    drug: str
    name: str
    asked: str
    verdicts: tuple[Verdict, ...]

    @property
    def answer(self) -> str:
        """See the class."""
        hits = {v.severity for v in self.verdicts if v.outcome is Outcome.HIT}
        if vetoes(self.verdicts):
            return "contraindicated"
        if "major" in hits:
            return "acknowledge"
        if hits:
            return "caution"
        is_clear = all(v.outcome is Outcome.CLEAR for v in self.verdicts)
        return "clear" if is_clear else "not covered"


@dataclass(frozen=True)
class Checked:
    """What :func:`check_drugs` found.

    Attributes:
        drugs: in the order given; a product once an ingredient.
        not_assessed: what of the patient has no node, one sentence each.
        missing: what else is not known.
        graph: fingerprint.
        rules: digest of the rules.
    """

    drugs: tuple[CheckedDrug, ...]
    not_assessed: tuple[str, ...]
    missing: tuple[str, ...]
    graph: str
    rules: str

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "drugs": [{**asdict(d), "answer": d.answer} for d in self.drugs]}


def check_drugs(
    graph: Graph,
    names: Sequence[str],
    profile: PatientProfile | None = None,
    *,
    route: Route = "",
) -> Checked:
    """Check drugs against a patient and against each other.

    Args:
        graph: whose rules are asked.
        names: of drugs or products, or CURIEs.
        profile: of the patient; without one, the drugs named are taken for all that there are, and
            nothing else is known.
        route: by which the drugs are to be given, for rules about systemic use.

    Raises:
        DrugNameError: a name that no node has, or only one that is spelt alike or broader; or too
            many names.
        ProfileError: the patient is deceased.
    """
    if len(names) > MOST:
        raise DrugNameError(f"{len(names):,} drugs are too many to be checked at once: {MOST} can")
    if profile is not None and profile.deceased:
        raise ProfileError("the patient is recorded as deceased: nothing is checked")
    asked = [(name, drug) for name in names for drug in _ingredients(graph, name)]
    rules = SafetyRules.read(graph)
    patient = profile or PatientProfile(drugs_known=Knowledge.EMPTY)
    checked = []
    for place, (name, drug) in enumerate(asked):
        others = tuple(
            Fact(other, basis=text, route=route)
            for number, (text, other) in enumerate(asked)
            if number != place
        )
        known = {fact.node for fact in patient.drugs}
        added = tuple(fact for fact in others if fact.node not in known)
        state = PatientState(_with(patient, added), rules)
        verdicts = check_drug(rules, state, drug, route=route)
        checked.append(CheckedDrug(drug, rules.name(drug), name, verdicts))
    state = PatientState(patient, rules)
    gaps = missing(state, {}) if profile else ("no patient was given: only the drugs are compared",)
    return Checked(
        tuple(checked), not_assessed(patient), tuple(gaps), graph.fingerprint, rules.digest
    )


def check_for(
    settings: Settings,
    graph: Graph,
    names: Sequence[str],
    *,
    patient: str | None = None,
    profile: Path | None = None,
    route: str = "",
    confirmed: Collection[str] = (),
    is_emergency: bool = False,
) -> Checked:
    """Check drugs for a stored patient, for a profile in a file, or only among each other.

    The reading of a stored patient leaves its audit entry.

    Args:
        settings: where the store is.
        graph: whose rules are asked.
        names: of drugs or products, or CURIEs.
        patient: id of a stored patient.
        profile: a JSON file.
        route: by which the drugs are to be given; one of :data:`recommend.profile.ROUTES`.
        confirmed: nodes whose near or old facts a person has confirmed.
        is_emergency: the patient's record is read behind broken glass.

    Raises:
        SettingsError: an unknown route.
        DrugNameError: a name that no node surely has.
        ProfileError: the file is not a profile, or has no fact of a node in ``confirmed``.
        AccessDeniedError, NotFoundError, ErasedError, DecryptionError, StaleRecordError: of the
            stored patient.
    """
    given = stated_route(route)
    if given is None:
        known = ", ".join(filter(None, ROUTES))
        raise SettingsError(f"unknown route {route!r}; expected one of {known}")
    found = None
    if profile is not None:
        found = read_profile_file(profile, graph)
    elif patient is not None:
        # The store is opened only here: a check of a file must not wait for its libraries.
        from intake import to_profile
        from service.patients import EMERGENCY, TREATMENT, open_store, read_record

        purpose = EMERGENCY if is_emergency else TREATMENT
        with open_store(settings) as database:
            resources = read_record(database, patient, actor=settings.actor, purpose=purpose)
        found = to_profile(resources, graph, today=date.today())
    if found is not None:
        found = found.confirm(confirmed)
    return check_drugs(graph, names, found, route=given)


def _with(profile: PatientProfile, added: Collection[Fact]) -> PatientProfile:
    if not added:
        return profile
    known = profile.drugs_known
    return replace(
        profile,
        drugs=(*profile.drugs, *added),
        drugs_known=Knowledge.KNOWN if known is Knowledge.EMPTY else known,
    )


def _ingredients(graph: Graph, name: str) -> list[str]:
    """The Drug nodes that ``name`` surely means."""
    found = graph.find(name)
    if found is not None and found[0] == "Drug":
        return [graph.node(*found).id]
    resolution = resolve_drug(graph, name)
    sure = [m.node.id for m in resolution.matches if m.grade in ("exact", "xref")]
    if sure and resolution.complete:
        return sure
    alike = ", ".join(m.node.name for m in resolution.matches)
    hint = f"it may be {alike}: give the name as it is written there" if alike else "check it"
    raise DrugNameError(f"no drug of the graph is surely {name!r}; {hint}")
