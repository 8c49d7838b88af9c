"""Climbing from a disease to a broader one, and the borders that it must not cross.

What is true of a broader disease is often true of a narrower one; but a pregnancy disorder is not
the disease outside pregnancy, a malignant tumour not a benign one, an acute disease not a chronic
one. A treatment lent across these borders does harm.
"""

import re
from collections.abc import Iterable

_PREGNANCY = re.compile(
    r"\b(?:pregnan\w*|gestation\w*|pre-?eclampsia|eclampsia|puerper\w*|obstetric\w*|"
    r"postpartum|peripartum|maternal|h?ellp)\b",
    re.IGNORECASE,
)
_MALIGNANT = re.compile(
    r"\b(?:malignan\w*|cancer\w*|\w*carcinoma|\w*sarcoma|leuk\w*mia|lymphoma|melanoma|myeloma|"
    r"\w*blastoma)\b",
    re.IGNORECASE,
)
_BENIGN = re.compile(r"\b(?:benign|adenoma\w*|lipoma\w*|n[ae]vus)\b", re.IGNORECASE)
_ACUTE = re.compile(r"\bacute\b", re.IGNORECASE)
_CHRONIC = re.compile(r"\bchronic\b", re.IGNORECASE)


def may_climb(narrower: Iterable[str], broader: Iterable[str]) -> bool:
    """Whether what is known of the broader disease may be said of the narrower one.

    Args:
        narrower: names of the narrower disease, and of all that lie between.
        broader: names of the broader disease.
    """
    below, above = " | ".join(narrower), " | ".join(broader)
    only_below = (_PREGNANCY, _MALIGNANT)  # a narrower disease may leave unsaid what both are
    if any(word.search(below) and not word.search(above) for word in only_below):
        return False
    crossing = ((_BENIGN, _MALIGNANT), (_ACUTE, _CHRONIC), (_CHRONIC, _ACUTE))
    return not any(a.search(below) and b.search(above) for a, b in crossing)
