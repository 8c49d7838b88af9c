"""The words around the name of a drug: strengths, forms, routes, salts, how it is taken."""

import re

_UNIT = (
    r"(?:MG|MCG|UG|µG|μG|G|GM|GRAMS?|KG|ML|L|MICROGRAMS?|MICROGRAMMES?|MILLIGRAMS?|NANOGRAMS?|UNT|"
    r"IU|UNITS?|MU|MEQ|MMOL|CELLS|ACTUAT|ACTUATIONS?|DOSES?|PUFFS?|SPRAYS?|HR|HRS|HOURS?|PFU|BAU|"
    r"AMB|CFU|KIU|SQCM|CM2|VIAL|PPM|DAYS?|WEEKS?|H|%)"
)
_NUMBER = r"\d[\d.,]*(?:\s*(?:-|to)\s*\d[\d.,]*)?"
STRENGTH = re.compile(
    rf"(?<![\w.]){_NUMBER}(?:\s*{_UNIT})?\s*(?:/\s*\d[\d.,]*\s*{_UNIT}\s*)+"  # 8mg/500mg
    rf"(?:\s*(?:/|\bper\b)\s*(?:\d[\d.]*\s*)?{_UNIT})*(?![A-Za-z])"
    rf"|(?<![\w.])\d[\d.,]*(?:[-/]\d[\d.,]*)*\s*{_UNIT}"
    rf"(?:\s*(?:/|\bper\b)\s*(?:\d[\d.]*\s*)?{_UNIT})*(?![A-Za-z])",
    re.IGNORECASE,
)
NOISE = re.compile(
    r"\bNDA\d+\b|\b\d+\s+day(?:\s+pack)?\b|\bper\s+\d+\s*hr\b|(?<=\w)\d+(?:mg|mcg)\b|"
    r"\(?\b(?:expressed|calculated) as [a-z ]+\)?|\bequivalent to\b|"
    r"(?<=[A-Za-z])[ -](?:21|28|84|91)(?= *$)|"  # days of a pack
    r"\bU-?(?:100|200|300|500)\b|\b(?:low|high|standard)[- ]dose\b|"
    r"\b(?:extra|maximum|regular|double|junior) strength\b|\b(?:baby|children'?s|infants?'?)\s|"
    r"\b(?:sugar|alcohol|dye|latex|gluten|lactose|cfc|preservative)[- ]free\b|"
    r"\b(?:cherry|grape|orange|strawberry|mint|lemon|bubble ?gum) flavou?r(?:ed)?\b",
    re.IGNORECASE,
)

# Before a form: how and where it is given, how it is made.
_MANNER = (
    r"oral|inhalation|inhaled|chewable|sublingual|buccal|vaginal|rectal|effervescent|"
    r"orodispersible|orally disintegrating|disintegrating|dispersible|soluble|topical|nasal|"
    r"mucosal|"
    r"ophthalmic|eye|ear|otic|transdermal|inhalant|injectable|intravenous|intramuscular|"
    r"subcutaneous|intravitreal|intrathecal|intraarticular|iv|im|sc|sl|pre-?filled|prefilled|"
    r"metered[- ]dose|dry[- ]powder|breath[- ]actuated|pressuri[sz]ed|drug|intrauterine|"
    r"auto-?injector|powder for|granules for|for|enteric[- ]coated|film[- ]coated|sugar[- ]coated|"
    r"coated|soft|hard|augmented|medicated|sprinkle|dental|urethral|irrigation|infusion|"
    r"concentrate|concentrated|sustained|reusable|disposable|pen|lock flush|once|depot|"
    r"(?:abuse|misuse)-deterrent|(?:extended|delayed|modified|prolonged|slow|sustained|controlled|"
    r"immediate|long)[- ](?:release|acting)|gastro-?resistant|24\s*hr|12\s*hr|er|xr|sr|mr|pr|dr|ec|"
    r"odt|la|xl|cr|ir"
)
_FORM = (
    r"tablets?|tabs?|caplets?|capsules?|caps?|softgels?|solutions?|suspensions?|syrups?|elixirs?|"
    r"injections?|inj|inhalers?|sprays?|creams?|ointments?|gels?|lotions?|foams?|patch(?:es)?|"
    r"systems?|implants?|devices?|rings?|kits?|packs?|suppositor(?:y|ies)|pessar(?:y|ies)|syringes?|"
    r"pens?|cartridges?|vials?|ampoules?|ampules?|amps?|drops?|granules|powders?|sachets?|packets?|"
    r"products?|pills?|lozenges?|films?|gum|shampoo|mouthwash|enemas?|inserts?|strips?|wafers?|"
    r"pellets?|pads?|swabs?|tape|paste|liquid|nebules?|nebuli[sz]er|respules?|troches?|douche|"
    r"auto-?injectors?|injectors?|emulsion|oil emulsion|rinse|soap|liniment|tincture|plasters?"
)
FORMS = re.compile(
    rf"(?<![\w-])(?:(?:{_MANNER})\b[\s,]*)*(?:{_FORM}|(?:extended|delayed|modified|prolonged)"
    rf"[- ]release|(?:abuse|misuse)-deterrent)\b(?!-\w)",
    re.IGNORECASE,
)
LEFT = re.compile(
    r"(?<![\w-])(?:(?:abuse|misuse)-deterrent|(?:extended|delayed|modified|prolonged|slow|"
    r"sustained|controlled|immediate)[- ]release|gastro-?resistant|\d+\s*(?:hr|hours?)|oral(?:ly)?|"
    r"topical|inhaled|inhalation|sublingual|intravenous|nasal|ophthalmic|vaginal|rectal|er|xr|sr|"
    r"dr|mr|xl|cr|ir|ec|odt|ds|iv|im|sc|sl|generic|brand|per|each|micronized|micronised|hfa|"
    r"chewable|dispersible|orodispersible|disintegrating|pre-?filled|injectable|subcutaneous|"
    r"intramuscular|transdermal|otic|buccal|enteric[- ]coated|jr|junior|diskus|accuhaler|evohaler|"
    r"turbu?haler|turbohaler|handihaler|respimat|twisthaler|autohaler|easyhaler|breezhaler|aerolizer|"
    r"flexhaler|respiclick|solostar|kwikpen|flexpen|flextouch|innolet|penfill|optiset|clickject|"
    r"sureclick|autoject|sensoready|pushtronex|redipen)\b(?!-\w)",
    re.IGNORECASE,
)
# How it is to be taken, as prescriptions and medication lists write it.
SIG = re.compile(
    r"\b(?:x\s?\d{1,2}|\d{1,2}(?:\.\d+)?\s+(?:tabs?|tablets?|caps?|capsules?|puffs?|sprays?|drops?|po)|"
    r"take|takes|taking|by mouth|orally|po|prn|as needed|as directed|at bedtime|at night|"
    r"with food|with meals|after meals|before meals|in the (?:morning|evening)|under the tongue|"
    r"q(?:d|od|hs|am|pm)|od|bd|bid|tid|tds|qid|qds|nocte|mane|stat|q\s?\d+\s?h(?:rs?|ours?)?|"
    r"every \d+ hours?|every other day|"
    r"(?:once|twice|one time|two times|three times|four times)(?: (?:a|per|each|every))?|"
    r"(?:a|per|each|every) (?:day|night|morning|evening|week|month)|daily|nightly|weekly|monthly|"
    r"one|two|half)\b",
    re.IGNORECASE,
)
# What a remark in brackets says without naming a drug: what it is for, whose it is, what it is.
REMARK = re.compile(
    r"\b(?:for\b.*|rx|otc|over the counter|home med(?:ication)?s?|brand name|generic|new|disorder|"
    r"product|clinical drug|medicinal product|substance|virtual|oral|solid|liquid|usp|bp|ph eur|"
    r"(?:expressed |calculated )?as|equivalent(?: to)?|base|rdna(?: origin)?|recombinant|"
    r"dose|strength|max(?:imum)?)\b",
    re.IGNORECASE,
)
# It is not taken, or it is no drug but what it does.
ENDED = re.compile(
    r"\b(?:discontinu\w*|d/?c(?:'?e?d)?|stop(?:ped|s)?|held|hold(?:ing)?|on hold|ceased|cancel\w*|"
    r"suspended|completed|finished|expired|never|not|no|none|no longer|past|previous\w*|former\w*|"
    r"history|allerg\w*|intoleran\w*|sensitiv\w*|reaction|adverse|avoid\w*|contraindicated|"
    r"declined|refus\w*|instead|replac\w*|switch\w*|without|free)\b",
    re.IGNORECASE,
)
INERT = re.compile(r"\b(?:inert ingredients?|placebo|sugar pill|inactive ingredients?)\b", re.I)

# Acids, bases and water with which an active moiety is sold; it is the same moiety without them.
_SALTS = """
    acetate aceponate anhydrous arginine axetil benzathine benzoate besilate besylate
    bisulfate bitartrate bromide butyrate calcium camsylate carbonate chloride cilexetil citrate
    cypionate cipionate
    decanoate dihydrate dihydrochloride dimesylate dimeglumine dipropionate disodium disoproxil
    ditosylate edisylate enanthate erbumine estolate ethylsuccinate etexilate fumarate furoate
    gluconate hcl hemifumarate hemihydrate hexahydrate human hyclate hydrate hydrobromide hbr
    hydrochloride hydrocholoride hydrogen isethionate lactate lactobionate lysine macrocrystals
    magnesium malate maleate marboxil medoxomil meglumine mesilate mesylate mofetil monohydrate
    monosodium napsylate nitrate olamine oxalate palmitate pamoate pentahydrate
    phosphate pivoxil porcine potassium propionate proxetil saccharate sesquihydrate
    sodium stearate strontium succinate sulfate sulphate tartrate tebutate trihydrate
    trifenatate trifluoroacetate tromethamine trometamol tosilate tosylate undecanoate valerate
    xinafoate zinc
"""
SALTS = frozenset(_SALTS.split())
# A strength without its unit. A single digit may be part of the name: "Tylenol 3" has codeine.
AMOUNT = re.compile(r"\d{2,}[\d.,]*|\d[\d.,]*(?:[/-]\d[\d.,]*)+|\d+\.\d+|\d[\d.,]*[a-zµ%]+", re.I)
# What is left of an inorganic salt without its acid is another thing.
_MINERALS = """
    acetate aluminium aluminum ammonium barium bicarbonate calcium carbon carbonate chloride
    chromium citrate copper cupric ferric ferrous fluoride fluorine gallium gluconate gold human
    hydrogen indium iodide iodine iron lactate magnesium manganese nitrate oxide peroxide phosphate
    potassium radium rubidium samarium selenium silver sodium strontium sulfate sulphate technetium
    thallium xenon zinc
"""
MINERALS = frozenset(_MINERALS.split())
