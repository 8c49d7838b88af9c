"""Homes that a test may change, and what evaluations are tested with."""

import shutil
from pathlib import Path

import pytest

from kg.store import write_graph
from tests.recommend.planted import HELD_OUT, planted_graph
from tests.service.scored import table, use_few_models
from tests.shell import ROOT, run

STAFF = {"dr.lee": "clinician", "ana": "analyst", "sam": "security-officer", "import": "service"}


@pytest.fixture
def home(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of the demo's home, for one test."""
    return Path(shutil.copytree(demo_home, tmp_path / "home"))


@pytest.fixture(scope="session")
def clinic_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``clinic`` copies."""
    home = tmp_path_factory.mktemp("clinic")
    patients = sorted((ROOT / "service" / "demo_patients").glob("*.json"))[:3]
    run("keys", "init", home=home, ACTOR="owner")
    assert run("patient", "import", *patients, home=home, ACTOR="owner").status == 0
    for name, role in STAFF.items():
        assert run("actor", "grant", name, role, home=home, ACTOR="owner").status == 0
    return home


@pytest.fixture
def clinic(clinic_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without graph and bundle, of a store with three patients and ``STAFF``.

    Whoever does not say who acts is ``owner``, who holds every role.
    """
    monkeypatch.setenv("PHARMAKON_ACTOR", "owner")
    return Path(shutil.copytree(clinic_once, tmp_path / "clinic"))


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
