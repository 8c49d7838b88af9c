"""Biolink's classes and predicates (https://w3id.org/biolink), and the types they become here."""

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
        ours: the relation that our own export names, if there is one; taken if it fits.
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
