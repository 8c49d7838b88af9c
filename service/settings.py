"""Where things lie and who acts: the only reader of the environment."""

import getpass
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.errors import SettingsError

BUSY_SECONDS = 10.0  # how long a command waits for another writer of the store


@dataclass(frozen=True)
class Settings:
    """One home folder and the places in it.

    Attributes:
        home: the folder where everything lives unless a flag names another place.
        actor: who acts, as the audit log knows them.
        location: of the patient store, where it is not in the home: a path, or a
            ``postgresql+psycopg://`` URL.
        passphrase, key, key_command: what opens the key ring, where its file alone does not; see
            ``storage.providers``.
        ask_passphrase: called where ``passphrase`` is None and one is needed, with whether it is a
            new one; returns None where nobody can be asked.
    """

    home: Path
    actor: str
    location: str = field(default="", repr=False)  # may hold a password
    passphrase: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    key_command: tuple[str, ...] = field(default=(), repr=False)
    ask_passphrase: Callable[[bool], str | None] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def graph(self) -> Path:
        """The graph's folder."""
        return self.home / "graph"

    @property
    def bundle(self) -> Path:
        """The trained models' folder."""
        return self.home / "bundle"

    @property
    def keys(self) -> Path:
        """The key ring's file."""
        return self.home / "keys" / "ring.json"

    @property
    def store(self) -> str:
        """Where the patient store is: a path or a URL."""
        return self.location or str(self.home / "patients.db")


def read_settings(
    home: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings for ``home``, else for ``PHARMAKON_HOME``, else for ``.pharmakon`` here.

    ``PHARMAKON_ACTOR`` names the actor; without it the login name does. ``PHARMAKON_STORE`` is
    the location of the patient store. ``PHARMAKON_PASSPHRASE``, ``PHARMAKON_KEY`` or
    ``PHARMAKON_KEY_COMMAND`` (a command line, run without a shell) opens the key ring, where it
    is protected so.

    Raises:
        SettingsError: the home is a file, no actor can be told, or the command cannot be split.
    """
    if home is None:
        home = Path(environment.get("PHARMAKON_HOME") or ".pharmakon")
    if home.exists() and not home.is_dir():
        raise SettingsError(f"home {home} is a file; it must be a folder")
    actor = environment.get("PHARMAKON_ACTOR", "").strip()
    if not actor:
        try:
            actor = getpass.getuser()
        except (OSError, KeyError):
            raise SettingsError("nobody is logged in: set PHARMAKON_ACTOR to who acts") from None
    try:
        command = tuple(shlex.split(environment.get("PHARMAKON_KEY_COMMAND", "")))
    except ValueError as error:
        raise SettingsError(f"PHARMAKON_KEY_COMMAND is not a command line: {error}") from None
    return Settings(
        home,
        actor,
        environment.get("PHARMAKON_STORE", "").strip(),
        environment.get("PHARMAKON_PASSPHRASE"),
        environment.get("PHARMAKON_KEY"),
        command,
    )


def existing(path: Path, what: str, maker: str) -> Path:
    """``path``, where ``what`` must lie already.

    Args:
        path: a file or folder.
        what: what lies there, in words.
        maker: the command that makes it.

    Raises:
        SettingsError: nothing is there.
    """
    if not path.exists():
        raise SettingsError(f"no {what} at {path}: `{maker}` makes one")
    return path
