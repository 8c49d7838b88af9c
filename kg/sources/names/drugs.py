"""Which names mean the same drug, for sure: salts, spellings of other countries, and brands never.

DrugBank lists brands beside synonyms and does not say which is which, nor what else is in a brand:
*Yasmin* and *Hyzaar* stand there under one of their two ingredients each, *Yaz* under drospirenone
and, wrongly, under propericiazine. So a further name counts as the drug's own only if it is the
drug itself with a salt, or in the table below. A brand leads to its drug as something broader, at
most.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from kg.names import key

_MANY = 100  # further names from which on most are labels of chemists' own soaps and painkillers

# Words of salts and hydrates, and of esters that are soon split: they do not make another drug.
# Esters that are given for their slowness (valerate, decanoate, ...) are drugs of their own.
_SALT_WORDS = """\
acetate anhydrous arginine axetil besilate besylate bisulfate bitartrate bromide calcium chloride
citrate dihydrate dihydrochloride dipropionate disodium disoproxil edisylate estolate etexilate
ethylsuccinate fumarate gluceptate gluconate hcl hemihydrate hydrate hydrobromide hydrochloride
iodide isethionate lactate lactobionate lysine magnesium malate maleate medoxomil meglumine mesilate
mesylate mofetil monohydrate nitrate oxalate pamoate phosphate pivoxil potassium propionate proxetil
sodium succinate sulfate sulphate tartrate tosilate tosylate trihydrate trometamol tromethamine
xinafoate"""
_SALTS = frozenset(_SALT_WORDS.split())
# With these a salt is what matters: ferrous sulfate is not ferrous fumarate.
_ELEMENT_WORDS = """\
aluminium aluminum ammonium bismuth calcium choline copper gallium gold iron lithium magnesium
phosphate potassium radium selenium silver sodium strontium zinc"""
_ELEMENTS = frozenset(_ELEMENT_WORDS.split())

# DrugBank's name = names of the same substance elsewhere (international, American, British, ...).
_ELSEWHERE = """\
Acetaminophen = paracetamol; Acetylsalicylic acid = aspirin; Aciclovir = acyclovir;
Alendronate = alendronic acid; Aminohippurate = aminohippuric acid;
Aminosalicylic Acid = 4-aminosalicylic acid; Amoxicillin = amoxycillin; Amphetamine = amfetamine;
Antipyrine = phenazone; Beclomethasone = beclometasone; Bendroflumethiazide = bendrofluazide;
Benzylpenicillin = penicillin G; Bethanidine = betanidine; Calcidiol = calcifediol;
Cefazolin = cephazolin; Cephalexin = cefalexin; Chlorphenamine = chlorpheniramine;
Chlorthalidone = chlortalidone; Cholecalciferol = colecalciferol, vitamin D3;
Cholestyramine = colestyramine; Clodronate = clodronic acid; Clorazepate = potassium clorazepate;
Cromoglicic acid = cromolyn, cromoglicate; Cyanocobalamin = vitamin B12, vitamin B 12;
Cyclosporine = ciclosporin, cyclosporin, cyclosporin A; Cysteamine = mercaptamine;
Dalfampridine = fampridine; Dextroamphetamine = dexamfetamine, dexamphetamine;
Diatrizoate = diatrizoic acid, amidotrizoic acid; Dicyclomine = dicycloverine;
Diethylpropion = amfepramone; Dipivefrin = dipivefrine; Dyphylline = diprophylline;
Epinephrine = adrenaline; Ergocalciferol = vitamin D2; Ergonovine = ergometrine;
Erythrityl Tetranitrate = eritrityl tetranitrate; Estradiol = oestradiol;
Ethacrynic acid = etacrynic acid; Ethinyl Estradiol = ethinylestradiol, ethinyloestradiol;
Ethopropazine = profenamine; Ezogabine = retigabine; Flurandrenolide = fludroxycortide;
Folic Acid = vitamin B9; Furosemide = frusemide; Gamma Hydroxybutyric Acid = sodium oxybate;
Gentian Violet = methylrosaniline, crystal violet; Glyburide = glibenclamide;
Glycodiazine = glymidine; Glycopyrrolate = glycopyrronium, glycopyrronium bromide;
Guaifenesin = guaiphenesin; Halobetasol Propionate = ulobetasol; Heroin = diamorphine;
Homoharringtonine = omacetaxine mepesuccinate; Hydroxyurea = hydroxycarbamide;
Ibandronate = ibandronic acid; Indomethacin = indometacin; Isoprenaline = isoproterenol;
L-Arginine = arginine; L-Carnitine = levocarnitine; L-DOPA = levodopa; L-Glutamine = glutamine;
L-Lysine = lysine; L-Methionine = methionine; L-Tryptophan = tryptophan;
Leucovorin = folinic acid, calcium folinate; Levothyroxine = thyroxine, L-thyroxine;
Lidocaine = lignocaine; Lipoic Acid = thioctic acid; Mechlorethamine = chlormethine;
Meclizine = meclozine; Mesalazine = mesalamine; Metamizole = dipyrone; Methacycline = metacycline;
Methamphetamine = metamfetamine; Methimazole = thiamazole; Methotrimeprazine = levomepromazine;
Methsuximide = mesuximide; Methylergometrine = methylergonovine; Metyrosine = metirosine;
Mitoxantrone = mitozantrone; Moricizine = moracizine; Niacin = nicotinic acid;
Nitroglycerin = glyceryl trinitrate; Norepinephrine = noradrenaline;
Norethindrone = norethisterone; Orciprenaline = metaproterenol; Ouabain = g-strophanthin;
Oxybuprocaine = benoxinate; Pamidronate = pamidronic acid; Penicillin V = phenoxymethylpenicillin;
Pethidine = meperidine; Phenobarbital = phenobarbitone;
Phylloquinone = phytomenadione, phytonadione, vitamin K1; Pipazethate = pipazetate;
Podofilox = podophyllotoxin; Proparacaine = proxymetacaine; Propericiazine = periciazine;
Pyridoxine = vitamin B6; Quinacrine = mepacrine; Riboflavin = vitamin B2; Rifampicin = rifampin;
Risedronate = risedronic acid; Salbutamol = albuterol; Scopolamine = hyoscine;
Succinylcholine = suxamethonium; Sulfamethazine = sulfadimidine; Sulfaphenazole = sulfafenazol;
Sulfasalazine = sulphasalazine; Sulfisoxazole = sulfafurazole; Tetrahydrobiopterin = sapropterin;
Thiabendazole = tiabendazole; Thiamine = vitamin B1; Thiothixene = tiotixene;
Tiludronate = tiludronic acid; Torasemide = torsemide; Trihexyphenidyl = benzhexol;
Trimethaphan = trimetaphan; Trioxsalen = trioxysalen; Valproic Acid = valproate, divalproex;
Vitamin A = retinol; Vitamin C = ascorbic acid; Vitamin E = tocopherol, alpha-tocopherol;
Zoledronate = zoledronic acid"""

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    key(name): tuple(" ".join(other.split()) for other in others.split(","))
    for name, _, others in (entry.partition("=") for entry in _ELSEWHERE.split(";"))
}


class Named(NamedTuple):
    """A further name of a drug."""

    drug: str
    kind: str  # "synonym" or "broader"
    text: str


class DrugNames:
    """The drugs of DrugBank by their names there, and what other names they have.

    Args:
        names: drug -> its name; each name is one drug's only.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self._owner = {key(name): drug for drug, name in names.items()}

    @cached_property
    def elsewhere(self) -> Mapping[str, str]:
        """Name that a drug has elsewhere -> the drug; none is another drug's name."""
        return {
            text: self._owner[name]
            for name, texts in ELSEWHERE.items()
            if name in self._owner
            for text in texts
            if key(text) not in self._owner
        }

    @cached_property
    def _elsewhere(self) -> Mapping[str, str]:
        return {key(text): drug for text, drug in self.elsewhere.items()}

    def find(self, text: str) -> str | None:
        """The drug that has exactly this name, here or elsewhere."""
        folded = key(text)
        return self._owner.get(folded) or self._elsewhere.get(folded)

    def find_salt(self, text: str) -> str | None:
        """The only drug that is this one with a salt more or less."""
        words = frozenset(key(text).split())
        near = self._by_base.get(words - _SALTS, [])
        found = {drug for drug, own in near if own <= words or words <= own}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def _by_base(self) -> Mapping[frozenset[str], list[tuple[str, frozenset[str]]]]:
        """Words of a name without those of its salt -> the drugs, each with all its words."""
        result: dict[frozenset[str], list[tuple[str, frozenset[str]]]] = {}
        for folded, drug in (*self._owner.items(), *self._elsewhere.items()):
            words = frozenset(folded.split())
            base = words - _SALTS
            if not base & _ELEMENTS and any(len(word) > 4 for word in base):
                result.setdefault(base, []).append((drug, words))
        return result

    def further(self, aliases: Mapping[str, list[str]], dropped: Counter[str]) -> Iterator[Named]:
        """What DrugBank's further names are worth; ``dropped`` counts the others by reason."""
        drugs: dict[str, set[str]] = {}
        for drug, texts in aliases.items():
            for text in texts:
                drugs.setdefault(key(text), set()).add(drug)
        for drug, texts in aliases.items():
            for text in texts:
                if self.find(text) == drug:
                    continue  # its name, which it has already
                of_salt = self.find_salt(text)
                if drug not in self.names:
                    dropped["of a drug whose own name is not known"] += 1
                elif len(drugs[key(text)]) > 1:
                    dropped["under several drugs"] += 1
                elif self.find(text) is not None or of_salt not in (None, drug):
                    dropped["the name of another drug"] += 1
                elif of_salt == drug:
                    yield Named(drug, "synonym", text)
                elif len(texts) > _MANY or not re.fullmatch(r"[^\W\d_]{5,}", text.strip()):
                    dropped["several words, short, or one of very many"] += 1
                else:
                    yield Named(drug, "broader", text)
