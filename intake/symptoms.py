"""Symptoms among what is recorded as a problem or an observation."""

import re

from intake.codes import Resolver
from intake.resource import codings, text_of
from kg.names import Match, lookup

TYPES = ("Symptom", "Phenotype")
_TAG = re.compile(r"\s*\((?:finding|disorder|symptom|observable entity)\)$", re.IGNORECASE)


def find_symptoms(resolver: Resolver, concept: object) -> tuple[Match, ...]:
    """The symptoms and phenotypes that a CodeableConcept names in so many words."""
    if not any(kind in resolver.graph.node_types for kind in TYPES):
        return ()
    for text in [coding.display for coding in codings(concept)] + [text_of(concept)]:
        found = lookup(resolver.graph, _TAG.sub("", text), TYPES, worst="exact") if text else ()
        if found:
            return found
    return ()
