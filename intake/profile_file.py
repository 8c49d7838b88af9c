"""A profile as people write it to a PatientProfile: names, brands and codes are looked up.

The fields are those of :class:`recommend.profile.PatientProfile`. An entry of a list may be a
CURIE, a code with its system, a name or a brand, alone or in an object beside status, dates, dose
and route::

    {"conditions": ["atrial fibrillation", "SNOMEDCT:38341003", "DOID:9352"],
     "drugs": ["warfarin", {"name": "Percocet"}, {"name": "timolol", "route": "eye"}],
     "allergies": ["penicillin"], "genes": {"CYP2D6": "Poor Metabolizer"},
     "age_years": 71, "sex": "female", "egfr": 55}

What no node answers to is listed as ``unmapped``; the list is then known, but has a gap. A list
that is given and empty is known to be empty; one that is absent, or that has only what is over, is
unknown. Nothing is stale here: who writes a list says that it holds.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from intake.codes import Resolver, stated_empty
from intake.history import REASONS, whose
from intake.merging import merged
from intake.phenotypes import usual_result
from intake.pregnancy import PERHAPS, is_implausible, says_breastfeeding
from intake.pregnancy_words import Speaks, says
from intake.profile_entry import NAMES, STATED, Entry, called, coding_of, entry_of
from intake.profile_status import is_past, is_true, with_statuses
from intake.resource import clean
from intake.routes import elsewhere, local_only, route_of_words, stated_route
from intake.symptoms import find_symptoms
from kg.graph import Graph
from kg.identifiers import from_system, spellings
from kg.names import Match, Resolution
from recommend.errors import ProfileError
from recommend.profile import ROUTES, Knowledge, PatientProfile

_LISTS = ("conditions", "drugs", "allergies")
_FACTS = (*_LISTS, "past_drugs", "symptoms")


def read_profile(document: object, graph: Graph | Resolver) -> PatientProfile:
    """The profile that ``document`` describes; nothing in it is dropped without being listed.

    A misspelt name gives a ``near`` fact, which a person must confirm. A drug with several
    ingredients gives one fact an ingredient. The words of its form ("eye drops", "cream") give the
    route where none is stated; a drug that is given locally to act in the whole body has none. Who
    cannot be pregnant by sex or age is not, unless the profile says so. A
    drug that was stopped goes to ``past_drugs``; one that is not taken is left out, and so is what
    is refuted or entered in error. What has an ``end`` before ``day`` (today, if there is none) and
    no status is over. A disease of the family is not one of the patient.

    Args:
        document: a JSON object, or its text.
        graph: where names are looked up; a Resolver remembers them.

    Raises:
        ProfileError: it is not JSON, names a key twice, or has an unknown field or a wrong value;
            the message names the field.
    """
    resolver = graph if isinstance(graph, Resolver) else Resolver(graph)
    if isinstance(document, str | bytes):
        document = _parsed(document)
    if not isinstance(document, Mapping):
        raise ProfileError("a profile is a JSON object")
    return _Reader(resolver).read(document)


def _parsed(text: str | bytes) -> object:
    """The JSON, without characters that act on a terminal or turn the direction of reading."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if clean(name) in found:
                raise ProfileError("the profile names a field twice in one object")
            found[clean(name)] = [*map(_read, value)] if isinstance(value, list) else _read(value)
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ProfileError:
        raise
    except (ValueError, RecursionError):
        raise ProfileError("the profile is not JSON") from None


def _read(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


class _Reader:
    """One document on its way to nodes: what is found, and what is left over."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.unmapped: list[dict[str, str]] = []
        self.symptoms: list[Entry] = []
        self.past: list[Entry] = []
        self.day = date.max

    def read(self, document: Mapping[str, Any]) -> PatientProfile:
        result = dict(document)
        self.day = _day(document)
        self._read_states(result)
        for name, read in (
            ("conditions", self._condition),
            ("drugs", self._drug),
            ("past_drugs", self._drug),
            ("allergies", self._allergy),
            ("symptoms", self._symptom),
        ):
            if name in document:
                result[name] = self._entries(name, document[name], result, read)
        for name, more in (("symptoms", self.symptoms), ("past_drugs", self.past)):
            if more:
                result[name] = [*result.get(name, []), *more]
        if "genes" in document:
            result["genes"] = list(self._genes(document["genes"]))
        if self.unmapped:
            stated = document.get("unmapped", [])
            if not isinstance(stated, list):
                raise ProfileError("unmapped must be a list")
            result["unmapped"] = [*stated, *(u for u in self.unmapped if u not in stated)]
        profile = PatientProfile.from_json(result)
        lists: dict[str, Any] = {name: merged(getattr(profile, name)) for name in _FACTS}
        return replace(profile, **lists)

    def _entries(
        self,
        name: str,
        listed: object,
        result: dict[str, Any],
        read: Callable[[Entry], Iterable[Entry]],
    ) -> list[Entry]:
        """The facts of one list; sets what is known of it where the list alone does not say."""
        if not isinstance(listed, list):
            raise ProfileError(f"{name} must be a list")
        entries = [with_statuses(name, entry_of(name, item), self.day) for item in listed]
        true = [entry for entry in entries if is_true(name, entry)]
        kept = [entry for entry in true if stated_empty({"text": called(entry)}) != name]
        facts = [fact for entry in kept for fact in read(entry)]
        if name in _LISTS and result.get(f"{name}_known") is None:
            is_stated_empty = not entries or len(kept) < len(true)
            if is_stated_empty and not facts:
                state = Knowledge.EMPTY
            elif is_stated_empty or any(map(partial(self._is_current, name), kept)):
                state = Knowledge.KNOWN
            else:
                state = Knowledge.UNKNOWN
            result[f"{name}_known"] = str(state)
        return facts

    def _is_current(self, name: str, entry: Entry) -> bool:
        """Whether a list is known by this entry."""
        is_own = name != "conditions" or whose(called(entry)).whose == "own"
        return is_own and (name == "allergies" or not is_past(name, entry))

    def _condition(self, entry: Entry) -> list[Entry]:
        text = called(entry)
        if self._speaks(entry) == "pregnant" or says_breastfeeding(text):
            return []  # see _read_states
        node = self._stated("Disease", entry)
        if node:
            return [node]
        history = whose(text)
        if history.whose in REASONS:
            self._leave("condition", text, REASONS[history.whose])
            return []
        found = self._resolve(entry, self.resolver.condition)
        if history.whose == "past":
            if not is_past("conditions", entry):
                entry = {**entry, "status": "resolved"}
            if not found.matches:
                found = self.resolver.condition({"text": history.name})
        if not found.matches:
            symptoms = find_symptoms(self.resolver, {"text": text})
            self.symptoms += self._facts(entry, symptoms)
            reason = "it is a symptom, not a disease" if symptoms else "no disease has its name"
            self._leave("condition", text, reason)
        return self._found("condition", entry, found)

    def _drug(self, entry: Entry) -> list[Entry]:
        stated = self._stated("Drug", entry)
        if stated:
            facts = [stated]
        else:
            found = self._resolve(entry, self.resolver.drug)
            if not found.matches:
                self._leave("drug", called(entry), "no drug has its name")
            facts = self._found("drug", entry, found)
        names = [self._name("Drug", fact["node"]) for fact in facts]
        for fact in facts:
            route = _route(fact["route"]) if "route" in fact else route_of_words(called(entry))
            dose = fact.get("dose", "")
            if route not in ROUTES or not isinstance(dose, str):
                continue  # what is wrong with them is said when the profile is read
            if local_only(route, names) != route:
                fact["dose"], route = elsewhere(dose, route), ""
            fact["route"] = route
        if is_past("drugs", entry):
            self.past += facts
            return []
        return facts

    def _allergy(self, entry: Entry) -> list[Entry]:
        stated = self._stated("Drug", entry) or self._stated("DrugClass", entry)
        if stated:
            return [stated]
        found = self._resolve(entry, lambda c: self.resolver.allergen(c, near=True))
        if not found.matches:
            self._leave("allergy", called(entry), "no drug or class of drugs has its name")
        return self._found("allergy", entry, found)

    def _symptom(self, entry: Entry) -> list[Entry]:
        stated = self._stated("Symptom", entry) or self._stated("Phenotype", entry)
        if stated:
            return [stated]
        found = find_symptoms(self.resolver, {"text": called(entry)})
        if not found:
            self._leave("symptom", called(entry), "no symptom has its name")
        return self._facts(entry, found)

    def _stated(self, node_type: str, entry: Entry) -> Entry | None:
        """The entry as it is, if it is one of a node of the graph."""
        graph = self.resolver.graph
        node = entry.get("node") or entry.get("name") or ""
        place = graph.find(node)
        if place is None or place[0] != node_type:
            return None
        return {"node": node} | {k: v for k, v in entry.items() if k not in NAMES}

    def _resolve(self, entry: Entry, find: Callable[[object], Resolution]) -> Resolution:
        if entry.get("code") and entry.get("system"):
            return find({"coding": [coding_of(entry)]})
        text = called(entry)
        found = find({"text": text})
        for curie in () if found.matches else spellings(text):  # a code, with its system or without
            found = find({"text": curie})
            if found.matches:
                break
        return found

    def _found(self, kind: str, entry: Entry, found: Resolution) -> list[Entry]:
        """The facts of what was found; what of it was not goes to ``unmapped``."""
        if found.matches and found.unresolved:
            parts = ", ".join(map(repr, found.unresolved))
            self._leave(kind, called(entry), f"not all of it has a node: {parts}")
        elif found.matches and not found.complete and found.grade != "near":
            self._leave(kind, called(entry), "it is not certain what all of it means")
        return self._facts(entry, found.matches)

    def _facts(self, entry: Entry, matches: Iterable[Match]) -> list[Entry]:
        own = {k: v for k, v in entry.items() if k not in (*NAMES, *STATED)}
        return [
            {
                "node": match.node.id,
                "grade": match.grade,
                "basis": match.basis,
                "distance": match.distance,
                **own,
            }
            for match in matches
        ]

    def _genes(self, listed: object) -> Iterable[dict[str, str]]:
        if isinstance(listed, Mapping):
            listed = [{"gene": gene, "phenotype": said} for gene, said in listed.items()]
        if not isinstance(listed, list):
            raise ProfileError("genes must be a list of objects, or an object of phenotypes")
        for item in listed:
            if not isinstance(item, Mapping) or set(item) != {"gene", "phenotype"}:
                raise ProfileError("an entry of genes needs gene, phenotype and nothing else")
            gene, said = item["gene"], item["phenotype"]
            phenotypes = said if isinstance(said, list) else [said]
            if not all(isinstance(text, str) and text for text in [gene, *phenotypes]):
                raise ProfileError("the entries of genes must hold texts")
            symbol, star, _ = gene.partition("*")  # HLA-B*57:01
            node = self._gene(symbol)
            name = gene if node is None else self._name("Gene", node)
            for text in (usual_result(name, said) for said in phenotypes):
                phenotype = f"{gene} {text}" if star and "*" not in text else text
                if node is None:
                    self._leave("gene", f"{gene} {phenotype}", "no gene has its name")
                else:
                    yield {"gene": node, "phenotype": phenotype}

    def _gene(self, text: str) -> str | None:
        graph = self.resolver.graph
        place = graph.find(text)
        if place is not None and place[0] == "Gene":
            return text
        return self.resolver.gene(text.strip())

    def _read_states(self, result: dict[str, Any]) -> None:
        """Pregnancy and breastfeeding as yes or no, and where they stand among the conditions."""
        entries = self._held(result.get("conditions"))
        spoken = [(self._speaks(entry), called(entry)) for entry in entries]
        age, sex = result.get("age_years"), result.get("sex", "unknown")
        cannot_be = is_implausible(sex, age if isinstance(age, int | float) else None)
        for name, yes, is_said in (
            ("pregnancy", "pregnant", any(said == "pregnant" for said, _ in spoken)),
            ("lactation", "breastfeeding", any(says_breastfeeding(text) for _, text in spoken)),
        ):
            stated = result.get(name)
            if isinstance(stated, bool):
                result[name] = stated = yes if stated else f"not {yes}"
            if is_said:
                if stated == f"not {yes}" or (stated is None and cannot_be):
                    result[name] = "unknown"
                    self._leave("pregnancy", "", f"a condition says {yes}, which cannot be so")
                else:
                    result[name] = yes
            elif stated is None and cannot_be:
                result[name] = f"not {yes}"
        perhaps = [text for said, text in spoken if said == "perhaps"]
        if perhaps and result.get("pregnancy") != "pregnant":
            result["pregnancy"] = "unknown"
            if not _has_doubt(result.get("unmapped")):
                for text in dict.fromkeys(perhaps):
                    self._leave("pregnancy", text, PERHAPS)

    def _held(self, listed: object) -> list[Entry]:
        """The conditions that the patient is said to have now."""
        entries = [
            with_statuses("conditions", entry_of("conditions", item), self.day)
            for item in (listed if isinstance(listed, list) else ())
        ]
        return [e for e in entries if is_true("conditions", e) and not is_past("conditions", e)]

    def _speaks(self, entry: Entry) -> Speaks:
        """What a condition says of a pregnancy, by its code, its name or the name of its node."""
        text = called(entry)
        if entry.get("code") and entry.get("system"):
            coding = coding_of(entry)
            curies = [from_system(coding["system"], coding["code"]) or ""]
        else:
            curies = spellings(entry.get("code") or text)
        place = self.resolver.graph.find(entry.get("node") or text)
        if place is not None and place[0] == "Disease":
            text = self.resolver.graph.node(*place).name
        return says(curies, [text, entry.get("display", "")])

    def _name(self, node_type: str, node: str) -> str:
        graph = self.resolver.graph
        return graph.node(node_type, graph.row(node_type, node)).name

    def _leave(self, kind: str, text: str, reason: str) -> None:
        self.unmapped.append({"kind": kind, "text": text, "reason": reason})


def _day(document: Mapping[str, Any]) -> date:
    """The day of the profile, today if it has none; a wrong one is refused later."""
    try:
        return date.fromisoformat(str(document["day"]))
    except (KeyError, ValueError):
        return date.today()


def _has_doubt(unmapped: object) -> bool:
    """Whether a profile says already that its pregnancy is in doubt."""
    listed = unmapped if isinstance(unmapped, list) else []
    return any(isinstance(item, Mapping) and item.get("kind") == "pregnancy" for item in listed)


def _route(stated: object) -> object:
    """``stated`` as one of the routes; what is none of them stays, to be refused by its field."""
    found = stated_route(stated) if isinstance(stated, str) else None
    return stated if found is None else found
