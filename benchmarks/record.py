"""One JSON line a result: name, value, unit, commit, machine class."""

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def record(name: str, value: float, unit: str, **more: object) -> None:
    """Print one result."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    machine = os.environ.get("MACHINE_CLASS", f"{os.cpu_count()} x {platform.machine()}")
    print(
        json.dumps(
            {"name": name, "value": round(value, 4), "unit": unit, **more, "commit": commit,
             "machine": machine}
        ),
        flush=True,
    )  # fmt: skip


def child(script: str, *arguments: str) -> dict[str, float]:
    """Run Python code in a fresh process and return the JSON object that it prints last."""
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return values


def peak_mb() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
