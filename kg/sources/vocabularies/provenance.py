"""Who says what a file holds: primary source, licence, level and agent, checked."""

import re
from collections.abc import Mapping

from kg.errors import SourceError
from kg.graph import Provenance
from kg.sources.vocabularies.biolink import AGENTS, LEVELS

UNSTATED = "LicenseRef-no-licence-stated"
_INFORES = re.compile(r"infores:[a-z0-9._-]+")
_LICENCE = re.compile(
    r"creativecommons\.org/(?:licenses/(?P<kind>by(?:-[a-z]{2})*)/(?P<version>\d\.\d)"
    r"|publicdomain/zero/(?P<zero>\d\.\d))"
)

# What is said where a file and its settings say nothing.
NOT_SAID = {
    "licence": UNSTATED,
    "primary_knowledge_source": "infores:not-provided",
    "knowledge_level": "not_provided",
    "agent_type": "not_provided",
}


def stated(source: str, where: str, said: Mapping[str, object]) -> Provenance:
    """The provenance that ``said`` describes, by the keys of ``NOT_SAID``; others are ignored.

    Raises:
        SourceError: a value is no text, no infores CURIE, or a level or agent that Biolink does not
            have.
    """
    words = {}
    for key in NOT_SAID:
        value = said[key]
        if not isinstance(value, str) or not value.strip():
            raise SourceError(f"{where}: {key!r} must be a text")
        words[key] = value
    if not is_infores(words["primary_knowledge_source"]):
        raise SourceError(
            f"{where}: {words['primary_knowledge_source']!r} is not of the form "
            "infores:st-elsewhere"
        )
    for key, known in (("knowledge_level", LEVELS), ("agent_type", AGENTS)):
        if words[key] not in known:
            raise SourceError(f"{where}: {key} = {words[key]!r}; choose from {', '.join(known)}")
    return Provenance(source, words.pop("primary_knowledge_source"), **words)


def is_infores(text: str) -> bool:
    """Whether ``text`` names a source as Biolink does."""
    return _INFORES.fullmatch(text) is not None


def licence_of(text: str) -> str | None:
    """The SPDX expression of a Creative Commons licence that ``text`` names, or None."""
    found = _LICENCE.search(text)
    if not found:
        return None
    if found["zero"]:
        return f"CC0-{found['zero']}"
    return f"CC-{found['kind'].upper()}-{found['version']}"
