"""PrimeKG's relations: our edge type of each, and the database its edges come from.

Sources follow the paper (Chandak, Huang & Zitnik 2023, Sci Data 10:67, Methods). Of the licences,
DrugBank's (CC-BY-NC-4.0) and Reactome's (CC0-1.0 for annotation files and identifier mappings) were
read on their own pages. Bgee's is left open: it is CC0-1.0 for newer releases as far as we
remember, but a review of 2019 (reusabledata.org) found what it stated to be inconsistent.
DrugCentral's could not be checked on its page; Hetionet states CC-BY-4.0 for its edges of 2016, and
the stricter CC-BY-SA-4.0 is assumed. The others are as the databases stated them when this was
written, unchecked since. A hierarchy is ``related_to``: see :mod:`kg.sources.primekg`.
"""

from collections.abc import Mapping

from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.vocabularies.provenance import UNSTATED

_ASSERTED = ("knowledge_assertion", "manual_agent")
_OBSERVED = ("observation", "data_analysis_pipeline")


def _from(name: str, licence: str, kind: tuple[str, str] = _ASSERTED) -> Provenance:
    return Provenance("primekg", f"infores:{name}", licence, *kind)


PRIMEKG = _from("primekg", "LicenseRef-PrimeKG")  # of the nodes and their names
_DRUGBANK = _from("drugbank", "CC-BY-NC-4.0")
_DRUGCENTRAL = _from("drugcentral", "CC-BY-SA-4.0")
_DISGENET = _from("disgenet", "CC-BY-NC-SA-4.0")
_CTD = _from("ctd", "LicenseRef-CTD")
_GO = _from("go", "CC-BY-4.0")
_GOA = _from("goa", "CC-BY-4.0")
_HPO = _from("hpo", "LicenseRef-HPO")
_HPOA = _from("hpo-annotations", "LicenseRef-HPO")
_REACTOME = _from("reactome", "CC0-1.0")
_BGEE = _from("bgee", "LicenseRef-Bgee", _OBSERVED)
_SIDER = _from("sider", "CC-BY-NC-SA-4.0", ("knowledge_assertion", "text_mining_agent"))
_PPI = _from("primekg", UNSTATED, _OBSERVED)  # BioGRID, STRING and others


def _same(node_type: str) -> EdgeType:
    return EdgeType(node_type, "related_to", node_type)


# Relation -> our edge type and where its edges come from (Chandak et al. 2023, Methods).
RELATIONS: Mapping[str, tuple[EdgeType, Provenance]] = {
    "anatomy_anatomy": (_same("Anatomy"), _from("uberon", "CC-BY-3.0")),
    "anatomy_protein_absent": (EdgeType("Anatomy", "not_expresses", "Gene"), _BGEE),
    "anatomy_protein_present": (EdgeType("Anatomy", "expresses", "Gene"), _BGEE),
    "bioprocess_bioprocess": (_same("BiologicalProcess"), _GO),
    "bioprocess_protein": (EdgeType("Gene", "participates", "BiologicalProcess"), _GOA),
    "cellcomp_cellcomp": (_same("CellularComponent"), _GO),
    "cellcomp_protein": (EdgeType("Gene", "participates", "CellularComponent"), _GOA),
    "contraindication": (EdgeType("Drug", "contraindicated", "Disease"), _DRUGCENTRAL),
    "disease_disease": (_same("Disease"), _from("mondo", "CC-BY-4.0")),
    "disease_phenotype_negative": (EdgeType("Disease", "not_presents", "Phenotype"), _HPOA),
    "disease_phenotype_positive": (EdgeType("Disease", "presents", "Phenotype"), _HPOA),
    "disease_protein": (EdgeType("Disease", "associates", "Gene"), _DISGENET),
    "drug_drug": (EdgeType("Drug", "interacts", "Drug"), _DRUGBANK),
    "drug_effect": (EdgeType("Drug", "causes", "Phenotype"), _SIDER),
    "drug_protein": (EdgeType("Drug", "binds", "Gene"), _DRUGBANK),
    "exposure_bioprocess": (EdgeType("Exposure", "interacts_with", "BiologicalProcess"), _CTD),
    "exposure_cellcomp": (EdgeType("Exposure", "interacts_with", "CellularComponent"), _CTD),
    "exposure_disease": (EdgeType("Exposure", "associated_with", "Disease"), _CTD),
    "exposure_exposure": (_same("Exposure"), _CTD),
    "exposure_molfunc": (EdgeType("Exposure", "interacts_with", "MolecularFunction"), _CTD),
    "exposure_protein": (EdgeType("Exposure", "interacts_with", "Gene"), _CTD),
    "indication": (EdgeType("Drug", "treats", "Disease"), _DRUGCENTRAL),
    "molfunc_molfunc": (_same("MolecularFunction"), _GO),
    "molfunc_protein": (EdgeType("Gene", "participates", "MolecularFunction"), _GOA),
    "off-label use": (EdgeType("Drug", "off_label", "Disease"), _DRUGCENTRAL),
    "pathway_pathway": (_same("Pathway"), _REACTOME),
    "pathway_protein": (EdgeType("Gene", "participates", "Pathway"), _REACTOME),
    "phenotype_phenotype": (_same("Phenotype"), _HPO),
    "phenotype_protein": (EdgeType("Phenotype", "associates", "Gene"), _DISGENET),
    "protein_protein": (EdgeType("Gene", "interacts", "Gene"), _PPI),
}
