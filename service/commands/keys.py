"""`keys`: the key ring, what protects it, and the replacement of keys."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.commands.options import AsJson, Home, Yes, settings
from service.commands.printing import print_json

if TYPE_CHECKING:
    from storage import KeyStatus

app = typer.Typer(help="The key ring, without which nothing opens.", no_args_is_help=True)

Protection = Literal["file", "passphrase", "environment", "command"]
Use = Literal["wrap", "index", "audit"]
WhatProtects = "What protects the ring: the file's rights, a passphrase, PHARMAKON_KEY or a command"


@app.command()
def init(
    protection: Annotated[Protection, typer.Option("--provider", help=f"{WhatProtects}.")] = "file",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the key ring. Keep a copy elsewhere: without it the store cannot be opened."""
    from service.patients import make_keys

    asked = settings(home)
    ring = make_keys(asked, protection)
    if as_json:
        print_json({"keys": str(asked.keys), "store_id": ring.store_id, "protected_by": protection})
    else:
        typer.echo(f"made {asked.keys}; keep a copy in another place, nothing opens without it")


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show the versions of the keys and their states; never a key."""
    from service.upkeep import keys_status

    found = keys_status(settings(home))
    if as_json:
        print_json(
            {
                "store_id": found.store_id,
                "protected_by": found.protection,
                "keys": [asdict(key) for key in found.keys],
            }
        )
        return
    typer.echo(f"store {found.store_id}, ring protected by: {found.protection}")
    for key in found.keys:
        typer.echo(_line(key))


@app.command()
def rotate(
    use: Annotated[
        Use,
        typer.Argument(
            help="Which key: of data keys (wrap), blind indexes (index), signatures (audit)."
        ),
    ] = "wrap",
    data_keys: Annotated[
        bool, typer.Option("--data-keys", help="Seal every record anew, under a new data key.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key while the store is in use; interrupted, the same command goes on."""
    from service.upkeep import rotate_keys

    if data_keys and use != "wrap":
        raise typer.BadParameter("--data-keys go with the key wrap")
    done = rotate_keys(settings(home), use, data_keys=data_keys)
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(f"{use} key {done.version} is in use, {done.n_moved:,} patients moved to it")
        if done.n_left:
            typer.echo(
                f"{done.n_left:,} identifiers stay under an older key until their patients are "
                "imported again"
            )
        if done.retired:
            old = ", ".join(map(str, done.retired))
            typer.echo(f"replaced: {old}; `keys destroy` removes it, and backups that need it")
        typer.echo("keep a copy of the changed ring in another place")
    for patient in done.damaged:
        typer.echo(f"error: patient {patient}: does not open and was left as it was", err=True)
    if done.damaged:
        raise typer.Exit(1)


@app.command()
def destroy(
    version: Annotated[int, typer.Argument(min=1, help="A replaced version of the key.")],
    use: Annotated[Use, typer.Argument(help="Which key.")] = "wrap",
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove a replaced key from the ring for good; backups that need it are lost."""
    from service.commands.asking import confirm
    from service.upkeep import destroy_key

    confirm("Backups under this key cannot be restored any more. Destroy?", is_sure=yes)
    destroy_key(settings(home), version, use)
    if as_json:
        print_json({"destroyed": {"use": use, "version": version}})
    else:
        typer.echo(f"destroyed {use} key {version}; destroy the copies of the ring that hold it")


@app.command()
def protect(
    protection: Annotated[Protection, typer.Option("--provider", help=f"{WhatProtects}.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Protect the ring by something else from now on, or by a new passphrase."""
    from service.upkeep import protect_keys

    asked = settings(home)
    protect_keys(asked, protection)
    if as_json:
        print_json({"keys": str(asked.keys), "protected_by": protection})
    else:
        typer.echo(f"{asked.keys} is protected by: {protection}; older copies are as they were")


def _line(key: "KeyStatus") -> str:
    words = [key.use, str(key.version), key.state, f"made {key.created}"]
    if key.changed != key.created:
        words.append(f"{key.state} since {key.changed}")
    if key.n_entries is not None:
        words.append(f"signed up to {key.n_entries:,} entries")
    if key.public:
        words.append(f"public {key.public}")
    return "  ".join(words)
