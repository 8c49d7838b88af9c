"""A home that a test may change."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def home(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of the demo's home, for one test."""
    return Path(shutil.copytree(demo_home, tmp_path / "home"))
