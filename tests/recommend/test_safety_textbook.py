"""What every pharmacology course teaches, on the starter graph: hits as grave as they are."""

from typing import Any

import pytest

from kg.graph import Graph
from kg.names import lookup
from recommend.profile import PatientProfile, Sex, Unmapped
from recommend.safety import PatientState, SafetyRules, check_drug, vetoes
from recommend.suggestion import Outcome, Verdict
from tests.recommend.cases import of_check, patient, severities, verdicts_on

VETO, MAJOR, MODERATE = "contraindicated", "major", "moderate"

# drug to start, check, severity, the patient
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    # interactions
    ("sildenafil", "interaction", VETO, {"drugs": ["nitroglycerin"]}),
    ("isosorbide mononitrate", "interaction", VETO, {"drugs": ["tadalafil"]}),
    ("simvastatin", "interaction", VETO, {"drugs": ["clarithromycin"]}),
    ("simvastatin", "interaction", VETO, {"drugs": ["cyclosporine"]}),
    ("ibuprofen", "interaction", MAJOR, {"drugs": ["warfarin"]}),
    ("fluconazole", "interaction", MAJOR, {"drugs": ["warfarin"]}),
    ("trimethoprim", "interaction", MAJOR, {"drugs": ["methotrexate"]}),
    ("verapamil", "interaction", MAJOR, {"drugs": ["digoxin"]}),
    ("amiodarone", "interaction", MAJOR, {"drugs": ["digoxin"]}),
    ("propranolol", "interaction", MAJOR, {"drugs": ["verapamil"]}),
    ("linezolid", "interaction", MAJOR, {"drugs": ["sertraline"]}),
    ("moclobemide", "interaction", VETO, {"drugs": ["fluoxetine"]}),
    ("allopurinol", "interaction", MAJOR, {"drugs": ["azathioprine"]}),
    ("spironolactone", "interaction", MAJOR, {"drugs": ["lisinopril"]}),
    ("diazepam", "interaction", MAJOR, {"drugs": ["morphine"]}),
    # contraindications
    ("propranolol", "contraindication", VETO, {"conditions": ["asthma"]}),
    ("verapamil", "contraindication", VETO, {"conditions": ["congestive heart failure"]}),
    ("sumatriptan", "contraindication", VETO, {"conditions": ["coronary artery disease"]}),
    ("sumatriptan", "contraindication", VETO, {"conditions": ["myocardial infarction"]}),
    ("bupropion", "contraindication", VETO, {"conditions": ["epilepsy"]}),
    ("methotrexate", "contraindication", VETO, {"conditions": ["liver cirrhosis"]}),
    ("ibuprofen", "contraindication", VETO, {"conditions": ["duodenal ulcer"]}),
    ("lisinopril", "contraindication", VETO, {"conditions": ["pre-eclampsia"]}),
    # allergies
    ("amoxicillin", "allergy", VETO, {"allergies": ["penicillins"]}),
    ("ampicillin", "allergy", VETO, {"allergies": ["amoxicillin"]}),
    ("penicillin V", "allergy", VETO, {"allergies": ["amoxicillin"]}),
    ("piperacillin", "allergy", VETO, {"allergies": ["benzylpenicillin"]}),
    ("meropenem", "allergy", MAJOR, {"allergies": ["cephalexin"]}),
    ("clarithromycin", "allergy", VETO, {"allergies": ["erythromycin"]}),
    ("phenytoin", "allergy", MAJOR, {"allergies": ["carbamazepine"]}),
    ("phenobarbital", "allergy", MAJOR, {"allergies": ["phenytoin"]}),
    ("lamotrigine", "allergy", MAJOR, {"allergies": ["phenytoin"]}),
    ("fosphenytoin", "allergy", VETO, {"allergies": ["phenytoin"]}),
    ("morphine", "allergy", MAJOR, {"allergies": ["codeine"]}),
    ("hydrocodone", "allergy", MAJOR, {"allergies": ["morphine"]}),
    ("insulin glargine", "allergy", MAJOR, {"allergies": ["insulin regular"]}),
    ("hydroxyzine", "allergy", VETO, {"allergies": ["cetirizine"]}),
    ("carbamazepine", "allergy", MAJOR, {"allergies": ["amitriptyline"]}),
    ("mercaptopurine", "allergy", VETO, {"allergies": ["azathioprine"]}),
    ("acetazolamide", "allergy", MODERATE, {"allergies": ["sulfamethoxazole"]}),
    ("cephalexin", "allergy", MAJOR, {"allergies": ["penicillins"]}),
    ("cephalexin", "allergy", MAJOR, {"allergies": ["amoxicillin"]}),
    ("ibuprofen", "allergy", VETO, {"allergies": ["aspirin"]}),
    ("lisinopril", "allergy", VETO, {"allergies": ["enalapril"]}),
    ("metformin", "allergy", VETO, {"allergies": ["metformin"]}),
    # duplicates
    ("simvastatin", "duplicate", MAJOR, {"drugs": ["atorvastatin"]}),
    ("naproxen", "duplicate", MAJOR, {"drugs": ["ibuprofen"]}),
    ("metoprolol", "duplicate", MAJOR, {"drugs": ["atenolol"]}),
    ("omeprazole", "duplicate", VETO, {"drugs": ["omeprazole"]}),
    # pregnancy, kidneys, genes
    ("lisinopril", "pregnancy", VETO, {"sex": "female", "age_years": 30, "pregnancy": "pregnant"}),
    ("valproic acid", "pregnancy", VETO, {"sex": "female", "pregnancy": "pregnant"}),
    ("isotretinoin", "pregnancy", VETO, {"sex": "female", "pregnancy": "pregnant"}),
    ("doxycycline", "age", VETO, {"age_years": 0.1}),
    ("aspirin", "age", VETO, {"age_years": 15}),
    ("codeine", "age", VETO, {"age_years": 11}),
    ("ciprofloxacin", "age", MAJOR, {"age_years": 17}),
    ("metformin", "kidney", VETO, {"egfr": 25}),
    ("metformin", "kidney", MODERATE, {"egfr": 40}),
    ("spironolactone", "kidney", MAJOR, {"egfr": 20}),
    ("codeine", "genes", MAJOR, {"genes": [("CYP2D6", "Ultrarapid Metabolizer")]}),
    ("clopidogrel", "genes", MAJOR, {"genes": [("CYP2C19", "Poor Metabolizer")]}),
    ("abacavir", "genes", MAJOR, {"genes": [("HLA-B", "HLA-B*57:01 positive")]}),
    ("simvastatin", "genes", MAJOR, {"genes": [("SLCO1B1", "Poor Function")]}),
]

# A drug that many take beside another, for what it is meant for: nothing grave to say.
UNREMARKABLE: list[tuple[str, dict[str, Any]]] = [
    ("metformin", {"conditions": ["type 2 diabetes mellitus"], "egfr": 90}),
    ("lisinopril", {"conditions": ["hypertension"], "egfr": 90}),
    ("amlodipine", {"conditions": ["hypertension"], "drugs": ["lisinopril"]}),
    ("atorvastatin", {"conditions": ["hyperlipidemia"], "drugs": ["metformin"]}),
    ("salbutamol", {"conditions": ["asthma"]}),
    ("levothyroxine", {"conditions": ["hypothyroidism"]}),
    ("omeprazole", {"conditions": ["gastroesophageal reflux disease"]}),
    ("acetaminophen", {"conditions": ["osteoarthritis"]}),
    ("amoxicillin", {"conditions": ["otitis media"]}),
    ("amoxicillin", {"conditions": ["otitis media"], "allergies": ["ibuprofen"]}),
    ("cetirizine", {"conditions": ["allergic rhinitis"]}),
    ("loratadine", {"conditions": ["allergic rhinitis"], "drugs": ["salbutamol"]}),
    ("sertraline", {"conditions": ["major depressive disorder"]}),
    ("allopurinol", {"conditions": ["gout"], "egfr": 80}),
    ("nitrofurantoin", {"conditions": ["urinary tract infection"], "egfr": 90}),
    ("clopidogrel", {"conditions": ["coronary artery disease"], "drugs": ["aspirin"]}),
    ("clopidogrel", {"conditions": ["coronary artery disease"], "allergies": ["aspirin"]}),
    ("metoprolol", {"conditions": ["coronary artery disease"]}),
    ("folic acid", {"conditions": ["anemia"]}),
    ("labetalol", {"conditions": ["pre-eclampsia"], "sex": "female", "pregnancy": "pregnant"}),
    ("sumatriptan", {"conditions": ["migraine"]}),
    ("cephalexin", {"conditions": ["cellulitis"]}),
    ("ferrous sulfate", {"conditions": ["iron deficiency anemia"]}),
]


@pytest.mark.parametrize(("drug", "check", "severity", "who"), CASES)
def test_a_textbook_case_is_a_hit_as_grave_as_it_is(
    rules: SafetyRules, drug: str, check: str, severity: str, who: dict[str, Any]
) -> None:
    verdicts = verdicts_on(rules, patient(rules.graph, **who), drug)

    assert severities(verdicts, check) == {severity}
    assert not any(v.outcome is Outcome.CLEAR for v in of_check(verdicts, check))
    assert all(v.text and v.source for v in verdicts if v.outcome is Outcome.HIT)
    assert bool(vetoes(tuple(of_check(verdicts, check)))) == (severity == VETO)


@pytest.mark.parametrize(
    ("allergen", "drug", "outcome"),
    [
        ("amoxicillin", "azithromycin", Outcome.CLEAR),
        ("amoxicillin", "metformin", Outcome.CLEAR),
        ("codeine", "acetaminophen", Outcome.CLEAR),
        ("carbamazepine", "levetiracetam", Outcome.NOT_COVERED),  # of one therapeutic group
        ("morphine", "tramadol", Outcome.NOT_COVERED),
        ("codeine", "fentanyl", Outcome.NOT_COVERED),  # in different places of the ATC
        ("gentamicin", "erythromycin", Outcome.NOT_COVERED),  # both for the eye
    ],
)
def test_sharing_no_class_is_clear_only_across_therapeutic_groups(
    rules: SafetyRules, allergen: str, drug: str, outcome: Outcome
) -> None:
    verdicts = verdicts_on(rules, patient(rules.graph, allergies=[allergen]), drug)

    assert [v.outcome for v in of_check(verdicts, "allergy")] == [outcome]


@pytest.mark.parametrize(("drug", "who"), UNREMARKABLE)
def test_an_unremarkable_prescription_raises_no_serious_alert(
    rules: SafetyRules, drug: str, who: dict[str, Any]
) -> None:
    verdicts = verdicts_on(rules, patient(rules.graph, **who), drug)

    grave = [v for v in verdicts if v.severity in ("contraindicated", "major", "unknown")]
    assert grave == []


def test_a_pregnancy_without_a_date_vetoes_what_a_dated_one_would(starter: Graph) -> None:
    rules = SafetyRules.read(starter)
    doubt = Unmapped("pregnancy", "", "an active pregnancy without a usable date")
    lisinopril = lookup(starter, "lisinopril", ("Drug",))[0].node.id

    def verdict(sex: Sex) -> Verdict:
        profile = PatientProfile(sex=sex, age_years=31, unmapped=(doubt,))
        return next(
            v
            for v in check_drug(rules, PatientState(profile, rules), lisinopril)
            if v.check == "pregnancy"
        )

    assert (verdict("female").outcome, verdict("female").severity) == ("hit", "contraindicated")
    assert "without a usable date" in verdict("female").text
    assert verdict("male").outcome == "not covered"
