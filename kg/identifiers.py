"""CURIEs: one spelling for each identifier, and the spellings of sources on the way in.

A CURIE is ``PREFIX:local``. Sources spell the same things in their own ways
(``Compound::DB00331``, ``DB00331``, ``http://snomed.info/sct|44054006``); these functions are the
only place that knows.
"""

import re

# Code systems as FHIR names them (https://terminology.hl7.org) and the prefix used here.
SYSTEMS = {
    "http://snomed.info/sct": "SNOMEDCT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://www.whocc.no/atc": "ATC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://fdasis.nlm.nih.gov": "UNII",
    "http://id.nlm.nih.gov/mesh": "MESH",
    "http://www.drugbank.ca": "DRUGBANK",
    "https://go.drugbank.com": "DRUGBANK",
    "http://purl.obolibrary.org/obo/doid.owl": "DOID",
    "http://www.genenames.org": "HGNC",
    "http://loinc.org": "LOINC",
}

# The code systems in which a bare code is looked up, in this order.
BARE = ("DRUGBANK", "RXNORM", "ATC", "SNOMEDCT", "ICD10CM", "MESH", "UMLS", "NCBIGene", "DOID")

# Other prefixes that people write.
ALIASES = {
    "snomed": "SNOMEDCT",
    "sct": "SNOMEDCT",
    "rxcui": "RXNORM",
    "icd10": "ICD10CM",
    "icd-10-cm": "ICD10CM",
    "entrez": "NCBIGene",
    "mesh": "MESH",
    "msh": "MESH",
    "drugbank": "DRUGBANK",
    "doid": "DOID",
}

# Node kinds of Hetionet's identifiers, ``Kind::identifier``: our node type and the CURIE prefix;
# None where the identifier already is one.
HETIONET_KINDS = {
    "Anatomy": ("Anatomy", None),
    "Biological Process": ("BiologicalProcess", None),
    "Cellular Component": ("CellularComponent", None),
    "Compound": ("Drug", "DRUGBANK"),
    "Disease": ("Disease", None),
    "Gene": ("Gene", "NCBIGene"),
    "Molecular Function": ("MolecularFunction", None),
    "Pathway": ("Pathway", None),
    "Pharmacologic Class": ("DrugClass", "NDFRT"),
    "Side Effect": ("SideEffect", "UMLS"),
    "Symptom": ("Symptom", "MESH"),
}

_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9._]*:(?!/|:)\S+")  # neither a URL nor Kind::identifier


def is_curie(text: str) -> bool:
    """Whether ``text`` has the form ``PREFIX:local``."""
    return _CURIE.fullmatch(text) is not None


def from_system(system: str, code: str) -> str | None:
    """The CURIE of a FHIR coding, or None for a system that is not known here."""
    prefix = SYSTEMS.get(system.strip().rstrip("/"))
    return f"{prefix}:{code.strip()}" if prefix else None


def from_hetionet(identifier: str) -> str | None:
    """The CURIE of ``Kind::identifier``, or None where the kind is unknown."""
    kind, _, local = identifier.partition("::")
    if kind not in HETIONET_KINDS or not local:
        return None
    prefix = HETIONET_KINDS[kind][1]
    if kind == "Pathway":
        prefix = "WIKIPATHWAYS" if local.startswith("WP") else "PATHWAYCOMMONS"
    return f"{prefix}:{local}" if prefix else local


def spellings(text: str) -> list[str]:
    """The CURIEs that ``text`` may stand for, most literal first."""
    text = text.strip()
    if "::" in text:
        curie = from_hetionet(text)
        return [curie] if curie else []
    system, bar, code = text.partition("|")  # as FHIR searches write it
    if bar:
        curie = from_system(system, code)
        return [curie] if curie else []
    if is_curie(text):
        prefix, _, local = text.partition(":")
        usual = ALIASES.get(prefix.casefold())
        return list(dict.fromkeys([text, f"{usual or prefix}:{local}"]))
    if re.fullmatch(r"[A-Za-z0-9.]+", text) and any(c.isdigit() for c in text):
        return [f"{prefix}:{text}" for prefix in BARE]
    return []
