"""The PostgreSQL backend by itself: one writer at a time, whole or not at all, nothing shown."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from storage.errors import InvalidRecordError, StoreBusyError, StoreUnavailableError
from storage.postgres import PostgresBackend
from storage.tables import Base
from tests.storage.server import Place, Server


def make_tables(connection: Connection) -> None:
    Base.metadata.create_all(connection)
    connection.execute(text("INSERT INTO meta VALUES (1, 'store')"))


@pytest.fixture
def backend(place: Place) -> Iterator[PostgresBackend]:
    with closing(PostgresBackend(place.url, busy_seconds=0.2)) as opened:
        opened.create(make_tables)
        yield opened


def insert_actor(connection: Connection, name: str) -> None:
    count = connection.scalar(text("SELECT count(*) FROM actor"))
    row = {"at": count, "name": name}
    connection.execute(text("INSERT INTO actor VALUES (:at, :name, '', '', 1)"), row)


def actors(backend: PostgresBackend) -> list[str]:
    with backend.snapshot() as connection:
        return list(connection.scalars(text("SELECT name FROM actor ORDER BY ordinal")))


def test_what_fill_makes_is_there_afterwards(place: Place) -> None:
    with closing(PostgresBackend(place.url)) as backend:
        assert not backend.exists()
        backend.create(make_tables)
        assert backend.exists()


def test_a_store_whose_making_fails_is_not_there_at_all(place: Place) -> None:
    def fails(connection: Connection) -> None:
        make_tables(connection)
        raise ValueError("half-way")

    with closing(PostgresBackend(place.url)) as backend:
        with pytest.raises(ValueError, match="half-way"):
            backend.create(fails)
        assert not backend.exists()
        backend.create(make_tables)


def test_a_store_is_not_made_over_another(backend: PostgresBackend) -> None:
    with pytest.raises(StoreUnavailableError, match="already; a store is never overwritten"):
        backend.create(make_tables)

    with backend.snapshot() as connection:
        assert connection.scalar(text("SELECT store_id FROM meta")) == "store"


def test_what_is_not_committed_is_rolled_back(backend: PostgresBackend) -> None:
    with backend.gate() as connection:
        insert_actor(connection, "lee")
    with backend.gate() as connection:
        insert_actor(connection, "fox")
        connection.commit()

    assert actors(backend) == ["fox"]


def test_a_snapshot_shows_one_state_while_others_write(backend: PostgresBackend) -> None:
    with backend.snapshot() as connection:
        before = connection.scalar(text("SELECT count(*) FROM actor"))
        with backend.gate() as writer:
            insert_actor(writer, "lee")
            writer.commit()
        after = connection.scalar(text("SELECT count(*) FROM actor"))

    assert (before, after) == (0, 0)
    assert actors(backend) == ["lee"]


def test_a_snapshot_cannot_write(backend: PostgresBackend) -> None:
    with backend.snapshot() as connection, pytest.raises(DatabaseError) as caught:
        insert_actor(connection, "lee")

    assert "read-only transaction" in str(backend.error(caught.value))


def test_who_comes_while_another_writes_is_told_to_try_again(backend: PostgresBackend) -> None:
    with (
        backend.gate(),
        pytest.raises(StoreBusyError, match=r"not free within 0\.2 seconds"),
        backend.gate(),
    ):
        pass


def test_two_stores_of_one_database_do_not_wait_for_each_other(
    backend: PostgresBackend, server: Server
) -> None:
    with (
        server.place() as elsewhere,
        closing(PostgresBackend(elsewhere.url, busy_seconds=0.2)) as other,
    ):
        other.create(make_tables)
        with backend.gate() as one, other.gate() as two:
            insert_actor(one, "lee")
            insert_actor(two, "fox")
            two.commit()
            one.commit()

        assert (actors(backend), actors(other)) == (["lee"], ["fox"])


def test_writers_go_in_the_order_in_which_they_came(place: Place, server: Server) -> None:
    def waiting() -> int:
        with server.connect() as session:
            row = session.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone()
        return int(row[0]) if row else 0

    with closing(PostgresBackend(place.url)) as backend:
        backend.create(make_tables)

        def write(name: str) -> None:
            with backend.gate() as connection:
                insert_actor(connection, name)
                connection.commit()

        names = [f"w{number}" for number in range(6)]
        threads = [threading.Thread(target=write, args=(name,)) for name in names]
        with backend.gate():
            for number, thread in enumerate(threads):
                thread.start()
                while waiting() <= number:
                    pass
        for thread in threads:
            thread.join()

        assert actors(backend) == names


def test_each_writer_sees_what_the_one_before_it_committed(place: Place) -> None:
    with closing(PostgresBackend(place.url)) as backend:
        backend.create(make_tables)

        def write(writer: int) -> None:
            for number in range(25):
                with backend.gate() as connection:
                    insert_actor(connection, f"{writer}-{number}")
                    connection.commit()

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (
            len(actors(backend)) == 8 * 25
        )  # ordinals are unique: a stale count would have failed


def test_a_commit_waits_for_the_disk_whatever_the_role_says(place: Place, server: Server) -> None:
    with server.connect() as session:
        session.execute(f"ALTER ROLE {place.role} SET synchronous_commit = off")
        session.execute(f"ALTER ROLE {place.role} SET lock_timeout = 0")

    with closing(PostgresBackend(place.url, busy_seconds=7)) as backend:
        backend.create(make_tables)
        with backend.gate() as connection:
            settings = [
                connection.scalar(text(f"SHOW {name}"))
                for name in ("synchronous_commit", "lock_timeout", "transaction_isolation")
            ]

    assert settings == ["on", "7s", "read committed"]


@pytest.mark.parametrize("is_committing", [False, True])
def test_a_connection_lost_while_committing_leaves_the_outcome_unknown(
    backend: PostgresBackend, server: Server, is_committing: bool
) -> None:
    with backend.gate() as connection:
        insert_actor(connection, "lee")
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with server.connect() as session:
            session.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        with pytest.raises(DatabaseError) as caught:
            connection.commit() if is_committing else insert_actor(connection, "fox")

    error = backend.error(caught.value)
    assert isinstance(error, StoreUnavailableError)
    assert ("whether the change was made is not known" in str(error)) == is_committing
    assert actors(backend) == []  # on a new connection


def test_connections_that_a_restart_cut_are_made_anew(
    backend: PostgresBackend, place: Place, server: Server
) -> None:
    with backend.gate(), backend.snapshot():
        pass
    with server.connect() as session:
        session.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = %s",
            (place.role,),
        )

    with backend.gate() as connection:
        insert_actor(connection, "lee")
        connection.commit()
    assert actors(backend) == ["lee"]


def test_an_error_quotes_no_row(backend: PostgresBackend) -> None:
    with backend.gate() as connection:
        insert_actor(connection, "lee")
        with pytest.raises(DatabaseError) as caught:
            insert_actor(connection, "lee")

    assert "Key (name)=(lee)" in str(caught.value.orig)  # so there is something to leave out
    assert "lee" not in str(backend.error(caught.value))


def test_a_value_that_postgresql_cannot_hold_is_refused_as_such(backend: PostgresBackend) -> None:
    with backend.gate() as connection, pytest.raises(DatabaseError) as caught:
        insert_actor(connection, "a\0b")

    assert isinstance(backend.error(caught.value), InvalidRecordError)


@pytest.mark.parametrize("code", ["40001", "40P01", "53300", "55P03"])
def test_what_passes_by_itself_is_an_error_to_try_again(
    backend: PostgresBackend, code: str
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    with backend.gate() as connection, pytest.raises(DatabaseError) as caught:
        connection.exec_driver_sql(statement)

    assert isinstance(backend.error(caught.value), StoreBusyError)


def test_a_missing_table_makes_the_store_unusable_and_is_named(backend: PostgresBackend) -> None:
    with backend.gate() as connection, pytest.raises(DatabaseError) as caught:
        connection.execute(text("SELECT * FROM gone"))

    error = backend.error(caught.value)
    assert type(error) is StoreUnavailableError
    assert '"gone" does not exist (SQLSTATE 42P01)' in str(error)


def test_a_server_that_loses_what_it_acknowledged_is_refused(
    backend: PostgresBackend, server: Server
) -> None:
    with server.connect() as session:
        session.execute("ALTER SYSTEM SET fsync = off")
        session.execute("SELECT pg_reload_conf()")
        try:
            while session.execute("SHOW fsync").fetchone() == ("on",):
                pass
            with pytest.raises(StoreUnavailableError, match="runs with fsync=off"):
                backend.exists()
        finally:
            session.execute("ALTER SYSTEM RESET fsync")
            session.execute("SELECT pg_reload_conf()")
            while session.execute("SHOW fsync").fetchone() == ("off",):
                pass


def test_an_erasure_frees_the_row_version_that_holds_the_key(
    backend: PostgresBackend, place: Place, server: Server
) -> None:
    key = os.urandom(60)

    def is_on_disk() -> bool:
        with server.connect() as session:
            session.execute("CHECKPOINT")
            row = session.execute(
                "SELECT pg_relation_filepath(%s::regclass)", (f"{place.role}.patient",)
            ).fetchone()
        assert row is not None
        return key in (server.folder / "data" / str(row[0])).read_bytes()

    with backend.gate() as connection:
        row = "(0, 'p', 1, 'now', NULL, :key, 1, 1, 0, NULL, '', '', '')"
        connection.execute(text(f"INSERT INTO patient VALUES {row}"), {"key": key})
        connection.execute(text("UPDATE patient SET wrapped_key = NULL"))
        connection.commit()
    assert is_on_disk()

    backend.after_commit(has_erased=True)

    assert not is_on_disk()


def test_an_erasure_that_cannot_be_tidied_up_after_is_only_warned_of(
    backend: PostgresBackend, place: Place, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with server.connect(place.role) as session:
        session.execute("DROP TABLE patient CASCADE")

    backend.after_commit(has_erased=True)

    assert "was not vacuumed after an erasure" in caplog.text
