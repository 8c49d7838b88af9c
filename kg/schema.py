"""Node types and edge types, with their Biolink names and the field's abbreviations.

A metaedge is written ``Drug-treats-Disease`` in full and ``CtD`` in short; a metapath strings
them together: ``Drug-binds-Gene-associates-Disease`` is ``CbGaD``. The short letters are those of
Hetionet (``C`` stands for compound), so that metapaths of the literature can be typed as printed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from kg.errors import SchemaError


class EdgeType(NamedTuple):
    """A metaedge, e.g. ``EdgeType("Drug", "treats", "Disease")``."""

    head: str
    relation: str
    tail: str

    def __str__(self) -> str:
        return "-".join(self)


@dataclass(frozen=True)
class NodeSpec:
    """What the schema says of a node type."""

    abbreviation: str
    category: str  # Biolink class


@dataclass(frozen=True)
class EdgeSpec:
    """What the schema says of an edge type."""

    abbreviation: str  # the relation's letters in a metapath
    predicate: str  # Biolink predicate, read from head to tail
    inverse: str  # the relation in words, read from tail to head
    symmetric: bool = False  # stored once, valid both ways


NODES: Mapping[str, NodeSpec] = {
    "Anatomy": NodeSpec("A", "biolink:GrossAnatomicalStructure"),
    "BiologicalProcess": NodeSpec("BP", "biolink:BiologicalProcess"),
    "CellularComponent": NodeSpec("CC", "biolink:CellularComponent"),
    "Disease": NodeSpec("D", "biolink:Disease"),
    "Drug": NodeSpec("C", "biolink:Drug"),
    "DrugClass": NodeSpec("PC", "biolink:ChemicalEntity"),
    "Entity": NodeSpec("E", "biolink:NamedThing"),  # what has no type of its own
    "Exposure": NodeSpec("EX", "biolink:ExposureEvent"),
    "Gene": NodeSpec("G", "biolink:Gene"),
    "MolecularFunction": NodeSpec("MF", "biolink:MolecularActivity"),
    "Pathway": NodeSpec("PW", "biolink:Pathway"),
    "Phenotype": NodeSpec("PH", "biolink:PhenotypicFeature"),
    "SideEffect": NodeSpec("SE", "biolink:PhenotypicFeature"),
    "Symptom": NodeSpec("S", "biolink:PhenotypicFeature"),
}


_HIERARCHIES = (
    "Anatomy", "BiologicalProcess", "CellularComponent", "DrugClass", "Exposure",
    "MolecularFunction", "Pathway", "Phenotype", "Symptom",
)  # fmt: skip


def _edges(
    rows: Iterable[tuple[str, str, str, str, str, str] | tuple[str, str, str, str, str, str, bool]],
) -> Mapping[EdgeType, EdgeSpec]:
    return {EdgeType(*row[:3]): EdgeSpec(*row[3:]) for row in rows}


EDGES: Mapping[EdgeType, EdgeSpec] = _edges(
    [
        ("Anatomy", "downregulates", "Gene", "d", "biolink:affects", "downregulated in"),
        ("Anatomy", "expresses", "Gene", "e", "biolink:expresses", "expressed in"),
        ("Anatomy", "upregulates", "Gene", "u", "biolink:affects", "upregulated in"),
        ("Disease", "associates", "Gene", "a", "biolink:condition_associated_with_gene",
         "associated with"),
        ("Disease", "downregulates", "Gene", "d", "biolink:affects", "downregulated in"),
        ("Disease", "localizes", "Anatomy", "l", "biolink:disease_has_location", "site of"),
        ("Disease", "presents", "Phenotype", "p", "biolink:has_phenotype", "presented by"),
        ("Disease", "presents", "Symptom", "p", "biolink:has_phenotype", "presented by"),
        ("Disease", "resembles", "Disease", "r", "biolink:similar_to", "resembles", True),
        ("Disease", "subclass_of", "Disease", "s", "biolink:subclass_of", "includes"),
        ("Disease", "upregulates", "Gene", "u", "biolink:affects", "upregulated in"),
        ("Drug", "binds", "Gene", "b", "biolink:directly_physically_interacts_with", "bound by"),
        ("Drug", "causes", "Phenotype", "c", "biolink:has_side_effect", "caused by"),
        ("Drug", "causes", "SideEffect", "c", "biolink:has_side_effect", "caused by"),
        ("Drug", "contraindicated", "Disease", "x", "biolink:contraindicated_in",
         "contraindicates"),
        ("Drug", "downregulates", "Gene", "d", "biolink:affects", "downregulated by"),
        ("Drug", "interacts", "Drug", "i", "biolink:interacts_with", "interacts", True),
        ("Drug", "metabolized_by", "Gene", "m", "biolink:is_substrate_of", "metabolizes"),
        ("Drug", "off_label", "Disease", "o", "biolink:applied_to_treat", "treated off label by"),
        ("Drug", "palliates", "Disease", "p", "biolink:ameliorates_condition", "palliated by"),
        ("Drug", "resembles", "Drug", "r", "biolink:similar_to", "resembles", True),
        ("Drug", "treats", "Disease", "t", "biolink:treats", "treated by"),
        ("Drug", "upregulates", "Gene", "u", "biolink:affects", "upregulated by"),
        ("DrugClass", "cross_reacts", "DrugClass", "k", "biolink:related_to",
         "cross-reacts with", True),
        ("DrugClass", "includes", "Drug", "i", "biolink:has_member", "belongs to"),
        ("Gene", "covaries", "Gene", "c", "biolink:correlated_with", "covaries", True),
        ("Gene", "interacts", "Gene", "i", "biolink:physically_interacts_with", "interacts", True),
        ("Gene", "participates", "BiologicalProcess", "p", "biolink:participates_in", "involves"),
        ("Gene", "participates", "CellularComponent", "p", "biolink:located_in", "contains"),
        ("Gene", "participates", "MolecularFunction", "p", "biolink:enables", "enabled by"),
        ("Gene", "participates", "Pathway", "p", "biolink:participates_in", "involves"),
        ("Gene", "regulates", "Gene", "r", "biolink:regulates", "regulated by"),
        ("Phenotype", "associates", "Gene", "a", "biolink:condition_associated_with_gene",
         "associated with"),
        *((t, "subclass_of", t, "s", "biolink:subclass_of", "includes") for t in _HIERARCHIES),
    ]
)  # fmt: skip

# Relations that hold both ways between nodes of one type.
SYMMETRIC = frozenset(
    [
        "associated_with", "coexpressed_with", "colocalizes_with", "correlated_with", "covaries",
        "cross_reacts", "directly_physically_interacts_with", "genetically_interacts_with",
        "interacts", "interacts_with", "physically_interacts_with", "related_to", "resembles",
        "same_as", "similar_to",
    ]
)  # fmt: skip
_RELATION = re.compile(r"[a-z][a-z0-9_]*")


def is_edge_type(edge_type: EdgeType) -> bool:
    """Whether :func:`edge_spec` knows what ``edge_type`` is."""
    ends_known = edge_type.head in NODES and edge_type.tail in NODES
    return ends_known and _RELATION.fullmatch(edge_type.relation) is not None


@cache
def edge_spec(edge_type: EdgeType) -> EdgeSpec:
    """What the schema says of ``edge_type``; for one that is not listed, what follows from it.

    Sources that bring relations of their own (KGX, RDF, a table) get *open* edge types: known node
    types joined by a relation in snake case, read as the Biolink predicate of that name.

    Raises:
        SchemaError: an unknown node type, or a relation that is not in snake case.
    """
    if edge_type in EDGES:
        return EDGES[edge_type]
    if not is_edge_type(edge_type):
        raise SchemaError(
            f"{edge_type} is no edge type: it needs a relation in snake case, such as 'treats', "
            f"between two of {', '.join(NODES)}"
        )
    relation = edge_type.relation
    words = relation.replace("_", " ")
    symmetric = edge_type.head == edge_type.tail and relation in SYMMETRIC
    inverse = words if symmetric else f"{words} (from)"
    letters = re.sub("[0-9_]", "", relation)
    return EdgeSpec(letters, f"biolink:{relation}", inverse, symmetric)


class Step(NamedTuple):
    """One metaedge of a metapath and the direction in which it is walked."""

    edge_type: EdgeType
    forward: bool  # False: from tail to head

    @property
    def source(self) -> str:
        """The node type where the step begins."""
        return self.edge_type.head if self.forward else self.edge_type.tail

    @property
    def target(self) -> str:
        """The node type where the step ends."""
        return self.edge_type.tail if self.forward else self.edge_type.head


Metapath = tuple[Step, ...]


def abbreviate(metapath: Metapath) -> str:
    """The short form, e.g. ``CbGaD``; ``Gr>G`` and ``G<rG`` where direction matters."""
    text = NODES[metapath[0].source].abbreviation
    for step in metapath:
        letters = edge_spec(step.edge_type).abbreviation
        directed = (
            step.edge_type.head == step.edge_type.tail and not edge_spec(step.edge_type).symmetric
        )
        if directed:
            letters = f"{letters}>" if step.forward else f"<{letters}"
        text += letters + NODES[step.target].abbreviation
    return text


def parse_metapath(text: str, edge_types: Iterable[EdgeType] = ()) -> Metapath:
    """Read a metapath, written in full or in short; directions follow from the node types.

    Args:
        text: ``Drug-binds-Gene-associates-Disease`` or ``CbGaD``.
        edge_types: further edge types than the listed ones, such as the open ones of a graph.

    Raises:
        SchemaError: a node type or relation is unknown, or two node types are not joined by it.
    """
    words = _words(text.strip())
    if len(words) < 3 or len(words) % 2 == 0:
        raise SchemaError(
            f"metapath {text!r} must alternate node types and relations, such as "
            "'Drug-binds-Gene-associates-Disease' or 'CbGaD'"
        )
    words[::2] = map(check_node_type, words[::2])
    known = {**EDGES, **{edge_type: edge_spec(edge_type) for edge_type in edge_types}}
    return tuple(
        _step(words[i], words[i + 1], words[i + 2], text, known)
        for i in range(0, len(words) - 2, 2)
    )


def check_node_type(node_type: str) -> str:
    """``node_type`` as the schema spells it; upper and lower case do not matter.

    Raises:
        SchemaError: it has not; the message lists what there is.
    """
    for name in NODES:
        if node_type.casefold() == name.casefold():
            return name
    raise SchemaError(f"no node type {node_type!r}; choose from {', '.join(NODES)}")


def _words(text: str) -> list[str]:
    if "-" in text:
        return text.split("-")
    names = {spec.abbreviation: name for name, spec in NODES.items()}
    parts = re.findall(r"[A-Z]+|[<>a-z]+", text)
    return [names.get(part, part) for part in parts]


def _step(
    source: str, relation: str, target: str, text: str, known: Mapping[EdgeType, EdgeSpec]
) -> Step:
    backward = relation.startswith("<")
    word = relation.strip("<>")
    found = []
    for edge_type, spec in known.items():
        is_inverse = word == spec.inverse and not spec.symmetric
        if is_inverse and (edge_type.tail, edge_type.head) == (source, target):
            found.append(Step(edge_type, False))  # as a node's page words it: "treated by"
        if word.replace(" ", "_") != edge_type.relation and word != spec.abbreviation:
            continue
        if (edge_type.head, edge_type.tail) == (source, target) and not backward:
            found.append(Step(edge_type, True))
        elif (edge_type.tail, edge_type.head) == (source, target) and (
            backward or source != target
        ):
            found.append(Step(edge_type, False))
    if not found:
        have = sorted(
            edge_type.relation
            for edge_type in known
            if {edge_type.head, edge_type.tail} == {source, target}
        )
        raise SchemaError(
            f"metapath {text!r}: {source} and {target} are not joined by {relation!r}; "
            f"have {', '.join(have) or 'nothing'}"
        )
    return found[0]
