"""CURIEs: one spelling for each identifier, and the spellings of sources on the way in.

A CURIE is ``PREFIX:local``. Sources spell the same things in their own ways
(``Compound::DB00331``, ``DB00331``, ``http://snomed.info/sct|44054006``); these functions are the
only place that knows.
"""

import re

# Code systems as FHIR names them (https://terminology.hl7.org), by URI and by object identifier,
# and the prefix used here.
SYSTEMS = {
    "http://snomed.info/sct": "SNOMEDCT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMEDCT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "urn:oid:2.16.840.1.113883.6.88": "RXNORM",
    "http://www.whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://terminology.hl7.org/codesystem/icd9cm": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.2": "ICD9CM",
    "http://fdasis.nlm.nih.gov": "UNII",
    "urn:oid:2.16.840.1.113883.4.9": "UNII",
    "http://id.nlm.nih.gov/mesh": "MESH",
    "http://terminology.hl7.org/codesystem/mesh": "MESH",
    "urn:oid:2.16.840.1.113883.6.177": "MESH",
    "http://www.nlm.nih.gov/research/umls": "UMLS",
    "http://terminology.hl7.org/codesystem/umls": "UMLS",
    "urn:oid:2.16.840.1.113883.6.86": "UMLS",
    "http://www.omim.org": "OMIM",
    "http://omim.org": "OMIM",
    "https://omim.org": "OMIM",
    "https://www.omim.org": "OMIM",
    "urn:oid:2.16.840.1.113883.6.174": "OMIM",
    "http://purl.obolibrary.org/obo/mondo.owl": "MONDO",
    "http://purl.obolibrary.org/obo/doid.owl": "DOID",
    "http://purl.obolibrary.org/obo/hp.owl": "HP",
    "http://human-phenotype-ontology.org": "HP",
    "http://www.orpha.net": "ORPHA",
    "http://www.drugbank.ca": "DRUGBANK",
    "https://www.drugbank.ca": "DRUGBANK",
    "https://go.drugbank.com": "DRUGBANK",
    "http://go.drugbank.com": "DRUGBANK",
    "https://www.ebi.ac.uk/chembl": "CHEMBL.COMPOUND",
    "http://www.ebi.ac.uk/chembl": "CHEMBL.COMPOUND",
    "http://pubchem.ncbi.nlm.nih.gov": "PUBCHEM.COMPOUND",
    "https://pubchem.ncbi.nlm.nih.gov": "PUBCHEM.COMPOUND",
    "http://hl7.org/fhir/ndfrt": "NDFRT",
    "urn:oid:2.16.840.1.113883.3.26.1.5": "NDFRT",
    "http://ncithesaurus-stage.nci.nih.gov": "NCIT",
    "http://ncicb.nci.nih.gov/xml/owl/evs/thesaurus.owl": "NCIT",
    "urn:oid:2.16.840.1.113883.3.26.1.1": "NCIT",
    "http://www.genenames.org": "HGNC",
    "urn:oid:2.16.840.1.113883.6.281": "HGNC",
    "http://www.ncbi.nlm.nih.gov/gene": "NCBIGene",
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
}

# The code systems in which a bare code is looked up, in this order.
BARE = (
    "DRUGBANK",
    "RXNORM",
    "ATC",
    "SNOMEDCT",
    "ICD10CM",
    "ICD10",
    "ICD9CM",
    "MESH",
    "UMLS",
    "OMIM",
    "UNII",
    "CHEMBL.COMPOUND",
    "NCBIGene",
    "DOID",
    "MONDO",
)

# Other prefixes that people and ontologies write, in lower case.
ALIASES = {
    "snomed": "SNOMEDCT",
    "snomedct": "SNOMEDCT",
    "snomed-ct": "SNOMEDCT",
    "snomedct_us": "SNOMEDCT",
    "sct": "SNOMEDCT",
    "sctid": "SNOMEDCT",
    "rxnorm": "RXNORM",
    "rxcui": "RXNORM",
    "atc": "ATC",
    "who-atc": "ATC",
    "icd10": "ICD10CM",
    "icd-10": "ICD10CM",
    "icd-10-cm": "ICD10CM",
    "icd10cm": "ICD10CM",
    "icd10-cm": "ICD10CM",
    "icd9": "ICD9CM",
    "icd-9": "ICD9CM",
    "icd-9-cm": "ICD9CM",
    "icd9cm": "ICD9CM",
    "icd9-cm": "ICD9CM",
    "entrez": "NCBIGene",
    "ncbigene": "NCBIGene",
    "mesh": "MESH",
    "msh": "MESH",
    "umls": "UMLS",
    "umls_cui": "UMLS",
    "cui": "UMLS",
    "omim": "OMIM",
    "mim": "OMIM",
    "omimps": "OMIMPS",
    "ordo": "ORPHA",
    "orpha": "ORPHA",
    "orphanet": "ORPHA",
    "nci": "NCIT",
    "ncit": "NCIT",
    "ndfrt": "NDFRT",
    "unii": "UNII",
    "fdasrs": "UNII",
    "chembl": "CHEMBL.COMPOUND",
    "chembl.compound": "CHEMBL.COMPOUND",
    "pubchem": "PUBCHEM.COMPOUND",
    "pubchem.compound": "PUBCHEM.COMPOUND",
    "cid": "PUBCHEM.COMPOUND",
    "drugbank": "DRUGBANK",
    "doid": "DOID",
    "mondo": "MONDO",
    "hp": "HP",
    "hpo": "HP",
    "meddra": "MEDDRA",
    "medra": "MEDDRA",
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

_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9._]*:(?!/|:)[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_PREFIXED = re.compile(r"([A-Za-z][A-Za-z0-9._-]*):\s*(?!/|:)(\S+)")
_RELEASE = re.compile(r"_(?:19|20)\d\d_\d\d?_\d\d?$")  # SNOMEDCT_US_2025_09_01


def is_curie(text: str) -> bool:
    """Whether ``text`` has the form ``PREFIX:local``."""
    return _CURIE.fullmatch(text) is not None


def from_system(system: str, code: str) -> str | None:
    """The CURIE of a FHIR coding, or None for a system that is not known here.

    A version after a bar, a final slash and the case of the URI make no difference; an object
    identifier may lack its ``urn:oid:``. The code may repeat the prefix.
    """
    uri = system.strip().partition("|")[0].rstrip("/").casefold()
    if re.fullmatch(r"\d+(\.\d+)+", uri):
        uri = f"urn:oid:{uri}"
    prefix = SYSTEMS.get(uri) or (
        "SNOMEDCT" if uri.startswith("http://snomed.info/sct/") else None  # an edition's URI
    )
    code = code.strip()
    if not prefix or not code:
        return None
    repeated, colon, local = code.partition(":")
    if colon and usual_prefix(repeated) == prefix:
        code = local.strip()
    return f"{prefix}:{_usual_local(prefix, code)}"


def usual_prefix(prefix: str) -> str:
    """The prefix used here for one that people and ontologies write; unknown ones stay."""
    bare = _RELEASE.sub("", prefix)
    return ALIASES.get(bare.casefold(), bare)


def from_xref(text: str) -> str | None:
    """The CURIE of a cross-reference as ontologies spell it; None for a text that is none.

    ``UMLS_CUI:C0011860`` gives ``UMLS:C0011860``, ``SNOMEDCT_US_2025_09_01:44054006`` gives
    ``SNOMEDCT:44054006``.
    """
    match = _PREFIXED.fullmatch(text.strip())
    if match is None:
        return None
    prefix = usual_prefix(match.group(1))
    return f"{prefix}:{_usual_local(prefix, match.group(2))}"


def _usual_local(prefix: str, code: str) -> str:
    """A local part as the system writes it: ICD with its dot, MONDO with seven digits."""
    if prefix in ("ICD10CM", "ICD10", "ICD9CM"):
        code = code.upper()
        plain = re.fullmatch(r"([A-TV-Z]\d[0-9AB]|E\d{3}|V\d{2}|\d{3})(\w{1,4})", code)
        if plain and prefix != "ICD9CM":
            plain = re.fullmatch(r"([A-TV-Z]\d[0-9AB])(\w{1,4})", code)
        return f"{plain.group(1)}.{plain.group(2)}" if plain else code
    if prefix in ("MONDO", "HP") and code.isdigit():
        return code.zfill(7)
    if prefix == "CHEMBL.COMPOUND" and code.isdigit():
        return f"CHEMBL{code}"
    if prefix == "PUBCHEM.COMPOUND":
        return re.sub(r"^(?:CID)?0*(?=\d)", "", code, flags=re.IGNORECASE)
    return code


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
        usual = from_xref(text) or text
        found = [text, f"{usual_prefix(prefix)}:{local}", usual]
        if usual.startswith("ICD10CM:"):  # written without the country, it may be the other one
            found.append(usual.replace("ICD10CM:", "ICD10:", 1))
        return list(dict.fromkeys(found))
    if re.fullmatch(r"[A-Za-z0-9.]+", text) and any(c.isdigit() for c in text):
        bare = [f"{prefix}:{text}" for prefix in BARE]
        dotted = [f"{p}:{_usual_local(p, text)}" for p in ("ICD10CM", "ICD10", "ICD9CM")]
        return list(dict.fromkeys(bare + [curie for curie in dotted if "." in curie]))
    return []
