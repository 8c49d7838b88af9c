"""A PostgreSQL server of the tests' own: on loopback, in a temporary folder, gone at the end."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

SUPERUSER = "tester"
_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_INSTALL = "install PostgreSQL 13 or newer (Debian: apt-get install postgresql)"

# Ends the server when its own input ends: also where the test run is killed and cleans up nothing.
_WATCHED = """
pg_ctl start --silent --wait --pgdata=data --log=log >&2 || exit 1
head -n 1 data/postmaster.pid
read -r _
pg_ctl stop --silent --wait --mode=immediate --pgdata=data >&2
folder=$PWD
cd /
rm -rf "$folder"
"""


class NoServerError(Exception):
    """No PostgreSQL server can be had here; the message says what to install."""


class Place(NamedTuple):
    """Where one test may put one store: a schema of its own, and the role that owns it."""

    url: str  # as ``Database.create`` takes it
    role: str  # also the schema's name, so the default search path leads there


class Server:
    """A running server.

    Invariant: it listens on 127.0.0.1 only, asks for a password, keeps
    everything in ``folder`` and writes as durably as a real one (``fsync``).
    """

    def __init__(self, folder: Path, port: int, password: str, pid: int) -> None:
        self.folder = folder
        self.pid = pid
        self._port = port
        self._password = password
        self._n_places = 0

    @property
    def version(self) -> str:
        """Of PostgreSQL, such as ``15.18``."""
        with self.connect() as connection:
            return str(connection.info.parameter_status("server_version")).split()[0]

    def url(self, role: str) -> str:
        """The database, for ``role``."""
        return f"postgresql+psycopg://{role}:{self._password}@127.0.0.1:{self._port}/postgres"

    def connect(self, role: str = SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of its own; each statement is its own transaction."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user=role,
            password=self._password,
            dbname="postgres",
            autocommit=True,
        )

    @contextmanager
    def place(self) -> Iterator[Place]:
        """An empty place, gone at the end with what is in it and whoever is still connected.

        A schema, because a database takes a hundred times as long to make.
        """
        self._n_places += 1
        role = f"store_{self._n_places}"
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{self._password}'")
            connection.execute(f"CREATE SCHEMA AUTHORIZATION {role}")
        try:
            yield Place(self.url(role), role)
        finally:
            with self.connect() as connection:
                connection.execute(f"ALTER ROLE {role} NOLOGIN")
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                    f" WHERE usename = '{role}'"
                )
                connection.execute(f"DROP OWNED BY {role} CASCADE")
                connection.execute(f"DROP ROLE {role}")


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server in a new temporary folder; it has ended, and the folder is gone, at the end.

    Raises:
        NoServerError: there is no PostgreSQL here, or it does not start.
    """
    binaries = _binaries()
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="pharmakon-postgres-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        password = secrets.token_urlsafe(12)
        _make_cluster(binaries, folder, user, password)
        port = _free_port()
        process = _start(binaries, folder, user, port)
        try:
            yield Server(folder, port, password, _pid_of(process, folder))
        finally:
            process.communicate()  # closes its input, which ends the server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder of the server's programs: on the path, of pg_config, or where Debian has it."""
    places = []
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(said.stdout.strip()))
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(versions, key=lambda path: path.parent.name.zfill(4), reverse=True)
    for place in places:
        if all(os.access(place / name, os.X_OK) for name in _PROGRAMS):
            return place
    raise NoServerError(f"no initdb and postgres found: {_INSTALL}")


def _unprivileged_user() -> str | None:
    """Whom to run the server as: initdb refuses root. None: as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoServerError("root may not run PostgreSQL, and there is no user postgres or nobody")


def _make_cluster(binaries: Path, folder: Path, user: str | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    if user is not None:
        shutil.chown(secret, user)
    made = subprocess.run(
        [
            *(binaries / "initdb", "--pgdata", folder / "data", "--username", SUPERUSER),
            *("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"),
            "--no-sync",
        ],
        user=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    secret.unlink()
    if made.returncode:
        raise NoServerError(f"initdb failed: {made.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _start(binaries: Path, folder: Path, user: str | None, port: int) -> "subprocess.Popen[str]":
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(
            f"port = {port}\n"
            "listen_addresses = '127.0.0.1'\n"
            f"unix_socket_directories = '{folder}'\n"
            "shared_buffers = 32MB\n"
        )
    return subprocess.Popen(
        ["sh", "-c", _WATCHED],
        user=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        env={"PATH": f"{binaries}:{os.defpath}", "LC_ALL": "C"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the server's log says more
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests; the server ends after them
    )


def _pid_of(process: "subprocess.Popen[str]", folder: Path) -> int:
    """Process id of the server, once it takes connections."""
    assert process.stdout is not None
    if said := process.stdout.readline():
        return int(said)
    log = folder / "log"
    reason = log.read_text(errors="replace").strip() if log.exists() else "it left no log"
    raise NoServerError(f"PostgreSQL does not start: {reason[-500:]}")
