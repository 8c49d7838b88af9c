"""A location on PostgreSQL: no password is ever said, and no other machine reached unverified."""

import traceback
from contextlib import closing
from typing import Any

import psycopg
import pytest

from storage.errors import StorageError, StoreUnavailableError
from storage.postgres import PostgresBackend
from tests.storage.server import Place

REMOTE = "postgresql+psycopg://clerk:s3cret@db.hospital.example/patients"


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def wrong(place: Place, old: str, new: str) -> str:
    assert old in place.url
    return place.url.replace(old, new)


def test_no_password_is_said_when_the_server_refuses_it(place: Place) -> None:
    password = place.url.split(":")[2].split("@")[0]
    with (
        closing(PostgresBackend(wrong(place, password, "s3cret"), busy_seconds=0.2)) as backend,
        pytest.raises(StoreUnavailableError, match="cannot be reached") as caught,
    ):
        backend.exists()

    assert "s3cret" not in everything_said(caught.value)
    assert "password authentication failed" in str(caught.value)
    for shown in (repr(backend), backend.name, repr(vars(backend))):
        assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("postgresql://clerk:s3cret@host:s3cret/patients", "not a valid URL"),
        ("postgresql://clerk:s3cret@host", "postgresql\\+psycopg://user@host:port/database"),
        ("mysql://clerk:s3cret@host/patients", "not mysql://"),
        (f"{REMOTE}?options=-csynchronous_commit=off", "no parameter 'options'"),
        (f"{REMOTE}?service=other", "no parameter 'service'"),
        (f"{REMOTE}?sslmode=verify-full&sslmode=disable", "gives sslmode twice"),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_without_its_password(
    location: str, message: str
) -> None:
    with pytest.raises(StoreUnavailableError, match=message) as caught:
        PostgresBackend(location)

    assert "s3cret" not in everything_said(caught.value)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
@pytest.mark.parametrize("host", ["db.hospital.example", "10.0.0.7", "localhost,10.0.0.7"])
def test_another_machine_is_reached_verified_or_not_at_all(host: str, mode: str) -> None:
    location = f"postgresql+psycopg://clerk@/patients?host={host}&sslmode={mode}"

    with pytest.raises(StoreUnavailableError, match=f"sslmode={mode} to another machine"):
        PostgresBackend(location)


@pytest.mark.parametrize(
    ("variable", "value"), [("PGHOST", "db.hospital.example"), ("PGHOSTADDR", "10.0.0.7")]
)
def test_another_machine_that_the_environment_names_is_one_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(StoreUnavailableError, match="to another machine"):
        PostgresBackend("postgresql+psycopg:///patients?sslmode=require")


@pytest.mark.parametrize("location", [REMOTE, f"{REMOTE}?sslmode=verify-full"])
def test_the_driver_is_told_to_verify_another_machine(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    asked: list[dict[str, Any]] = []

    def connect(**arguments: Any) -> None:
        asked.append(arguments)
        raise psycopg.OperationalError("not here")

    monkeypatch.setattr(psycopg, "connect", lambda *_, **arguments: connect(**arguments))
    monkeypatch.setenv("PGSSLMODE", "disable")

    with closing(PostgresBackend(location)) as backend, pytest.raises(StorageError):
        backend.exists()

    assert [arguments["sslmode"] for arguments in asked] == ["verify-full"]
