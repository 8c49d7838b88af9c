"""`keys`: made, shown, protected, replaced, destroyed; no secret in what is said."""

import base64
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.shell import ROOT, Outcome, run

SECRET = "correct horse battery staple"
KEY = base64.b64encode(bytes(range(32))).decode()


def states(home: Path, use: str) -> dict[int, str]:
    """Version -> state of one key."""
    keys = run("keys", "status", "--json", home=home).json["keys"]
    return {key["version"]: key["state"] for key in keys if key["use"] == use}


def listed(home: Path, **environment: str) -> list[str]:
    rows = run("patient", "list", "--json", home=home, **environment).json
    return [row["id"] for row in rows]


def secrets_of(home: Path) -> list[str]:
    """Every key of a ring that is in clear in its file."""
    document = json.loads((home / "keys" / "ring.json").read_text())
    return [key["key"] for keys in document["keys"].values() for key in keys]


def quiet(outcome: Outcome, *secrets: str) -> Outcome:
    """The same outcome, which shows none of the secrets."""
    for secret in secrets:
        assert secret not in outcome.out + outcome.err
    return outcome


def test_the_program_leaves_no_core_when_it_crashes() -> None:
    code = """
import ctypes, resource
from service.process import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert shown == ("(0, 0) 0\n" if sys.platform == "linux" else "(0, 0) -1\n")


def test_every_command_forbids_core_dumps_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr("cli.forbid_core_dumps", lambda: asked.append(None))

    run("sources")

    assert asked == [None]


def test_status_shows_versions_and_states_and_no_key(clinic: Path) -> None:
    for words in (("keys", "status"), ("keys", "status", "--json")):
        outcome = quiet(run(*words, home=clinic), *secrets_of(clinic))
        assert outcome.status == 0
    found = run("keys", "status", "--json", home=clinic).json
    assert found["protected_by"] == "file"
    public = next(key["public"] for key in found["keys"] if key["use"] == "audit")
    assert re.fullmatch("[0-9a-f]{64}", public)
    assert public in run("keys", "status", home=clinic).out


# The first index key is number 2: version 1 is that of the ring's first format.
@pytest.mark.parametrize(("use", "old"), [("wrap", 1), ("index", 2), ("audit", 1)])
def test_a_key_is_replaced_and_everything_goes_on(clinic: Path, use: str, old: int) -> None:
    before = listed(clinic)

    done = run("keys", "rotate", use, "--json", home=clinic).json

    assert (done["use"], done["version"], done["damaged"]) == (use, old + 1, [])
    assert done["n_moved"] == (0 if use == "audit" else len(before))
    assert states(clinic, use) == {old: "retired", old + 1: "primary"}
    assert listed(clinic) == before
    assert run("audit", "verify", home=clinic).status == 0


def test_data_keys_are_replaced_with_the_key_that_wraps_them(clinic: Path) -> None:
    outcome = run("keys", "rotate", "--data-keys", home=clinic)

    assert outcome.status == 0
    assert "wrap key 2 is in use, 3 patients moved to it" in outcome.out
    assert "keep a copy" in outcome.out
    assert run("audit", "verify", home=clinic).status == 0
    assert run("keys", "rotate", "index", "--data-keys", home=clinic).status == 2


def test_a_damaged_patient_is_named_and_the_others_are_moved(clinic: Path) -> None:
    patient = listed(clinic)[1]
    with closing(sqlite3.connect(clinic / "patients.db")) as connection:
        connection.execute(
            "UPDATE patient SET wrapped_key = zeroblob(length(wrapped_key)) WHERE id = ?",
            [patient],
        )
        connection.commit()

    outcome = run("keys", "rotate", "--json", home=clinic)

    assert outcome.status == 1
    document = json.loads(outcome.out)
    assert (document["damaged"], document["n_moved"]) == ([patient], 2)
    assert outcome.err.startswith(f"error: patient {patient}: ")


def test_a_replaced_key_can_be_destroyed_and_no_other(clinic: Path) -> None:
    run("keys", "rotate", home=clinic)

    assert "wrap key 2" in run("keys", "destroy", "2", "--yes", home=clinic).error
    done = run("keys", "destroy", "1", "--yes", "--json", home=clinic).json

    assert done == {"destroyed": {"use": "wrap", "version": 1}}
    assert states(clinic, "wrap") == {1: "destroyed", 2: "primary"}
    assert run("audit", "verify", home=clinic).status == 0


def test_nothing_is_destroyed_without_a_yes(clinic: Path) -> None:
    run("keys", "rotate", home=clinic)
    process = subprocess.run(
        [sys.executable, "cli.py", "keys", "destroy", "1", "--json", "--home", str(clinic)],
        cwd=ROOT, input="n\n", capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (process.returncode, process.stdout) == (1, "")
    assert "Destroy?" in process.stderr
    assert states(clinic, "wrap") == {1: "retired", 2: "primary"}


@pytest.mark.parametrize(
    "words", [("rotate",), ("rotate", "index"), ("rotate", "audit"), ("destroy", "1", "--yes")]
)
def test_only_a_security_officer_replaces_and_destroys_keys(
    clinic: Path, words: tuple[str, ...]
) -> None:
    assert "is not allowed to clinician" in run("keys", *words, home=clinic, ACTOR="dr.lee").error
    assert set(states(clinic, "wrap")) == {1}


def test_only_a_security_officer_changes_what_protects_the_ring_and_it_is_recorded(
    clinic: Path,
) -> None:
    words = ("keys", "protect", "--provider", "environment")
    before = (clinic / "keys" / "ring.json").read_bytes()

    for actor in ("stranger", "dr.lee"):
        assert "error" in run(*words, home=clinic, ACTOR=actor, KEY=KEY).error
    assert (clinic / "keys" / "ring.json").read_bytes() == before
    assert run(*words, home=clinic, ACTOR="sam", KEY=KEY).status == 0

    logged = run("audit", "log", "-n", "3", "--json", home=clinic, KEY=KEY).json
    assert [(e["action"], e["actor"], e["outcome"]) for e in logged] == [
        ("keys.rotate", "stranger", "AccessDeniedError"),
        ("keys.rotate", "dr.lee", "AccessDeniedError"),
        ("keys.rotate", "sam", "ok"),
    ]


def test_a_ring_under_a_passphrase_opens_with_it_and_no_other(tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ("keys", "init", "--provider", "passphrase", "--json")
    made = quiet(run(*words, home=home, PASSPHRASE=SECRET), SECRET).json
    assert made["protected_by"] == "passphrase"
    assert SECRET not in (home / "keys" / "ring.json").read_text()

    status = quiet(run("keys", "status", "--json", home=home, PASSPHRASE=SECRET), SECRET).json
    assert (status["store_id"], status["protected_by"]) == (made["store_id"], "passphrase")

    wrong = "incorrect horse battery staple"
    error = quiet(run("keys", "status", home=home, PASSPHRASE=wrong), wrong, SECRET).error
    assert "passphrase" in error
    assert "set PHARMAKON_PASSPHRASE" in run("keys", "status", home=home).error


def test_a_short_passphrase_makes_no_ring(tmp_path: Path) -> None:
    words = ("keys", "init", "--provider", "passphrase")

    error = quiet(run(*words, home=tmp_path, PASSPHRASE="hunter2"), "hunter2").error

    assert "at least 15 characters" in error
    assert not (tmp_path / "keys" / "ring.json").exists()


def test_a_ring_under_a_key_of_the_environment(tmp_path: Path) -> None:
    run("keys", "init", "--provider", "environment", home=tmp_path, KEY=KEY)

    assert quiet(run("keys", "status", home=tmp_path, KEY=KEY), KEY).status == 0
    other = base64.b64encode(bytes(32)).decode()
    quiet(run("keys", "status", home=tmp_path, KEY=other), other, KEY).error  # noqa: B018
    assert "PHARMAKON_KEY" in run("keys", "status", home=tmp_path).error


def test_a_ring_under_a_command(tmp_path: Path) -> None:
    command = tmp_path / "wrap it"
    command.write_text("#!/bin/sh\ntr A-Za-z N-ZA-Mn-za-m\n")
    command.chmod(0o700)
    line = f"'{command}' --token hush"

    run("keys", "init", "--provider", "command", home=tmp_path, KEY_COMMAND=line)

    assert run("keys", "status", home=tmp_path, KEY_COMMAND=line).status == 0
    error = quiet(run("keys", "status", home=tmp_path, KEY_COMMAND="false hush"), "hush").error
    assert "the key command 'false' with 'unwrap'" in error


def test_what_protects_the_ring_can_be_exchanged(clinic: Path) -> None:
    before = listed(clinic)
    secrets = secrets_of(clinic)
    words = ("keys", "protect", "--provider")

    run(*words, "passphrase", home=clinic, PASSPHRASE=SECRET)

    text = (clinic / "keys" / "ring.json").read_text()
    assert not any(secret in text for secret in secrets)
    assert listed(clinic, PASSPHRASE=SECRET) == before
    done = run(*words, "environment", "--json", home=clinic, PASSPHRASE=SECRET, KEY=KEY).json
    assert done["protected_by"] == "environment"
    assert listed(clinic, KEY=KEY) == before
    assert "already" in run(*words, "environment", home=clinic, KEY=KEY).error


def test_a_passphrase_takes_the_place_of_another_only_at_a_terminal(tmp_path: Path) -> None:
    run("keys", "init", "--provider", "passphrase", home=tmp_path, PASSPHRASE=SECRET)
    words = ("keys", "protect", "--provider", "passphrase")

    assert "at a terminal" in run(*words, home=tmp_path, PASSPHRASE=SECRET).error
    assert run("keys", "status", home=tmp_path, PASSPHRASE=SECRET).status == 0


def at_a_terminal(*words: str | Path, answers: list[str]) -> tuple[int, str]:
    """Exit status and everything shown, when each prompt for a passphrase gets its answer."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PHARMAKON_")}
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "cli.py", *map(str, words)], environment)
    shown, n_answered = b"", 0
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is gone
            part = b""
        if not part:
            break
        shown += part
        if shown.count(b": ") > n_answered < len(answers) and shown.endswith(b": "):
            os.write(terminal, answers[n_answered].encode() + b"\n")
            n_answered += 1
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_at_a_terminal_a_passphrase_is_asked_for_without_echo(tmp_path: Path) -> None:
    init = ("keys", "init", "--provider", "passphrase", "--home", tmp_path)
    status, shown = at_a_terminal(*init, answers=[SECRET, SECRET])
    assert (status, SECRET in shown, shown.count("passphrase")) == (0, False, 2)

    new = "quite another long passphrase"
    protect = ("keys", "protect", "--provider", "passphrase", "--home", tmp_path)
    status, shown = at_a_terminal(*protect, answers=[SECRET, new, new])

    assert (status, SECRET in shown, new in shown) == (0, False, False)
    assert run("keys", "status", home=tmp_path, PASSPHRASE=new).status == 0


def test_a_new_passphrase_is_typed_twice_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([SECRET, f"{SECRET}r"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    error = quiet(run("keys", "init", "--provider", "passphrase", home=tmp_path), SECRET).error

    assert "not the same" in error
    assert not (tmp_path / "keys" / "ring.json").exists()


def test_a_passphrase_is_asked_for_once_however_often_the_ring_is_opened(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("keys", "protect", "--provider", "passphrase", home=clinic, PASSPHRASE=SECRET)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return SECRET

    monkeypatch.setattr("getpass.getpass", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    assert run("audit", "verify", home=clinic).status == 0
    assert run("store", "status", home=clinic).status == 0
    assert asked == ["passphrase of the key ring: "] * 2
