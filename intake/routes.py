"""How a drug is given, where a code or the words of its form say it; else the route is unknown.

A local route quietens rules that are meant for the whole body, so doubt is resolved against it:
two routes of which one is systemic are that one, two local ones are unknown, and drugs that are
given on the skin or in the nose to act elsewhere (:func:`local_only`) never count as local.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from kg.names import key
from recommend.profile import LOCAL_ROUTES, ROUTES, Route

# SNOMED CT routes of administration. Sublingual and buccal drugs are absorbed: as if swallowed.
_SNOMED: Mapping[str, Route] = {
    "26643006": "oral",
    "37839007": "oral",  # sublingual
    "54471007": "oral",  # buccal
    "127490009": "oral",  # gastrostomy
    "47625008": "injected",  # intravenous
    "78421000": "injected",  # intramuscular
    "34206005": "injected",  # subcutaneous
    "447694001": "inhaled",  # respiratory tract
    "18679011": "inhaled",
    "6064005": "skin",  # topical
    "54485002": "eye",
    "10547007": "ear",
    "46713006": "nasal",
    "16857009": "vaginal",
    "37161004": "rectal",
}
_ROUTE_WORDS: Mapping[str, Route] = {
    "by mouth": "oral",
    "per os": "oral",
    "po": "oral",
    "sublingual": "oral",
    "buccal": "oral",
    "iv": "injected",
    "intravenous": "injected",
    "im": "injected",
    "intramuscular": "injected",
    "sc": "injected",
    "subcutaneous": "injected",
    "subcut": "injected",
    "inhalation": "inhaled",
    "intranasal": "nasal",
    "respiratory tract": "inhaled",
    "topical": "skin",
    "cutaneous": "skin",
    "ophthalmic": "eye",
    "otic": "ear",
    "per rectum": "rectal",
    "per vagina": "vaginal",
    "intravaginal": "vaginal",
}

_FORM = r"(?:drops?|solutions?|suspensions?|ointments?|gels?|creams?|emulsions?|sprays?|inserts?)"
# Words that name the route itself; the form decides only where none of them stands.
_WORDS: tuple[tuple[Route, str], ...] = (
    ("mouth", r"\b(?:mouthwash|mouth ?rinse|oral rinse|dental (?:gel|paste)|toothpaste)\b"),
    (
        "oral",
        (
            r"\b(?:oral(?:ly)?(?! rinse)|by mouth|sublingual|buccal|lozenges?|"
            r"chewable|orodispersible|disintegrating)\b"
        ),
    ),
    (
        "injected",
        (
            r"\b(?:inject(?:ions?|able|ed|or)|injectable|intravenous|intramuscular|subcutaneous|"
            r"infusion|intrathecal|pre-?filled|syringes?|auto-?injectors?|vials?)\b"
        ),
    ),
    (
        "inhaled",
        (
            r"\b(?:inhal\w+|nebuli[sz]\w+|nebules?|respules?|diskus|accuhaler|evohaler|"
            r"turbu?haler|turbohaler|handihaler|respimat|metered[- ]dose)\b"
        ),
    ),
    ("eye", rf"\b(?:ophthalmic|ocular|eye[- ]?{_FORM}|eyedrops?|intravitreal)\b"),
    ("ear", rf"\b(?:otic|ear[- ]?{_FORM}|eardrops?)\b"),
    ("nasal", rf"\b(?:intranasal|nasal(?: {_FORM})?|nose {_FORM})\b"),
    (
        "vaginal",
        r"\b(?:vaginal (?:tablets?|rings?|inserts?|foams?|" + _FORM + r")|pessar(?:y|ies))\b",
    ),
    (
        "rectal",
        r"\b(?:rectal (?:foams?|" + _FORM + r")|enemas?|suppositor(?:y|ies))\b",
    ),
    ("skin", r"\b(?:topical(?:ly)?|cutaneous)\b"),
)
_NAMED = tuple((route, re.compile(words, re.IGNORECASE)) for route, words in _WORDS)
_BY_FORM: tuple[tuple[Route, re.Pattern[str]], ...] = (
    (
        "oral",
        re.compile(
            r"\b(?:tablets?|tabs?|caplets?|capsules?|caps|softgels?|pills?|syrup|elixir)\b", re.I
        ),
    ),
    (
        "skin",
        re.compile(
            r"\b(?:creams?|ointments?|lotions?|(?<!soft[ -])(?<!liqui[ -])gel|shampoo|liniment)\b",
            re.I,
        ),
    ),
)
_ELSEWHERE = re.compile(r"\b(?:transdermal|patch(?:es)?|intrauterine|implants?)\b", re.IGNORECASE)
_REMARK = re.compile(r"\(.*?\)|\b(?:for|due to|because of|against|after|before)\b.*", re.IGNORECASE)

# Given on skin or mucosa to act in the whole body, in one of their forms at least. Chosen here from
# what is sold; a drug that is missing counts as local where it is given locally.
_ABSORBED = frozenset([
    "bremelanotide", "buprenorphine", "butorphanol", "calcitonin", "calcitonin-salmon",
    "clonidine", "conjugated-estrogens", "cyanocobalamin", "desmopressin", "diazepam",
    "dihydroergotamine", "dinoprostone", "dronabinol", "epinephrine", "esketamine",
    "esterified-estrogens", "estradiol", "estriol", "estrogens", "estrogens-conjugated",
    "ethinyl-estradiol", "ethinylestradiol", "etonogestrel", "fentanyl", "gemeprost", "glucagon",
    "glyceryl-trinitrate", "granisetron", "hyoscine", "insulin", "isosorbide-dinitrate",
    "ketamine", "ketorolac", "levonorgestrel", "methylphenidate", "methyltestosterone",
    "metoclopramide", "midazolam", "misoprostol", "nafarelin", "nalmefene", "naloxone",
    "nicotine", "nitroglycerin", "norelgestromin", "oxybutynin", "oxytocin", "prasterone",
    "progesterone", "rivastigmine", "rizatriptan", "rotigotine", "salmon-calcitonin",
    "scopolamine", "segesterone", "selegiline", "sufentanil", "sumatriptan", "testosterone",
    "triptorelin", "zavegepant", "zolmitriptan"
])  # fmt: skip
_SYSTEMIC_FROM_THERE: Mapping[str, frozenset[Route]] = {
    # These act locally from the eye or on the skin as well; from the nose they do not.
    "ketorolac": frozenset(["nasal"]),
    "epinephrine": frozenset(["nasal"]),
    "diazepam": frozenset(["nasal"]),
    "estradiol": frozenset(["skin", "vaginal", "nasal"]),
}


def route_of_words(text: str) -> Route:
    """The route that a drug text names: "timolol eye drops", "Albuterol Inhalation Solution"."""
    if "{" not in text:  # a pack holds its drugs in brackets
        text = _REMARK.sub(" ", text)
    if _ELSEWHERE.search(text):
        return ""
    named = {route for route, pattern in _NAMED if pattern.search(text)}
    return one_route(named or {route for route, pattern in _BY_FORM if pattern.search(text)})


def route_of_coding(system: str, code: str, display: str) -> Route:
    """The route that a code of a route means, or its display."""
    if "snomed" in system and code in _SNOMED:
        return _SNOMED[code]
    words = re.sub(r"\s+(?:route|use|administration)\b.*", "", display, flags=re.IGNORECASE)
    return _ROUTE_WORDS.get(key(words)) or route_of_words(words)


def stated_route(text: str) -> Route | None:
    """The route that somebody states in a word or two; None where it is none that is known.

    One of :data:`recommend.profile.ROUTES`, or what people write for it: "topical", "ophthalmic",
    "IV". "Transdermal" and the like is neither local nor any of them: nothing is stated by it.
    """
    known = next((route for route in ROUTES if route == text), None)
    if known is not None:
        return known
    found = _ROUTE_WORDS.get(key(text)) or route_of_words(text)
    return found if found or _ELSEWHERE.search(text) else None


def one_route(routes: Collection[Route]) -> Route:
    """What several answers come to: the systemic one if there is one, else nothing."""
    found = sorted({route for route in routes if route})
    if len(found) < 2:
        return found[0] if found else ""
    systemic = [route for route in found if route not in LOCAL_ROUTES]
    return systemic[0] if systemic else ""


def local_only(route: Route, names: Iterable[str]) -> Route:
    """``route``, or nothing where one of the drugs is given that way to act in the whole body."""
    if route not in LOCAL_ROUTES:
        return route
    for name in names:
        word = key(name).replace(" ", "-")
        if word in _ABSORBED and route in _SYSTEMIC_FROM_THERE.get(word, LOCAL_ROUTES):
            return ""
    return route


def elsewhere(dose: str, route: Route) -> str:
    """``dose`` with the remark that the drug is given by ``route`` to act in the whole body."""
    return "; ".join(filter(None, [dose, f"{route}, to act in the whole body"]))
