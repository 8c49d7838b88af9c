"""What the names and codes of problems say of a pregnancy: that there is one, may be, or was one.

The words and the codes were chosen here. Whatever speaks of a pregnancy and is not known to be
over is a doubt: a check for pregnancy is then never clear.
"""

import re
from collections.abc import Collection, Iterable
from typing import Literal

from intake.history import whose
from intake.resource import codings, text_of
from kg.identifiers import from_system
from kg.names import key

Speaks = Literal["pregnant", "perhaps", "over", ""]

# SNOMED CT: normal, pregnant, high-risk, unplanned or complicated, twin, triplet, multiple, low
# risk, of teenagers, unplanned, unwanted, early; first, second and third trimester.
PREGNANCIES = frozenset(
    ["72892002", "77386006", "47200007", "237238006", "65147003", "64254006", "16356006",
     "237239003", "237240001", "83074005", "58532003", "314204000", "57630001", "59466002",
     "41587001"]
)  # fmt: skip
# Pre-eclampsia (also mild and severe), eclampsia, gestational diabetes and hypertension,
# hyperemesis gravidarum, HELLP, placenta praevia, abruption, preterm labour, possible pregnancy.
_PERHAPS = frozenset(
    ["398254007", "41114007", "46764007", "15938005", "198992004", "11687002", "48194001",
     "14094001", "95605009", "36813001", "415105001", "6383007", "102874004"]
)  # fmt: skip
# How a pregnancy ends: ectopic, tubal, miscarriage (of the first trimester), stillbirth.
_ENDS = frozenset(["34801009", "79586000", "17369002", "19169002", "237364002"])

# ICD-10, of the world and of the United States, each with what is below it.
_ICD = ("ICD10CM:", "ICD10:")
_ICD_PREGNANT = ("Z33.1", "Z34", "Z35", "Z3A", "O09")
_ICD_PERHAPS = (
    *(f"O{number}" for number in (*range(10, 17), *range(20, 50), 60, 98, 99)),
    "O9A", "Z32.01", "Z32.1", "Z36",
)  # fmt: skip
# Also delivery and what follows it.
_ICD_ENDS = (
    *("O00", "O01", "O02", "O03", "O04", "O05", "O06", "O07", "O08", "O80", "O81", "O82", "O83"),
    *("O84", "O85", "O86", "O87", "O89", "O90", "O91", "O92", "Z33.2", "Z37", "Z39"),
)

_ANY = re.compile(
    r"\bpregnan|\bgestation(?!al trophoblastic)|gravid|\becla?mp|preecla?mp|\bpre ecla?mp|"
    r"\bh?ellp\b|\bplacenta|\b(?:preterm|premature|threatened|false) labou?r|\bin labou?r\b|"
    r"\babruption\b|\bpremature rupture of membranes|hydramnios|chorioamnionitis|"
    r"\b(?:ante|pre) ?(?:partum|natal)\b|\bmaternal care\b|\bobstetric|\bwith child\b|"
    r"\bexpect(?:ing|ant)\b|\bthreatened (?:abortion|miscarriage)|schwanger|\bgrossesse|"
    r"\benceinte\b|embaraz|\bgravidez|\bincinta\b|妊娠|怀孕|懷孕|孕妇|孕婦|孕期|早孕|孕\s?\d"
)
_THREAT = re.compile(r"\bthreatened (?:abortion|miscarriage)|without delivery|undelivered")
_OVER = re.compile(
    r"\b(?:miscarriages?|(?:pregnancy|fetal) loss|loss of pregnancy|abortions?|abortus|"
    r"stillbirth|stillborn|(?:fetal|intrauterine) death|hydatidiform|blighted ovum|"
    r"(?:ectopic|tubal|ovarian|abdominal|molar) (?:pregnanc\w+|gestation)|deliver(?:y|ed)|"
    r"terminat\w+ (?:of )?(?:the )?pregnanc\w+|pregnanc\w+ terminat\w+|live birth|"
    r"childbirth|post ?partum|post ?natal|"
    r"puerper\w+|(?:after|since|following|prior to|before) (?:a )?(?:pregnancy|childbirth))\b"
    r"|流产|流產|宫外孕|异位妊娠|终止妊娠|产后|產後|分娩后|葡萄胎"
)
_NOT = re.compile(
    r"\b(?:history|hx|h o|previous|past|former|prior|family|recurrent|habitual)\b"
    r"|\b(?:not|non|no|never|denies|without|negative|ruled out|false|pseudo) ?(?:currently |a )?"
    r"pregnan|\bpseudopregnan|\bpregnancy (?:test )?(?:negative|ruled out|excluded|resolved|ended)"
    r"|(?<!positive )\bpregnancy tests?\b(?! positive)|\b(?:risk|fear) (?:of|for) (?:\w+ )?pregnan"
    r"|\bpregnancy (?:prevention|planning|counsel|desired|wish|intention|wanted)"
    r"|\b(?:trying|wish|wants?|planning|plans|desires?|unable) (?:to|for|a)\b"
    r"|\b(?:newborn|infant|fetus|fetal alcohol|neonat\w*|at birth|born)\b|contracepti"
    r"|史|未怀孕|未懷孕|没有怀孕|未孕|不孕|避孕|备孕|妊娠试验阴性"
)
_FEAR = re.compile(r"\b(?:fear|risk) of\b|\bthreatened\b")
_COMPLICATES = re.compile(r"\b(?:complicating|affecting) (?:the )?(?:current )?pregnan")
_WITH_HISTORY = re.compile(
    r"\b(?:with|and|due to|because of) (?:a |poor |personal |past |family |obstetric )*"
    r"(?:history|previous|prior|hx)\b.*"
)

# A name made of these words and one of the first line says that the patient is pregnant.
_CORE = re.compile(r"\bpregnan(?:t|cy|cies)\b|\bgravid\b|\bweeks? (?:of )?gestation\b|^gestation ")
_PLAIN_WORDS = (
    "pregnant pregnancy pregnancies gravid gestation period currently confirmed is "
    "patient woman female lady finding disorder state active ongoing current normal "
    "viable intrauterine single singleton twin twins triplet triplets quadruplet multiple "
    "first second third 1st 2nd 3rd trimester early mid late term full week weeks wk wks "
    "w month months mo day days d in at the of a with and high low risk unplanned "
    "unwanted planned uncomplicated complicated incidental supervision teenage adolescent "
    "elderly advanced age maternal ivf primigravida multigravida since approximately "
    "about now care unspecified nos "
)
_PLAIN = frozenset(_PLAIN_WORDS.split())
_NUMBER = re.compile(r"\d+(?:st|nd|rd|th|w|wk|wks|weeks|d|m)?")
_PLAIN_OTHERS = re.compile(
    r"(?:妊娠|已?怀孕|懷孕|孕妇|孕婦|早孕|孕期|妊娠状态|(?:双胎|高危|宫内|正常|早期|中期|晚期)妊娠|"
    r"(?:妊娠|怀孕|懷孕|孕) ?\d+ ?[周週]?(?: ?\+ ?\d+)?)"
    r"|(?:is )?expecting(?: a)? (?:baby|child|twins)|expectant mother|with child"
    r"|schwanger(?:schaft)?|grossesse|enceinte|embarazada|embarazo|gr[aá]vida|gravidez|incinta"
)


def speaks_of(text: str) -> Speaks:
    """What the name of a problem says of a pregnancy of the patient."""
    folded = key(text)
    if not _ANY.search(folded):
        is_end = _OVER.search(folded) and not _NOT.search(folded) and not _FEAR.search(folded)
        return "over" if is_end and whose(text).whose == "own" else ""
    is_complication = bool(_COMPLICATES.search(folded))
    if whose(text).whose != "own" and not is_complication:
        return ""
    folded = _WITH_HISTORY.sub("", folded).strip()
    if _PLAIN_OTHERS.fullmatch(folded):
        return "pregnant"
    if not (is_complication or _THREAT.search(folded)):
        if _NOT.search(folded):
            return ""
        if _OVER.search(folded):
            return "over"
    words = folded.split()
    is_plain = all(word in _PLAIN or _NUMBER.fullmatch(word) for word in words)
    return "pregnant" if is_plain and _CORE.search(folded) else "perhaps"


def says(curies: Iterable[str], texts: Collection[str]) -> Speaks:
    """What the codes and the names of one problem say together.

    A code of a pregnancy or of its end decides, else the names: of a pregnancy, of its end, of what
    may be one.
    """
    coded = {_of_code(curie) for curie in curies}
    named = {speaks_of(text) for text in texts if text}
    order: tuple[tuple[set[Speaks], Speaks], ...] = (
        (coded, "pregnant"), (coded, "over"), (named, "over"), (named, "pregnant"),
        (coded, "perhaps"), (named, "perhaps"),
    )  # fmt: skip
    found: Speaks = next((said for said_by, said in order if said in said_by), "")
    is_only_history = any(whose(text).whose != "own" for text in texts if text)
    return "" if found and is_only_history and "pregnant" not in coded else found


def of_concept(concept: object) -> Speaks:
    """What a CodeableConcept says of a pregnancy of the patient."""
    found = codings(concept)
    curies = [from_system(coding.system, coding.code) or "" for coding in found]
    return says(curies, [*(coding.display for coding in found), text_of(concept)])


def _of_code(curie: str) -> Speaks:
    prefix, _, code = curie.partition(":")
    if prefix == "SNOMEDCT":
        if code in PREGNANCIES:
            return "pregnant"
        return "over" if code in _ENDS else "perhaps" if code in _PERHAPS else ""
    if not curie.startswith(_ICD):
        return ""
    if code.startswith(_ICD_PREGNANT) or code == "Z33":
        return "pregnant"
    if code.startswith(_ICD_ENDS):
        return "over"
    return "perhaps" if code.startswith(_ICD_PERHAPS) else ""
