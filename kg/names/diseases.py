"""Disease texts to Disease nodes: themselves in other words, or the nearest broader one."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from kg.climb import may_climb
from kg.graph import Graph
from kg.names.disease_words import (
    CARCINOMA,
    CAUSE,
    CAUSES,
    DISEASE_TAGS,
    FINDING_TAGS,
    NOT_PRESENT,
    NOT_STATED,
    ONSET,
    PART,
    QUALIFIERS,
    REMISSION,
    SITE,
    STAGE,
    TAG,
    TAILS,
    TOO_WIDE,
)
from kg.names.keys import bag, key, visible
from kg.names.lookup import best_of, in_other_words, labelled
from kg.names.match import Grade, Match, Resolution, accepts
from kg.names.near import misspelt

DISEASE = ("Disease",)
_LONGEST = 300  # characters; what is longer is a note, not a name
_MOST = 6  # qualifiers of which every choice is tried


def resolve_disease(graph: Graph, text: str, *, worst: Grade = "near") -> Resolution:
    """Read the name of a disease as a problem list or SNOMED CT or ICD writes it.

    First what has the name, in any order and spelling of its words. Else the nearest disease that
    is broader: of which an ontology says so, or which is left when words such as "acute", "stage 1"
    or "of knee" are taken off; never across the borders of :mod:`kg.climb`. Else a misspelling.
    What was, may be or is not there, and events of life, stay unresolved.

    Args:
        graph: where to look.
        text: the name; a tag such as ``(disorder)`` is read.
        worst: the worst grade to give.
    """
    text = visible(text)[:_LONGEST]
    name, tag = _without_tag(text)
    missing = Resolution((), False, (text,))
    if tag and tag not in DISEASE_TAGS | FINDING_TAGS:
        return missing
    matches = _own(graph, name, worst)
    stated = NOT_STATED.sub("", name)
    if not matches and tag not in FINDING_TAGS and not NOT_PRESENT.search(stated):
        if accepts(worst, "broader"):
            matches = _broader(graph, name)
        if not matches and accepts(worst, "near"):
            matches = _near(graph, name)
    matches = tuple(match for match in matches if accepts(worst, match.grade))
    return Resolution(matches, True) if matches else missing


def _without_tag(text: str) -> tuple[str, str]:
    match = TAG.search(text)
    if match is None:
        return text, ""
    tag = match.group(1).lower()
    if tag in DISEASE_TAGS | FINDING_TAGS | _OTHER_TAGS:
        return text[: match.start()], tag
    return text, ""


_OTHER_TAGS = frozenset(
    """situation|event|procedure|regime/therapy|observable entity|body structure|substance|product|
    person|social context|qualifier value|physical object|environment|organism|occupation|
    context-dependent category|record artifact|assessment scale""".replace("\n    ", "").split("|")
)


def _own(graph: Graph, name: str, worst: Grade) -> tuple[Match, ...]:
    """Nodes of this very name, or of the same words."""
    best: Grade = worst if worst in ("exact", "xref") else "xref"
    for found in (
        labelled(graph, key(name), DISEASE, worst=best),
        in_other_words(graph, name, DISEASE, worst=best),
    ):
        if found:
            return tuple(_doubtful(name, match) for match in found)
    return ()


def _doubtful(name: str, match: Match) -> Match:
    """Two letters stand for several things in every ward; the person who wrote them knows which."""
    letters = name.strip(" .")
    if len(key(letters)) <= 2 and letters.isascii() and match.basis not in ("id", "name"):
        return replace(match, grade="near", basis=f"{match.basis}, an abbreviation of several")
    return match


def _broader(graph: Graph, name: str) -> tuple[Match, ...]:
    """The nearest nodes above what ``name`` says."""
    listed = labelled(graph, key(name), DISEASE) or in_other_words(graph, name, DISEASE)
    listed = tuple(_doubtful(name, match) for match in listed)
    if listed and listed[0].distance <= 1:
        return listed
    found: list[Match] = list(listed)
    nearest = listed[0].distance if listed else 100
    for shorter, steps in _shorter(name):
        if steps >= nearest:
            break
        for match in _above(graph, name, shorter, steps):
            nearest = steps
            found.append(match)
    return best_of(found)


def _above(graph: Graph, name: str, shorter: str, steps: int) -> Iterator[Match]:
    """Nodes named ``shorter`` that ``name`` may climb to."""
    if not bag(shorter) or bag(shorter) in TOO_WIDE:
        return
    for match in _own(graph, shorter, "xref"):
        if match.grade != "near" and may_climb([name], [match.node.name]):
            basis = f"broader than {name!r} by its words: {match.basis}"
            if match.basis == "name":
                basis = f"broader than {name!r} by its words: {match.node.name!r}"
            yield Match(match.node, "broader", basis, 1.0, steps)


def _shorter(name: str) -> Iterator[tuple[str, int]]:
    """What is left of ``name`` when qualifying words are taken off, fewest first."""
    texts: dict[str, int] = {}

    def add(text: str, steps: int) -> None:
        text = " ".join(text.split()).strip(" ,;-")
        if text and (text != name or steps) and steps < texts.get(text, 100):
            texts[text] = steps

    for text, steps in _stripped(name):
        add(text, steps)
        for site_off, further in _without_site(text):
            add(site_off, steps + further)
    for text, steps in [*texts.items(), (name, 0)]:
        for fewer, taken in _without_qualifiers(text):
            add(fewer, steps + taken)
    yield from sorted(texts.items(), key=lambda item: (item[1], -len(item[0]), item[0]))


def _stripped(name: str) -> Iterator[tuple[str, int]]:
    """``name`` without tails, stages, organisms: each alone, then all of them."""
    if REMISSION.search(name):
        return  # it is treated otherwise, if at all
    yield name, 0
    current, steps = re.sub(r"\bacute on chronic\b", "acute chronic", name, flags=re.I), 0
    yield current, 0
    for pattern in (NOT_STATED, STAGE, ONSET, CAUSE, PART, TAILS, CARCINOMA):
        shorter = pattern.sub(_INSTEAD.get(pattern, " "), current)
        if shorter == current:
            continue
        tail = current[len(shorter.rstrip()) :] if pattern is TAILS else ""
        if _IS_CAUSED.search(tail):
            for cause, adjective in CAUSES:
                if cause.search(tail):
                    yield f"{adjective} {shorter}", steps + 1
        current, steps = shorter, steps + 1
        yield current, steps


_INSTEAD = {PART: "of", CARCINOMA: "cancer"}
_IS_CAUSED = re.compile(r"due|caus|assoc|second|result", re.IGNORECASE)


def _without_site(text: str) -> Iterator[tuple[str, int]]:
    match = SITE.search(text)
    if match and match.start() > 3:
        yield text[: match.start()], 1


def _without_qualifiers(text: str) -> Iterator[tuple[str, int]]:
    words = re.findall(r"[^\s,;()/]+", text)
    droppable = [i for i, word in enumerate(words) if word.lower() in QUALIFIERS]
    if len(droppable) == len(words):
        return
    if len(droppable) > _MOST:
        droppable = droppable[:_MOST]
    for count in range(1, len(droppable) + 1):
        for dropped in combinations(droppable, count):
            yield " ".join(word for i, word in enumerate(words) if i not in dropped), count


def _near(graph: Graph, name: str) -> tuple[Match, ...]:
    match = misspelt(graph, name, DISEASE)
    return (match,) if match else ()
