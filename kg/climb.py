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
    r"melanoma\w*|\w*myeloma\w*|\w*(?<!gan)(?<!ganglio)glioma\w*|astrocytoma\w*|hodgkin\w*|"
    r"\w*(?<!osteo)(?<!chondro)(?<!angio)(?<!fibro)(?<!amelo)blastoma\w*|kaposi\w*|hepatoma\w*|"
    r"mesothelioma\w*|\w*germinoma\w*|seminoma\w*|chordoma\w*|plasm[ao]cytoma\w*|metasta\w*"
)
_IN_SITU = _words(r"in[- ]situ|dcis|lcis|intraepithelial")
_TUMOUR = _words(r"tumou?rs?|neoplas\w*")
_BENIGN = _words(
    r"benign|\w*adenoma\w*|\w*lipoma\w*|n[ae]e?v(?:us|i)|\w*angioma\w*|polyps?|fibroid\w*|"
    r"\w*papilloma\w*|\w*fibroma\w*"
)
_GROWTH = _words(r"(?:new )?growths?|mass(?:es)?|lumps?|nodules?|lesions?|cysts?|\w+oma(?:s|ta)?")
_PRESSURE = _words(r"hypertens\w*|hypotens\w*")
_BLOOD_PRESSURE = _words(r"hypertens\w*|blood pressure")
_PRESSURE_OF_ONE = _words(  # of one organ, which ontologies put under that of the whole body
    r"(?:pulmonary|portal|intracranial|ocular|intraocular|venous) hyperten\w*"
)
_BEFORE = _words(  # a state that may become the disease, and is treated otherwise
    r"pre-?(?:hypertens|diabet|malignan|cancer|leuk)\w*|(?:intra)?ocular hypertens\w*|borderline"
)
_ACUTE = _words(r"acute(?! (?:exacerbation|on chronic|flare|relapse|attack))")
_CHRONIC = _words(r"chronic")
_SUDDEN = _words(  # what is treated at once, and otherwise than the lasting disease behind it
    r"acute|status (?:epilepticus|asthmaticus|migrainosus)|\w*cris[ie]s|\w*acidosis|coma|storm|"
    r"emergenc\w*|attacks?|\w*spasms?|shock|arrest|infarction|ruptured?|h(?:a)?emorrhag\w*|torsades?"
)
_INBORN = _words(r"hereditary|inherited|congenital|familial|neonatal")
_ANY_BORDER = re.compile(
    "|".join(
        pattern.pattern
        for pattern in (
            _PREGNANCY,
            _NEWBORN,
            _IN_SITU,
            _TUMOUR,
            _BENIGN,
            _GROWTH,
            _BLOOD_PRESSURE,
            _ACUTE,
            _CHRONIC,
        )
    ),
    re.IGNORECASE,
)


def is_malignant(name: str) -> bool:
    """Whether the name of a disease says that it is a malignant tumour, or several of them."""
    return bool(_MALIGNANT.search(name))


def may_climb(narrower: Iterable[str], broader: Iterable[str], *between: Iterable[str]) -> bool:
    """Whether what is known of the broader disease may be said of the narrower one.

    Args:
        narrower: names of the narrower disease.
        broader: names of the broader disease.
        between: names of each disease on the way from one to the other. Each must allow it: what
            is not malignant climbs to no cancer by way of something that an ontology puts there.
    """
    way = [" | ".join(names) for names in (narrower, *between)]
    below, above = " | ".join(way), " | ".join(broader)

    def only_below(word: re.Pattern[str]) -> bool:
        return bool(word.search(below)) and not word.search(above)

    # What helps a disease of the lung does not help lung cancer; and a tumour of which nobody says
    # that it is malignant is not a cancer.
    return not (
        any(only_below(word) for word in (_PREGNANCY, _NEWBORN, _IN_SITU, _BEFORE))
        or (only_below(_MALIGNANT) and not _TUMOUR.search(above))
        or (_MALIGNANT.search(above) and not all(map(_MALIGNANT.search, way)))
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


def may_lend(narrower: str, broader: str) -> bool:
    """Whether treatments of a broader disease may stand for those of a narrower one without any.

    Stricter than :func:`may_climb`: what comes suddenly, or is inborn, is treated otherwise than
    the disease it belongs to, whether or not that one is called chronic or acquired.

    Args:
        narrower: name of the narrower disease.
        broader: name of the broader disease.
    """
    return may_climb([narrower], [broader]) and not any(
        word.search(narrower) and not word.search(broader) for word in (_SUDDEN, _INBORN)
    )


def is_other(synonym: str, name: str) -> bool:
    """Whether a synonym that an ontology gives to a disease says what the disease is not.

    Ontologies list "brain neoplasm" as another name of brain cancer, and "gestational hypertension"
    as one of pre-eclampsia. Unlike a narrower disease, a synonym may leave unsaid what the name
    says: abbreviations say nothing.
    """
    if synonym.lower() == name.lower() or not _ANY_BORDER.search(synonym):  # usual, and fast
        return False
    growth = any(word.search(synonym) for word in (_TUMOUR, _BENIGN, _GROWTH))
    if growth and is_malignant(name) and not is_malignant(synonym):
        return True
    only = (_PREGNANCY, _NEWBORN, _IN_SITU, _BLOOD_PRESSURE)
    if any(word.search(synonym) and not word.search(name) for word in only):
        return True
    if _ACUTE.search(synonym) and _CHRONIC.search(synonym):
        return False
    return any(
        a.search(synonym) and b.search(name) and not a.search(name)
        for a, b in ((_ACUTE, _CHRONIC), (_CHRONIC, _ACUTE), (_BENIGN, _MALIGNANT))
    )


def holds_several(name: str, synonyms: Iterable[str]) -> int:
    """How much more than one disease an ontology's term is, which shows in its synonyms.

    2 if one of them is another disease than the name says (:func:`is_other`), 1 if both acute and
    chronic ones are among them, else 0. Of its codes nobody knows then which disease they mean.
    """
    given = list(synonyms)
    if any(is_other(synonym, name) for synonym in given):
        return 2
    is_both = all(
        any(a.search(synonym) and not b.search(synonym) for synonym in given)
        for a, b in ((_ACUTE, _CHRONIC), (_CHRONIC, _ACUTE))
    )
    return int(is_both and not _ACUTE.search(name) and not _CHRONIC.search(name))


# What chapters of the ICD say of all that is in them.
_CHAPTERS = (
    (re.compile(r"ICD10(?:CM)?:C|ICD9CM:(?:1[4-9]\d|20[0-8])(?!\d)"), "malignant neoplasm"),
    (re.compile(r"ICD10(?:CM)?:D0|ICD9CM:23[0-4](?!\d)"), "carcinoma in situ"),
    (re.compile(r"ICD10(?:CM)?:D(?:[12]|3[0-6A])|ICD9CM:2(?:09|1\d|2\d)(?!\d)"), "benign neoplasm"),
    (re.compile(r"ICD10(?:CM)?:D(?:3[7-9]|4)|ICD9CM:23[5-9](?!\d)"), "neoplasm"),
    (re.compile(r"ICD10(?:CM)?:O|ICD9CM:6[3-7]\d(?!\d)"), "pregnancy"),
    (re.compile(r"ICD10(?:CM)?:P|ICD9CM:7[67]\d(?!\d)"), "perinatal"),
)  # fmt: skip


def chapter(code: str) -> str:
    """What an ICD code says by its chapter, in words that have borders; "" where it says nothing.

    Args:
        code: a CURIE, e.g. ``ICD10CM:C50.9``.
    """
    return next((words for pattern, words in _CHAPTERS if pattern.match(code)), "")


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
    ways = {start: [_names(graph, node.type, start)]}  # row -> names of each on the way to it
    distance = 0
    while ways:
        distance += 1
        higher: dict[int, list[list[str]]] = {}
        for row, way in ways.items():
            rows, _ = graph.neighbors(step, row)
            for above in rows.tolist():
                names = _names(graph, node.type, above)
                if above not in seen and may_climb(way[0], names[:1], *way[1:]):
                    higher.setdefault(above, [*way, names])
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
