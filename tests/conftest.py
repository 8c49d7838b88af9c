"""Fixtures for everyone: the starter graph, the shared data."""

import os
from pathlib import Path

import pytest

from kg.builder import build
from kg.graph import Graph
from kg.sources import create_source


@pytest.fixture(scope="session")
def starter() -> Graph:
    """The embedded starter graph, built once."""
    return build([create_source("starter")]).graph


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of shared real data, or a skip that says why."""
    folder = os.environ.get("PHARMAKON_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PHARMAKON_DATA names no folder with the shared data")
    return Path(folder)
