"""Who may do what at the shell: roles, consent, broken glass, reviews, a patient's own log."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.shell import ROOT, Outcome, run

REASON = "unconscious in the emergency room"


@pytest.fixture
def patient(clinic: Path) -> str:
    return str(run("patient", "list", "--json", home=clinic).json[0]["id"])


@pytest.fixture
def graph(demo_home: Path) -> tuple[str, Path]:
    """The option that names a graph, which the clinic has not."""
    return "--graph", demo_home / "graph"


def refused(outcome: Outcome) -> str:
    """What the last outcome said, which is that somebody may not."""
    assert "not allowed to" in outcome.error or "holds no role" in outcome.error, outcome.error
    return outcome.error


def last(home: Path) -> dict[str, Any]:
    """The entry before the one about reading the log."""
    entry: dict[str, Any] = run("audit", "log", "-n", "1", "--json", home=home, ACTOR="sam").json[0]
    return entry


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("dr.lee", ("audit", "log")),
        ("dr.lee", ("audit", "export", "--out", "OUT")),
        ("dr.lee", ("audit", "reviews")),
        ("dr.lee", ("actor", "list")),
        ("dr.lee", ("actor", "grant", "dr.lee", "security-officer")),
        ("dr.lee", ("actor", "revoke", "sam")),
        ("dr.lee", ("patient", "consent", "ID")),
        ("dr.lee", ("patient", "access-log", "ID")),
        ("dr.lee", ("patient", "erase", "ID", "--yes")),
        ("dr.lee", ("patient", "extract", "--out", "OUT")),
        ("dr.lee", ("backup", "create", "OUT")),
        ("ana", ("patient", "list")),
        ("ana", ("patient", "show", "ID")),
        ("ana", ("patient", "show", "ID", "--emergency")),
        ("ana", ("patient", "break-glass", "ID", "--reason", REASON)),
        ("sam", ("patient", "show", "ID")),
        ("sam", ("patient", "list")),
        ("sam", ("patient", "break-glass", "ID", "--reason", REASON)),
        ("sam", ("patient", "extract", "--out", "OUT")),
        ("import", ("patient", "show", "ID")),
        ("import", ("patient", "list", "--purpose", "administration")),
        ("nobody", ("patient", "list")),
    ],
)
def test_what_a_role_may_not_do_is_refused_in_one_line_and_recorded(
    clinic: Path,
    patient: str,
    graph: tuple[str, Path],
    tmp_path: Path,
    actor: str,
    words: tuple[str, ...],
) -> None:
    out = tmp_path / "out"
    places: dict[str, str] = {"ID": patient, "OUT": str(out)}
    more = graph if words[:2] == ("patient", "show") else ()

    said = run(*(places.get(word, word) for word in words), *more, home=clinic, ACTOR=actor)

    refused(said)
    assert not out.exists()
    entry = last(clinic)
    if entry["action"] == "unit.failed":
        (entry, _) = run("audit", "log", "-n", "3", "--json", home=clinic, ACTOR="sam").json[:2]
    assert (entry["actor"], entry["outcome"]) == (actor, "AccessDeniedError")


def test_each_role_may_do_its_own(clinic: Path, patient: str, graph: tuple[str, Path]) -> None:
    for actor, words in (
        ("dr.lee", ("patient", "list")),
        ("dr.lee", ("patient", "show", patient, *graph)),
        ("dr.lee", ("check", "ibuprofen", "--patient", patient, *graph)),
        ("ana", ("patient", "list", "--purpose", "research")),
        ("sam", ("patient", "list", "--purpose", "administration")),
        ("sam", ("audit", "log")),
        ("sam", ("actor", "list")),
        ("import", ("patient", "import", ROOT / "service" / "demo_patients" / "demo-8.json")),
        ("nobody", ("audit", "verify")),
    ):
        assert run(*words, home=clinic, ACTOR=actor).status == 0, (actor, words)


def test_roles_are_granted_for_a_time_listed_and_revoked(clinic: Path) -> None:
    words = ("actor", "grant", "dr.kim", "clinician", "analyst", "--until", "2999-01-02")

    (granted,) = run(*words, "--json", home=clinic, ACTOR="sam").json

    assert granted["name"] == "dr.kim"
    assert granted["roles"] == ["analyst", "clinician"]
    assert granted["until"].startswith("2999-01-02T00:00:00")
    assert "dr.kim  analyst clinician  until 2999-01-02" in run("actor", "list", home=clinic).out
    assert run("patient", "list", home=clinic, ACTOR="dr.kim").status == 0

    run("actor", "revoke", "dr.kim", home=clinic, ACTOR="sam")

    assert "dr.kim  (revoked)" in run("actor", "list", home=clinic).out
    refused(run("patient", "list", home=clinic, ACTOR="dr.kim"))


def test_a_role_that_ended_counts_no_more(clinic: Path) -> None:
    until = ("--until", "2020-01-01T00:00:00+02:00")
    run("actor", "grant", "dr.kim", "clinician", *until, home=clinic, ACTOR="sam")

    refused(run("patient", "list", home=clinic, ACTOR="dr.kim"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grant", "dr.kim", "surgeon"), "clinician"),
        (("grant", "sam", "security-officer", "clinician"), "widen"),
        (("revoke", "dr.who"), "no actor has this name"),
    ],
)
def test_a_grant_that_makes_no_sense_is_one_line(
    clinic: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in run("actor", *words, home=clinic, ACTOR="sam").error


def test_a_denied_treatment_closes_the_record_and_a_permission_opens_it(
    clinic: Path, patient: str, graph: tuple[str, Path]
) -> None:
    words = ("patient", "consent", patient)
    nothing = run(*words, home=clinic, ACTOR="sam").out
    assert nothing.count("permit (nothing said)") == 3

    said = run(*words, "--treatment", "deny", "--json", home=clinic, ACTOR="sam").json

    assert said == {"treatment": "deny"}
    for use in (("patient", "show", patient), ("check", "aspirin", "--patient", patient)):
        assert "the patient denies" in run(*use, *graph, home=clinic, ACTOR="dr.lee").error
    run(*words, "--treatment", "permit", home=clinic, ACTOR="sam")
    assert run("patient", "show", patient, *graph, home=clinic, ACTOR="dr.lee").status == 0
    assert run(*words, "--training", "maybe", home=clinic, ACTOR="sam").status == 2


def test_broken_glass_opens_a_denied_record_until_it_is_reviewed(
    clinic: Path, patient: str, graph: tuple[str, Path], demo_home: Path
) -> None:
    run("patient", "consent", patient, "--treatment", "deny", home=clinic, ACTOR="sam")
    bundle = ("--bundle", demo_home / "bundle")
    show = ("patient", "show", patient, *graph)
    uses = (
        show,
        ("check", "aspirin", "--patient", patient, *graph),
        ("recommend", patient, "-k", "1", *graph, *bundle),
    )
    closed = "no emergency access"
    assert closed in run(*show, "--emergency", home=clinic, ACTOR="dr.lee").error

    words = ("patient", "break-glass", patient, "--reason", REASON, "--minutes", "5", "--json")
    opened = run(*words, home=clinic, ACTOR="dr.lee").json

    assert (opened["number"], opened["patient"]) == (0, patient)
    for use in uses:
        assert run(*use, "--emergency", home=clinic, ACTOR="dr.lee").status == 0, use
        assert "the patient denies" in run(*use, home=clinic, ACTOR="dr.lee").error
    assert closed in run(*show, "--emergency", home=clinic, ACTOR="owner").error

    (found,) = run("audit", "reviews", "--json", home=clinic, ACTOR="sam").json
    assert (found["number"], found["actor"], found["reason"]) == (0, "dr.lee", REASON)
    shown = run("audit", "reviews", home=clinic, ACTOR="sam").out
    assert REASON in shown
    assert "to review" in shown
    run("audit", "review", "0", home=clinic, ACTOR="sam")

    assert closed in run(*show, "--emergency", home=clinic, ACTOR="dr.lee").error
    assert run("audit", "reviews", "--json", home=clinic, ACTOR="sam").json == []
    (old,) = run("audit", "reviews", "--all", "--json", home=clinic, ACTOR="sam").json
    assert old["reviewed_by"] == "sam"
    assert "reviewed by sam" in run("audit", "reviews", "--all", home=clinic, ACTOR="sam").out


def test_nobody_reviews_their_own(clinic: Path, patient: str) -> None:
    run("patient", "break-glass", patient, "--reason", REASON, home=clinic, ACTOR="owner")

    assert (
        "nobody reviews their own" in run("audit", "review", "0", home=clinic, ACTOR="owner").error
    )
    assert run("audit", "review", "0", home=clinic, ACTOR="sam").status == 0
    assert "numbered from 0" in run("audit", "review", "9", home=clinic, ACTOR="sam").error


def test_a_reason_is_asked_for_and_never_on_standard_output(clinic: Path, patient: str) -> None:
    words = ("patient", "break-glass", patient, "--json", "--home", str(clinic))

    process = subprocess.run(
        [sys.executable, "cli.py", *words],
        cwd=ROOT, input=f"{REASON}\n", capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert json.loads(process.stdout)["patient"] == patient
    assert process.stderr.startswith("Why (10 to 1,000 characters")
    (found,) = run("audit", "reviews", "--json", home=clinic, ACTOR="sam").json
    assert found["reason"] == REASON


@pytest.mark.parametrize(
    ("more", "status"), [(("--reason", "short"), 1), (("--reason", REASON, "--minutes", "1441"), 2)]
)
def test_a_reason_and_a_time_have_bounds(
    clinic: Path, patient: str, more: tuple[str, ...], status: int
) -> None:
    assert run("patient", "break-glass", patient, *more, home=clinic).status == status
    assert run("audit", "reviews", "--json", home=clinic).json == []


@pytest.mark.parametrize(
    "words",
    [
        ("recommend", "--all", "--emergency"),
        ("recommend", "--profile", "x", "--emergency"),
        ("check", "aspirin", "--emergency"),
    ],
)
def test_an_emergency_is_about_one_stored_patient(clinic: Path, words: tuple[str, ...]) -> None:
    outcome = run(*words, home=clinic)

    assert outcome.status == 2
    assert "--emergency is about" in outcome.err


def test_a_patient_reads_who_did_what_in_plain_words(
    clinic: Path, patient: str, graph: tuple[str, Path]
) -> None:
    run("patient", "show", patient, *graph, home=clinic, ACTOR="dr.lee")
    run("patient", "show", patient, *graph, home=clinic, ACTOR="ana")

    lines = run("patient", "access-log", patient, home=clinic, ACTOR="sam").out.splitlines()

    assert "owner wrote to the record, for administration" in lines[0]
    assert "dr.lee read the record, for treatment" in lines[-2]
    assert "ana read the record, for treatment: REFUSED" in lines[-1]
    entries = run("patient", "access-log", patient, "--json", home=clinic, ACTOR="sam").json
    assert len(entries) == len(lines) + 1  # the reading of the list, too
    assert (entries[-1]["actor"], entries[-1]["purpose"]) == ("sam", "request")


def test_the_log_is_exported_as_events_with_the_head_that_covers_them(
    clinic: Path, tmp_path: Path
) -> None:
    out = tmp_path / "events.ndjson"

    done = run("audit", "export", "--out", out, "--json", home=clinic, ACTOR="sam").json

    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(events) == done["events"]
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    assert f"entries {done['events']} " in done["checkpoint"]
    assert out.stat().st_mode & 0o077 == 0
    kept = tmp_path / "head"
    kept.write_text(done["checkpoint"])
    assert run("audit", "verify", "--checkpoint", kept, home=clinic).status == 0
    assert "exists" in run("audit", "export", "--out", out, home=clinic, ACTOR="sam").error
    run("keys", "rotate", "audit", home=clinic)
    by: tuple[str | Path, ...]
    for by in (("--checkpoint", kept), ()):
        checked = run("audit", "check", out, *by, "--json", home=clinic).json
        assert checked == {"whole": True, "events": done["events"]}
    kept.write_text("\ufeff" + kept.read_text(), "utf-8")
    for by in (("check", out), ("verify",)):
        assert run("audit", *by, "--checkpoint", kept, home=clinic).status == 0


def test_an_export_that_somebody_changed_is_one_line(clinic: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "log.ndjson", tmp_path / "head"
    done = run("audit", "export", "--out", out, "--json", home=clinic).json
    kept.write_text(done["checkpoint"])
    first, *others = out.read_text().splitlines(keepends=True)
    edited, extra = tmp_path / "edited", tmp_path / "extra"
    edited.write_text("".join([first.replace("owner", "mallory"), *others]))
    extra.write_text("".join([first, *others, "{}\n"]))

    by: tuple[str | Path, ...]
    for by in (("--checkpoint", kept), ()):
        said = run("audit", "check", edited, *by, home=clinic).error
        assert "audit entry 0 says another thing" in said
    assert "does not carry the bytes" in run("audit", "check", extra, home=clinic).error
    assert "error" in run("audit", "check", tmp_path / "none", home=clinic).error
    run("keys", "init", home=tmp_path / "other")
    words = ("audit", "check", out, "--checkpoint", kept)
    assert "is of store" in run(*words, home=tmp_path / "other").error


def test_the_patient_gets_a_copy_of_the_whole_record(
    clinic: Path, patient: str, tmp_path: Path
) -> None:
    out = tmp_path / "copies" / "record.json"

    outcome = run("patient", "copy", patient, "--out", out, "--json", home=clinic, ACTOR="dr.lee")

    bundle = json.loads(out.read_text(encoding="utf-8"))
    assert outcome.json["resources"] == len(bundle["entry"]) > 1
    assert bundle["entry"][0]["resource"]["resourceType"] == "Patient"
    assert out.stat().st_mode & 0o777 == 0o600
    entry = last(clinic)
    assert (entry["action"], entry["purpose"]) == ("patient.read", "request")
    assert "exists already" in run("patient", "copy", patient, "--out", out, home=clinic).error


def test_no_copy_is_left_of_what_may_not_be_read(
    clinic: Path, patient: str, tmp_path: Path
) -> None:
    out = tmp_path / "copy.json"

    refused(run("patient", "copy", patient, "--out", out, home=clinic, ACTOR="sam"))
    assert list(tmp_path.glob("*copy*")) == []


def test_a_patient_is_found_by_a_number_that_no_command_line_shows(
    clinic: Path, patient: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "record.json"
    run("patient", "copy", patient, "--out", out, home=clinic, ACTOR="dr.lee")
    first = json.loads(out.read_text(encoding="utf-8"))["entry"][0]["resource"]["identifier"][0]

    def find(number: str, *words: str, actor: str) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{number}\n"))
        asked = ("patient", "find", "--system", first["system"], *words)
        return run(*asked, home=clinic, ACTOR=actor)

    assert find(first["value"], actor="dr.lee").out == f"{patient}\n"
    assert find(first["value"], "--purpose", "request", actor="sam").out == f"{patient}\n"
    assert find("nobody's", actor="dr.lee").err.endswith("error: no patient has this identifier\n")
    assert "not allowed" in find(first["value"], actor="sam").err
