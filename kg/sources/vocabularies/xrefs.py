"""Cross-references of ontologies, in all their spellings, as CURIEs."""

import re

from kg.identifiers import from_xref, is_curie

# They often name a release: SNOMEDCT_US_2015_03_01:73211009, NCI2009_04D:C1.
_RELEASE = re.compile(r"(?:pat_id)?(?:_?(?:19|20)\d\d(?:_\w+)?)?$")
# What is referred to as evidence or reading is not the same thing elsewhere.
_READING = frozenset(["doi", "ftp", "http", "https", "isbn", "pmid", "url", "wiki", "wikipedia"])


def to_code(xref: str) -> str | None:
    """The CURIE of an ontology's cross-reference, or None where it is no identifier."""
    prefix, _, local = xref.partition(":")
    if prefix.casefold() in _READING or prefix.endswith("_AUI") or set('<>"') & set(local):
        return None  # AUI: the identifier of one text in UMLS
    curie = from_xref(f"{_RELEASE.sub('', prefix)}:{local}")
    return curie if curie and is_curie(curie) else None
