"""Climbing from a disease to a broader one, and the borders that it must not cross.

What is true of a broader disease is often true of a narrower one; but a pregnancy disorder is not
the disease outside pregnancy, a newborn's not an adult's, a malignant tumour not a benign one, an
acute disease not a chronic one. A treatment lent across these borders does harm.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kg.graph import LABEL_KINDS, Graph, Node
from kg.schema import EdgeType, Step


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_PREGNANCY = _words(
    r"pregnan\w*|gestation\w*|gravidarum|pre-?eclamp\w*|eclamp\w*|puerper\w*|obstetric\w*|"
    r"(?:ante|post|peri|intra)[- ]?partum|maternal|matern\w*|h?ellp|labou?r|childbirth|placenta\w*|"
    r"妊娠\w*"
)
_NEWBORN = _words(r"neonat\w*|newborn|perinatal|f(?:o?)etal|f(?:o?)etus|of prematurity")
_MALIGNANT = _words(
    r"malignan\w*|cancer\w*|\w*carcinoma\w*|\w*sarcoma\w*|leuk\w*mia|\w*lymphoma\w*|"
    r"melanoma\w*|\w*myeloma\w*|\w*blastoma\w*|\w*glioma\w*|astrocytoma\w*|hodgkin\w*|kaposi\w*|"
    r"mesothelioma\w*|seminoma\w*|chordoma\w*|metasta\w*"
)
_IN_SITU = _words(r"in[- ]situ|dcis|lcis|intraepithelial")
_TUMOUR = _words(r"tumou?rs?|neoplas\w*")
_BENIGN = _words(
    r"benign|\w*adenoma\w*|lipoma\w*|n[ae]e?v(?:us|i)|h[ae]*mangioma\w*|polyps?|fibroid\w*"
)
_PRESSURE = _words(r"hypertens\w*|hypotens\w*")
_PRESSURE_OF_ONE = _words(  # of one organ, which ontologies put under that of the whole body
    r"(?:pulmonary|portal|intracranial|ocular|intraocular|venous) hyperten\w*"
)
_ACUTE = _words(r"acute(?! (?:exacerbation|on chronic|flare|relapse|attack))")
_CHRONIC = _words(r"chronic")
_ANY_BORDER = re.compile(
    "|".join(
        pattern.pattern
        for pattern in (_PREGNANCY, _NEWBORN, _IN_SITU, _TUMOUR, _BENIGN, _ACUTE, _CHRONIC)
    ),
    re.IGNORECASE,
)


def may_climb(narrower: Iterable[str], broader: Iterable[str]) -> bool:
    """Whether what is known of the broader disease may be said of the narrower one.

    Args:
        narrower: names of the narrower disease, and of all that lie between.
        broader: names of the broader disease.
    """
    below, above = " | ".join(narrower), " | ".join(broader)

    def only_below(word: re.Pattern[str]) -> bool:
        return bool(word.search(below)) and not word.search(above)

    # What helps a disease of the lung does not help lung cancer; and a tumour of which nobody says
    # that it is malignant is not a cancer.
    return not (
        any(only_below(word) for word in (_PREGNANCY, _NEWBORN, _IN_SITU))
        or (only_below(_MALIGNANT) and not _TUMOUR.search(above))
        or (_MALIGNANT.search(above) and not _MALIGNANT.search(below))
        or (only_below(_PRESSURE_OF_ONE) and _PRESSURE.search(above))
        or any(
            a.search(below) and not b.search(below) and b.search(above)
            for a, b in ((_ACUTE, _CHRONIC), (_CHRONIC, _ACUTE))
        )
        or any(
            a.search(below) and b.search(above)
            for a, b in ((_BENIGN, _MALIGNANT), (_MALIGNANT, _BENIGN))
        )
    )


def is_other(synonym: str, name: str) -> bool:
    """Whether a synonym that an ontology gives to a disease says what the disease is not.

    Ontologies list "brain neoplasm" as another name of brain cancer. Unlike a narrower disease, a
    synonym may leave unsaid what the name says: abbreviations say nothing.
    """
    if not _ANY_BORDER.search(synonym):  # the usual case, and the fast one
        return False
    tumour = _TUMOUR.search(synonym) or _BENIGN.search(synonym)
    if tumour and _MALIGNANT.search(name) and not _MALIGNANT.search(synonym):
        return True
    only = (_PREGNANCY, _NEWBORN, _IN_SITU)
    if any(word.search(synonym) and not word.search(name) for word in only):
        return True
    if _ACUTE.search(synonym) and _CHRONIC.search(synonym):
        return False
    return any(
        a.search(synonym) and b.search(name) and not a.search(name)
        for a, b in ((_ACUTE, _CHRONIC), (_CHRONIC, _ACUTE), (_BENIGN, _MALIGNANT))
    )


class Above(NamedTuple):
    """A broader node that was climbed to."""

    node: Node
    distance: int  # is-a steps


def climb(graph: Graph, node: Node, accepts: Callable[[Node], bool]) -> tuple[Above, ...]:
    """The nearest broader nodes that ``accepts`` says yes to, by the graph's own is-a edges.

    Goes up ``subclass_of`` edges between nodes of the node's type and crosses none of the borders
    of :func:`may_climb`. All nodes at the least distance, by identifier; none if there is none.

    Args:
        graph: where to climb.
        node: where to begin; it is not asked about itself.
        accepts: whether a node is what is looked for, e.g. one with a treatment.
    """
    step = Step(EdgeType(node.type, "subclass_of", node.type), True)
    if step.edge_type not in graph.edge_types:
        return ()
    start = graph.row(node.type, node.id)
    seen = {start}
    ways = {start: _names(graph, node.type, start)}  # row -> names of all on the way to it
    distance = 0
    while ways:
        distance += 1
        higher: dict[int, list[str]] = {}
        for row, below in ways.items():
            rows, _ = graph.neighbors(step, row)
            for above in rows.tolist():
                names = _names(graph, node.type, above)
                if above not in seen and may_climb(below, names[:1]):
                    higher.setdefault(above, below + names)
        seen |= set(higher)
        found = [graph.node(node.type, row) for row in sorted(higher)]
        accepted = [Above(other, distance) for other in found if accepts(other)]
        if accepted:
            return tuple(accepted)
        ways = higher
    return ()


def _names(graph: Graph, node_type: str, row: int) -> list[str]:
    """Name and synonyms of a node, the name first."""
    labels = graph.labels
    synonyms = [
        labels.text[i].as_py()
        for i in labels.of_node(graph.offsets[node_type] + row)
        if LABEL_KINDS[labels.kind[i]] == "synonym"
    ]
    return [graph.node(node_type, row).name, *synonyms]
