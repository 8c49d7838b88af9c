"""`store`: what the patient store is, and bringing it up to date."""

from dataclasses import asdict

import typer

from service.commands.options import AsJson, Home, settings
from service.commands.printing import print_json

app = typer.Typer(help="The patient store as a whole.", no_args_is_help=True)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show where the store lies and how large it is; no patient."""
    from service.upkeep import store_status

    found = store_status(settings(home))
    if as_json:
        print_json(asdict(found))
        return
    for name, value in asdict(found).items():
        if value is not None:
            shown = f"{value:,}" if isinstance(value, int) else value
            typer.echo(f"{name.replace('_', ' ')}: {shown}")
    if not found.is_current:
        typer.echo("of an older schema: `store migrate` brings it up to date", err=True)


@app.command()
def create(home: Home = None, as_json: AsJson = False) -> None:
    """Make a new, empty store for this key ring; you then hold every role in it."""
    from service.errors import SettingsError
    from service.patients import create_store, has_store, open_keys, store_name

    asked = settings(home)
    ring = open_keys(asked)
    if has_store(asked):
        raise SettingsError(f"a store lies at {store_name(asked)} already; none is overwritten")
    create_store(asked, ring)
    if as_json:
        print_json({"store": store_name(asked), "store_id": ring.store_id, "owner": asked.actor})
    else:
        typer.echo(f"made {store_name(asked)}; {asked.actor} holds every role in it")


@app.command()
def migrate(home: Home = None, as_json: AsJson = False) -> None:
    """Bring a store of an older version up to date, verified before and after; back it up first."""
    from service.upkeep import migrate_store

    before, now = migrate_store(settings(home))
    if as_json:
        print_json({"from": before, "to": now})
    elif before == now:
        typer.echo(f"up to date: schema {now}")
    else:
        typer.echo(f"migrated from schema {before} to {now}; take a new checkpoint")
