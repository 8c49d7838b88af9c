"""What the synthetic patients' drugs and conditions are read as, and how much of it is right.

    python benchmarks/score_names.py PHARMAKON_DATA

Judged by ``tests/kg/data/displays.tsv``, where a person decided what each display means; injuries,
findings, pregnancies, situations and operations are not counted as diseases. Once by the words
alone, once with the codes beside them; with the embedded graph, and with Hetionet, the ontologies
and the lists of names merged into it. Then texts from elsewhere, ``other_displays.tsv``.
"""

import csv
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from record import ROOT, record

sys.path.insert(0, str(ROOT))

from kg import Graph, build, create_source
from kg.names import Resolution, key, resolve_coding, resolve_disease, resolve_drug

TABLES = ROOT / "tests" / "kg" / "data"
FILES = {
    "drug": ("MedicationRequest", "medicationCodeableConcept", "Drug"),
    "condition": ("Condition", "code", "Disease"),
}


def table(name: str) -> list[dict[str, str]]:
    """Rows of a judged table by column."""
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def entries(data: Path, kind: str) -> Iterator[tuple[str, str, str, str]]:
    """(patient, system, code, display) of each entry."""
    file, concept, _ = FILES[kind]
    with gzip.open(data / "fhir" / f"{file}.ndjson.gz") as lines:
        for line in lines:
            entry = json.loads(line)
            coding = entry[concept]["coding"][0]
            yield entry["subject"]["reference"], coding["system"], coding["code"], coding["display"]


def ids(resolution: Resolution) -> frozenset[str]:
    """The nodes of a resolution."""
    return frozenset(match.node.id for match in resolution.matches)


def score(graph: Graph, name: str, data: Path, *, with_codes: bool) -> None:
    """Print the shares of pairs, requests and conditions that are right."""
    judged = {(row["kind"], row["display"]): row for row in table("displays.tsv")}
    how = "codes" if with_codes else "words"
    for kind, (_, _, node_type) in FILES.items():
        pairs: dict[tuple[str, str], bool] = {}
        right: Counter[bool] = Counter()
        grades: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        for patient, system, code, display in entries(data, kind):
            row = judged[kind, display]
            found = resolve_coding(
                graph, system if with_codes else "", code if with_codes else "", display,
                (node_type,),
            )  # fmt: skip
            meant = frozenset(filter(None, row["meant"].split("|")))
            is_right = found.complete and ids(found) == meant
            if found.matches and not ids(found) <= meant:
                wrong[found.grade or ""] += 1
            if row["class"] in ("drug", "disease"):
                pairs[patient, display] = is_right
                right[is_right] += 1
                grades[str(found.grade) if is_right else "none"] += 1
        shares = {grade: round(n / right.total(), 4) for grade, n in sorted(grades.items())}
        base = f"names.{name}.{how}"
        if kind == "drug":
            record(f"{base}.drug_pairs", sum(pairs.values()) / len(pairs), "share", n=len(pairs))
        record(f"{base}.{kind}s", right[True] / right.total(), "share", n=right.total(), **shares)
        record(f"{base}.{kind}s_wrong", wrong.total(), "entries", exact=wrong["exact"])


def score_others(graph: Graph, name: str) -> None:
    """Print how many texts from elsewhere are right, unresolved, unsure and wrong."""
    names = {
        (node_type, key(graph.node(node_type, row).name)): graph.node(node_type, row).id
        for node_type in ("Drug", "Disease")
        for row in range(graph.n_nodes(node_type))
    }
    for kind, node_type, read in (
        ("drug", "Drug", resolve_drug),
        ("disease", "Disease", resolve_disease),
    ):
        tally: Counter[str] = Counter()
        for row in table("other_displays.tsv"):
            if row["kind"] != kind:
                continue
            texts = [text for text in row["meant"].lstrip("~?").split("|") if text]
            meant = [names.get((node_type, key(text))) for text in texts]
            found = read(graph, row["text"])
            if row["meant"].startswith("?") and ids(found) <= set(meant):
                tally["right"] += 1
            else:
                tally[_judge(found, meant)] += 1
        record(f"names.{name}.other_{kind}s", tally["right"], "texts", **tally)


def _judge(found: Resolution, meant: list[str | None]) -> str:
    if found.complete and ids(found) == set(meant):
        return "right"
    if found.complete:
        return f"wrong_{found.grade}"
    if not meant or None in meant:  # nothing that the graph could say
        return "right"
    return "unsure" if found.matches else "unresolved"


def main() -> None:
    """Score both graphs."""
    data = Path(sys.argv[1])
    starter = create_source("starter")
    merged = [
        starter,
        create_source("hetionet", data / "hetionet"),
        create_source("ontology", data / "ontology"),
        create_source("names", data / "ontology", data / "drugbank", data / "atc"),
    ]
    for name, sources in (("starter", [starter]), ("merged", merged)):
        graph = build(sources).graph
        for with_codes in (False, True):
            score(graph, name, data, with_codes=with_codes)
        score_others(graph, name)


if __name__ == "__main__":
    main()
