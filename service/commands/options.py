"""Options that commands share, and what they stand for."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kg.graph import Graph
    from service.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where everything lives [PHARMAKON_HOME, else .pharmakon]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
GraphDir = Annotated[Path | None, typer.Option("--graph", help="The graph's folder.")]
BundleDir = Annotated[Path | None, typer.Option("--bundle", help="The models' folder.")]
Emergency = Annotated[
    bool, typer.Option("--emergency", help="By an access that `patient break-glass` opened.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
PatientId = Annotated[str, typer.Argument(help="The patient's id.")]


def settings(home: Path | None) -> "Settings":
    """The settings for ``--home``; a passphrase that the environment lacks is asked for."""
    from service.commands.asking import passphrase_asker
    from service.settings import read_settings

    return replace(read_settings(home), ask_passphrase=passphrase_asker())


def graph(folder: Path | None, home: Path | None) -> "Graph":
    """The graph of ``--graph``, else the home's."""
    from kg.store import open_graph
    from service.settings import existing

    # Damage of the same size would not be noticed otherwise; hashing takes a hundredth of a second
    # for what Hetionet takes on the disk.
    place = existing(folder or settings(home).graph, "graph", "build")
    return open_graph(place, verify=True)


def bundle(folder: Path | None, home: Path | None) -> Path:
    """The folder of ``--bundle``, else the home's; it exists."""
    from service.settings import existing

    return existing(folder or settings(home).bundle, "bundle of models", "train")


def words(values: list[str] | None) -> tuple[str, ...]:
    """Repeated options and comma-separated ones alike."""
    return tuple(
        word.strip() for value in values or () for word in value.split(",") if word.strip()
    )
