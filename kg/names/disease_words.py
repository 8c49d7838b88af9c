"""The words around the name of a disease: what may be left off to reach a broader one."""

import re

# A semantic tag of SNOMED CT at the end of a display.
TAG = re.compile(r"\s*\(([a-z][a-z /-]+)\)\s*$", re.IGNORECASE)
DISEASE_TAGS = frozenset({"disorder", "disease", "diagnosis"})
# Of these only what is named itself is a disease: "Body mass index 30+ - obesity (finding)".
FINDING_TAGS = frozenset({"finding", "morphologic abnormality"})

# Texts about a disease that somebody had, may have, fears, or does not have.
NOT_PRESENT = re.compile(
    r"\b(?:histor(?:y|ies)|h/o|fh|family|suspect(?:ed)?|suspicion|possible|probable|"
    r"ruled? ?out|r/o|query|risk|fear|worried|concern(?:ed)?|screen(?:ing|ed)?|exposure|exposed|"
    r"contact with|"
    r"mother|father|parents?|sister|brother|siblings?|son|daughter|grand\w+|partner|spouse|relatives?|"
    r"absence|absent|no|not|never|none|denies|without evidence|negative|status post|s/p|past|"
    r"previous|prior|personal|resolved|cured|vaccin\w*|immuni[sz]\w*|prophylaxis|prevention|"
    r"counsel\w*|education|carrier|susceptib\w*|predisposition|observation for|awaiting|"
    r"referral|procedure|surgery|excision|repair|removal)\b",
    re.IGNORECASE,
)

# What may follow a name and makes it narrower.
TAILS = re.compile(
    r"(?:[\s,;-]+|\s*\()(?:(?:with|without|due to|because of|caused by|associated with|"
    r"secondary to|resulting from|complicat(?:ed|ing)|affecting|involving|complicated by|"
    r"refractory to|predominantly|nos|nec)\b.*)$",
    re.IGNORECASE,
)
# What a classification adds, which denies nothing of the disease itself.
NOT_STATED = re.compile(
    r"[\s,(]*\b(?:not (?:otherwise |elsewhere )?(?:specified|classified|stated|intractable)|"
    r"so described|type unspecified)\b\)?",
    re.IGNORECASE,
)
# "of the upper-outer quadrant of the left breast": of the breast
PART = re.compile(r"\bof (?:[\w-]+\s+){1,5}?of\b", re.IGNORECASE)
CARCINOMA = re.compile(r"\b(?:[a-z]+ cell )?(?:adeno)?carcinoma\b(?! in situ)", re.IGNORECASE)
REMISSION = re.compile(r"\bin (?:full |partial |early |sustained )*remission\b", re.IGNORECASE)
SITE = re.compile(
    r"\s+(?:of|in|affecting|involving|at)\s+(?:the\s+|an?\s+)?(?:(?:both|left|right|bilateral|"
    r"unspecified|multiple|upper|lower|lateral|medial|anterior|posterior|proximal|distal)\s+)*"
    r"[a-z]+(?:\s+[a-z]+){0,3}$",
    re.IGNORECASE,
)
# An adjective says the same as "due to" something.
CAUSES = (
    (re.compile(r"\bdiabetes\b", re.IGNORECASE), "diabetic"),
    (re.compile(r"\balcohol(?:ism)?\b", re.IGNORECASE), "alcoholic"),
    (re.compile(r"\bhypertension\b", re.IGNORECASE), "hypertensive"),
)
STAGE = re.compile(
    r"[\s,]*\b(?:(?:tnm|ajcc|figo|nyha|gold)\s+)?(?:stage|grade|class)\s+"
    r"(?:\d[a-d]?|i{1,3}v?|iv|v)(?:\s*(?:-|to|or|/)\s*(?:\d[a-d]?|i{1,3}|iv|v))?\b"
    r"|[\s,]*\b(?:in )?(?:first|second|third) trimester\b",
    re.IGNORECASE,
)
ONSET = re.compile(
    r"[\s,]*\b(?:of|with)?\s*(?:early|late|adult|childhood|recent|new)[- ]onset\b", re.IGNORECASE
)

_QUALIFIERS = """
    acute subacute chronic mild moderate severe minimal profound recurrent relapsing remitting
    relapse persistent intermittent continuous episodic paroxysmal permanent longstanding
    progressive stable unstable active intractable refractory resistant controlled uncontrolled
    poorly well early late familial sporadic hereditary idiopathic primary essential localized
    localised generalized generalised diffuse focal unilateral bilateral left right both adult
    childhood child pediatric paediatric elderly male female senile postmenopausal perennial
    seasonal nocturnal extrinsic intrinsic viral bacterial fungal infectious infective
    streptococcal staphylococcal pneumococcal meningococcal purulent suppurative
    nonproliferative proliferative complicated uncomplicated symptomatic asymptomatic simple
    mixed atypical typical classic classical common single episode overlapping metastatic
    advanced inoperable unresectable invasive antepartum postpartum
    occupational exercise-induced closed displaced nosocomial ongoing current onset unspecified
    other specified acquired allergic alcoholic morbid systolic diastolic predominantly
"""
QUALIFIERS = frozenset(_QUALIFIERS.split())
# A synonym that is the name with one of these is something narrower: "acute bronchitis" is no other
# name of bronchitis, though an ontology says so.
_NARROWING = """
    acute subacute chronic congenital acquired neonatal childhood juvenile adult recurrent severe
    moderate mild seasonal perennial viral bacterial
"""
NARROWING = frozenset(_NARROWING.split())
CAUSE = re.compile(
    r"\b(?:escherichia coli|e\.? coli|klebsiella|pseudomonas(?: aeruginosa)?|"
    r"staphylococcus(?: aureus)?|streptococcus(?: pneumoniae| pyogenes)?|mycoplasma|legionella|"
    r"chlamydia(?:l)?|h(?:a?emophilus|\.) influenzae|proteus(?: mirabilis)?|enterococc\w+|"
    r"group a|mrsa|mssa|(?:community|hospital|ventilator)[- ]acquired|"
    r"(?:non[- ])?st(?:[- ]segment)?[- ]elevation)\s+(?=\w)",
    re.IGNORECASE,
)
# Names so wide that to be one of them says nothing.
_WIDE = """
    abscess cancer carcinoma cyst disease disorder finding fracture genetic infection inflammation
    injury lesion neoplasm pain polyp syndrome tumor tumour ulcer wound
"""
TOO_WIDE = frozenset(_WIDE.split())
