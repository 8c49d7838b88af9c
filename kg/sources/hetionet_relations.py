"""Where the names and the edges of Hetionet come from, kind by kind and metaedge by metaedge.

After Himmelstein et al. 2017, eLife 6:e26726, and the licences that its authors collected.
"""

from collections.abc import Mapping
from dataclasses import replace

from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.vocabularies.provenance import UNSTATED

_OPEN = "CC0-1.0"
_CURATED = ("knowledge_assertion", "manual_agent")
_MINED = ("not_provided", "text_mining_agent")
_MIXED = ("not_provided", "not_provided")  # several methods, and the file does not tell which
_STATISTICS = ("statistical_association", "data_analysis_pipeline")
_MEASURED = ("observation", "data_analysis_pipeline")
_COMPUTED = ("logical_entailment", "data_analysis_pipeline")


def _by(infores: str, licence: str, how: tuple[str, str]) -> Provenance:
    return Provenance("hetionet", f"infores:{infores}", licence, *how)


# Whose names the nodes of each kind have.
NAMES: Mapping[str, Provenance] = {
    "Anatomy": _by("uberon", "CC-BY-3.0", _CURATED),
    "Biological Process": _by("go", "CC-BY-4.0", _CURATED),
    "Cellular Component": _by("go", "CC-BY-4.0", _CURATED),
    "Compound": _by("drugbank", "CC-BY-NC-4.0", _CURATED),
    "Disease": _by("disease-ontology", "CC-BY-3.0", _CURATED),
    "Gene": _by("ncbi-gene", _OPEN, _CURATED),
    "Molecular Function": _by("go", "CC-BY-4.0", _CURATED),
    "Pathway": _by("hetionet", UNSTATED, _CURATED),  # WikiPathways, Reactome, PID
    "Pharmacologic Class": _by("drugcentral", "CC-BY-4.0", _CURATED),
    "Side Effect": _by("sider", "CC-BY-NC-SA-4.0", _CURATED),
    "Symptom": _by("mesh", _OPEN, _CURATED),
}

_GO = _by("goa", "CC-BY-4.0", ("knowledge_assertion", "not_provided"))  # all evidence, propagated

# Metaedge -> our edge type, and where its edges come from. Where several databases went into
# a metaedge, the file does not tell which of them states an edge: Hetionet itself is named, with
# the licences of all.
METAEDGES: Mapping[str, tuple[EdgeType, Provenance]] = {
    "AdG": (EdgeType("Anatomy", "downregulates", "Gene"), _by("bgee", UNSTATED, _STATISTICS)),
    # Bgee; TISSUES (CC BY 4.0)
    "AeG": (EdgeType("Anatomy", "expresses", "Gene"), _by("hetionet", UNSTATED, _MEASURED)),
    "AuG": (EdgeType("Anatomy", "upregulates", "Gene"), _by("bgee", UNSTATED, _STATISTICS)),
    # DrugBank (CC BY-NC 4.0); BindingDB (CC BY 3.0 and CC BY-SA 3.0); DrugCentral (CC BY 4.0)
    "CbG": (
        EdgeType("Drug", "binds", "Gene"),
        _by("hetionet", "CC-BY-NC-4.0 AND CC-BY-SA-3.0", _CURATED),
    ),
    "CcSE": (EdgeType("Drug", "causes", "SideEffect"), _by("sider", "CC-BY-NC-SA-4.0", _MINED)),
    "CdG": (
        EdgeType("Drug", "downregulates", "Gene"),
        _by("lincs", "LicenseRef-LINCS-L1000", _STATISTICS),
    ),
    "CpD": (EdgeType("Drug", "palliates", "Disease"), _by("pharmacotherapydb", _OPEN, _CURATED)),
    # Dice similarity of structures, at least 0.5
    "CrC": (EdgeType("Drug", "resembles", "Drug"), _by("hetionet", _OPEN, _COMPUTED)),
    "CtD": (EdgeType("Drug", "treats", "Disease"), _by("pharmacotherapydb", _OPEN, _CURATED)),
    "CuG": (
        EdgeType("Drug", "upregulates", "Gene"),
        _by("lincs", "LicenseRef-LINCS-L1000", _STATISTICS),
    ),
    # GWAS Catalog; DISEASES (CC BY 4.0); DisGeNET (ODbL); DOAF (none stated)
    "DaG": (
        EdgeType("Disease", "associates", "Gene"),
        _by("hetionet", f"ODbL-1.0 AND CC-BY-4.0 AND {UNSTATED}", _MIXED),
    ),
    "DdG": (EdgeType("Disease", "downregulates", "Gene"), _by("stargeo", UNSTATED, _STATISTICS)),
    # DlA, DpS and DrD: subjects that occur together in MEDLINE more often than by chance
    "DlA": (EdgeType("Disease", "localizes", "Anatomy"), _by("hetionet", _OPEN, _STATISTICS)),
    "DpS": (EdgeType("Disease", "presents", "Symptom"), _by("hetionet", _OPEN, _STATISTICS)),
    "DrD": (EdgeType("Disease", "resembles", "Disease"), _by("hetionet", _OPEN, _STATISTICS)),
    "DuG": (EdgeType("Disease", "upregulates", "Gene"), _by("stargeo", UNSTATED, _STATISTICS)),
    # Evolutionary rate covariation (Priedigkeit et al. 2015)
    "GcG": (EdgeType("Gene", "covaries", "Gene"), _by("hetionet", UNSTATED, _STATISTICS)),
    # Human Interactome Database; Incomplete Interactome; hetio-dag
    "GiG": (EdgeType("Gene", "interacts", "Gene"), _by("hetionet", UNSTATED, _MIXED)),
    "GpBP": (EdgeType("Gene", "participates", "BiologicalProcess"), _GO),
    "GpCC": (EdgeType("Gene", "participates", "CellularComponent"), _GO),
    "GpMF": (EdgeType("Gene", "participates", "MolecularFunction"), _GO),
    # WikiPathways (CC BY 3.0); Reactome and PID by way of Pathway Commons
    "GpPW": (EdgeType("Gene", "participates", "Pathway"), _by("hetionet", UNSTATED, _CURATED)),
    "Gr>G": (
        EdgeType("Gene", "regulates", "Gene"),
        _by("lincs", "LicenseRef-LINCS-L1000", _STATISTICS),
    ),
    "PCiC": (EdgeType("DrugClass", "includes", "Drug"), _by("drugcentral", "CC-BY-4.0", _CURATED)),
}


def reconstructed(provenance: Provenance) -> Provenance:
    """Of an edge that somebody derived again from the sources that went into its metaedge."""
    return replace(
        provenance,
        primary_knowledge_source="infores:hetionet-reconstructed",
        knowledge_level="prediction",
        agent_type="data_analysis_pipeline",
    )
