"""The examples of the documents do what they say, on the starter graph.

In ``analysts.md`` all blocks are run in their order, in one fresh folder. A block under a file's
name in backticks and a colon is written to that file. An ``sh`` block runs the program line by
line, a ``python`` block goes on where the one before it ended. The ``text`` block after either is
all that it prints, spaces at the ends of lines aside: ``…`` alone on a line stands for any lines,
within a line for any characters.
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.shell import ROOT, run


class Block(NamedTuple):
    """A fenced block, with the file that it is to be written to, if any."""

    file: str
    language: str
    text: str


def blocks(document: str) -> list[Block]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    pattern = r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$"
    return [Block(*found) for found in re.findall(pattern, text, re.MULTILINE | re.DOTALL)]


def says(shown: str, printed: str) -> bool:
    """Whether ``shown`` is ``printed``, but for what ``…`` and spaces at the ends stand for."""
    pattern = ""
    for line in shown.splitlines():
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, line.split("…"))) + " *\n"
    return re.fullmatch(pattern, printed) is not None


def run_python(text: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    process = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, f"{text}\n{process.stderr}"
    return process.stdout


def run_shell(text: str) -> str:
    """What the commands print; a command may fail in the last line only, by an expected error."""
    printed = ""
    for line in text.replace("\\\n", " ").splitlines():
        python, program, *words = shlex.split(line, comments=True)
        assert (python, program) == ("python", "cli.py"), line
        assert "error: " not in printed, line
        outcome = run(*words)
        assert outcome.status == 0 or outcome.error, line
        printed += outcome.out + outcome.err
    return printed


def test_the_source_of_ones_own_is_read(tmp_path: Path) -> None:
    (example,) = [block.text for block in blocks("sources.md") if block.language == "python"]

    assert run_python(example, tmp_path) == "2 rows, 0 left out\n"


def test_every_answer_on_the_analysts_page_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch_geometric")  # question 12; what its import warns of is not ours
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHARMAKON_HOME", "")
    names: dict[str, Any] = {"__name__": "__main__"}
    printed, last = "", ""
    for block in [*blocks("analysts.md"), Block("", "end", "")]:
        if block.language == "text":
            assert says(block.text, printed), f"{last}\nprints\n{printed}\nnot\n{block.text}"
            printed = ""
            continue
        assert not printed, f"{last}\nprints what is not shown:\n{printed}"
        last = block.text
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            printed = run_shell(block.text)
        elif block.language == "python":
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, "analysts.md", "exec"), names)
            printed = out.getvalue()


def test_every_question_has_a_command_a_program_and_their_answers() -> None:
    text = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
    questions = re.split(r"^## (?=\d+\. )", text, flags=re.MULTILINE)[1:]

    assert len(questions) >= 12
    assert [int(q.partition(".")[0]) for q in questions] == list(range(1, len(questions) + 1))
    for question in questions:
        languages = re.findall(r"^```(\w+)$", question, flags=re.MULTILINE)
        pairs = list(pairwise(languages))
        assert ("sh", "text") in pairs, question
        assert ("python", "text") in pairs, question


@pytest.mark.parametrize(
    ("shown", "is_so"),
    [
        ("one\ntwo\nthree\n", True),
        ("one\n…\n", True),
        ("…\nt…o\nthree\n", True),
        ("one\n…\ntwo\nthree\n", True),
        ("one\ntwo\n", False),
        ("one\n…\ntw\n…\n", False),
        ("two\n…\none\n", False),
        ("one two\nthree\n", False),
        ("on.\ntwo\nthree\n", False),
    ],
)
def test_only_an_ellipsis_stands_for_what_is_left_out(shown: str, is_so: bool) -> None:
    assert says(shown, "one\ntwo  \nthree\n") is is_so


def test_the_small_service_answers_and_refuses(demo_home: Path) -> None:
    (example,) = [block.text for block in blocks("embedding.md") if block.file]
    program: dict[str, Any] = {"__name__": "small_service"}
    exec(compile(example, "small_service.py", "exec"), program)
    server = program["serve"](demo_home, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        profile = {"conditions": ["type 2 diabetes"], "drugs": ["lisinopril"]}
        answer = post(address, profile)
        assert answer["suggestions"][0]["condition_name"] == "type 2 diabetes mellitus"
        with pytest.raises(HTTPError) as refused:
            post(address, {"medicines": []})
        with refused.value as response:
            assert "medicines" in json.load(response)["error"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(address: str, document: Any) -> Any:
    with urlopen(Request(address, json.dumps(document).encode())) as response:
        return json.load(response)
