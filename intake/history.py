"""Whose disease a problem's name speaks of, and of when: of the family, formerly, or of nobody."""

import re
from typing import Literal, NamedTuple

from kg.names import key

Whose = Literal["own", "past", "family", "none"]

_FAMILY = re.compile(
    r"\bfamil(?:y|ial) (?:medical )?(?:history|hx)\b|\bfhx\b|^fh (?:of )?|\bin (?:the )?family\b"
    r"|^(?:mother|father|sister|brother|parent|sibling|relative)s? (?:has|had|have|with)\b|家族史"
)
_IS_FH = re.compile(r"^\s*(?:FH|fh)\s*(?::|of\b)")  # FH alone is familial hypercholesterolaemia
_OLD = r"(?:(?:known|past|personal|previous|prior|remote|significant|medical|surgical) )*"
_NONE = re.compile(rf"^(?:no|denies|without|negative for)(?: any)? (?:{_OLD}(?:history|hx) of )")
_PAST = re.compile(
    r"^\s*(?:(?:known|past|personal|previous|prior|remote|medical|surgical)\s+)*"
    r"(?:(?:history|hx)(?:\s+of\b|\s*:)|h/o\b|"
    r"(?:past|previous|prior|former|old|healed)\b(?!\s+history)|"
    r"status[\s-]+post\b|s/p\b|既往)\s*:?\s*",
    re.IGNORECASE,
)
_TAG = re.compile(r"\s*\((?:situation|disorder|finding)\)$", re.IGNORECASE)

# What is told in place of a fact.
REASONS = {
    "family": "it is of the family, not of the patient",
    "none": "it says that there is no such history",
}


class History(NamedTuple):
    """Whose a disease is, and its name without the words that say so."""

    whose: Whose
    name: str


def whose(text: str) -> History:
    """What a name says beside the disease: "Family history of asthma", "History of stroke"."""
    folded = key(text)
    if _FAMILY.search(folded) and (not folded.startswith("fh ") or _IS_FH.match(text)):
        return History("family", text)
    if _NONE.match(folded):
        return History("none", text)
    past = _PAST.match(text)
    if past:
        return History("past", _TAG.sub("", text[past.end() :]))
    return History("own", text)
