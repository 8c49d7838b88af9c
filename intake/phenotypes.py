"""Results of genes as laboratories spell them, in the words of guidance."""

import re

_ULTRA = re.compile(r"\bultra[\s-]+rapid\b", re.IGNORECASE)
_ALONE = re.compile(r"(poor|intermediate|normal|extensive|rapid|ultrarapid)", re.IGNORECASE)
_ALLELE = re.compile(r"(?P<allele>.*?\*\S+?)?[\s:,-]*(?P<said>[a-z][a-z ]*)", re.IGNORECASE)
_POSITIVE = frozenset(["positive", "present", "detected", "carrier", "pos"])
_NEGATIVE = frozenset(
    ["negative", "absent", "not detected", "undetected", "not present", "non carrier",
     "noncarrier", "none detected", "neg"]
)  # fmt: skip


def usual_result(gene: str, text: str) -> str:
    """``text`` as guidance spells it; what is not recognised stays as it is.

    "Ultra-rapid" is "Ultrarapid Metabolizer" for a cytochrome, "detected" is "positive" for an HLA
    allele.

    Args:
        gene: its symbol, with an allele or without.
        text: the result.
    """
    if gene.upper().startswith("HLA"):
        match = _ALLELE.fullmatch(" ".join(text.split()))
        said = match["said"].lower() if match else ""
        known = "positive" if said in _POSITIVE else "negative" if said in _NEGATIVE else ""
        return " ".join(filter(None, [match["allele"] or "", known])) if match and known else text
    text = _ULTRA.sub("Ultrarapid", text)
    is_short = gene.upper().startswith("CYP") and _ALONE.fullmatch(text.strip())
    return f"{text.strip()} Metabolizer" if is_short else text
