"""No byte of a patient's data lies in clear in any file, log, message or crash of a store."""

import base64
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.storage.canaries import KINDS, Canary, Search, canaries
from tests.storage.server import Place, Server

ROOT = Path(__file__).parents[2]
_JOB = ("-X", "dev", "-m", "tests.storage.canary_job")
N = 1_000  # ten thousand in benchmarks/attack_store.py
N_CRASHED = 60  # of them, the first, in the processes that crash


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(canaries(N))


class Ended(NamedTuple):
    status: int
    said: bytes  # on standard output and standard error


def run(folder: Path, n: int, end: str, *, location: str = "") -> Ended:
    """The job in ``folder`` to its end; while it is still open its files are kept beside."""
    temporary = folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, *_JOB, str(folder), str(n), location, end],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = b""
    if end == "return":
        assert process.stdout is not None
        said = process.stdout.readline()
        for path in sorted(folder.glob("patients.db*")):
            (folder / f"open-{path.name}").write_bytes(path.read_bytes())
    rest, _ = process.communicate(b"\n", timeout=300)
    return Ended(process.returncode, said + rest)


def test_no_canary_is_found_in_any_file_log_or_output(search: Search, tmp_path: Path) -> None:
    ended = run(tmp_path, N, "return")

    assert ended.status == 0, ended.said[-3000:].decode(errors="replace")
    names = {path.name for path in tmp_path.rglob("*")}
    assert {"open-patients.db", "open-patients.db-wal", "log.txt", "ring.json"} <= names
    assert (tmp_path / "log.txt").stat().st_size > 100_000
    assert search.find(ended.said) == []
    assert search.find_in(tmp_path) == {}


@pytest.mark.parametrize(("end", "status"), [("raise", 1), ("abort", -signal.SIGABRT)])
def test_no_canary_is_found_after_a_crash(
    search: Search, tmp_path: Path, end: str, status: int
) -> None:
    ended = run(tmp_path, N_CRASHED, end)

    assert ended.status == status, ended.said[-3000:].decode(errors="replace")
    assert b"uncaught with" in ended.said or b"Fatal Python error" in ended.said
    assert search.find(ended.said) == []
    assert search.find_in(tmp_path) == {}


def test_no_canary_is_found_in_the_files_and_the_log_of_a_server(
    search: Search, server: Server, place: Place, tmp_path: Path
) -> None:
    """The server logs every statement with its values; its write-ahead log is searched too."""
    began = time.time() - 1
    with server.connect() as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            ended = run(tmp_path, N_CRASHED, "return", location=place.url)
        finally:
            connection.execute("ALTER SYSTEM RESET log_statement")
            connection.execute("SELECT pg_reload_conf()")
        connection.execute("CHECKPOINT")

    assert ended.status == 0, ended.said[-3000:].decode(errors="replace")
    written = [path for path in server.folder.rglob("*") if is_newer(path, began)]
    assert any("pg_wal" in path.parts for path in written)
    log = (server.folder / "log").read_bytes()
    assert b"INSERT INTO audit_entry" in log
    assert search.find(ended.said) == []
    assert search.find_in(tmp_path) == {}
    found = {str(path): search.find(path.read_bytes()) for path in written}
    assert {name: what for name, what in found.items() if what} == {}


def is_newer(path: Path, began: float) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_mtime >= began


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_a_planted_canary_in_every_form(
    search: Search, tmp_path: Path, kind: str
) -> None:
    canary = next(c for c in reversed(canaries(N)) if c.kind == kind)
    for i, planted in enumerate(every_form(canary)):
        place = tmp_path / f"{i}"
        place.write_bytes(b"\0" * (i + 5) + planted + os.urandom(50))

        assert search.find_in(tmp_path) != {}, (kind, i)
        place.unlink()
    (tmp_path / canary.plain[:9]).touch()
    assert search.find_in(tmp_path) != {}


def every_form(canary: Canary) -> list[bytes]:
    """Ways in which it could lie somewhere, by other means than those of the search."""
    plain = canary.plain.encode()
    cut = plain[3:-6] if canary.kind == "chinese" else plain[2:11]  # a part is enough
    return [
        plain,
        cut,
        canary.plain.encode("utf-16"),
        base64.b64encode(b"x" + plain + b"yz"),
        plain.hex().encode(),
        "".join(f"%{byte:02X}" for byte in plain).encode() if canary.kind == "chinese" else plain,
        gzip.compress(b"before " + plain + b" after"),
        base64.b64decode(canary.text) if canary.kind == "gzip" else plain,
        f"{canary.plain!a}".encode(),
    ]


def test_the_search_finds_nothing_in_noise(search: Search) -> None:
    assert search.find(os.urandom(1 << 20)) == []
    assert search.find(base64.b64encode(os.urandom(1 << 18))) == []
    assert search.find(os.urandom(1 << 18).hex().encode()) == []
    assert search.find(b"short") == []
