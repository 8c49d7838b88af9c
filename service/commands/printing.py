"""How commands answer: one JSON document, or lines for people; the rest on standard error."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from storage import AuditEntry


def print_json(document: Any) -> None:
    """``document`` as the one document on standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1))


def print_entries(entries: "Iterable[AuditEntry]") -> None:
    """Entries of the audit log, a line each."""
    for entry in entries:
        typer.echo("  ".join(str(value) for value in vars(entry).values() if value != ""))


def warn_if_stale(reason: str | None) -> None:
    """Say on standard error why the bundle that answers should be trained again."""
    if reason is not None:
        typer.echo(f"warning: the bundle is stale: {reason}", err=True)


def console(*, err: bool = False) -> "Console":
    """What draws tables and colours, where a terminal is there to see them."""
    from rich.console import Console

    made = Console(stderr=err, highlight=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = 10_000  # a file has no edge at which to break a table's lines
    return made


def progress_bar() -> "Progress":
    """A bar on standard error, drawn only on a terminal."""
    from rich.progress import Progress

    place = console(err=True)
    return Progress(console=place, transient=True, disable=not place.is_terminal)


def each_row(bar: "Progress") -> Callable[[str, int], None]:
    """What a caller tells of rows read: name of what is read, and how many more."""
    tasks: dict[str, Any] = {}

    def step(name: str, n: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=None)
        bar.advance(tasks[name], n)

    return step


def each_step(bar: "Progress") -> Callable[[str, int, int], None]:
    """What a caller tells of its steps: what is being done, steps done, steps in all."""
    tasks: dict[str, Any] = {}

    def step(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=total)
        bar.update(tasks[name], completed=done, total=total)

    return step


def each_patient(bar: "Progress") -> Callable[[int], None]:
    """What a caller tells of patients: how many are done."""
    task = bar.add_task("patients", total=None)

    def count(n: int) -> None:
        bar.update(task, completed=n)

    return count


class Errors:
    """Records that could not be used: named at once, counted by the exit status at the end.

    Attributes:
        rows: pseudonym and what is wrong, for the JSON document.
    """

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
