"""A profile as people write it to a PatientProfile: names, brands and codes are looked up.

The fields are those of :class:`recommend.profile.PatientProfile`. An entry of a list may be a
CURIE, a code with its system, a name or a brand, alone or in an object beside status, dates, dose
and route::

    {"conditions": ["atrial fibrillation", "SNOMEDCT:38341003", "DOID:9352"],
     "drugs": ["warfarin", {"name": "Percocet"}, {"name": "timolol", "route": "eye"}],
     "allergies": ["penicillin"], "genes": {"CYP2D6": "Poor Metabolizer"},
     "age_years": 71, "sex": "female", "egfr": 55}

What no node answers to is listed as ``unmapped``; the list is then known, but has a gap. A list
that is given and empty is known to be empty; one that is absent is unknown. Nothing is stale here:
who writes a list says that it holds.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from intake.codes import Resolver, stated_empty
from intake.merging import merged
from intake.pregnancy import is_implausible, says_breastfeeding, says_pregnant
from intake.routes import elsewhere, local_only, route_of_words, stated_route
from intake.symptoms import find_symptoms
from kg.graph import Graph
from kg.identifiers import SYSTEMS, spellings, usual_prefix
from kg.names import Match, Resolution
from recommend.errors import ProfileError
from recommend.profile import ROUTES, Knowledge, PatientProfile

# What an object may say of the thing beside the fields of a fact.
_NAMES = ("name", "node", "code", "system", "display")
_STATED = ("grade", "basis", "distance")  # only of a node
_LISTS = ("conditions", "drugs", "allergies")
_FACTS = (*_LISTS, "past_drugs", "symptoms")
_ENDED = ("completed", "stopped", "ended", "past")
_NOT_TAKEN = ("cancelled", "draft", "entered-in-error", "intended", "not-taken")

Entry = dict[str, Any]


def read_profile(document: object, graph: Graph | Resolver) -> PatientProfile:
    """The profile that ``document`` describes; nothing in it is dropped without being listed.

    A misspelt name gives a ``near`` fact, which a person must confirm. A drug with several
    ingredients gives one fact an ingredient. The words of its form ("eye drops", "cream") give the
    route where none is stated; a drug that is given locally to act in the whole body has none. Who
    cannot be pregnant by sex or age is not, unless the profile says so. A
    drug that was stopped goes to ``past_drugs``; one that is not taken is left out.

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
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise ProfileError("the profile names a field twice in one object")
            found[name] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ProfileError:
        raise
    except (ValueError, RecursionError):
        raise ProfileError("the profile is not JSON") from None


class _Reader:
    """One document on its way to nodes: what is found, and what is left over."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.unmapped: list[dict[str, str]] = []
        self.symptoms: list[Entry] = []
        self.past: list[Entry] = []

    def read(self, document: Mapping[str, Any]) -> PatientProfile:
        result = dict(document)
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
        entries = [_entry(name, item) for item in listed]
        entries = [e for e in entries if stated_empty({"text": _said(e)}) != name]
        if name in _LISTS and result.get(f"{name}_known") is None:
            ended = [name == "drugs" and e.get("status") in _ENDED + _NOT_TAKEN for e in entries]
            state = Knowledge.UNKNOWN if entries and all(ended) else Knowledge.KNOWN
            result[f"{name}_known"] = str(state if entries else Knowledge.EMPTY)
        return [fact for entry in entries for fact in read(entry)]

    def _condition(self, entry: Entry) -> list[Entry]:
        text = _said(entry)
        if says_pregnant(text) or says_breastfeeding(text):
            return []  # see _read_states
        node = self._stated("Disease", entry)
        if node:
            return [node]
        found = self._resolve(entry, self.resolver.condition)
        if not found.matches:
            symptoms = find_symptoms(self.resolver, {"text": text})
            self.symptoms += self._facts(entry, symptoms)
            reason = "it is a symptom, not a disease" if symptoms else "no disease has its name"
            self._leave("condition", text, reason)
        return self._found("condition", entry, found)

    def _drug(self, entry: Entry) -> list[Entry]:
        state = entry.get("status")
        if state in _NOT_TAKEN:
            return []
        stated = self._stated("Drug", entry)
        if stated:
            facts = [stated]
        else:
            found = self._resolve(entry, self.resolver.drug)
            if not found.matches:
                self._leave("drug", _said(entry), "no drug has its name")
            facts = self._found("drug", entry, found)
        names = [self._name("Drug", fact["node"]) for fact in facts]
        for fact in facts:
            route = _route(fact["route"]) if "route" in fact else route_of_words(_said(entry))
            dose = fact.get("dose", "")
            if route not in ROUTES or not isinstance(dose, str):
                continue  # what is wrong with them is said when the profile is read
            if local_only(route, names) != route:
                fact["dose"], route = elsewhere(dose, route), ""
            fact["route"] = route
        if state in _ENDED:
            self.past += facts
            return []
        return facts

    def _allergy(self, entry: Entry) -> list[Entry]:
        stated = self._stated("Drug", entry) or self._stated("DrugClass", entry)
        if stated:
            return [stated]
        found = self._resolve(entry, lambda c: self.resolver.allergen(c, near=True))
        if not found.matches:
            self._leave("allergy", _said(entry), "no drug or class of drugs has its name")
        return self._found("allergy", entry, found)

    def _symptom(self, entry: Entry) -> list[Entry]:
        stated = self._stated("Symptom", entry) or self._stated("Phenotype", entry)
        if stated:
            return [stated]
        found = find_symptoms(self.resolver, {"text": _said(entry)})
        if not found:
            self._leave("symptom", _said(entry), "no symptom has its name")
        return self._facts(entry, found)

    def _stated(self, node_type: str, entry: Entry) -> Entry | None:
        """The entry as it is, if it is one of a node of the graph."""
        graph = self.resolver.graph
        node = entry.get("node") or entry.get("name") or ""
        place = graph.find(node)
        if place is None or place[0] != node_type:
            return None
        return {"node": node} | {k: v for k, v in entry.items() if k not in _NAMES}

    def _resolve(self, entry: Entry, find: Callable[[object], Resolution]) -> Resolution:
        if entry.get("code") and entry.get("system"):
            return find({"coding": [_coding(entry)]})
        text = _said(entry)
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
            self._leave(kind, _said(entry), f"not all of it has a node: {parts}")
        elif found.matches and not found.complete and found.grade != "near":
            self._leave(kind, _said(entry), "it is not certain what all of it means")
        return self._facts(entry, found.matches)

    def _facts(self, entry: Entry, matches: Iterable[Match]) -> list[Entry]:
        own = {k: v for k, v in entry.items() if k not in (*_NAMES, *_STATED)}
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
            for text in phenotypes:
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
        listed = result.get("conditions")
        texts = [
            item if isinstance(item, str) else _said(item)
            for item in (listed if isinstance(listed, list) else ())
            if isinstance(item, str | Mapping)
        ]
        age, sex = result.get("age_years"), result.get("sex", "unknown")
        cannot_be = is_implausible(sex, age if isinstance(age, int | float) else None)
        for name, yes, says in (
            ("pregnancy", "pregnant", says_pregnant),
            ("lactation", "breastfeeding", says_breastfeeding),
        ):
            stated = result.get(name)
            if isinstance(stated, bool):
                result[name] = stated = yes if stated else f"not {yes}"
            if any(map(says, texts)):
                if stated == f"not {yes}" or (stated is None and cannot_be):
                    result[name] = "unknown"
                    self._leave("pregnancy", "", f"a condition says {yes}, which cannot be so")
                else:
                    result[name] = yes
            elif stated is None and cannot_be:
                result[name] = f"not {yes}"

    def _name(self, node_type: str, node: str) -> str:
        graph = self.resolver.graph
        return graph.node(node_type, graph.row(node_type, node)).name

    def _leave(self, kind: str, text: str, reason: str) -> None:
        self.unmapped.append({"kind": kind, "text": text, "reason": reason})


def _said(entry: Mapping[str, Any]) -> str:
    """How the entry calls the thing."""
    return next((str(entry[k]) for k in ("name", "display", "node", "code") if entry.get(k)), "")


def _coding(entry: Entry) -> dict[str, str]:
    """A coding with the system's URI; the system may be written as its prefix."""
    system = entry["system"]
    prefix = usual_prefix(system)
    uri = next((uri for uri, known in SYSTEMS.items() if known == prefix), system)
    display = entry.get("display") or entry.get("name") or ""
    return {"system": uri, "code": entry["code"], "display": display}


def _entry(name: str, item: object) -> Entry:
    """An item of the list ``name`` as an object that has a name."""
    entry = {"name": item} if isinstance(item, str) else item
    if not isinstance(entry, Mapping) or not any(key in entry for key in _NAMES[:3]):
        raise ProfileError(
            f"{name} must hold names, CURIEs or objects with a 'name', 'node' or 'code'"
        )
    if not all(isinstance(entry.get(key, ""), str) for key in _NAMES):
        raise ProfileError(f"the names of {name} must be texts")
    if "node" not in entry and any(key in entry for key in _STATED):
        raise ProfileError(f"{name}: only a 'node' may have {', '.join(_STATED)}")
    if not _said(entry).strip():
        raise ProfileError(f"an entry of {name} has no name")
    return dict(entry)


def _route(stated: object) -> object:
    """``stated`` as one of the routes; what is none of them stays, to be refused by its field."""
    found = stated_route(stated) if isinstance(stated, str) else None
    return stated if found is None else found
