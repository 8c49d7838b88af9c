"""Nodes by what people and records call them, each answer with its grade and its basis.

``exact``: an identifier, name or synonym, in any order and spelling of its words. ``xref``: a code
of another system, or a name of what such a code stands for. ``broader``: a name or code of
something narrower that has no node of its own, with the number of steps. ``near``: similar letters;
a near match is a question to a person, never a fact.

:func:`lookup` finds what a text names exactly, :func:`closest` what it looks like;
:func:`resolve_drug` reads drug texts into their ingredients, :func:`resolve_disease` names of
diseases, :func:`resolve_coding` codes with the text beside them. Each takes the worst grade that
the caller accepts.
"""

from kg.names.codings import resolve_coding
from kg.names.diseases import resolve_disease
from kg.names.drugs import resolve_drug
from kg.names.index import NameIndex, from_arrays, index_names
from kg.names.keys import key
from kg.names.lookup import lookup
from kg.names.match import GRADES, Match, Resolution, accepts
from kg.names.near import NEAR_ENOUGH, closest, misspelt

__all__ = [
    "GRADES",
    "NEAR_ENOUGH",
    "Match",
    "NameIndex",
    "Resolution",
    "accepts",
    "closest",
    "from_arrays",
    "index_names",
    "key",
    "lookup",
    "misspelt",
    "resolve_coding",
    "resolve_disease",
    "resolve_drug",
]
