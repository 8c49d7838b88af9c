"""Read an export with the programs that its formats are for; one JSON line a reader.

    python cli.py export ... --out DIR            (all formats)
    python benchmarks/check_export.py DIR

Run it with any Python that has the readers: networkx, pyarrow, rdflib, pyoxigraph, torch_geometric,
kgx (with ``biolink-model``, whose schema is used so that nothing is downloaded); Chromium draws the
picture to ``DIR.png``, which is to be looked at. Ends with status 1 if a reader finds something
else than the manifest says; a reader that is not installed is named.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def with_networkx(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    import networkx as nx

    graph = nx.read_graphml(folder / "graph.graphml", force_multigraph=True)
    with (folder / "graph.cyjs").open(encoding="utf-8") as file:
        drawn = nx.cytoscape_graph(json.load(file))
    return {
        "expected": [nodes(manifest), manifest["assertions"]] * 2,
        "found": [len(graph), graph.size(), len(drawn), drawn.size()],
    }


def with_pyarrow(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    plain = csv.ParseOptions(delimiter="\t", quote_char=False)
    tables = [pq.read_table(folder / f"{name}.parquet") for name in ("nodes", "edges")]
    tables += [
        csv.read_csv(folder / f"{name}.tsv", parse_options=plain) for name in ("nodes", "edges")
    ]
    quoted = csv.ParseOptions(newlines_in_values=True)
    tables += [
        csv.read_csv(folder / f"neo4j-{name}.csv", parse_options=quoted)
        for name in ("nodes", "edges")
    ]
    sizes = [nodes(manifest), manifest["assertions"]]
    return {"expected": sizes * 3, "found": [table.num_rows for table in tables]}


def with_rdflib(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    from rdflib import RDF, RDFS, Graph

    lines, turtle = Graph(), Graph()
    lines.parse(folder / "graph.nt", format="nt")
    turtle.parse(folder / "graph.ttl", format="turtle")
    both = len(set(lines) ^ set(turtle))
    labels = sum(1 for _ in lines.subjects(RDFS.label))
    said = sum(1 for _ in lines.subjects(RDF.type, RDF.Statement))
    return {"expected": [nodes(manifest), manifest["assertions"], 0], "found": [labels, said, both]}


def with_pyoxigraph(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    from pyoxigraph import RdfFormat, Store

    stores = []
    for name, of in (("graph.nt", RdfFormat.N_TRIPLES), ("graph.ttl", RdfFormat.TURTLE)):
        store = Store()
        store.bulk_load(path=str(folder / name), format=of)
        stores.append(store)
    question = """SELECT (COUNT(DISTINCT ?a) AS ?n) WHERE { ?a a rdf:Statement ; rdf:subject ?s ;
        rdf:object ?o . ?s rdfs:label ?x . ?o rdfs:label ?y }"""
    prefixes = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
                "rdfs": "http://www.w3.org/2000/01/rdf-schema#"}  # fmt: skip
    found = [int(next(iter(s.query(question, prefixes=prefixes)))["n"].value) for s in stores]
    same = len(stores[0]) == len(stores[1])
    return {"expected": [manifest["assertions"]] * 2 + [True], "found": [*found, same]}


def with_torch_geometric(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    from kg.export import read_pyg

    data = read_pyg(folder)
    data.validate(raise_on_error=True)
    return {
        "expected": [nodes(manifest), sum(manifest["edges"].values())],
        "found": [data.num_nodes, data.num_edges],
    }


def with_kgx(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    import biolink_model
    import bmt.toolkit

    schema = Path(next(iter(biolink_model.__path__))) / "schema" / "biolink_model.yaml"
    bmt.toolkit.Toolkit.__init__.__defaults__ = (str(schema), {"predicate mappings": []})
    import yaml
    from kgx import config

    model = yaml.safe_load(schema.read_text(encoding="utf-8"))
    prefixes = {**model["prefixes"]}  # the context on the web also has those of the classes
    for known in model["classes"].values():
        prefixes.update({prefix: prefix for prefix in known.get("id_prefixes", ())})
    config.jsonld_context_map.update(biolink=prefixes, monarch_context={}, obo_context={})
    from kgx.transformer import Transformer
    from kgx.validator import Validator

    result: dict[str, Any] = {"expected": [], "found": []}
    for name, suffix in (("tsv", "tsv"), ("jsonl", "jsonl")):
        validator = Validator(verbose=True)
        counts: Counter[str] = Counter()
        ways: set[Any] = set()  # the edges whose qualifiers say up or down

        def inspect(
            kind: Any,
            record: Any,
            validator: Any = validator,
            counts: Any = counts,
            ways: Any = ways,
        ) -> None:
            counts[kind.name] += 1
            if kind.name == "EDGE" and (way := record[-1].get("object_direction_qualifier")):
                ways.add((record[0], record[1], way))
            validator(kind, record)

        files = [str(folder / f"{part}.{suffix}") for part in ("nodes", "edges")]
        Transformer(stream=True).transform(
            input_args={"filename": files, "format": name},
            output_args={"format": "null"},
            inspector=inspect,
        )
        directed = [n for t, n in manifest["edges"].items() if re.search("-(up|down)reg.*-Gene", t)]
        result["expected"] += [nodes(manifest), manifest["assertions"], sum(directed), {}]
        said = [
            f"{level}: {kind}: {text}"
            for level, kinds in validator.get_errors().items()
            for kind, texts in kinds.items()
            for text in texts
        ]
        # A prefix of ours that the model does not list is no fault of the file.
        strange = [text for text in said if "not represented in Biolink Model" in text]
        errors = Counter(re.sub("'[^']*:[^']*'", "…", text) for text in said if text not in strange)
        result["found"] += [counts["NODE"], counts["EDGE"], len(ways), dict(errors.most_common(9))]
        result["prefixes"] = sorted({re.findall("prefix '([^']*)'", text)[0] for text in strange})
    return result


def with_chromium(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    page = (folder / "graph.html").resolve()
    with tempfile.TemporaryDirectory() as profile:
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=5000",
            "--enable-logging=stderr",
        ]  # fmt: skip
        shot = [f"--screenshot={folder.resolve()}.png", "--window-size=1400,900", page.as_uri()]
        subprocess.run([*command, *shot], capture_output=True, check=True, timeout=120)
        run = subprocess.run(
            [*command, "--dump-dom", page.as_uri()],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
    legend = re.findall(r"<span>(\w+) (\d+)</span></button>", run.stdout)
    complaints = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    drawn = 0 if "Drawn are " in run.stdout else sum(int(count) for _, count in legend)
    return {"expected": [drawn and nodes(manifest), True, []],
            "found": [drawn, bool(legend), complaints]}  # fmt: skip


def nodes(manifest: dict[str, Any]) -> int:
    return sum(manifest["nodes"].values())


READERS: dict[str, Callable[[Path, dict[str, Any]], dict[str, Any]]] = {
    "networkx": with_networkx,
    "pyarrow": with_pyarrow,
    "rdflib": with_rdflib,
    "pyoxigraph": with_pyoxigraph,
    "torch_geometric": with_torch_geometric,
    "kgx": with_kgx,
    "chromium": with_chromium,
}


def main(folder: Path) -> int:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    bad = 0
    for name, read in READERS.items():
        if importlib.util.find_spec(name) is None and shutil.which(name) is None:
            print(json.dumps({"reader": name, "skipped": "not installed"}))
            continue
        result = read(folder, manifest)
        bad += result["expected"] != result["found"]
        same = result["expected"] == result["found"]
        print(
            json.dumps({"reader": name, "agrees": same, **result}, ensure_ascii=False), flush=True
        )
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
