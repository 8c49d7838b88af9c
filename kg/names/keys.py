"""Texts folded for comparison: the key of a label, and the bag of its words.

Two texts with one key are the same text in other letters. Two texts with one bag say the same in
another order, number or spelling: "malignant tumours of the breast" and "breast cancer".
"""

import re
import unicodedata
from functools import lru_cache

_NOT_WORD = re.compile(r"[\W_]+")
_ASCII = {code: " " for code in range(128) if _NOT_WORD.match(chr(code))}


def key(text: str) -> str:
    """``text`` folded for comparison: NFKC, case, zero-width characters, punctuation, spaces."""
    if text.isascii():  # the same, faster
        folded = text.lower()
        return " ".join(folded.translate(_ASCII).split()) or folded.strip()
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    folded = text.casefold()
    return _NOT_WORD.sub(" ", folded).strip() or folded.strip()


def visible(text: str) -> str:
    """``text`` in NFKC without zero-width characters and runs of spaces; case and marks stay."""
    text = unicodedata.normalize("NFKC", text)
    return " ".join("".join(c for c in text if unicodedata.category(c) != "Cf").split())


# Words that carry no meaning of their own in the name of a disease or drug.
_EMPTY = frozenset(("an", "and", "by", "in", "nos", "of", "the", "unspecified"))
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b")

# British letters to American ones; what stays in both is not in the list.
_BRITISH = (
    (re.compile(r"(?<=[a-z])aemi(?=a|c)"), "emi"),
    (re.compile(r"haem"), "hem"),
    (re.compile(r"(?<![a-z])oe(?=de|st|so)"), "e"),
    (re.compile(r"oedem"), "edem"),
    (re.compile(r"oesoph"), "esoph"),
    (re.compile(r"paed"), "ped"),
    (re.compile(r"caec"), "cec"),
    (re.compile(r"coeli"), "celi"),
    (re.compile(r"foet"), "fet"),
    (re.compile(r"gynaec"), "gynec"),
    (re.compile(r"anaesth"), "anesth"),
    (re.compile(r"leucocyt"), "leukocyt"),
    (re.compile(r"leukaem"), "leukem"),
    (re.compile(r"rrhoe(?=a|i)"), "rrhe"),
    (re.compile(r"phaeo"), "pheo"),
    (re.compile(r"chaem"), "chem"),
    (re.compile(r"apnoea"), "apnea"),
    (re.compile(r"pnoea"), "pnea"),
    (re.compile(r"naev"), "nev"),
    (re.compile(r"tumour"), "tumor"),
    (re.compile(r"sulph"), "sulf"),
    (re.compile(r"(?<![a-z])oestr"), "estr"),
    (re.compile(r"fibre"), "fiber"),
    (re.compile(r"lys(?=ed|ing)"), "lyz"),
    (re.compile(r"is(?=(?:ed|ing|ation)$)"), "iz"),
)

# One word for another, in the order that the rules below need: singulars, American spelling.
_SAME = {
    "bronchial": "bronchus",
    "cardiac": "heart",
    "cervical": "cervix",
    "colonic": "colon",
    "cutaneous": "skin",
    "depressive": "depression",
    "disorder": "disease",
    "gastric": "stomach",
    "hepatic": "liver",
    "hypertensive": "hypertension",
    "mammary": "breast",
    "ovarian": "ovary",
    "pancreatic": "pancreas",
    "prostatic": "prostate",
    "pulmonary": "lung",
    "rectal": "rectum",
    "renal": "kidney",
    "tumor": "neoplasm",
    "uterine": "uterus",
    "vesical": "bladder",
}
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}
_NUMBERED = frozenset(("class", "grade", "stage", "type"))
_PREFIXES = "anti hyper hypo inter intra micro neo non pan para peri poly post pre sub supra"
_JOINED = frozenset(_PREFIXES.split())


def bag(text: str) -> str:
    """The words of ``text`` that carry meaning, each folded, sorted: one spelling for many.

    Word order, plurals, British spelling, adjectives of organs, roman numbers after "type", and
    "malignant neoplasm" for "cancer" make no difference; "with", "without", "due" and "no" do.
    """
    words: list[str] = []
    prefix = ""
    for piece in key(_POSSESSIVE.sub("", text)).split():
        if piece in _JOINED:
            prefix += piece
        elif prefix or piece not in _EMPTY:
            numbered = bool(words) and words[-1] in _NUMBERED
            word = _folded(prefix + (_ROMAN.get(piece, piece) if numbered else piece))
            words.append(_SAME.get(word, word))
            prefix = ""
    if prefix:
        words.append(prefix)
    found = set(words)
    if "malignant" in found and "neoplasm" in found:
        found = found - {"malignant", "neoplasm"} | {"cancer"}
    if "infectious" in found and "disease" in found:
        found = found - {"infectious", "disease"} | {"infection"}
    if "diabete" in found:  # and not insipidus, which stays
        found.discard("mellitus")
    return " ".join(sorted(found))


@lru_cache(maxsize=100_000)
def _folded(word: str) -> str:
    """American spelling and singular; a made-up singular does no harm, both sides have it."""
    if not word.isascii() or len(word) < 4:
        return word
    for british, american in _BRITISH:
        word = british.sub(american, word)
    if word.endswith(("oses", "itides")):
        return word[:-4] + "osis" if word.endswith("oses") else word[:-6] + "itis"
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is", "os")) else word.removesuffix("s")
