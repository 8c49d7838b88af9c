"""Run networkx's own tests with our backend switched on, and refuse anything but a pass.

    python benchmarks/check_networkx.py            (the tests of the functions on columns)
    python benchmarks/check_networkx.py --all      (every test of networkx; minutes)

The switch hides much: it turns what a backend cannot run into an expected failure, and with
NETWORKX_FALLBACK_TO_NX it runs networkx's code instead. So each test runs twice, in processes of
their own without our pytest settings and without that fallback: as networkx is, and with the
backend. What passes there must pass here; each function must have run on columns. pytest loads this
file as a plugin, which notes in its report what each test called.

Prints one JSON line; exit status 1 if anything is wrong.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

TESTS = {
    "bfs_edges": "networkx.algorithms.traversal.tests.test_bfs",
    "connected_components": "networkx.algorithms.components.tests.test_connected",
    "degree_centrality": "networkx.algorithms.centrality.tests.test_degree_centrality",
    "has_path": "networkx.algorithms.shortest_paths.tests.test_generic",
    "pagerank": "networkx.algorithms.link_analysis.tests.test_pagerank",
    "shortest_path": "networkx.algorithms.shortest_paths.tests.test_generic",
}
_calls: Counter[str] = Counter()  # of the test that runs: "asked NAME", "ran NAME", "handed NAME"


class Outcome(NamedTuple):
    """What became of one test."""

    result: str  # passed, failed, skipped or xfailed
    calls: Counter[str]


def pytest_sessionstart() -> None:
    """Count what networkx sends to the backend, and what that hands back to networkx's code."""
    from kg.nx import backend

    for name in TESTS:
        setattr(backend.Backend, name, _counted(getattr(backend.Backend, name), f"ran {name}"))
    ask, code = backend.Backend.can_run, backend._networkx

    def can_run(self: Any, name: str, *arguments: Any) -> Any:
        _calls[f"asked {name}"] += 1
        return ask(self, name, *arguments)

    def networkx(name: str) -> Callable[..., Any]:
        _calls[f"handed {name}"] += 1
        return code(name)

    backend.Backend.can_run = can_run  # type: ignore[assignment,method-assign]
    backend._networkx = networkx


def _counted(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        _calls[what] += 1
        return function(*arguments, **options)

    return counted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Write the counts of the test into the report."""
    if call.when == "teardown":
        item.user_properties.append(("calls", json.dumps(_calls)))
        _calls.clear()
    return (yield)


def run(modules: list[str], *, backend: str | None) -> dict[str, Outcome]:
    """Test -> outcome, of networkx's tests in ``modules``."""
    hidden = ("NETWORKX_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    path = [str(Path(__file__).parent), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    # xunit1 also names the file: the class is empty for tests outside the folder of the run.
    options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    if backend:
        environment["NETWORKX_TEST_BACKEND"] = backend
        options += ["-p", Path(__file__).stem]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", *options, "--junit-xml=report.xml", "--pyargs"]
        done = subprocess.run(
            [*command, *modules], cwd=folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        report = Path(folder) / "report.xml"
        if done.returncode not in (0, 1) or not report.exists():
            raise SystemExit(f"pytest did not run: {done.stdout}{done.stderr}")
        return dict(map(_read, ElementTree.parse(report).iter("testcase")))


def _read(case: ElementTree.Element) -> tuple[str, Outcome]:
    result = "passed"
    if case.find("failure") is not None or case.find("error") is not None:
        result = "failed"
    elif (skipped := case.find("skipped")) is not None:
        result = "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
    noted = case.find("properties/property[@name='calls']")
    calls = Counter(json.loads(noted.get("value", "{}")) if noted is not None else {})
    path = Path(case.get("file", "")).with_suffix("").as_posix().partition("/networkx/")[2]
    module = f"networkx/{path}".replace("/", ".")
    test = f"{module}::{case.get('classname')}::{case.get('name')}"
    return test, Outcome(result, calls)


def compare(plain: dict[str, Outcome], ours: dict[str, Outcome]) -> dict[str, Any]:
    """Sums of both runs, and all that is wrong."""
    wrong = [f"{test}: only in one run" for test in sorted(plain.keys() ^ ours.keys())]
    elsewhere: list[
        str
    ] = []  # differences in tests that never call a function that runs on columns
    for test in sorted(plain.keys() & ours.keys()):
        result, calls = ours[test]
        if result == plain[test].result and result != "failed":
            continue
        called = any(calls[f"asked {name}"] for name in TESTS)
        listed = wrong if called or test.partition("::")[0] in TESTS.values() else elsewhere
        listed.append(f"{test}: {result}, without the backend {plain[test].result}")
    total = sum((outcome.calls for outcome in ours.values()), Counter[str]())
    functions = {}
    for name in TESTS:
        ran, handed = total[f"ran {name}"], total[f"handed {name}"]
        tests = Counter(o.result for o in ours.values() if o.calls[f"asked {name}"])
        functions[name] = {
            "tests": dict(tests),
            "asked": total[f"asked {name}"],
            "on_columns": ran - handed,
            "handed_to_networkx": handed,
        }
        if ran <= handed:
            wrong.append(f"{name}: never ran on columns")
    return {
        "without_backend": dict(Counter(outcome.result for outcome in plain.values())),
        "with_backend": dict(Counter(outcome.result for outcome in ours.values())),
        "functions": functions,
        "elsewhere": elsewhere,
        "wrong": wrong,
    }


def main() -> None:
    modules = ["networkx"] if "--all" in sys.argv else sorted(set(TESTS.values()))
    found = compare(run(modules, backend=None), run(modules, backend="pharmakon"))
    print(json.dumps(found))
    sys.exit(bool(found["wrong"]))


if __name__ == "__main__":
    main()
