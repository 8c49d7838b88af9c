"""Drug texts to their ingredients: names, brands, packs, RxNorm displays, prescription lines."""

import re
from collections.abc import Iterator
from dataclasses import replace

from kg.graph import Graph
from kg.identifiers import spellings
from kg.names.drug_words import (
    AMOUNT,
    ENDED,
    FORMS,
    INERT,
    LEFT,
    MINERALS,
    NOISE,
    REMARK,
    SALTS,
    SIG,
    STRENGTH,
)
from kg.names.keys import key, visible
from kg.names.lookup import Hit, hits, reordered_hits
from kg.names.match import Grade, Match, Resolution, accepts
from kg.names.near import misspelt_name

DRUG = ("Drug",)

_BRAND = re.compile(r"\[([^\[\]]+)\]")
_PACK = re.compile(r"\b\d+\s*\(")  # "21 (" in "{21 (… Oral Tablet) / 7 (…) } Pack"
_RATIO = re.compile(r"(?<=[\w)] )\d[\d.,]*(?:[/-]\d[\d.,]*)+(?![\w/+-])")  # "Norco 5/325"
_ASIDE = re.compile(r"\(([^()]*)\)")
_BETWEEN = re.compile(r"/|\+|&|;|\band\b|\bwith\b", re.IGNORECASE)
_LONGEST = 1000  # characters; what is longer is no drug text


def resolve_drug(graph: Graph, text: str, *, worst: Grade = "near") -> Resolution:
    """Read a drug text: an ingredient, a brand, a pack or an RxNorm clinical-drug name.

    ``Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet`` gives two matches.
    Strengths, forms, salts and how it is taken are read away; what is then not a known name is
    offered as a near match, or left in ``unresolved``. A brand means all its ingredients; a
    text that says a name of several drugs means none of them.

    Args:
        graph: where to look.
        text: as a prescription, a medication list or RxNorm writes it.
        worst: the worst grade to give; a part that only a worse one answers is unresolved.
    """
    text = visible(text)[:_LONGEST]
    for whole in dict.fromkeys((text, _without_pack(text))):
        found = _named(graph, whole, worst)
        if found is not None:
            return found if found.matches else Resolution((), False, (text,))
    brand = _BRAND.search(text)
    body = _BRAND.sub(" ", text)
    if any(map(ENDED.search, _BRAND.findall(text))):
        return _parts(graph, f"{body} ({' '.join(_BRAND.findall(text))})", worst)
    return _reconciled(
        text,
        _parts(graph, _without_pack(body), worst),
        _named(graph, _without_pack(brand.group(1)), worst) if brand else None,
    )


def resolve_code(graph: Graph, curie: str, *, worst: Grade = "near") -> Resolution | None:
    """The ingredients that a code means; None where no drug has it."""
    found = [hit for hit in hits(graph, key(curie), DRUG) if accepts(worst, hit.grade)]
    return _meaning(curie, found) if found else None


def _reconciled(text: str, body: Resolution, brand: Resolution | None) -> Resolution:
    """What the spelt-out ingredients and the brand in brackets say together."""
    if brand is None or not brand.matches:
        return body if body.matches or body.unresolved else Resolution((), False, (text,))
    if body.complete and not brand.complete:
        return body
    said = {match.node for match in brand.matches}
    sure = {match.node for match in body.matches if match.grade != "near"}
    n_parts = len({match.node for match in body.matches}) + len(body.unresolved)
    if sure == said and n_parts == len(said):
        return body
    if sure <= said:  # the brand may answer for all parts, or for none
        return brand if n_parts <= len(said) else body
    if sure > said:
        return body
    # They name different things: nothing is left out, and nothing is certain.
    unique = {match.node: match for match in (*brand.matches, *body.matches)}
    return Resolution(tuple(unique.values()), False, body.unresolved)


def _parts(graph: Graph, body: str, worst: Grade) -> Resolution:
    """Each ingredient of a spelt-out text."""
    matches: list[Match] = []
    unresolved: list[str] = []
    complete = True
    pieces, asides = _split(body)
    sure: Grade = "broader" if worst == "near" else worst  # a remark looks like many a drug
    for part, accepted in [*((p, worst) for p in pieces), *((a, sure) for a in asides)]:
        found = None if ENDED.search(part) else _part(graph, part, accepted)
        if found is None or not found.matches:
            unresolved.append(part)
            complete = False
            continue
        complete = complete and found.complete
        matches.extend(replace(m, basis=f"{m.basis} in {body.strip()!r}") for m in found.matches)
    unique = {match.node: match for match in reversed(matches)}
    return Resolution(
        tuple(reversed(unique.values())), complete and bool(matches), tuple(unresolved)
    )


def _split(body: str) -> tuple[list[str], list[str]]:
    """The ingredients as written, without strengths, forms and directions; and asides.

    An aside in brackets is what is left of it when what says nothing of ingredients is taken off.
    """
    asides = []
    body = _PACK.sub(" (", body.replace("{", " ").replace("}", " "))
    body = SIG.sub(" ", NOISE.sub(" ", _RATIO.sub(" ", STRENGTH.sub(" ", body))))
    for aside in _ASIDE.findall(body):  # a remark unless it holds ingredients of a pack
        if not _BETWEEN.search(aside) and not FORMS.search(aside):
            body = body.replace(f"({aside})", " ")
            said = aside if ENDED.search(aside) else _bare(REMARK.sub(" ", aside))
            if not all(_is_salt(word) or AMOUNT.fullmatch(word) for word in said.split()):
                asides.append(said)
    pieces = _BETWEEN.split(body.replace("(", " ").replace(")", " "))
    parts = (_bare(piece) for piece in pieces if not INERT.search(piece))
    return [part for part in parts if part], asides


def _bare(piece: str) -> str:
    """A piece without form, route and directions, its punctuation at the ends taken off."""
    for pattern in (FORMS, SIG, LEFT):
        piece = pattern.sub(" ", piece)
    piece = " ".join(piece.split())
    return piece.strip(" ,.:*-").replace(" ,", ",")


def _part(graph: Graph, part: str, worst: Grade) -> Resolution | None:
    """One ingredient, as its name or its name and a salt; None where there is nothing like it."""
    for candidate in _spellings(part):
        found = _named(graph, candidate, worst)
        if found is not None:
            return found
    joined = _joined(graph, part, worst)
    if joined is not None:
        return joined
    if accepts(worst, "near"):
        for candidate in dict.fromkeys((part, _without_salts(part))):
            found = _misspelt(graph, candidate, worst)
            if found is not None:
                return found
    return None


def _spellings(part: str) -> Iterator[str]:
    """``part`` itself, then with less and less around the name."""
    flat = " ".join(part.replace(",", " ").split())
    yield part
    if flat != part:
        yield flat
        head, _, tail = part.partition(",")
        yield f"{tail.strip()} {head.strip()}"
    words = flat.split()
    for end in range(len(words) - 1, 0, -1):
        if not _is_salt(words[end]) and not AMOUNT.fullmatch(words[end]):
            break
        rest = words[:end]
        if not _is_mineral(rest):
            yield " ".join(rest)
    start = 0  # "sodium valproate"
    while start < len(words) - 1 and _is_salt(words[start]):
        start += 1
        if not _is_mineral(words[start:]):
            yield " ".join(words[start:])


def _is_salt(word: str) -> bool:
    """Whether the word, or each of its parts ("macrocrystals-monohydrate"), is one of a salt."""
    return bool(key(word)) and all(part in SALTS for part in key(word).split())


def _is_mineral(words: list[str]) -> bool:
    return all(key(word) in MINERALS or key(word) in SALTS for word in words)


def _without_salts(part: str) -> str:
    words = [w for w in part.replace(",", " ").split() if not _is_salt(w)]
    while words and AMOUNT.fullmatch(words[-1]):
        words.pop()
    return " ".join(words) or part


def _named(graph: Graph, text: str, worst: Grade) -> Resolution | None:
    """The meaning of ``text`` as one name or code, in this or another order of its words.

    None where no drug has the name; no matches where it is not said which drug is meant.
    """
    wanted = key(text)
    if not wanted:
        return None
    found = hits(graph, wanted, DRUG)
    for curie in () if found else spellings(text):
        found = hits(graph, key(curie), DRUG)
        if found:
            break
    if not found and " " in wanted:
        found = reordered_hits(graph, text, DRUG)
    found = [hit for hit in found if accepts(worst, hit.grade)]
    return _meaning(text, found) if found else None


# Kinds of label by what they are worth to a drug text. A set of ingredients comes before a synonym,
# which may be a brand of several that a source lists at one of them. What is broader is at best a
# part of it: a brand of which the source does not say what else is in it.
_ORDER = (("id", "name"), ("product",), ("synonym",), ("xref", "code"), ("broader", "broader-code"))


def _meaning(text: str, found: list[Hit]) -> Resolution:
    """One ingredient, or a product with all of its own; nothing where it is not said which."""
    for kinds in _ORDER:
        of_kind = [hit for hit in found if hit.kind in kinds]
        if of_kind:
            break
    first = min(hit.provenance for hit in of_kind)  # sources may differ: the first one counts
    unique = {hit.node: hit.to_match() for hit in of_kind if hit.provenance == first}
    matches = tuple(unique[node] for node in sorted(unique))
    if len(matches) == 1:
        return Resolution(matches, matches[0].grade != "broader")
    if of_kind[0].kind == "product":
        return Resolution(matches, True)
    return Resolution((), False, (text,))


def _misspelt(graph: Graph, part: str, worst: Grade) -> Resolution | None:
    """What the name means that ``part`` is a slip of, all of it graded near."""
    found = misspelt_name(graph, part, DRUG)
    if found is None:
        return None
    label, score = found
    meant = graph.labels.text[label].as_py()
    resolution = _named(graph, meant, worst)
    if resolution is None or not resolution.matches:
        return None
    matches = [
        replace(match, grade="near", basis=f"similar to {meant!r}", score=score)
        for match in resolution.matches
    ]
    return replace(resolution, matches=tuple(matches))


def _joined(graph: Graph, part: str, worst: Grade) -> Resolution | None:
    """The ingredients of ``lisinopril-hydrochlorothiazide``, if each piece is a known drug."""
    pieces = [piece.strip() for piece in re.split(r"-|,", part)]
    if len(pieces) < 2 or any(len(piece) < 4 for piece in pieces):
        return None
    sure: Grade = worst if worst != "near" else "broader"
    found = [_part(graph, piece, sure) for piece in pieces]
    known = [f for f in found if f and f.complete]
    if len(known) < len(pieces):
        return None
    return Resolution(tuple(match for f in known for match in f.matches), True)


def _without_pack(text: str) -> str:
    return re.sub(r"(?:\s+\d+\s+day)?(?:\s+pack)?$", "", text, flags=re.IGNORECASE)
