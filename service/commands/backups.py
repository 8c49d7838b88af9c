"""`backup`: the whole store in one file, and back."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import AsJson, Home, settings
from service.commands.printing import print_json

app = typer.Typer(help="Backups of the sealed store.", no_args_is_help=True)


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The file to write; must not exist.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole store, sealed as it is, to one file; others go on working meanwhile."""
    from service.backups import back_up

    report = back_up(settings(home), file)
    if as_json:
        print_json(
            {
                "file": str(file),
                "bytes": report.size,
                "rows": report.n_rows,
                "patients": report.head.n_patients,
                "erased": report.n_erased,
                "entries": report.head.n_entries,
                "audit_entry": report.entry,
                "manifest_sha256": report.digest,
            }
        )
    else:
        typer.echo(str(report))


@app.command("restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="A file that `backup create` wrote.")],
    store: Annotated[
        str | None,
        typer.Option("--store", help="Where to: a path or a URL [PHARMAKON_STORE, else the home]."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A head kept elsewhere: the erasures must reach it."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the store from a backup, verified, without anyone who was erased since.

    Needs the store's key ring and, beside it, the newest erasures.log.
    """
    from service.backups import restore

    asked = settings(home)
    if store is not None:
        asked = replace(asked, location=store)
    report = restore(asked, file, checkpoint=checkpoint)
    if as_json:
        print_json(
            {
                "patients": report.head.n_patients,
                "erased": report.n_erased_in_all,
                "entries": report.head.n_entries,
                "as_of": report.backup_head.time,
                "erased_again": report.n_erased,
                "lost_entries": report.n_lost,
                "old_keys": list(report.old_keys),
            }
        )
    else:
        typer.echo(str(report))
