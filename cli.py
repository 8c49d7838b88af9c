"""The command line: parse, call, print. Heavy modules load inside the commands that need them."""

import io
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.commands import actors, audit, backups, keys, options, patients, stores
from service.commands.options import AsJson, BundleDir, Emergency, GraphDir, Home, words
from service.commands.printing import (
    Errors,
    console,
    each_row,
    each_step,
    print_json,
    progress_bar,
    warn_if_stale,
)
from service.process import forbid_core_dumps

if TYPE_CHECKING:
    from kg.graph import Graph

app = typer.Typer(
    help="A medical knowledge graph and an explained, safety-checked treatment recommender. "
    "Decision support for professionals, not a device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(patients.app, name="patient")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(backups.app, name="backup")
app.add_typer(actors.app, name="actor")
app.add_typer(stores.app, name="store")

Types = Annotated[list[str] | None, typer.Option("--types", help="Node types to keep.")]
Relations = Annotated[
    list[str] | None, typer.Option("--relations", help="Relations to follow and keep.")
]
Direction = Annotated[
    Literal["out", "in", "both"], typer.Option("--direction", help="How to follow edges.")
]
FromSources = Annotated[
    list[str] | None, typer.Option("--sources", help="Sources to allow: starter, infores:…")
]
Licences = Annotated[list[str] | None, typer.Option("--license-allow", help="Licences to allow.")]
Evidence = Annotated[
    list[str] | None, typer.Option("--evidence", help="E.g. knowledge_assertion,manual_agent.")
]
Patients = Annotated[
    str | None, typer.Option("--patients", help="'store', or a folder of FHIR or OMOP files.")
]
MissRate = Annotated[
    float | None,
    typer.Option("--miss-rate", help="Show no hypothesis beyond it, e.g. 0.1; may be none at all."),
]
Confirm = Annotated[
    list[str] | None,
    typer.Option("--confirm", help="CURIEs of near or old facts that you have confirmed."),
]

_INTERRUPTED = 128 + 2  # how Typer ends after Ctrl-C, by the shell's convention for SIGINT


@app.command()
def demo(home: Home = None, as_json: AsJson = False) -> None:
    """Do the main job on the embedded graph and demo patients, end to end."""
    from service.demo import run_demo

    settings = options.settings(home)
    with progress_bar() as bar:
        report = run_demo(settings, progress=each_step(bar))
    if as_json:
        print_json(report.to_json())
        return
    from service.console import show_demo

    show_demo(console(), report)


@app.command()
def sources(as_json: AsJson = False) -> None:
    """List what a graph can be built from."""
    from kg.sources import list_sources

    rows = list_sources()
    if as_json:
        print_json([row._asdict() for row in rows])
        return
    from service.console import show_sources

    show_sources(console(), rows)


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="In the order of their precedence [starter]."),
    ] = None,
    *,
    folders: Annotated[
        list[str] | None, typer.Option("--from", help="DIR or SOURCE=DIR to read from.")
    ] = None,
    terms: Annotated[
        Literal["auto", "names", "nodes"],
        typer.Option("--terms", help="What the terms of an ontology become."),
    ] = "auto",
    diff: Annotated[
        Path | None, typer.Option("--diff", help="An older graph to compare with.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The graph's folder.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Build sources into one graph, merged by CURIE; print what was read, merged and refused."""
    from service.building import build_graph, parse_folders

    chosen = names or ["starter"]
    target = out or options.settings(home).graph
    with progress_bar() as bar:
        built = build_graph(
            chosen, parse_folders(chosen, folders or []), target,
            terms=terms, old=diff, progress=each_row(bar),
        )  # fmt: skip
    if as_json:
        print_json(built.to_json())
        return
    from service.console import show_build

    show_build(console(), built)


@app.command()
def query(
    text: Annotated[str | None, typer.Argument(help="A node: name, id, synonym or code.")] = None,
    *,
    to: Annotated[str | None, typer.Option("--to", help="Only neighbours of this type.")] = None,
    hops: Annotated[
        int | None, typer.Option("--hops", min=1, max=10, help="All nodes this near instead.")
    ] = None,
    metapath: Annotated[
        str | None, typer.Option("--metapath", help="E.g. CbGaD: nodes reached along it.")
    ] = None,
    to_node: Annotated[
        str | None, typer.Option("--to-node", help="Only the metapath's paths to this node.")
    ] = None,
    through: Annotated[
        list[str] | None,
        typer.Option("--through", help="Only paths through it; may be repeated."),
    ] = None,
    avoid: Annotated[
        list[str] | None,
        typer.Option("--avoid", help="No path through it; may be repeated."),
    ] = None,
    sparql: Annotated[
        str | None, typer.Option("--sparql", help="A file with a SPARQL query; - for input.")
    ] = None,
    similar: Annotated[
        bool, typer.Option("--similar", help="Nodes most like it by what the models learnt.")
    ] = False,
    types: Types = None,
    relations: Relations = None,
    direction: Direction = "both",
    from_sources: FromSources = None,
    licences: Licences = None,
    evidence: Evidence = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows a list.")] = 10,
    order: Annotated[
        Literal["name", "degree"], typer.Option("--order", help="With --hops: of equally near.")
    ] = "name",
    graph_dir: GraphDir = None,
    bundle_dir: BundleDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show a node and its neighbours, what is near, like it, or along a metapath; or ask SPARQL."""
    if (text is None) == (sparql is None):
        raise typer.BadParameter("give a node, or --sparql FILE")
    if sum(option is not None for option in (to, hops, metapath, sparql)) > 1:
        raise typer.BadParameter("only one of --to, --hops, --metapath and --sparql at a time")
    if metapath is None and (to_node or through or avoid):
        raise typer.BadParameter("--to-node, --through and --avoid need a --metapath")
    if metapath is not None and (types or relations or direction != "both"):
        raise typer.BadParameter("a metapath says its --types, --relations and --direction itself")
    filters = types or relations or from_sources or licences or evidence or direction != "both"
    if sparql is not None and filters:
        raise typer.BadParameter("a SPARQL query says itself what it filters by")
    others = any((hops, metapath, sparql, filters))
    if (similar and others) or (bundle_dir is not None and not similar):
        raise typer.BadParameter("--similar compares embeddings: it takes --to and --bundle")
    graph = options.graph(graph_dir, home)
    if text is None:
        _ask(graph, str(sparql), limit, as_json=as_json)
        return
    if similar:
        _show_similar(graph, options.bundle(bundle_dir, home), text, to, limit, as_json=as_json)
        return
    from kg.selection import Selection

    only = Selection(
        types=words(types), relations=words(relations), licences=words(licences),
        direction=direction, sources=words(from_sources), evidence=words(evidence),
    )  # fmt: skip
    if hops is not None:
        from kg.neighborhood import explore
        from service.console import show_neighborhood

        found = explore(graph, replace(only, seeds=(text,), hops=hops, limit=limit, order=order))
        print_json(found.to_json()) if as_json else show_neighborhood(console(), found)
        return
    from kg.query import describe, follow
    from service.console import show_node, show_targets

    if metapath is not None:
        targets = follow(
            graph, text, metapath, to_node=to_node, through=through or (), avoid=avoid or (),
            only=only, limit=limit if as_json or to_node else limit + 1,
        )  # fmt: skip
        if as_json:
            print_json([{**asdict(t), "node": t.node._asdict()} for t in targets])
        else:
            show_targets(console(), targets[:limit], more=len(targets) > limit)
        return
    view = describe(graph, text, to=to, only=only, limit=limit)
    print_json(view.to_json()) if as_json else show_node(console(), view)


@app.command()
def export(
    *,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write.")] = None,
    seeds: Annotated[
        list[str] | None, typer.Option("--seed", help="A node to begin with; none: all nodes.")
    ] = None,
    hops: Annotated[int, typer.Option("--hops", min=0, max=10)] = 1,
    types: Types = None,
    relations: Relations = None,
    direction: Direction = "both",
    from_sources: FromSources = None,
    licences: Licences = None,
    evidence: Evidence = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="One or more, e.g. kgx,html [kgx].")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Verify an export instead of writing one.")
    ] = None,
    graph_dir: GraphDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a closed subset of the graph with a manifest, in any set of formats; or check one."""
    if (out is None) == (check is None):
        raise typer.BadParameter("give --out DIR to write, or --check DIR")
    filters = types or relations or from_sources or licences or evidence or direction != "both"
    if check is not None and (seeds or formats or filters):
        raise typer.BadParameter("--check reads what was exported; it takes no selection")
    if check is not None:
        from kg.export import check as verify

        manifest, done = verify(check), f"whole: {check}"
    else:
        from kg.export import export as write
        from kg.selection import Selection, select

        selection = Selection(
            tuple(seeds or ()), hops, words(types), words(relations), words(licences),
            direction=direction, sources=words(from_sources), evidence=words(evidence),
        )  # fmt: skip
        graph = options.graph(graph_dir, home)
        manifest = write(select(graph, selection), words(formats or ["kgx"]), str(out))
        done = f"in {out}"
    if as_json:
        print_json(manifest)
        return
    console().print(
        f"{sum(manifest['nodes'].values()):,} nodes, {sum(manifest['edges'].values()):,} edges, "
        f"{manifest['assertions']:,} assertions {done}", markup=False,
    )  # fmt: skip


@app.command()
def train(
    *,
    graph_dir: GraphDir = None,
    patients: Patients = None,
    epsilon: Annotated[
        float | None,
        typer.Option("--epsilon", help="Differential privacy of the factors learnt from patients."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1)] = 0,
    hide: Annotated[
        Path | None, typer.Option("--hide", help="TSV drug_id, disease_id to keep out.")
    ] = None,
    hide_diseases: Annotated[
        Path | None, typer.Option("--hide-diseases", help="TSV disease_id to keep out.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The models' folder.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train all models on the graph, and on patients if asked, into one bundle."""
    from service.training import train_bundle

    settings = options.settings(home)
    errors = Errors()
    with progress_bar() as bar:
        bundle = train_bundle(
            settings, options.graph(graph_dir, home), out or settings.bundle, patients=patients,
            epsilon=epsilon, device=device, seed=seed, hide=hide, hide_diseases=hide_diseases,
            progress=each_step(bar), failed=errors.add,
        )  # fmt: skip
    if as_json:
        print_json(
            {**bundle.card, "bundle": bundle.fingerprint, "evaluation": bundle.evaluation,
             "errors": errors.rows}
        )  # fmt: skip
    else:
        from service.console import show_bundle

        show_bundle(console(), bundle)
    errors.end()


@app.command()
def evaluate(
    track: Annotated[
        str,
        typer.Argument(
            help="external, transductive, zero-shot, cold-drug, calibration, negative-control or "
            "patients."
        ),
    ],
    *,
    graph_dir: GraphDir = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="TSV drug_id, disease_id: what is right.")
    ] = None,
    exclude: Annotated[
        Path | None, typer.Option("--exclude", help="TSV drug_id, disease_id not to rank.")
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--models", help="Rows beside the baselines: gnn,stack")
    ] = None,
    drugs: Annotated[
        Path | None, typer.Option("--drugs", help="TSV drug_id: rank only these [all].")
    ] = None,
    diseases: Annotated[
        Path | None, typer.Option("--diseases", help="TSV disease_id: only for these [all].")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Hide what the test diseases resemble as well.")
    ] = False,
    random: Annotated[
        bool, typer.Option("--random", help="Deal single diseases, not groups that are alike.")
    ] = False,
    folds: Annotated[int | None, typer.Option("--folds", min=2, help="How many [5].")] = None,
    cut: Annotated[
        float | None, typer.Option("--cut", min=0, help="How alike a group's diseases are [0.4].")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="How often the random is drawn anew.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="The first.")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    patients: Patients = None,
    bundle_dir: BundleDir = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="An HTML page to write, with plots.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Hide a part of the graph from the models, or use labels from elsewhere, and see how they do.

    The rows popularity, degree-product and six-metapath stand beside every figure. The track
    patients asks which drugs patients newly start, beside counts of what like patients get.
    """
    from service.evaluating import Asked
    from service.evaluating import evaluate as run

    asked = Asked(
        words(models), labels, exclude, drugs, diseases, strict=strict, random=random,
        folds=folds, cut=cut, seeds=seeds, seed=seed, device=device, report=report,
        patients=patients, bundle=bundle_dir,
    )  # fmt: skip
    errors = Errors()
    with progress_bar() as bar:
        found = run(
            options.settings(home), options.graph(graph_dir, home), track, asked,
            progress=each_step(bar), failed=errors.add,
        )  # fmt: skip
    if as_json:
        print_json(found.to_json())
    else:
        from service.console import show_report

        show_report(console(), found)
    errors.end()


@app.command()
def scores(
    out: Annotated[Path, typer.Option("--out", help="The .npz file to write.")],
    graph_dir: GraphDir = None,
    bundle_dir: BundleDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the scores of all drugs for all diseases as `recommend` uses them."""
    from service.marks import marked
    from service.training import write_scores

    bundle = options.bundle(bundle_dir, home)
    shape = write_scores(options.graph(graph_dir, home), bundle, out)
    warn_if_stale(marked(bundle))
    if as_json:
        print_json({"file": str(out), "drugs": shape[0], "diseases": shape[1]})
    else:
        console().print(f"{shape[0]:,} drugs x {shape[1]:,} diseases in {out}")


@app.command()
def recommend(
    patient: Annotated[str | None, typer.Argument(help="A stored patient's id.")] = None,
    *,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="A profile as JSON, instead of a patient.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every stored patient, then one line of coverage.")
    ] = False,
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="Drugs a condition and kind.")] = 5,
    miss_rate: MissRate = None,
    confirm: Confirm = None,
    emergency: Emergency = False,
    graph_dir: GraphDir = None,
    bundle_dir: BundleDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rank drugs for a patient, checked and explained; a stored patient's answer is recorded."""
    if (patient is not None) + (profile is not None) + every != 1:
        raise typer.BadParameter("give a patient's id, or --profile FILE, or --all")
    if every and confirm:
        raise typer.BadParameter("--confirm is about one patient, not --all")
    if emergency and patient is None:
        raise typer.BadParameter("--emergency is about one stored patient")
    graph, bundle = options.graph(graph_dir, home), options.bundle(bundle_dir, home)
    nodes = words(confirm)
    if profile is not None:
        from service.marks import marked
        from service.profiles import suggest_for_profile

        answer = suggest_for_profile(
            graph, bundle, profile, k=top, miss_rate=miss_rate, confirmed=nodes
        )
        warn_if_stale(marked(bundle))
        _answer(profile.name, answer.to_json(), answer, as_json=as_json)
        return
    from service.patients import EMERGENCY, TREATMENT
    from service.suggest import open_service

    purpose = EMERGENCY if emergency else TREATMENT
    with open_service(options.settings(home), graph, bundle) as service:
        if every:
            warn_if_stale(service.stale)
            _recommend_all(service, top, miss_rate, as_json=as_json)
            return
        recorded = service.suggest(
            str(patient), k=top, miss_rate=miss_rate, confirmed=nodes, purpose=purpose
        )
    warn_if_stale(recorded.stale)
    _answer(f"patient {patient}", recorded.to_json(), recorded.recommendation, as_json=as_json)
    if not as_json:
        console().print(
            f"\nrecorded as {recorded.suggestion_id} (`replay` rebuilds it); "
            f"audit entry {recorded.entry} (`audit prove {recorded.entry}`)"
        )


@app.command()
def check(
    drugs: Annotated[list[str], typer.Argument(help="Drugs or products by name, or CURIEs.")],
    *,
    patient: Annotated[str | None, typer.Option("--patient", help="A stored patient's id.")] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="A profile as JSON, instead of a patient.")
    ] = None,
    route: Annotated[
        str, typer.Option("--route", help="How they are to be given: oral, skin, eye, …")
    ] = "",
    confirm: Confirm = None,
    emergency: Emergency = False,
    graph_dir: GraphDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check drugs for a patient, or only among each other; needs a graph and no bundle."""
    from service.checking import check_for
    from service.console import show_checked

    if patient is not None and profile is not None:
        raise typer.BadParameter("give --patient ID or --profile FILE, not both")
    if confirm and patient is None and profile is None:
        raise typer.BadParameter("--confirm is about a patient or a profile")
    if emergency and patient is None:
        raise typer.BadParameter("--emergency is about a stored patient")
    found = check_for(
        options.settings(home),
        options.graph(graph_dir, home),
        drugs,
        patient=patient,
        profile=profile,
        route=route,
        confirmed=words(confirm),
        is_emergency=emergency,
    )
    print_json(found.to_json()) if as_json else show_checked(console(), found)


@app.command()
def explain(
    drug: Annotated[str, typer.Argument(help="A drug by name, or its CURIE.")],
    disease: Annotated[str, typer.Argument(help="A disease by name, or its CURIE.")],
    *,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="A profile as JSON: what its history adds.")
    ] = None,
    edges: Annotated[
        int, typer.Option("--edges", min=0, help="Edges to take out; each takes seconds.")
    ] = 3,
    graph_dir: GraphDir = None,
    bundle_dir: BundleDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take the score of a drug for a disease apart, and rank it again without single edges."""
    from service.console import show_explanation
    from service.explaining import explain as explain_pair
    from service.marks import marked

    graph, bundle = options.graph(graph_dir, home), options.bundle(bundle_dir, home)
    found = explain_pair(graph, bundle, drug, disease, profile=profile, n_edges=edges)
    warn_if_stale(marked(bundle))
    print_json(asdict(found)) if as_json else show_explanation(console(), found)


@app.command()
def replay(
    receipt: Annotated[str, typer.Argument(help="Id of a recorded suggestion.")],
    graph_dir: GraphDir = None,
    bundle_dir: BundleDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Build a recorded answer again and compare; exit status 1 if it is not the same."""
    from service.console import show_replay
    from service.patients import TREATMENT
    from service.receipts import replay as replay_answer
    from service.suggest import open_service

    with open_service(
        options.settings(home), options.graph(graph_dir, home), options.bundle(bundle_dir, home)
    ) as run:
        found = replay_answer(
            run.database, run.recommender, receipt, actor=run.actor, purpose=TREATMENT
        )
    warn_if_stale(found.stale)
    print_json(found.to_json()) if as_json else show_replay(console(), found)
    if not found.is_identical:
        raise typer.Exit(1)


def main() -> None:
    """Run the program; expected errors become one line on standard error and exit status 1."""
    forbid_core_dumps()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot say a name says its codes
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        typer.echo("interrupted: what was there before is whole, nothing is half written", err=True)
        sys.exit(1)
    except Exception as error:
        if not _is_expected(error):
            raise
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        sys.exit(1)


def _is_expected(error: Exception) -> bool:
    """Whether one of our packages raised ``error`` on purpose, or the system refused a file."""
    ours = {f"{room}.errors" for room in ("kg", "recommend", "intake", "storage", "service")}
    return isinstance(error, OSError) or any(c.__module__ in ours for c in type(error).__mro__)


def _ask(graph: "Graph", file: str, limit: int, *, as_json: bool) -> None:
    from kg.sparql import run
    from service.console import show_rows

    text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8", "replace")
    answer = run(graph, text, limit=limit)
    print_json(answer.to_json()) if as_json else show_rows(console(), answer)


def _show_similar(
    graph: "Graph", bundle: Path, text: str, to: str | None, limit: int, *, as_json: bool
) -> None:
    from recommend.bundle import open_bundle
    from recommend.similar import find_similar
    from service.console import show_similar

    opened = open_bundle(bundle, graph, verify=True)
    found = find_similar(graph, opened, text, to=to, limit=limit)
    print_json(found.to_json()) if as_json else show_similar(console(), found)


def _answer(title: str, document: Any, answer: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    from service.console import show_recommendation

    show_recommendation(console(), title, answer)


def _recommend_all(service: Any, k: int, miss_rate: float | None, *, as_json: bool) -> None:
    from service.suggest import suggest_for_all

    documents = []
    errors = Errors()

    def each(patient: str, recorded: Any) -> None:
        if as_json:
            documents.append({"patient": patient, **recorded.to_json()})
        else:
            _answer(f"patient {patient}", None, recorded.recommendation, as_json=False)

    coverage = suggest_for_all(service, k=k, miss_rate=miss_rate, each=each, failed=errors.add)
    if as_json:
        print_json({"patients": documents, "coverage": coverage.to_json(), "errors": errors.rows})
    else:
        console().print(f"\n{coverage.line()}", markup=False)
    errors.end()


if __name__ == "__main__":
    main()
