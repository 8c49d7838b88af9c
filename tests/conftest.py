"""Fixtures for everyone: the starter graph, the home that `demo` makes, the shared data."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from kg.builder import build
from kg.graph import Graph
from kg.sources import create_source
from tests.recommend.small import train_in_a_moment
from tests.shell import Outcome, run

settings.register_profile("any-machine", deadline=None)  # a busy machine is not a failure
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def starter() -> Graph:
    """The embedded starter graph, built once."""
    return build([create_source("starter")]).graph


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What ``demo --json`` did and said with hardly trained models, once for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        train_in_a_moment(patch)
        return run("demo", "--json", home=tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo_home(demo: Outcome) -> Path:
    """The home that ``demo`` made: graph, keys, store, bundle. To be read; copy it to change it."""
    return Path(demo.json["home"])


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of shared real data, or a skip that says why."""
    folder = os.environ.get("PHARMAKON_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PHARMAKON_DATA names no folder with the shared data")
    return Path(folder)
