"""What the safety checks find of two public lists, and what DDInter lacks where it seems complete.

    python benchmarks/check_safety.py PHARMAKON_DATA

Builds the graph of all sources twice, once without the ONC lists: with them it is no wonder that
they are found. A pair counts if either drug, suggested to a patient who takes the other, is a hit
that names it. Strong recommendations of CPIC are held to ``tests/recommend/cpic.py``.
"""

import sys
from collections import Counter
from pathlib import Path

from record import ROOT, record

sys.path.insert(0, str(ROOT))

from kg import Graph, build, create_source
from kg.schema import EdgeType
from kg.sources.interactions import Interactions
from kg.sources.pharmacogenomics_ids import GENES
from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome
from tests.recommend import cpic

FOLDERS = {
    "starter": (),
    "hetionet": ("hetionet",),
    "ontology": ("ontology",),
    "names": ("ontology", "drugbank", "atc"),
    "interactions": ("ddi",),
    "pharmacogenomics": ("pgx",),
    "side-effects": ("sider",),
    "indications": ("indications",),
}
INTERACTS = EdgeType("Drug", "interacts", "Drug")
SEVERE = ("contraindicated", "major")
Pair = frozenset[str]


def graph_of(data: Path, **folders: tuple[str, ...]) -> Graph:
    """The graph of all sources, some of them from other folders."""
    sources = [
        create_source(name, *(data / folder for folder in places))
        for name, places in (FOLDERS | folders).items()
    ]
    return build(sources).graph


def high_priority(data: Path) -> set[Pair]:
    """The pairs of ONC's list of high priority, read past the adapter."""
    text = (data / "ddi" / "ONC_High_Priority_Mapped.csv").read_text(encoding="utf-8-sig")
    cells = [line.split("$") for line in text.splitlines()]
    return {frozenset(f"DRUGBANK:{row[i].strip()}" for i in (1, 3)) for row in cells}


def is_hit(rules: SafetyRules, drug: str, other: str) -> bool:
    """Whether ``drug`` is a hit that names ``other`` in a patient who takes it."""
    profile = PatientProfile(drugs=(Fact(other),), drugs_known=Knowledge.KNOWN)
    verdicts = check_drug(rules, PatientState(profile, rules), drug)
    return any(
        v.check == "interaction" and v.outcome is Outcome.HIT and v.partner == other
        for v in verdicts
    )


def score_pairs(graph: Graph, name: str, pairs: set[Pair]) -> None:
    """Print the share of ``pairs`` that is a hit in both orders."""
    rules = SafetyRules.read(graph)
    nodes = set(graph.ids["Drug"].to_pylist())
    expressible = sorted(tuple(sorted(pair)) for pair in pairs if pair <= nodes)
    hits = [(is_hit(rules, a, b), is_hit(rules, b, a)) for a, b in expressible]
    both = sum(one and other for one, other in hits)
    record(
        f"safety.onc_high.{name}", both / len(hits), "share", pairs=len(pairs),
        expressible=len(hits), one_way=sum(one != other for one, other in hits),
    )  # fmt: skip


def score_cpic(graph: Graph, data: Path) -> None:
    """Print how many strong recommendations are given for exactly their full key."""
    rules = SafetyRules.read(graph)
    nodes = {*graph.ids["Drug"].to_pylist(), *graph.ids["Gene"].to_pylist()}
    records = cpic.strong(data)
    known = [r for r in records if {r.drug, *(GENES[g] for g in r.key)} <= nodes]
    faults = Counter(fault for r in known for fault in cpic.faults(rules, r, records))
    right = sum(not cpic.faults(rules, r, records) for r in known)
    several = sum(len(r.key) > 1 for r in known)
    record(
        "safety.cpic_strong", right / len(known), "share", records=len(records),
        expressible=len(known), several_genes=several, faults=dict(faults),
    )  # fmt: skip
    normal = [r for r in known if r.is_normal]
    hits = [r for r in normal if any(v.outcome is Outcome.HIT for v in cpic.judge(rules, r))]
    names = sorted({r.name for r in hits})
    record("safety.cpic_normal_hits", len(hits), "records", of=len(normal), drugs=names)


def score_universe(graph: Graph) -> None:
    """Print what DDInter lacks of the severe pairs that others state and it should have."""
    rows = [r for r in graph.statements["coverage"] if r["source"] == Interactions.name]
    extent = {row["drug"]: row["extent"] for row in rows}
    complete = {drug for drug, word in extent.items() if word == "complete"}
    table = graph.edge_tables[INTERACTS]
    ids = graph.ids["Drug"].to_pylist()
    total = missing = 0
    for head, tail, said in zip(
        table.head.tolist(), table.tail.tolist(), graph.all_assertions(INTERACTS), strict=True
    ):
        pair = {ids[head], ids[tail]}
        elsewhere = [a for a in said if a.provenance.primary_knowledge_source != "infores:ddinter"]
        is_severe = any(a.details.get("severity") in SEVERE for a in elsewhere)
        if is_severe and pair <= extent.keys() and pair & complete:
            total += 1
            missing += len(elsewhere) == len(said)
    record(
        "safety.ddinter_lacks", missing / total, "share", pairs=total, complete=len(complete),
        known=len(extent) - len(complete),
    )  # fmt: skip


def main() -> None:
    """Build and score."""
    data = Path(sys.argv[1])
    pairs = high_priority(data)
    graph = graph_of(data)
    score_pairs(graph, "all", pairs)
    score_universe(graph)
    score_cpic(graph, data)
    score_pairs(graph_of(data, interactions=("ddi/ddinter",)), "without_onc", pairs)


if __name__ == "__main__":
    main()
