"""README.md does what it says, in its order, for someone who types it as it stands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

import cli
from tests.shell import ROOT, Outcome

README = (ROOT / "README.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str
    is_run: bool


def blocks() -> list[Block]:
    """The fenced blocks in order; a comment before one may say why it is not run."""
    pattern = r"(<!-- not run by the tests: .*? -->\n)?^```(\w+)\n(.*?)^```$"
    found = re.findall(pattern, README, flags=re.MULTILINE | re.DOTALL)
    return [Block(language, text, not mark) for mark, language, text in found]


def commands() -> list[str]:
    """Every line of a shell block that runs the program, without its comment."""
    shell = "".join(block.text for block in blocks() if block.language == "sh")
    return re.findall(r"^(python cli.py.*?)(?:  +#.*)?$", shell, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a fresh clone, with no home in it yet."""
    clone = tmp_path_factory.mktemp("clone")
    for entry in ROOT.iterdir():
        if not entry.name.startswith("."):
            (clone / entry.name).symlink_to(entry)
    return clone


def environment() -> dict[str, str]:
    """Ours, with this interpreter as ``python`` and without a home."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PHARMAKON_HOME": "", "PYTHONPATH": str(ROOT)}


def test_the_blocks_run_in_their_order(newcomer: Path) -> None:
    run = [block for block in blocks() if block.is_run and block.language != "text"]
    assert [block.language for block in run] == ["sh", "python"]

    for block in run:
        shell = ["bash", "-euo", "pipefail", "-c", block.text]
        words = shell if block.language == "sh" else [sys.executable, "-c", block.text]
        process = subprocess.run(
            words, cwd=newcomer, env=environment(), capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, f"{block.text}\n{process.stdout}\n{process.stderr}"

    assert "known indication" in process.stdout
    assert "because recorded as treatment by pharmakon-starter" in process.stdout
    assert (newcomer / "metformin" / "manifest.json").is_file()


def test_the_python_block_has_ten_lines_and_never_touches_the_command_line() -> None:
    (block,) = [block for block in blocks() if block.language == "python"]

    assert len([line for line in block.text.splitlines() if line.strip()]) == 10
    assert "cli" not in block.text
    assert "service" not in block.text


@pytest.mark.parametrize("command", commands())
def test_every_command_in_it_is_one_that_the_program_takes(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[2:]
    group = typer.main.get_command(cli.app)
    context = group.make_context("pharmakon", list(words))
    while words and hasattr(group, "get_command"):
        group = group.get_command(context, words[0])
        assert group is not None, command
        context = group.make_context(words[0], words[1:], parent=context)
        words = words[1:]


def test_every_target_of_make_in_it_exists() -> None:
    targets = set(re.findall(r"^make (\w+)", README, flags=re.MULTILINE))

    assert {"demo", "test"} <= targets
    for target in targets:
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_the_sample_shows_what_the_demo_says(demo: Outcome) -> None:
    vetoed = {
        f"not suggested: {item['drug_name']} ({item['kind']}): {verdict['text']}"
        for answer in demo.json["patients"]
        for item in answer["vetoed"]
        for verdict in item["verdicts"]
    }
    reasons = {
        f"why: {reason['text']}"
        for answer in demo.json["patients"]
        for item in answer["suggestions"]
        for reason in item["reasons"]
    }
    sample = next(block.text for block in blocks() if "not suggested" in block.text)
    shown = [line.strip() for line in sample.splitlines()]

    assert {line for line in shown if line.startswith("not suggested")} <= vetoed
    assert {line for line in shown if line.startswith("why: recorded")} <= reasons
