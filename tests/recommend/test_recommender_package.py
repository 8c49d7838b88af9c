"""The package as other programs embed it."""

import subprocess
import sys
from pathlib import Path

import recommend

_CHECK = """
import sys
from recommend import PatientProfile, Recommender
heavy = {"torch", "torch_geometric", "implicit", "sklearn", "scipy", "pandas", "lightgbm"}
heavy &= set(sys.modules)
assert not heavy, heavy
"""


def test_importing_the_recommender_imports_no_training_library() -> None:
    root = Path(recommend.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", _CHECK], cwd=root, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_all_names_are_exported_sorted_and_once() -> None:
    # The sort that ruff keeps: constants, then classes, then functions.
    assert sorted(recommend.__all__, key=lambda name: (name.islower(), name)) == recommend.__all__
    assert len(set(recommend.__all__)) == len(recommend.__all__)
    assert all(hasattr(recommend, name) for name in recommend.__all__)
