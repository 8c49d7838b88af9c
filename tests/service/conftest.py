"""Homes that a test may change, and what evaluations are tested with."""

import shutil
from pathlib import Path

import pytest

from kg.store import write_graph
from tests.recommend.planted import HELD_OUT, planted_graph
from tests.service.scored import table, use_few_models


@pytest.fixture
def home(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of the demo's home, for one test."""
    return Path(shutil.copytree(demo_home, tmp_path / "home"))


@pytest.fixture
def few_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and fast models in the place of the program's."""
    use_few_models(monkeypatch)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with a graph that does not record its held-out pairs."""
    write_graph(planted_graph(), tmp_path / "home" / "graph")
    return tmp_path / "home"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """The held-out pairs as a file."""
    return table(tmp_path / "labels.tsv", "drug_id\tdisease_id", *HELD_OUT)
