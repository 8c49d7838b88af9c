"""A small world of medicines whose every rule is known, for tests of the safety checks."""

from collections.abc import Sequence
from typing import Any

from kg.graph import Graph
from recommend.profile import Fact, Knowledge, PatientProfile, Route
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome, Verdict
from tests.graphs import make_graph

# Statins A and B; penicillins P and Q, cephalosporin C; N and I are meant to be taken together;
# X has neither class nor row; T is covered by the tables and has no rule but limits of its own.
# E and F are seldom used but locally; U, V and W harm together, and one of them alone does not.
DRUGS = {f"DRUGBANK:{name}": f"drug {name}" for name in "ABCEFINPQTUVWX"}
A, B, C, E, F, I, N, P, Q, T, U, V, W, X = sorted(DRUGS)  # noqa: E741

HEART, FAILURE, STROKE, EYE = "DOID:1", "DOID:2", "DOID:3", "DOID:4"  # FAILURE is a HEART disease
DISEASES = {HEART: "heart disease", FAILURE: "heart failure", STROKE: "stroke", EYE: "eye disease"}
PREECLAMPSIA, CIRRHOSIS, HEPATITIS = "DOID:10591", "DOID:5082", "DOID:2237"

STATINS, PENICILLINS, CEPHALOSPORINS = "ATC:C10AA", "ATC:J01C", "ATC:J01D"
AMINO, LIPIDS = "ATC:J01CA", "ATC:C10A"  # drugs are in them by their ATC codes alone
OTHER_CLASS = "NDFRT:N0000175503"  # no place in the ATC
CLASSES = {
    STATINS: "statins",
    PENICILLINS: "penicillins",
    CEPHALOSPORINS: "cephalosporins",
    AMINO: "aminopenicillins",
    LIPIDS: "lipid modifiers",
    OTHER_CLASS: "another system's class",
}
GENE, OTHER_GENE = "NCBIGene:1", "NCBIGene:2"

ATC_CODES = {
    A: "C10AA01",
    B: "C10AA05",
    C: "J01DB01",
    I: "B01AC06",
    N: "B01AC04",
    P: "J01CA04",
    Q: "J01CA01",
    T: "A10BA02",
    U: "M01AE01",
    V: "C09AA03",
    W: "C03AA03",
}


def row(severity: str, why: str = "why") -> dict[str, Any]:
    return {"severity": severity, "why": why, "reference": ["ref-1"]}


def limit(severity: str, why: str = "w") -> dict[str, str]:
    return {"severity": severity, "why": why, "reference": "ref-1"}


def guidance(gene: str, phenotype: str, drug: str, advice: str, **more: str) -> dict[str, str]:
    return {
        "gene": gene,
        "phenotype": phenotype,
        "drug": drug,
        "recommendation": advice,
        "strength": "strong",
        "population": "general",
        "reference": "cpic",
        **more,
    }


GUIDANCE = [
    guidance(GENE, "Poor Metabolizer", T, "Choose another drug."),
    guidance(GENE, "Intermediate Metabolizer", T, "Half the dose.", strength="moderate"),
    guidance(GENE, "Normal Metabolizer", T, "Usual dosing."),
    guidance(GENE, "Rapid Metabolizer", T, "Usual dose with caution.", strength="optional"),
    guidance(GENE, "Ultrarapid Metabolizer", T, "Usual dosing.", population="CVI ACS PCI"),
    guidance(GENE, "Slow Child", T, "Half the dose.", population="pediatrics"),
    guidance(GENE, "Poor Metabolizer", A, "Choose another drug.", strength="optional"),
    guidance(OTHER_GENE, "Deficient", A, "Do not give."),
]


def pharmacy() -> Graph:
    nodes = {
        "Drug": DRUGS,
        "Disease": {
            **DISEASES,
            PREECLAMPSIA: "pre-eclampsia",
            CIRRHOSIS: "cirrhosis",
            HEPATITIS: "hepatitis",
        },
        "DrugClass": CLASSES,
        "Gene": {GENE: "CYP1", OTHER_GENE: "CYP2"},
    }
    edges: dict[str, list[tuple[Any, ...]]] = {
        "Disease-subclass_of-Disease": [(FAILURE, HEART)],
        "Drug-contraindicated-Disease": [
            (A, HEART, row("contraindicated")),
            (B, FAILURE, row("major")),
            (B, STROKE, row("moderate")),
            (C, STROKE, row("grave")),  # no severity that we know
            (E, HEART, row("major")),
            (F, HEART, {**row("major"), "topical": "yes"}),
        ],
        "Drug-interacts-Drug": [
            (A, C, row("contraindicated")),
            (B, C, row("major")),
            (I, B, row("moderate")),
            (E, B, row("major")),
            (F, B, {**row("major"), "topical": F}),
            (E, F, {**row("moderate"), "topical": "any"}),
        ],
        "DrugClass-includes-Drug": [
            (STATINS, A),
            (STATINS, B),
            (PENICILLINS, P),
            (PENICILLINS, Q),
            (CEPHALOSPORINS, C),
            (OTHER_CLASS, X),
        ],
        "DrugClass-cross_reacts-DrugClass": [
            (PENICILLINS, CEPHALOSPORINS, row("major")),
            (AMINO, CEPHALOSPORINS, row("moderate")),
        ],
        "Drug-treats-Disease": [(A, EYE)],
    }
    judged = sorted({row[1] for row in edges["Drug-contraindicated-Disease"]})
    statements = {
        "judged": [{"disease": disease, "reference": "ref-1"} for disease in judged],
        "combinations": [{"drug_a": N, "drug_b": I, "reason": "dual", "reference": "ref-1"}],
        "coverage": [
            {"table": table, "drug": drug, "extent": extent, "reference": "ref-1"}
            for table in ("interacts", "contraindicated")
            for drug, extent in ((A, ""), (B, "complete"), (T, ""), (N, "known"), (I, "known"))
        ],
        "universes": [
            {"table": "interacts", "scope": "test drugs", "date": "2026-11-01"},
            {"table": "contraindicated", "scope": "test drugs", "date": "2026-11-01"},
        ],
        "triples": [
            {"a": f"{U}|{T}", "b": V, "c": f"{W}|{T}", "severity": "major",
             "effect": "Kidneys fail.", "mechanism": "m", "reference": "ref-1"},
        ],
        "kidney": [
            {"drug": T, "measure": "eGFR", "below": "45", **limit("moderate")},
            {"drug": T, "measure": "eGFR", "below": "30", **limit("contraindicated")},
            {"drug": P, "measure": "CrCl", "below": "50", **limit("major")},
        ],
        "liver": [
            {"drug": T, "child_pugh": "B", **limit("major")},
            {"drug": T, "child_pugh": "C", **limit("contraindicated")},
            {"drug": P, "child_pugh": "A", **limit("moderate")},
        ],
        "pregnancy": [
            {"drug": A, **limit("contraindicated", "harms")},
            {"drug": F, **limit("major", "harms"), "topical": "yes"},
            {"drug": P, **limit("none", "used for long")},
            {"drug": Q, **limit("none", "used for long")},
            {"drug": Q, **limit("moderate", "in doubt")},
        ],
        "lactation": [
            {"drug": A, **limit("contraindicated", "enters milk")},
            {"drug": P, **limit("none", "little in milk"), "topical": "yes"},
        ],
        "age": [
            {"drug": T, "below_years": "18", **limit("major")},
            {"drug": T, "below_years": "8", **limit("contraindicated")},
            {"drug": P, "from_years": "65", **limit("moderate")},
        ],
        "withdrawn": [
            {"drug": X, "where": "EU", "year": "2004", "reference": "ref-1"},
        ],
        "not_indicated": [{"drug": T, "disease": HEART, "reference": "ref-1"}],
        "partner_only": [{"drug": N, "reference": "ref-1"}],
        "allergy_families": [
            {"family": "kindred", "drug": B, "severity": "moderate", "reference": "ref-1"},
            {"family": "kindred", "drug": T, "severity": "major", "reference": "ref-1"},
        ],
        "guidance": GUIDANCE,
    }  # fmt: skip
    labels = [(drug, "code", f"ATC:{code}") for drug, code in ATC_CODES.items()]
    return make_graph(nodes, edges, labels, statements)


def profile(**fields: Any) -> PatientProfile:
    """A grown man of whom everything is known, but for ``fields``; CURIEs stand for facts."""
    for name in ("conditions", "drugs", "allergies"):
        given: Sequence[str | Fact] = fields.get(name, ())
        fields[name] = tuple(Fact(f) if isinstance(f, str) else f for f in given)
        fields.setdefault(f"{name}_known", Knowledge.KNOWN)
    return PatientProfile(**{"sex": "male", "age_years": 40.0, **fields})


def judge(
    rules: SafetyRules, drug: str, check: str, *, route: Route = "", **fields: Any
) -> list[Verdict]:
    """The verdicts of one check on ``drug``, used by ``route``, for the patient with ``fields``."""
    state = PatientState(profile(**fields), rules)
    return [v for v in check_drug(rules, state, drug, route) if v.check == check]


def outcomes(verdicts: Sequence[Verdict]) -> list[str]:
    """``hit major``, ``clear``, ``not covered``, as they come."""
    return [
        f"{v.outcome} {v.severity}" if v.outcome is Outcome.HIT else str(v.outcome)
        for v in verdicts
    ]
