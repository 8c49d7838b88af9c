"""Biolink's classes and predicates (https://w3id.org/biolink), and the types they become here."""

import re
from collections.abc import Collection, Mapping

from kg.schema import EDGES, NODES, EdgeType, edge_spec, is_edge_type

# Biolink classes, the most specific first -> our node type.
CATEGORIES: Mapping[str, str] = {
    "biolink:CellularComponent": "CellularComponent",
    "biolink:GrossAnatomicalStructure": "Anatomy",
    "biolink:PathologicalAnatomicalStructure": "Anatomy",
    "biolink:Cell": "Anatomy",
    "biolink:AnatomicalEntity": "Anatomy",
    "biolink:Pathway": "Pathway",
    "biolink:MolecularActivity": "MolecularFunction",
    "biolink:PhysiologicalProcess": "BiologicalProcess",
    "biolink:BiologicalProcess": "BiologicalProcess",
    "biolink:Gene": "Gene",
    "biolink:Protein": "Gene",
    "biolink:Drug": "Drug",
    "biolink:SmallMolecule": "Drug",
    "biolink:MolecularMixture": "Drug",
    "biolink:ChemicalEntity": "Drug",
    "biolink:Disease": "Disease",
    "biolink:BehavioralFeature": "Phenotype",
    "biolink:ClinicalFinding": "Phenotype",
    "biolink:PhenotypicFeature": "Phenotype",
    "biolink:DiseaseOrPhenotypicFeature": "Disease",
    "biolink:ChemicalExposure": "Exposure",
    "biolink:DrugExposure": "Exposure",
    "biolink:EnvironmentalExposure": "Exposure",
    "biolink:ExposureEvent": "Exposure",
}

# The values of ``knowledge_level`` and ``agent_type``.
LEVELS = (
    "knowledge_assertion", "logical_entailment", "prediction", "statistical_association",
    "observation", "not_provided",
)  # fmt: skip
AGENTS = (
    "manual_agent", "automated_agent", "data_analysis_pipeline", "computational_model",
    "text_mining_agent", "image_processing_agent", "manual_validation_of_automated_agent",
    "not_provided",
)  # fmt: skip

# Predicates wider than what our edge types of the same predicate mean: not everything that is
# applied to treat is off label, not every relation of two classes a cross-reaction.
_WIDE = frozenset(["biolink:affects", "biolink:applied_to_treat", "biolink:related_to"])

# What Biolink adds to ``affects``: the verb, what of the object is affected, and which way. The
# values are those of its enumerations; the aspects are those of a gene that is up- or downregulated
# (increased degradation is not), the first being the one that says no more than our relations do.
QUALIFIERS = ("qualified_predicate", "object_aspect_qualifier", "object_direction_qualifier")
_CAUSES = "biolink:causes"
_ASPECTS = ("activity_or_abundance", "abundance", "activity", "expression", "synthesis")
_DIRECTIONS = {
    "upregulates": ("increased", "upregulated"), "downregulates": ("decreased", "downregulated"),
}  # fmt: skip
EFFECTS = frozenset(_DIRECTIONS)

_PHASE = re.compile(r"clinical_trial_phase_(\d(?:_to_\d)?)")  # of its research phases


def node_type(categories: Collection[str], ours: str = "") -> str:
    """Our node type: ``ours`` if its class is among ``categories``, else the most specific.

    Args:
        categories: Biolink classes, with or without ``biolink:``.
        ours: the type that our own export names, if there is one.
    """
    classes = {f"biolink:{each.removeprefix('biolink:')}" for each in categories}
    if ours in NODES and NODES[ours].category in classes:
        return ours
    return next((CATEGORIES[each] for each in CATEGORIES if each in classes), "Entity")


def edge_type(
    predicate: str, head: str, tail: str, *, ours: str = "", negated: bool = False
) -> EdgeType | None:
    """Our edge type of a predicate between two node types; None for what is no predicate.

    Args:
        predicate: Biolink predicate, with or without ``biolink:``.
        head: our node type of the subject.
        tail: our node type of the object.
        ours: the relation that our own export or :func:`effect` names, if any; taken if it fits.
        negated: the edge says that this is not so; its relation begins with ``not_``.
    """
    predicate = f"biolink:{predicate.removeprefix('biolink:')}"
    found = EdgeType(head, predicate.removeprefix("biolink:"), tail)
    listed = [
        known
        for known, spec in EDGES.items()
        if spec.predicate == predicate and (known.head, known.tail) == (head, tail)
    ]
    own = EdgeType(head, ours, tail)
    if ours and is_edge_type(own) and edge_spec(own).predicate == predicate:
        found = own
    elif len(listed) == 1 and predicate not in _WIDE:
        found = listed[0]
    if negated:
        found = found._replace(relation=f"not_{found.relation}")
    return found if is_edge_type(found) else None


def qualifiers(edge_type: EdgeType) -> Mapping[str, str]:
    """What Biolink's qualifiers add to the predicate of an edge type; empty for most."""
    if edge_type not in EDGES or edge_type.relation not in _DIRECTIONS:
        return {}
    # What a disease or a place does to a gene was seen beside it, not shown to be caused.
    verb = _CAUSES if edge_type.head == "Drug" else ""
    values = (verb, _ASPECTS[0], _DIRECTIONS[edge_type.relation][0])
    return {name: value for name, value in zip(QUALIFIERS, values, strict=True) if value}


def effect(record: Mapping[str, object]) -> str:
    """The relation that an edge's qualifiers make of ``affects``; empty if they make none.

    A qualifier of the subject, or a further one of the object, changes what is said (less of a drug
    may raise what the drug lowers), so with one there is none.
    """
    verb, aspect, direction = (record.get(name, "") for name in QUALIFIERS)
    others = {
        name
        for name, value in record.items()
        if value and name.startswith(("subject_", "object_")) and name.endswith("_qualifier")
    }
    if verb not in ("", _CAUSES, _CAUSES.removeprefix("biolink:")) or others - {*QUALIFIERS}:
        return ""
    if aspect not in ("", *_ASPECTS):
        return ""
    return next((relation for relation, values in _DIRECTIONS.items() if direction in values), "")


def phase(record: Mapping[str, object]) -> str:
    """The phase of the trials that an edge speaks of: "3", "1 to 2", or empty if it gives none."""
    found = _PHASE.fullmatch(str(record.get("max_research_phase", "")))
    return found[1].replace("_", " ") if found else ""
