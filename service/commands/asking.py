"""What a command asks the person before it; never on standard output, which is the answer's."""

import sys
from collections.abc import Callable
from functools import cache

import typer

from service.errors import SettingsError


def confirm(question: str, *, is_sure: bool) -> None:
    """Go on only if the person says yes, or said ``--yes``."""
    if not is_sure and line(f"{question} [y/N]") not in ("y", "yes", "Y"):
        raise typer.Abort


def line(question: str) -> str:
    """The line that the person types, without white space around it; nothing ends the command."""
    typer.echo(f"{question}: ", nl=False, err=True)
    typed = sys.stdin.readline()
    if not typed:
        raise typer.Abort
    return typed.strip()


def passphrase_asker() -> Callable[[bool], str | None]:
    """What asks for the passphrase of a key ring at a terminal, without echo; None without one.

    It is called with whether the passphrase is a new one, which is asked for twice. One that opens
    the ring is asked for once, however often a command opens it.
    """

    @cache
    def ask(is_new: bool) -> str | None:
        if sys.stdin is None or not sys.stdin.isatty():
            return None
        from getpass import getpass

        if not is_new:
            return getpass("passphrase of the key ring: ")
        passphrase = getpass("new passphrase of the key ring: ")
        if getpass("the new passphrase again: ") != passphrase:
            raise SettingsError("the two passphrases are not the same; nothing was changed")
        return passphrase

    return ask
