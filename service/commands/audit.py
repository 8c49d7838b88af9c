"""`audit`: the log, its proofs, and the reviews of emergency accesses."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import AsJson, Home, settings
from service.commands.printing import print_entries, print_json

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command()
def verify(
    checkpoint_file: Annotated[
        Path | None, typer.Option("--checkpoint", help="A head that was kept elsewhere.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check the log and all sealed rows: that nothing was edited, added, reordered or removed."""
    from service.patients import open_store

    earlier = _text(checkpoint_file) if checkpoint_file else None
    with open_store(settings(home)) as store:
        report = store.verify_audit(earlier)
    if as_json:
        head = {"entries": report.head.n_entries, "patients": report.head.n_patients}
        print_json({"whole": True, **head, "root": report.head.entries_root.hex()})
    else:
        typer.echo(f"the log is whole: {report}")


@app.command()
def log(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the last entries."""
    from service.patients import AUDIT, open_store

    asked = settings(home)
    with open_store(asked) as store:
        entries = store.reading(asked.actor, purpose=AUDIT).audit_log(limit)
    print_json([vars(entry) for entry in entries]) if as_json else print_entries(entries)


@app.command()
def checkpoint(home: Home = None, as_json: AsJson = False) -> None:
    """Print the signed head; kept elsewhere, `audit verify --checkpoint` tells a cut tail by it."""
    from service.patients import open_store

    with open_store(settings(home)) as store:
        text = store.checkpoint().text.strip()
    print_json({"checkpoint": text}) if as_json else typer.echo(text)


@app.command()
def prove(
    index: Annotated[int, typer.Argument(help="Number of the entry.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the proof that an entry is in the log, checkable without the database."""
    from service.patients import AUDIT, open_store

    asked = settings(home)
    with open_store(asked) as store:
        proof = store.reading(asked.actor, purpose=AUDIT).prove(index)
    document = {
        "entry": vars(proof.entry),
        "path": [digest.hex() for digest in proof.path],
        "head": proof.head.text,
    }
    if as_json:
        print_json(document)
    else:
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="The file to write; must not exist.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole log as FHIR AuditEvents, one a line, with the head that covers them."""
    from service.audit_export import export_events
    from service.patients import open_store

    asked = settings(home)
    with open_store(asked) as store:
        done = export_events(store, out, actor=asked.actor)
    if as_json:
        print_json({"file": str(out), "events": done.n_events, "checkpoint": done.head.text})
    else:
        typer.echo(f"{done.n_events:,} events in {out}, covered by this head:\n{done.head.text}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file that `audit export` wrote.")],
    checkpoint_file: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A head kept elsewhere; else the store is asked."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check an exported log: nothing edited (but id and meta), added, reordered or removed."""
    from service.audit_export import check_by_store, check_events
    from service.patients import open_keys, open_store
    from storage.checkpoint import Checkpoint

    asked = settings(home)
    if checkpoint_file is None:
        with open_store(asked) as store:
            n_events = check_by_store(file, store)
        of = "the first entries of this store's log"
    else:
        head = Checkpoint.parse(_text(checkpoint_file))
        head.check(open_keys(asked))
        n_events = check_events(file, head)
        of = f"the entries signed at {head.time}; the head says nothing of any behind them"
    if as_json:
        print_json({"whole": True, "events": n_events})
    else:
        typer.echo(f"{n_events:,} events are {of}")


@app.command()
def reviews(
    every: Annotated[bool, typer.Option("--all", help="Reviewed ones too.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the emergency accesses that nobody has reviewed yet."""
    from service.patients import AUDIT, open_store

    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=AUDIT) as unit:
        found = unit.emergencies.list(is_open_only=not every)
        unit.commit()
    if as_json:
        print_json([vars(one) for one in found])
        return
    for one in found:
        reason = "(the patient was erased)" if one.reason is None else one.reason
        end = f"reviewed by {one.reviewed_by} {one.reviewed_at}" if one.reviewed_by else "to review"
        typer.echo(
            f"{one.number}  {one.patient_id}  {one.actor}  {one.created} to {one.until}  {end}"
        )
        typer.echo(f"   {' '.join(reason.split())}")
    if not found:
        typer.echo("nothing to review", err=True)


@app.command()
def review(
    number: Annotated[int, typer.Argument(help="Number in `audit reviews`.", min=0)],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Note that you have reviewed an emergency access of somebody else; it ends with that."""
    from service.patients import AUDIT, open_store

    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=AUDIT) as unit:
        done = unit.emergencies.review(number)
        unit.commit()
    if as_json:
        print_json(vars(done))
    else:
        typer.echo(f"reviewed {number}: {done.actor} and patient {done.patient_id}")


def _text(checkpoint: Path) -> str:
    """The text of a head; some editors put a byte order mark before it."""
    return checkpoint.read_text("utf-8-sig", errors="replace")
