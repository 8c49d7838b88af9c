"""Find nodes by id, name, synonym or code; read drug texts into their ingredients.

Every answer carries its grade and its basis. ``exact``: an identifier, name or synonym. ``xref``: a
code of another system. ``broader``: a code of something narrower that has no node of its own.
``near``: similar letters; a near match is a question to a person, never a fact.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from kg.graph import LABEL_KINDS, Graph, Node
from kg.identifiers import from_system, is_curie, spellings

Grade = Literal["exact", "xref", "broader", "near"]
GRADES: tuple[Grade, ...] = ("exact", "xref", "broader", "near")  # best first

NEAR_ENOUGH = 0.84  # similarity from which a drug text's part is offered as a near match

_NOT_WORD = re.compile(r"[\W_]+")
_ASCII = {code: " " for code in range(128) if _NOT_WORD.match(chr(code))}


@dataclass(frozen=True)
class Match:
    """One node that a text leads to."""

    node: Node
    grade: Grade
    basis: str  # the label that matched, e.g. "name", "synonym 'glucophage'", "SNOMEDCT:44054006"
    score: float = 1.0  # similarity, 0 to 1; 1 unless near


@dataclass(frozen=True)
class Resolution:
    """What a code or drug text means.

    Attributes:
        matches: one an ingredient for a drug; all nodes for another coding.
        complete: whether every part was resolved. A partial ingredient set is never complete.
        unresolved: the parts that were not, as written.
    """

    matches: tuple[Match, ...]
    complete: bool
    unresolved: tuple[str, ...] = ()


def key(text: str) -> str:
    """``text`` folded for comparison: NFKC, case, zero-width characters, punctuation, spaces."""
    if text.isascii():  # the same, faster
        folded = text.lower()
        return " ".join(folded.translate(_ASCII).split()) or folded.strip()
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    folded = text.casefold()
    return _NOT_WORD.sub(" ", folded).strip() or folded.strip()


def lookup(graph: Graph, text: str, types: Collection[str] | None = None) -> tuple[Match, ...]:
    """The nodes that ``text`` names exactly: id, name, synonym, product or code; best grade first.

    Args:
        graph: where to look.
        text: a CURIE, a bare code, a source's own spelling, a name or a synonym in any language.
        types: node types to keep; None for all.
    """
    found = _labelled(graph, key(text), types)
    if not found:  # a bare code may be one in several systems: all that it means, in their order
        matches = (m for curie in spellings(text) for m in _labelled(graph, key(curie), types))
        found = tuple({match.node: match for match in reversed([*matches])}.values())[::-1]
    return found


_HOLDS = 75.0  # similarity of a name that holds all the words of the text


def closest(
    graph: Graph, text: str, types: Collection[str] | None = None, *, limit: int = 5
) -> tuple[Match, ...]:
    """Up to ``limit`` nodes whose names look like ``text``, most similar first; never exact."""
    from rapidfuzz import fuzz, process

    wanted = key(text)
    numbers = [
        i
        for i in _of_types(graph, types)
        if LABEL_KINDS[graph.labels.kind[i]] in ("name", "synonym", "product")
    ]
    keys = graph.labels.key.take(numbers).to_pylist() if numbers else []
    best: dict[Node, Match] = {}
    alike = process.extract(wanted, keys, scorer=fuzz.ratio, limit=4 * limit, score_cutoff=55)
    if len(wanted) > 3:  # and names that hold all the words: "cancer" is in "breast cancer"
        words = set(wanted.split())
        holding = [i for i, text in enumerate(keys) if words <= set(text.split())]
        shortest = sorted(holding, key=lambda i: (len(keys[i]), keys[i]))[: 4 * limit]
        alike += [(keys[i], _HOLDS, i) for i in shortest]
    for _, score, position in sorted(alike, key=lambda item: -item[1]):
        label = numbers[position]
        node = graph.node(*graph.locate(int(graph.labels.node[label])))
        text_found = graph.labels.text[label].as_py()
        if node not in best:
            best[node] = Match(node, "near", f"similar to {text_found!r}", round(score / 100, 3))
    return tuple(sorted(best.values(), key=lambda match: (-match.score, match.node)))[:limit]


def resolve_coding(
    graph: Graph, system: str, code: str, display: str, types: Collection[str]
) -> Resolution:
    """What a FHIR coding means: its code first, then, if no node has the code, its display.

    Args:
        graph: where to look.
        system: the code system's URI.
        code: the code.
        display: the text beside it; may be empty.
        types: node types that make sense here; with ``Drug`` the display is read as a drug text.
    """
    curie = from_system(system, code)
    matches = _labelled(graph, key(curie), types) if curie else ()
    if matches:
        return Resolution(matches, True)
    if not key(display):
        return Resolution((), False, (curie or code,))
    if "Drug" in types:
        resolution = resolve_drug(graph, display)
        if resolution.matches or len(types) == 1:
            return resolution
    matches = lookup(graph, _without_tag(display), types)
    return Resolution(matches, bool(matches), () if matches else (display,))


def resolve_drug(graph: Graph, text: str) -> Resolution:
    """Read a drug text: an ingredient, a brand, a pack or an RxNorm clinical-drug name.

    ``Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet`` gives two matches.
    Strengths, forms, salts and how it is taken are read away; what is then not a known name is
    offered as a near match, or left in ``unresolved``.
    """
    text = _visible(text)
    for candidate in (text, _without_pack(text)):
        whole = _one_drug(graph, candidate)
        if whole is not None:
            return whole
    brand = re.search(r"\[([^\]]+)\]", text)
    body = re.sub(r"\[[^\]]*\]", " ", text)
    parts = [part for part in map(_ingredient, _split(body)) if part]
    if brand and not parts:
        parts = [brand.group(1)]
    matches: list[Match] = []
    unresolved: list[str] = []
    complete = bool(parts)
    for part in parts:
        found = _part(graph, part)
        if found is None:
            unresolved.append(part)
            complete = False
            continue
        complete = complete and found.complete
        matches.extend(replace(m, basis=f"{m.basis} in {text!r}") for m in found.matches)
    if unresolved and brand:  # the brand answers for all parts, or for none
        whole = _one_drug(graph, brand.group(1))
        if whole is not None and len(whole.matches) >= len(parts):
            return whole
    if not parts:
        unresolved.append(text)
    unique = {match.node: match for match in reversed(matches)}
    return Resolution(tuple(reversed(unique.values())), complete, tuple(unresolved))


def _labelled(graph: Graph, wanted: str, types: Collection[str] | None) -> tuple[Match, ...]:
    best: dict[Node, Match] = {}
    for label in graph.labels.with_key(wanted).tolist():
        node_type, row = graph.locate(int(graph.labels.node[label]))
        if types is not None and node_type not in types:
            continue
        node = graph.node(node_type, row)
        kind = LABEL_KINDS[graph.labels.kind[label]]
        text = graph.labels.text[label].as_py()
        match = Match(node, _grade(kind, text), _basis(kind, text))
        if node not in best or GRADES.index(match.grade) < GRADES.index(best[node].grade):
            best[node] = match
    return tuple(sorted(best.values(), key=lambda m: (GRADES.index(m.grade), m.node)))


def _grade(kind: str, text: str) -> Grade:
    if kind == "broader-code":
        return "broader"
    return "xref" if kind == "code" or (kind == "product" and is_curie(text)) else "exact"


def _basis(kind: str, text: str) -> str:
    if kind == "product":
        return text if is_curie(text) else f"ingredient of {text!r}"
    return kind if kind in ("id", "name") else text if kind != "synonym" else f"synonym {text!r}"


def _of_types(graph: Graph, types: Collection[str] | None) -> Iterable[int]:
    for node_type in graph.node_types:
        if types is None or node_type in types:
            offset = graph.offsets[node_type]
            bounds = (offset, offset + graph.n_nodes(node_type))
            start, end = graph.labels.node.searchsorted(bounds)
            yield from range(int(start), int(end))


def _one_drug(graph: Graph, text: str) -> Resolution | None:
    """The meaning of ``text`` as one name: an ingredient, or a product with all its ingredients."""
    matches = lookup(graph, text, ("Drug",))
    if not matches:
        return None
    named = [m for m in matches if m.basis in ("id", "name")]
    if named:
        return Resolution(tuple(named), len(named) == 1)
    products = [m for m in matches if m.basis.startswith("ingredient of") or m.grade == "xref"]
    synonyms = [m for m in matches if m not in products]
    if len(synonyms) == 1:
        return Resolution(tuple(synonyms), True)
    if synonyms:  # one word, several drugs: which one is not said
        return Resolution((), False, (text,))
    return Resolution(tuple(products), True)


def _part(graph: Graph, part: str) -> Resolution | None:
    words = part.split()
    for end in range(len(words), 0, -1):
        if end < len(words) and key(words[end]) not in _SALTS and not words[end][0].isdigit():
            break
        found = _one_drug(graph, " ".join(words[:end]))
        if found is not None:
            return found if found.matches else None  # None: one word for several drugs
    joined = _joined(graph, part)
    if joined is not None:
        return joined
    bare = " ".join(word for word in words if key(word) not in _SALTS) or part
    near = misspelt(graph, bare, ("Drug",))
    return Resolution((near,), False) if near else None


def misspelt(graph: Graph, text: str, types: Collection[str]) -> Match | None:
    """The node that ``text`` probably means: alike in every word, and graded near."""
    found = [m for m in closest(graph, text, types, limit=1) if _is_misspelling(text, m)]
    return found[0] if found else None


def _joined(graph: Graph, part: str) -> Resolution | None:
    """The ingredients of ``lisinopril-hydrochlorothiazide``, if each piece is a known drug."""
    pieces = part.split("-")
    if len(pieces) < 2 or any(len(piece.strip()) < 4 for piece in pieces):
        return None
    found = [_part(graph, piece) for piece in pieces]
    known = [f for f in found if f and f.complete and all(m.grade != "near" for m in f.matches)]
    if len(known) < len(pieces):
        return None
    return Resolution(tuple(match for f in known for match in f.matches), True)


def _is_misspelling(text: str, match: Match) -> bool:
    """Whether every word is close to its counterpart: "vitamin b" is no spelling of "vitamin c"."""
    from rapidfuzz import fuzz

    wrote = key(text).split()
    meant = key(match.basis.removeprefix("similar to ")).split()
    return (
        match.score >= NEAR_ENOUGH
        and len(wrote) == len(meant)
        and all(
            a == b or (len(a) > 5 and fuzz.ratio(a, b) >= 100 * NEAR_ENOUGH)
            for a, b in zip(wrote, meant, strict=True)
        )
    )


def _visible(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return " ".join("".join(c for c in text if unicodedata.category(c) != "Cf").split())


def _without_tag(display: str) -> str:
    """A SNOMED CT display without its semantic tag, ``(disorder)``."""
    return re.sub(r"\s*\([a-z ]+\)\s*$", "", _visible(display))


def _without_pack(text: str) -> str:
    return re.sub(r"\s+\d+\s+day\s+pack$|\s+pack$", "", text, flags=re.IGNORECASE)


_UNIT = r"(?:MG|MCG|UG|G|KG|ML|L|UNT|IU|UNITS?|MEQ|MMOL|CELLS|ACTUAT|HR|PFU|BAU|AMB|SQCM|%)"
_STRENGTH = re.compile(
    rf"(?<![\w.])\d[\d.,]*(?:[-/]\d[\d.,]*)*\s*{_UNIT}"
    rf"(?:\s*(?:/|\bper\b)\s*(?:\d[\d.]*\s*)?{_UNIT})*(?![A-Za-z])",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"\bNDA\d+\b|\b\d+\s+day\s+pack\b|\bper\s+\d+\s*hr\b|(?<=\w)\d+(?:mg|mcg)\b", re.I
)
_FORMS = re.compile(
    r"\b(?:(?:abuse|misuse)-deterrent|extended[- ]release|delayed[- ]release|24\s*hr|12\s*hr|"
    r"er|xr|sr|dr|ec|odt|"
    r"(?:oral|inhalation|inhaled|chewable|sublingual|buccal|vaginal|rectal|effervescent|disintegrating|topical|nasal|"
    r"mucosal|ophthalmic|otic|transdermal|inhalant|injectable|intravenous|prefilled|"
    r"metered[- ]dose|dry[- ]powder|drug|intrauterine|auto-?injector|powder for|"
    r"enteric[- ]coated|coated|soft|hard)\b\s*)*"
    r"(?:tablets?|tabs?|capsules?|caps?|solution|suspension|syrup|elixir|injection|inhaler|spray|cream|"
    r"ointment|gel|lotion|foam|patch|system|implant|device|ring|kit|pack|suppository|syringe|pen|"
    r"cartridge|vial|drops?|granules|powder|product|pill|lozenge|film|gum|shampoo|mouthwash|enema|"
    r"auto-?injector|extended[- ]release|delayed[- ]release|abuse-deterrent)\b",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"\b(?:abuse-deterrent|extended release|delayed release|\d+\s*(?:hr|hours?)|oral|topical|"
    r"inhaled|inhalation|er|xr|sr|dr|xl|cr|ir|ec|ds)\b",
    re.IGNORECASE,
)
# How it is to be taken, as prescriptions and medication lists write it.
_SIG = re.compile(
    r"\b(?:take|takes|taking|by mouth|orally|po|prn|as needed|as directed|at bedtime|at night|"
    r"with food|q(?:d|od|hs|am|pm)|bid|tid|qid|q\s?\d+\s?h(?:rs?|ours?)?|every \d+ hours?|"
    r"(?:once|twice|one time|two times|three times|four times)(?: (?:a|per|each|every))?|"
    r"(?:a|per|each|every) (?:day|night|morning|evening|week)|daily|nightly|weekly|one|two|half)\b",
    re.IGNORECASE,
)

_SALT_WORDS = """
    acetate anhydrous bitartrate besylate bromide calcium chloride citrate dihydrate
    disodium edisylate fumarate gluconate hemihydrate hydrate hydrobromide hydrochloride
    hydrocholoride hcl maleate magnesium mesylate mofetil monohydrate nitrate palmitate
    phosphate potassium propionate dipropionate sodium succinate sulfate sulphate tartrate
    trihydrate tosylate human valerate xinafoate medoxomil etexilate cilexetil axetil proxetil
    marboxil disoproxil alafenamide dimesylate pamoate lactate carbonate macrocrystals
    porcine
"""
_SALTS = frozenset(_SALT_WORDS.split())


def _split(body: str) -> list[str]:
    body = _STRENGTH.sub(" ", body)
    body = _NOISE.sub(" ", body)
    return re.split(r"/|\+|\band\b", body)


def _ingredient(part: str) -> str:
    part = _FORMS.sub(" ", part)
    part = _SIG.sub(" ", part)
    part = _LEFT.sub(" ", part)
    return " ".join(part.replace(",", " ").split())
