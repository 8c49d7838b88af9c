"""CURIEs as IRIs and back, by parsing alone: no table of the graph's terms is ever made.

Where the field has a usual IRI, it is used (OBO permanent URLs, identifiers.org, the publisher's
own); any other text becomes a URN that parses back. Each CURIE has exactly one IRI.
"""

import re
from urllib.parse import quote, unquote

OWN = "urn:pharmakon:"  # a name, not an address: nothing is fetched from it
ANY = f"{OWN}id:"  # for prefixes without a usual IRI
TYPE = f"{OWN}type:"
RELATION = f"{OWN}relation:"
DETAIL = f"{OWN}detail:"
ASSERTION = f"{OWN}assertion:"

BIOLINK = "https://w3id.org/biolink/vocab/"
_OBO = "http://purl.obolibrary.org/obo/"
_BIOPORTAL = "http://purl.bioontology.org/ontology/"
_IDENTIFIERS = "https://identifiers.org/"

# Prefix of a CURIE -> what stands before its local part in the IRI. No value may begin another
# one in a way that makes two CURIEs share an IRI; tests/kg/test_sparql_iris.py sees to that.
BASES = {
    **{
        prefix: f"{_OBO}{prefix}_"
        for prefix in (
            "BFO", "CHEBI", "CL", "DOID", "ECTO", "GO", "HP", "IAO", "MONDO", "MP", "NCBITaxon",
            "NCIT", "OBI", "PATO", "PR", "RO", "SO", "SYMP", "UBERON",
        )
    },
    "ATC": f"{_IDENTIFIERS}atc:",
    "CHEMBL.COMPOUND": f"{_IDENTIFIERS}chembl.compound:",
    "DRUGBANK": f"{_IDENTIFIERS}drugbank:",
    "EFO": "http://www.ebi.ac.uk/efo/EFO_",
    "ENSEMBL": f"{_IDENTIFIERS}ensembl:",
    "HGNC": f"{_IDENTIFIERS}hgnc:",
    "ICD10": f"{_BIOPORTAL}ICD10/",
    "ICD10CM": f"{_BIOPORTAL}ICD10CM/",
    "ICD9CM": f"{_BIOPORTAL}ICD9CM/",
    "LOINC": "https://loinc.org/rdf/",
    "MEDDRA": f"{_BIOPORTAL}MEDDRA/",
    "MESH": "http://id.nlm.nih.gov/mesh/",
    "NCBIGene": f"{_IDENTIFIERS}ncbigene:",
    "NDFRT": f"{_BIOPORTAL}NDFRT/",
    "OMIM": f"{_IDENTIFIERS}mim:",
    "ORPHA": "http://www.orpha.net/ORDO/Orphanet_",
    "PATHWAYCOMMONS": f"{_IDENTIFIERS}pathwaycommons:",
    "PMID": f"{_IDENTIFIERS}pubmed:",
    "PUBCHEM.COMPOUND": f"{_IDENTIFIERS}pubchem.compound:",
    "REACT": f"{_IDENTIFIERS}reactome:",
    "RXNORM": f"{_BIOPORTAL}RXNORM/",
    "SNOMEDCT": "http://snomed.info/id/",
    "UMLS": f"{_IDENTIFIERS}umls:",
    "UNII": f"{_IDENTIFIERS}unii:",
    "UniProtKB": "http://purl.uniprot.org/uniprot/",
    "WIKIPATHWAYS": f"{_IDENTIFIERS}wikipathways:",
    "biolink": BIOLINK,
    "infores": "https://w3id.org/biolink/infores/",
}  # fmt: skip
_PREFIXES = {base: prefix for prefix, base in BASES.items()}
_BASE = re.compile("|".join(sorted(map(re.escape, _PREFIXES), key=len, reverse=True)))
_PLAIN = re.compile(r"[A-Za-z0-9._~:@!$&'()*+,;=/?#-]*")
_SAFE = "._~:@!$&'()*+,;=/?#-"


def escape(text: str, safe: str = "._~:@!$&'()*+,;=-") -> str:
    """``text`` as it may stand between two slashes of an IRI, percent-encoded where it must be."""
    return quote(text, safe=safe)


def to_iri(curie: str) -> str:
    """The IRI of a CURIE; any other text gets a URN of its own."""
    prefix, colon, local = curie.partition(":")
    base = BASES.get(prefix) if colon else None
    if base is None or not local:
        return ANY + escape(curie, _SAFE)
    return base + (local if _PLAIN.fullmatch(local) else escape(local, _SAFE))


def to_curie(iri: str) -> str | None:
    """The CURIE whose IRI is exactly ``iri``, or None if there is none."""
    if iri.startswith(ANY):
        curie = unquote(iri[len(ANY) :])
    else:
        match = _BASE.match(iri)
        if match is None:
            return None
        curie = f"{_PREFIXES[match[0]]}:{unquote(iri[match.end() :])}"
    return curie if to_iri(curie) == iri else None


def assertion_iri(edge_type: str, head: str, tail: str, number: int) -> str:
    """The IRI of what one source says of one edge; ``number`` counts the edge's assertions."""
    return f"{ASSERTION}{edge_type}/{escape(head)}/{escape(tail)}/{number}"


def parse_assertion(iri: str) -> tuple[str, str, str, int] | None:
    """Edge type, head, tail and number of an assertion's IRI, or None if it is none."""
    parts = iri.removeprefix(ASSERTION).split("/")
    if not iri.startswith(ASSERTION) or len(parts) != 4:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", parts[3]):
        return None
    edge_type, head, tail, number = parts[0], unquote(parts[1]), unquote(parts[2]), int(parts[3])
    return (
        (edge_type, head, tail, number)
        if assertion_iri(edge_type, head, tail, number) == iri
        else None
    )
