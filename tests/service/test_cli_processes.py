"""Whole processes: two at once, and one that is interrupted in the middle of its work.

An interrupted process gets a real SIGINT, sent by itself from inside the step that the test names,
so that it always hits the same place.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import ROOT, run

DEMO_PATIENTS = ROOT / "service" / "demo_patients"

# argv: how often the step may pass, its module, its name (Class.method or function), the command
INTERRUPTING = """
import importlib, os, signal, sys
left, module, name, *words = sys.argv[1:]
left = int(left)
owner = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    owner = getattr(owner, part)
step = getattr(owner, name)

def interrupted(*args, **options):
    global left
    result = step(*args, **options)
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGINT)
    return result

setattr(owner, name, interrupted)
sys.argv = ["pharmakon", *words]
import cli
cli.main()
"""


def start(*words: str | Path) -> subprocess.Popen[str]:
    """The program as a process of its own, from its source folder."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(
    after: int,
    module: str,
    step: str,
    *words: str | Path,
    said: str = "what was there before is whole, nothing is half written",
) -> None:
    """Run a command that is interrupted when ``step`` has passed ``after`` times and once more."""
    process = start("-c", INTERRUPTING, str(after), module, step, *words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert out == ""
    assert err == f"interrupted: {said}\n"


def state(home: Path) -> dict[str, bytes]:
    """Every file below ``home`` with its content."""
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*.*")}


def test_an_interrupted_build_leaves_the_old_graph_and_nothing_else(home: Path) -> None:
    before = state(home)

    interrupt(2, "kg.folder", "_write_file", "build", "--home", home)

    left = state(home)
    assert {name: left[name] for name in before} == before
    assert not [name for name in left if name.endswith(".part")]
    run("build", home=home)  # and the next build removes what was finished of the last
    assert set(state(home)) == set(before)


def test_an_interrupted_import_keeps_what_was_committed_and_no_half_patient(home: Path) -> None:
    files = []
    for number in (1, 2, 3):
        bundle = json.loads((DEMO_PATIENTS / f"demo-{number}.json").read_text())
        bundle["entry"][0]["resource"]["identifier"][0]["value"] += "-other"
        files.append(home.parent / f"other-{number}.json")
        files[-1].write_text(json.dumps(bundle))
    before = run("patient", "list", "--json", home=home).json

    step = "PatientRepository.add"
    said = "1 patients were stored, each whole; the others were not"
    words = ("patient", "import", *map(str, files), "--home", str(home))
    interrupt(1, "storage.records", step, *words, said=said)

    after = run("patient", "list", "--json", home=home).json
    assert len(after) == len(before) + 1
    assert run("audit", "verify", home=home).status == 0
    last = run("audit", "log", "-n", "3", "--json", home=home).json
    assert ("unit.failed", "KeyboardInterrupt") in [(e["action"], e["outcome"]) for e in last]


def test_an_interrupted_training_leaves_the_old_bundle_and_goes_on_later(home: Path) -> None:
    before = state(home / "bundle")

    interrupt(0, "recommend.train", "replace_file", "train", "--seed", "1", "--home", home)

    assert state(home / "bundle") == before
    assert len(list(home.glob(".bundle.work-*/*.safetensors"))) == 1
    assert run("recommend", "--all", "-k", "1", home=home).status == 0


@pytest.mark.parametrize("is_new", [True, False], ids=["a new store", "an existing store"])
def test_two_imports_at_once_lose_nothing(home: Path, is_new: bool) -> None:
    if is_new:
        shutil.rmtree(home / "keys")
        (home / "patients.db").unlink()
        run("keys", "init", home=home)
    before = [] if is_new else run("patient", "list", "--json", home=home).json
    files = []
    for number in range(20):
        patient = {
            "resourceType": "Patient",
            "identifier": [{"system": "http://hospital.example", "value": f"number-{number}"}],
        }
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}
        files.append(home.parent / f"{number}.json")
        files[-1].write_text(json.dumps(bundle))

    both = [
        start("cli.py", "patient", "import", *half, "--json", "--home", home)
        for half in (files[:10], files[10:])
    ]
    reports = [json.loads(process.communicate(timeout=300)[0]) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    stored = {row["id"] for row in run("patient", "list", "--json", home=home).json}
    assert {patient for report in reports for patient in report["patients"]} <= stored
    assert len(stored) == len(before) + 20
    assert run("audit", "verify", home=home).status == 0


def test_help_loads_no_heavy_module() -> None:
    heavy = ("numpy", "pyarrow", "torch", "sqlalchemy", "scipy", "networkx", "rdflib")
    check = f"import sys, cli; print([name for name in {heavy!r} if name in sys.modules])"

    process = start("-c", check)

    assert process.communicate(timeout=60)[0].strip() == "[]"


def test_a_reader_that_hangs_up_is_no_crash(demo_home: Path) -> None:
    words = f"{sys.executable} cli.py query metformin --json --home {demo_home}"

    process = subprocess.run(
        ["bash", "-c", f"{words} | true"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in process.stderr
