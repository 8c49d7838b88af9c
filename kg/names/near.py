"""Names that look like a text: a question to a person, never a fact."""

from collections.abc import Collection, Iterator

from kg.climb import is_other
from kg.graph import LABEL_KINDS, Graph, Node
from kg.names.index import among_types, name_index
from kg.names.keys import key
from kg.names.match import Match

NEAR_ENOUGH = 0.84  # similarity from which a drug text's part is offered as a near match

_CANDIDATES = 200  # texts that share most letters, of which the similarity is computed
_HOLDS = 75.0  # similarity of a name that holds all the words of the text
_ALIKE = 55.0


def closest(
    graph: Graph, text: str, types: Collection[str] | None = None, *, limit: int = 5
) -> tuple[Match, ...]:
    """Up to ``limit`` nodes whose names look like ``text``, most similar first; never exact.

    Also names that hold all the words of the text: "cancer" is in "breast cancer".
    """
    from rapidfuzz import fuzz

    wanted = key(text)
    words = set(wanted.split())
    scored: list[tuple[float, str, int]] = []
    for label, name in _candidates(graph, wanted, types):
        score = fuzz.ratio(wanted, name)
        if len(wanted) > 3 and words <= set(name.split()):
            score = max(score, _HOLDS)
        if score >= _ALIKE:
            scored.append((-score, name, label))
    best: dict[Node, Match] = {}
    for score, _, label in sorted(scored, key=lambda item: (item[0], len(item[1]), item[1])):
        node = graph.node(*graph.locate(int(graph.labels.node[label])))
        if node not in best:
            found = graph.labels.text[label].as_py()
            similarity = min(round(-score / 100, 3), 0.999)  # 1 is said of the same text only
            best[node] = Match(node, "near", f"similar to {found!r}", similarity)
        if len(best) >= 4 * limit:
            break
    return tuple(sorted(best.values(), key=lambda match: (-match.score, match.node)))[:limit]


def misspelt(graph: Graph, text: str, types: Collection[str]) -> Match | None:
    """The node that ``text`` probably means: alike in every word, and graded near.

    None where names of two nodes are as much alike.
    """
    found = misspelt_name(graph, text, types)
    if found is None:
        return None
    label, score = found
    kind = LABEL_KINDS[graph.labels.kind[label]]
    node = graph.node(*graph.locate(int(graph.labels.node[label])))
    meant = graph.labels.text[label].as_py()
    if kind == "product" or is_other(meant, node.name):  # a set of nodes, or not what it says
        return None
    return Match(node, "near", f"similar to {meant!r}", score)


def misspelt_name(graph: Graph, text: str, types: Collection[str]) -> tuple[int, float] | None:
    """The label that ``text`` probably means and how alike they are, or None."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA

    wanted = key(text)
    if len(graph.labels.with_key(wanted)):  # spelt as something is that it does not mean
        return None
    ranked: list[tuple[int, float, str, int]] = []
    for label, name in _candidates(graph, wanted, types):
        if _is_misspelling(wanted, name):
            score = round(fuzz.ratio(wanted, name) / 100, 3)
            ranked.append((OSA.distance(wanted, name), -score, name, label))
    if not ranked:
        return None
    ranked.sort()
    edits, score, name, label = ranked[0]
    nodes = {int(graph.labels.node[other[3]]) for other in ranked if other[0] == edits}
    if len(nodes) > 1 and not any(graph.labels.kind[o[3]] == _PRODUCT for o in ranked):
        return None
    return label, -score


_PRODUCT = LABEL_KINDS.index("product")


def _candidates(
    graph: Graph, wanted: str, types: Collection[str] | None
) -> Iterator[tuple[int, str]]:
    """Labels whose keys share most with ``wanted``, and their keys."""
    if not wanted:
        return
    index = name_index(graph)
    among = None if types is None else among_types(graph, index.named, types)
    for number in index.trigrams.candidates(wanted, limit=_CANDIDATES, among=among).tolist():
        label = int(index.named[number])
        yield label, graph.labels.key[label].as_py()


def _is_misspelling(wrote: str, meant: str) -> bool:
    """Whether every word is its counterpart with a slip: "vitamin b" is no spelling of "vitamin c".

    Names of drugs differ where they begin, so slips count only after it; a long word may have two.
    """
    from rapidfuzz import fuzz

    if fuzz.ratio(wrote, meant) < 100 * NEAR_ENOUGH:
        return False
    ours, theirs = wrote.split(), meant.split()
    if len(ours) != len(theirs):
        return False
    return all(a == b or _is_slip(a, b) for a, b in zip(ours, theirs, strict=True))


def _is_slip(wrote: str, meant: str) -> bool:
    from rapidfuzz.distance import OSA

    shorter = min(len(wrote), len(meant))
    if shorter < 6 or any(c.isdigit() for c in wrote + meant):
        return False
    edits = OSA.distance(wrote, meant)
    if edits == 1:
        return wrote[:2] == meant[:2]
    return (
        edits == 2 and shorter >= 9 and wrote[:3] == meant[:3] and not _is_other_stem(wrote, meant)
    )


def _is_other_stem(wrote: str, meant: str) -> bool:
    """Whether one syllable stands for another: cyclo-se-rine is no slip of cyclo-spo-rine.

    One that is missing ("pravastin") or sounds alike ("ibuprophen") is a slip.
    """
    from rapidfuzz.distance import Postfix, Prefix

    for heard, spelt in _SOUNDS:
        wrote, meant = wrote.replace(heard, spelt), meant.replace(heard, spelt)
    start = Prefix.similarity(wrote, meant)
    end = Postfix.similarity(wrote[start:], meant[start:])
    shorter, longer = sorted((len(wrote) - start - end, len(meant) - start - end))
    return shorter > 0 and longer == 2


_SOUNDS = (("ph", "f"), ("th", "t"), ("y", "i"))
