"""Where things lie and who acts: the only reader of the environment."""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import SettingsError

BUSY_SECONDS = 10.0  # how long a command waits for another writer of the store


@dataclass(frozen=True)
class Settings:
    """One home folder and the places in it.

    Attributes:
        home: the folder where everything lives unless a flag names another place.
        actor: who acts, as the audit log knows them.
    """

    home: Path
    actor: str

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
    def store(self) -> Path:
        """The patient store's file."""
        return self.home / "patients.db"


def read_settings(
    home: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings for ``home``, else for ``PHARMAKON_HOME``, else for ``.pharmakon`` here.

    ``PHARMAKON_ACTOR`` names the actor; without it the login name does.

    Raises:
        SettingsError: the home is a file, or no actor can be told.
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
    return Settings(home, actor)


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
