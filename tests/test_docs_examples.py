"""The examples of the documents do what they say, on the starter graph."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.shell import ROOT


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run_python(text: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    process = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, f"{text}\n{process.stderr}"
    return process.stdout


def test_the_source_of_ones_own_is_read(tmp_path: Path) -> None:
    (example,) = blocks("sources.md", "python")

    assert run_python(example, tmp_path) == "2 rows, 0 left out\n"
