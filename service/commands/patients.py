"""`patient`: records in and out of the sealed store, and what patients and emergencies ask for."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.commands.options import (
    AsJson,
    Emergency,
    GraphDir,
    Home,
    PatientId,
    Yes,
    graph,
    settings,
)
from service.commands.printing import Errors, console, each_patient, print_json, progress_bar

app = typer.Typer(help="Patients in the sealed store.", no_args_is_help=True)

Answer = Literal["permit", "deny"]


@app.command("import")
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
        tell(n)

    with progress_bar() as bar:
        tell = each_patient(bar)
        try:
            report = import_patients(settings(home), files, progress=count)
        except KeyboardInterrupt:
            text = f"interrupted: {n_stored} patients were stored, each whole; the others were not"
            typer.echo(text, err=True)
            raise typer.Exit(1) from None
    if as_json:
        print_json(report.to_json())
    else:
        for problem in report.problems:
            typer.echo(problem, err=True)
        console().print(report.line())
    if not (report.patients and report.is_whole):
        raise typer.Exit(1)


@app.command("list")
def list_(
    purpose: Annotated[
        Literal["treatment", "administration", "training", "research"],
        typer.Option("--purpose", help="Why; a security officer lists for administration."),
    ] = "treatment",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the stored patients by their ids."""
    from service.patients import open_store

    asked = settings(home)
    with open_store(asked) as store:
        summaries = store.reading(asked.actor, purpose=purpose).list()
    if as_json:
        print_json([{"id": s.id, "created": s.created, "version": s.version} for s in summaries])
        return
    for summary in summaries:
        typer.echo(f"{summary.id}  {summary.created}  version {summary.version}")


@app.command()
def find(
    system: Annotated[str, typer.Option("--system", help="Who gave the number: a URI.")],
    purpose: Annotated[
        Literal["treatment", "request"],
        typer.Option("--purpose", help="Why; a security officer finds on a patient's request."),
    ] = "treatment",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find a patient's id by a number of theirs, which is asked for: others see command lines."""
    from service.commands import asking
    from service.patients import open_store

    number = asking.line("number")
    asked = settings(home)
    with open_store(asked) as store:
        found = store.reading(asked.actor, purpose=purpose).find(system, number)
    print_json({"id": found}) if as_json else typer.echo(found)


@app.command()
def copy(
    patient: PatientId,
    out: Annotated[Path, typer.Option("--out", help="The file to write; must not exist.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write all of a patient's record for the patient, as a FHIR bundle in clear."""
    from service.patients import copy_record

    n_resources = copy_record(settings(home), patient, out)
    if as_json:
        print_json({"file": str(out), "resources": n_resources})
    else:
        typer.echo(f"{n_resources} resources, not sealed any more: {out}")


@app.command()
def show(
    patient: PatientId,
    emergency: Emergency = False,
    graph_dir: GraphDir = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what the recommender would know of a patient."""
    from datetime import date

    from intake import Resolver, to_profile
    from service.console import show_profile
    from service.patients import EMERGENCY, TREATMENT, open_store, read_record

    asked = settings(home)
    purpose = EMERGENCY if emergency else TREATMENT
    with open_store(asked) as store:
        resources = read_record(store, patient, actor=asked.actor, purpose=purpose)
    opened = graph(graph_dir, home)  # behind the store, which knows who was erased
    profile = to_profile(resources, Resolver(opened), today=date.today())
    if as_json:
        print_json(profile.to_json())
    else:
        show_profile(console(), opened, profile)


@app.command()
def erase(patient: PatientId, yes: Yes = False, home: Home = None, as_json: AsJson = False) -> None:
    """Destroy a patient's key and records; say what else held them."""
    from service.commands.asking import confirm
    from service.patients import REQUEST
    from service.staleness import erase_patient

    confirm("This cannot be undone. Erase?", is_sure=yes)
    erasure = erase_patient(settings(home), patient, purpose=REQUEST)
    if as_json:
        print_json(erasure.to_json())
    else:
        for line in erasure.lines():
            typer.echo(line)


@app.command("access-log")
def access_log(patient: PatientId, home: Home = None, as_json: AsJson = False) -> None:
    """Show the patient who did what with the record, when and why."""
    from service.access_account import account
    from service.patients import REQUEST, open_store

    asked = settings(home)
    with open_store(asked) as store:
        entries = store.reading(asked.actor, purpose=REQUEST).access_log(patient)
    if as_json:
        print_json([vars(entry) for entry in entries])
        return
    for line in account(entries):
        typer.echo(line)


@app.command()
def consent(
    patient: PatientId,
    *,
    treatment: Annotated[Answer | None, typer.Option("--treatment", help="Care.")] = None,
    training: Annotated[
        Answer | None, typer.Option("--training", help="A recommender learns from the record.")
    ] = None,
    research: Annotated[
        Answer | None, typer.Option("--research", help="De-identified extracts.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what a patient permits and denies, or record what the patient says now."""
    from service.patients import REQUEST, open_store

    answers = {"treatment": treatment, "training": training, "research": research}
    says = {purpose: answer for purpose, answer in answers.items() if answer is not None}
    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=REQUEST) as unit:
        said = unit.consents.say(patient, says) if says else unit.consents.of(patient)
        unit.commit()
    if as_json:
        print_json(said)
        return
    for purpose in answers:
        typer.echo(f"{purpose}: {said.get(purpose, 'permit (nothing said)')}")


@app.command("break-glass")
def break_glass(
    patient: PatientId,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            help="Why. Asked for if left out: what stands in a command line, others may see.",
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=1440, help="How long it holds.")
    ] = 60,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Open an emergency access to a patient's record; then read it with --emergency."""
    from service.commands.asking import line
    from service.patients import EMERGENCY, open_store

    why = reason or line(
        "Why (10 to 1,000 characters; it is sealed, and a security officer reviews it)"
    )
    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=EMERGENCY) as unit:
        opened = unit.emergencies.open(patient, why, minutes=minutes)
        unit.commit()
    if as_json:
        print_json({"number": opened.number, "patient": patient, "until": opened.until})
    else:
        typer.echo(f"open until {opened.until}; it is number {opened.number} of those to review")


@app.command()
def extract(
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    k: Annotated[
        int, typer.Option("--k", help="How many patients are alike at least; 11 or more.")
    ] = 11,
    dates: Annotated[
        Literal["shift", "year"],
        typer.Option("--dates", help="Shifted by patient, or the year alone."),
    ] = "shift",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a de-identified extract for analysts: whole and k-anonymous, or not at all."""
    from service.extract import create_extract
    from service.patients import open_store

    asked = settings(home)
    with open_store(asked) as store, progress_bar() as bar:
        report = create_extract(
            store, out, actor=asked.actor, k=k, dates=dates, progress=each_patient(bar)
        )
    errors = Errors()
    for patient, why in report.failed.items():
        errors.add(patient, why)
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.line())
    errors.end()
