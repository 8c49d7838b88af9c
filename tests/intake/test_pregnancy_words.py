"""What names and codes say of a pregnancy; whatever names one and is not over is a doubt."""

import pytest

from intake.pregnancy_words import of_concept, says, speaks_of
from tests.intake.samples import concept

PREGNANT = """pregnant; Pregnancy; Twin pregnancy; high-risk pregnancy; Early pregnancy; gravid;
12 weeks pregnant; Pregnant, 20 weeks; 30 wk pregnant; Pregnancy 12+3; Third trimester pregnancy;
Intrauterine pregnancy; Single intrauterine pregnancy; Unplanned pregnancy; Pregnant (finding);
Patient is currently pregnant; Supervision of high-risk pregnancy; 20 weeks of gestation;
Gestation period, 20 weeks (finding); pregnant since 3 months; Pregnancy with history of abortion;
expecting a baby; 妊娠; 怀孕; 孕妇; 妊娠12周; 孕 20 周; 早孕; schwanger; embarazada"""
PERHAPS = """Pre-eclampsia; preeclampsia; Eclampsia; HELLP syndrome; Hyperemesis gravidarum;
gestational hypertension; Gestational diabetes mellitus; Placenta praevia; placenta previa;
Placental abruption; Preterm labour; Possible pregnancy; Hypertension in pregnancy; Polyhydramnios;
Threatened miscarriage; Threatened abortion; Positive pregnancy test; Pregnancy test positive;
Premature labour without delivery; Previous caesarean section complicating pregnancy; G3P1 gravida;
Anaemia of pregnancy; Pregnancy status unknown; 妊娠糖尿病; Diabetes, pregnant"""
OVER = """Miscarriage; Ectopic pregnancy; Tubal pregnancy; Termination of pregnancy; Stillbirth;
Missed abortion; Normal delivery; Postpartum haemorrhage; Puerperal sepsis; Postnatal depression;
Molar pregnancy; Postpartum pre-eclampsia; 流产"""
NOTHING = """hypertension; History of pregnancy; Family history of pre-eclampsia; Not pregnant;
Past pregnancy; Previous gestational diabetes; Pregnancy test; Pregnancy test negative; Pregnancy
planning; Risk of unwanted pregnancy; False pregnancy; Pseudopregnancy; Recurrent miscarriage;
Infant of mother with gestational diabetes; Newborn affected by maternal eclampsia; 未怀孕;
Contraception; Not currently pregnant; Gestational trophoblastic disease; Trying to become pregnant;
History of miscarriage; 避孕; no pregnancy; stroke; Molar caries; Tubal ligation;
Ectopic kidney; Fear of childbirth; Terminated treatment"""


def listed(text: str) -> list[str]:
    return [" ".join(name.split()) for name in text.split(";")]


@pytest.mark.parametrize("name", listed(PREGNANT))
def test_plain_names_of_a_pregnancy_say_pregnant(name: str) -> None:
    assert speaks_of(name) == speaks_of(name.upper()) == "pregnant"


@pytest.mark.parametrize("name", listed(PERHAPS))
def test_names_of_what_only_pregnancies_have_are_a_doubt(name: str) -> None:
    assert speaks_of(name) == "perhaps"


@pytest.mark.parametrize("name", listed(OVER))
def test_names_of_an_end_say_that_it_is_over(name: str) -> None:
    assert speaks_of(name) == "over"


@pytest.mark.parametrize("name", listed(NOTHING))
def test_names_of_nothing_ongoing_say_nothing(name: str) -> None:
    assert speaks_of(name) == ""


@pytest.mark.parametrize(
    ("curie", "said"),
    [
        ("SNOMEDCT:65147003", "pregnant"),
        ("SNOMEDCT:398254007", "perhaps"),
        ("SNOMEDCT:34801009", "over"),
        ("SNOMEDCT:44054006", ""),
        ("ICD10CM:Z33.1", "pregnant"),
        ("ICD10:Z33", "pregnant"),
        ("ICD10CM:Z33.2", "over"),
        ("ICD10CM:Z34.83", "pregnant"),
        ("ICD10CM:O09.512", "pregnant"),
        ("ICD10CM:Z3A.20", "pregnant"),
        ("ICD10CM:O14.90", "perhaps"),
        ("ICD10CM:O24.410", "perhaps"),
        ("ICD10CM:O03.9", "over"),
        ("ICD10CM:E11.9", ""),
        ("DOID:1", ""),
    ],
)
def test_codes_say_so_too(curie: str, said: str) -> None:
    assert says([curie], [""]) == said


def test_a_code_of_a_pregnancy_goes_before_words_and_an_end_before_a_doubt() -> None:
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    supervised = "Supervision of pregnancy with history of pre-term labor"

    assert of_concept(concept("O09.219", supervised, icd)) == "pregnant"
    assert (
        of_concept(concept("O14.95", "Pre-eclampsia, complicating the puerperium", icd)) == "over"
    )
    assert of_concept({**concept("1", "Pregnancy"), "text": "Miscarriage"}) == "over"
    assert of_concept({**concept("O14.90", "", icd), "text": "History of pre-eclampsia"}) == ""
