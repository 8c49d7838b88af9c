"""The command line: parse, call, print. Heavy modules load inside the commands that need them."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from kg.graph import Graph
    from service.settings import Settings

app = typer.Typer(
    help="A medical knowledge graph and an explained, safety-checked treatment recommender. "
    "Decision support for professionals, not a device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
patient_app = typer.Typer(help="Patients in the sealed store.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)
keys_app = typer.Typer(help="The key ring, without which nothing opens.", no_args_is_help=True)
app.add_typer(patient_app, name="patient")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where everything lives [PHARMAKON_HOME, else .pharmakon]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
GraphDir = Annotated[Path | None, typer.Option("--graph", help="The graph's folder.")]
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
BundleDir = Annotated[Path | None, typer.Option("--bundle", help="The models' folder.")]
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

    settings = _settings(home)
    with _progress() as bar:
        report = run_demo(settings, progress=_steps(bar))
    if as_json:
        _print_json(report.to_json())
        return
    from service.console import show_demo

    show_demo(_console(), report)


@app.command()
def sources(as_json: AsJson = False) -> None:
    """List what a graph can be built from."""
    from kg.sources import list_sources

    rows = list_sources()
    if as_json:
        _print_json([row._asdict() for row in rows])
        return
    from service.console import show_sources

    show_sources(_console(), rows)


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
    target = out or _settings(home).graph
    with _progress() as bar:
        built = build_graph(
            chosen, parse_folders(chosen, folders or []), target,
            terms=terms, old=diff, progress=_rows(bar),
        )  # fmt: skip
    if as_json:
        _print_json(built.to_json())
        return
    from service.console import show_build

    show_build(_console(), built)


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
    graph = _graph(graph_dir, home)
    if text is None:
        _ask(graph, str(sparql), limit, as_json=as_json)
        return
    if similar:
        _show_similar(graph, _bundle(bundle_dir, home), text, to, limit, as_json=as_json)
        return
    from kg.selection import Selection

    only = Selection(
        types=_words(types), relations=_words(relations), licences=_words(licences),
        direction=direction, sources=_words(from_sources), evidence=_words(evidence),
    )  # fmt: skip
    if hops is not None:
        from kg.neighborhood import explore
        from service.console import show_neighborhood

        found = explore(graph, replace(only, seeds=(text,), hops=hops, limit=limit, order=order))
        _print_json(found.to_json()) if as_json else show_neighborhood(_console(), found)
        return
    from kg.query import describe, follow
    from service.console import show_node, show_targets

    if metapath is not None:
        targets = follow(
            graph, text, metapath, to_node=to_node, through=through or (), avoid=avoid or (),
            only=only, limit=limit if as_json or to_node else limit + 1,
        )  # fmt: skip
        if as_json:
            _print_json([{**asdict(t), "node": t.node._asdict()} for t in targets])
        else:
            show_targets(_console(), targets[:limit], more=len(targets) > limit)
        return
    view = describe(graph, text, to=to, only=only, limit=limit)
    _print_json(view.to_json()) if as_json else show_node(_console(), view)


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
            tuple(seeds or ()), hops, _words(types), _words(relations), _words(licences),
            direction=direction, sources=_words(from_sources), evidence=_words(evidence),
        )  # fmt: skip
        graph = _graph(graph_dir, home)
        manifest = write(select(graph, selection), _words(formats or ["kgx"]), str(out))
        done = f"in {out}"
    if as_json:
        _print_json(manifest)
        return
    _console().print(
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

    settings = _settings(home)
    errors = _Errors()
    with _progress() as bar:
        bundle = train_bundle(
            settings, _graph(graph_dir, home), out or settings.bundle, patients=patients,
            epsilon=epsilon, device=device, seed=seed, hide=hide, hide_diseases=hide_diseases,
            progress=_steps(bar), failed=errors.add,
        )  # fmt: skip
    if as_json:
        _print_json(
            {**bundle.card, "bundle": bundle.fingerprint, "evaluation": bundle.evaluation,
             "errors": errors.rows}
        )  # fmt: skip
    else:
        from service.console import show_bundle

        show_bundle(_console(), bundle)
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
        _words(models), labels, exclude, drugs, diseases, strict=strict, random=random,
        folds=folds, cut=cut, seeds=seeds, seed=seed, device=device, report=report,
        patients=patients, bundle=bundle_dir,
    )  # fmt: skip
    errors = _Errors()
    with _progress() as bar:
        found = run(
            _settings(home), _graph(graph_dir, home), track, asked,
            progress=_steps(bar), failed=errors.add,
        )  # fmt: skip
    if as_json:
        _print_json(found.to_json())
    else:
        from service.console import show_report

        show_report(_console(), found)
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
    from service.training import write_scores

    shape = write_scores(_graph(graph_dir, home), _bundle(bundle_dir, home), out)
    if as_json:
        _print_json({"file": str(out), "drugs": shape[0], "diseases": shape[1]})
    else:
        _console().print(f"{shape[0]:,} drugs x {shape[1]:,} diseases in {out}")


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
    graph, bundle = _graph(graph_dir, home), _bundle(bundle_dir, home)
    nodes = _words(confirm)
    if profile is not None:
        from service.profiles import suggest_for_profile

        answer = suggest_for_profile(
            graph, bundle, profile, k=top, miss_rate=miss_rate, confirmed=nodes
        )
        _answer(profile.name, answer.to_json(), answer, as_json=as_json)
        return
    from service.suggest import open_service

    with open_service(_settings(home), graph, bundle) as service:
        if every:
            _recommend_all(service, top, miss_rate, as_json=as_json)
            return
        recorded = service.suggest(str(patient), k=top, miss_rate=miss_rate, confirmed=nodes)
    _answer(f"patient {patient}", recorded.to_json(), recorded.recommendation, as_json=as_json)
    if not as_json:
        _console().print(
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
    found = check_for(
        _settings(home),
        _graph(graph_dir, home),
        drugs,
        patient=patient,
        profile=profile,
        route=route,
        confirmed=_words(confirm),
    )
    _print_json(found.to_json()) if as_json else show_checked(_console(), found)


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

    found = explain_pair(
        _graph(graph_dir, home), _bundle(bundle_dir, home), drug, disease,
        profile=profile, n_edges=edges,
    )  # fmt: skip
    _print_json(asdict(found)) if as_json else show_explanation(_console(), found)


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

    with open_service(_settings(home), _graph(graph_dir, home), _bundle(bundle_dir, home)) as run:
        found = replay_answer(
            run.database, run.recommender, receipt, actor=run.actor, purpose=TREATMENT
        )
    _print_json(found.to_json()) if as_json else show_replay(_console(), found)
    if not found.is_identical:
        raise typer.Exit(1)


@patient_app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(help="FHIR R4 bundles, .ndjson(.gz) or .tar.gz of bundles.")
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Store the patients of FHIR files, each whole or not at all."""
    from service.patients import import_patients

    n_stored = 0

    def count(n: int) -> None:
        nonlocal n_stored
        n_stored = n
        bar.update(task, completed=n)

    with _progress() as bar:
        task = bar.add_task("patients", total=None)
        try:
            report = import_patients(_settings(home), files, progress=count)
        except KeyboardInterrupt:
            text = f"interrupted: {n_stored} patients were stored, each whole; the others were not"
            typer.echo(text, err=True)
            raise typer.Exit(1) from None
    if as_json:
        _print_json(report.to_json())
    else:
        for problem in report.problems:
            typer.echo(problem, err=True)
        _console().print(report.line())
    if not (report.patients and report.is_whole):
        raise typer.Exit(1)


@patient_app.command("list")
def list_(home: Home = None, as_json: AsJson = False) -> None:
    """List the stored patients by their ids."""
    from service.patients import TREATMENT, open_store

    settings = _settings(home)
    with open_store(settings) as store:
        summaries = store.reading(settings.actor, purpose=TREATMENT).list()
    if as_json:
        _print_json([{"id": s.id, "created": s.created, "version": s.version} for s in summaries])
        return
    for summary in summaries:
        typer.echo(f"{summary.id}  {summary.created}  version {summary.version}")


@patient_app.command()
def show(
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    graph_dir: GraphDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what the recommender would know of a patient."""
    from datetime import date

    from intake import Resolver, to_profile
    from service.console import show_profile
    from service.patients import TREATMENT, open_store, read_record

    settings = _settings(home)
    graph = _graph(graph_dir, home)
    with open_store(settings) as store:
        resources = read_record(store, patient, actor=settings.actor, purpose=TREATMENT)
    profile = to_profile(resources, Resolver(graph), today=date.today())
    if as_json:
        _print_json(profile.to_json())
    else:
        show_profile(_console(), graph, profile)


@patient_app.command()
def erase(
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Destroy a patient's key and records; only the pseudonym stays in the audit log."""
    from service.patients import ADMINISTRATION, open_store

    if not yes:
        typer.confirm("This cannot be undone. Erase?", abort=True)
    settings = _settings(home)
    with open_store(settings) as store:  # noqa: SIM117
        with store.unit(settings.actor, purpose=ADMINISTRATION) as unit:
            unit.patients.erase(patient)
            unit.commit()
    _print_json({"erased": patient}) if as_json else typer.echo(f"erased {patient}")


@patient_app.command("access-log")
def access_log(
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what with a patient's record."""
    from service.patients import AUDIT, open_store

    settings = _settings(home)
    with open_store(settings) as store:
        entries = store.reading(settings.actor, purpose=AUDIT).access_log(patient)
    _print_entries(entries, as_json=as_json)


@keys_app.command("init")
def init(home: Home = None, as_json: AsJson = False) -> None:
    """Make the key ring. Keep a copy elsewhere: without it the store cannot be opened."""
    from service.patients import make_keys

    settings = _settings(home)
    ring = make_keys(settings)
    if as_json:
        _print_json({"keys": str(settings.keys), "store_id": ring.store_id})
    else:
        typer.echo(f"made {settings.keys}; keep a copy in another place, nothing opens without it")


@keys_app.command("status")
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show the versions of the key-encryption key; never a key."""
    from service.patients import open_keys

    ring = open_keys(_settings(home))
    rows = [asdict(row) for row in ring.status()]
    if as_json:
        _print_json({"store_id": ring.store_id, "keys": rows})
        return
    typer.echo(f"store {ring.store_id}")
    for row in rows:
        typer.echo("  ".join(f"{name} {value}" for name, value in row.items()))


@audit_app.command()
def verify(
    checkpoint_file: Annotated[
        Path | None, typer.Option("--checkpoint", help="A head that was kept elsewhere.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check the log and all sealed rows: that nothing was edited, added, reordered or removed."""
    from service.patients import open_store

    earlier = checkpoint_file.read_text("utf-8", errors="replace") if checkpoint_file else None
    with open_store(_settings(home)) as store:
        report = store.verify_audit(earlier)
    if as_json:
        head = {"entries": report.head.n_entries, "patients": report.head.n_patients}
        _print_json({"whole": True, **head, "root": report.head.entries_root.hex()})
    else:
        typer.echo(f"the log is whole: {report}")


@audit_app.command()
def log(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the last entries."""
    from service.patients import AUDIT, open_store

    settings = _settings(home)
    with open_store(settings) as store:
        entries = store.reading(settings.actor, purpose=AUDIT).audit_log(limit)
    _print_entries(entries, as_json=as_json)


@audit_app.command()
def checkpoint(home: Home = None, as_json: AsJson = False) -> None:
    """Print the signed head; kept elsewhere, `audit verify --checkpoint` tells a cut tail by it."""
    from service.patients import open_store

    with open_store(_settings(home)) as store:
        text = store.checkpoint().text.strip()
    _print_json({"checkpoint": text}) if as_json else typer.echo(text)


@audit_app.command()
def prove(
    index: Annotated[int, typer.Argument(help="Number of the entry.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the proof that an entry is in the log, checkable without the database."""
    from service.patients import open_store

    with open_store(_settings(home)) as store:
        proof = store.prove(index)
    document = {
        "entry": vars(proof.entry),
        "path": [digest.hex() for digest in proof.path],
        "head": proof.head.text,
    }
    if as_json:
        _print_json(document)
    else:
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))


def main() -> None:
    """Run the program; expected errors become one line on standard error and exit status 1."""
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


def _settings(home: Path | None) -> "Settings":
    from service.settings import read_settings

    return read_settings(home)


def _ask(graph: "Graph", file: str, limit: int, *, as_json: bool) -> None:
    from kg.sparql import run
    from service.console import show_rows

    text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8", "replace")
    answer = run(graph, text, limit=limit)
    _print_json(answer.to_json()) if as_json else show_rows(_console(), answer)


def _show_similar(
    graph: "Graph", bundle: Path, text: str, to: str | None, limit: int, *, as_json: bool
) -> None:
    from recommend.bundle import open_bundle
    from recommend.similar import find_similar
    from service.console import show_similar

    opened = open_bundle(bundle, graph, verify=True)
    found = find_similar(graph, opened, text, to=to, limit=limit)
    _print_json(found.to_json()) if as_json else show_similar(_console(), found)


def _graph(folder: Path | None, home: Path | None) -> "Graph":
    from kg.store import open_graph
    from service.settings import existing

    # Damage of the same size would not be noticed otherwise; hashing takes a hundredth of a second
    # for what Hetionet takes on the disk.
    place = existing(folder or _settings(home).graph, "graph", "build")
    return open_graph(place, verify=True)


def _bundle(folder: Path | None, home: Path | None) -> Path:
    from service.settings import existing

    return existing(folder or _settings(home).bundle, "bundle of models", "train")


def _console(*, err: bool = False) -> "Console":
    from rich.console import Console

    console = Console(stderr=err, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 10_000  # a file has no edge at which to break a table's lines
    return console


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1))


def _print_entries(entries: Any, *, as_json: bool) -> None:
    if as_json:
        _print_json([vars(entry) for entry in entries])
        return
    for entry in entries:
        typer.echo("  ".join(str(value) for value in vars(entry).values() if value != ""))


class _Errors:
    """Records that could not be used: named at once, counted by the exit status at the end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []

    def add(self, patient: str, why: str) -> None:
        """Note one record."""
        self.rows.append({"patient": patient, "error": why})
        typer.echo(f"error: patient {patient}: {why}", err=True)

    def end(self) -> None:
        """End the command with status 1 if there was one."""
        if self.rows:
            raise typer.Exit(1)


def _words(values: list[str] | None) -> tuple[str, ...]:
    """Repeated options and comma-separated ones alike."""
    return tuple(
        word.strip() for value in values or () for word in value.split(",") if word.strip()
    )


def _progress() -> "Progress":
    """A bar on standard error, drawn only on a terminal."""
    from rich.progress import Progress

    console = _console(err=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _rows(bar: "Progress") -> Callable[[str, int], None]:
    tasks: dict[str, Any] = {}

    def step(name: str, n: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=None)
        bar.advance(tasks[name], n)

    return step


def _steps(bar: "Progress") -> Callable[[str, int, int], None]:
    tasks: dict[str, Any] = {}

    def step(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=total)
        bar.update(tasks[name], completed=done, total=total)

    return step


def _answer(title: str, document: Any, answer: Any, *, as_json: bool) -> None:
    if as_json:
        _print_json(document)
        return
    from service.console import show_recommendation

    show_recommendation(_console(), title, answer)


def _recommend_all(service: Any, k: int, miss_rate: float | None, *, as_json: bool) -> None:
    from service.suggest import suggest_for_all

    documents = []
    errors = _Errors()

    def each(patient: str, recorded: Any) -> None:
        if as_json:
            documents.append({"patient": patient, **recorded.to_json()})
        else:
            _answer(f"patient {patient}", None, recorded.recommendation, as_json=False)

    coverage = suggest_for_all(service, k=k, miss_rate=miss_rate, each=each, failed=errors.add)
    if as_json:
        _print_json({"patients": documents, "coverage": coverage.to_json(), "errors": errors.rows})
    else:
        _console().print(f"\n{coverage.line()}", markup=False)
    errors.end()


if __name__ == "__main__":
    main()
