"""`actor`: who may act in the patient store, and as what."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.options import AsJson, Home, settings
from service.commands.printing import print_json

if TYPE_CHECKING:
    from storage.actors import Actor

app = typer.Typer(help="Who may act in the patient store, and as what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The actor, as PHARMAKON_ACTOR names them.")]


@app.command()
def grant(
    name: Name,
    roles: Annotated[
        list[str],
        typer.Argument(metavar="ROLE...", help="clinician, analyst, security-officer, service."),
    ],
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"],
            help="The instant from which they no longer count; a day begins in UTC.",
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let an actor hold exactly these roles, whatever they held before."""
    from service.patients import ADMINISTRATION, open_store

    end = until if until is None or until.tzinfo else until.replace(tzinfo=UTC)
    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=ADMINISTRATION) as unit:
        actor = unit.actors.grant(name, roles, until=end)
        unit.commit()
    _show([actor], as_json=as_json)


@app.command()
def revoke(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Take every role from an actor."""
    from service.patients import ADMINISTRATION, open_store

    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=ADMINISTRATION) as unit:
        actor = unit.actors.revoke(name)
        unit.commit()
    _show([actor], as_json=as_json)


@app.command("list")
def list_(home: Home = None, as_json: AsJson = False) -> None:
    """List who may act, and as what; revoked actors too."""
    from service.patients import ADMINISTRATION, open_store

    asked = settings(home)
    with open_store(asked) as store, store.unit(asked.actor, purpose=ADMINISTRATION) as unit:
        actors = unit.actors.list()
        unit.commit()
    _show(actors, as_json=as_json)


def _show(actors: "Iterable[Actor]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"name": actor.name, "roles": actor.roles.split(), "until": actor.until or None}
                for actor in actors
            ]
        )
        return
    for actor in actors:
        end = f"  until {actor.until}" if actor.until else ""
        typer.echo(f"{actor.name}  {actor.roles or '(revoked)'}{end}")
