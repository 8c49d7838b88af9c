"""Imports point one way, and training libraries stay out of everything but training.

The table below is the architecture.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "kg": {"kg"},
    "recommend": {"recommend", "kg"},
    "intake": {"intake", "recommend", "kg"},
    "storage": {"storage"},
    "service": {"service", "intake", "recommend", "kg", "storage"},
}
TRAINING = {"torch", "torch_geometric", "implicit", "lightgbm", "matplotlib", "sklearn"}
# Only needed by some calls, so they are imported inside them: they would slow down everything else.
HEAVY = {*TRAINING, "networkx", "pooch", "rapidfuzz", "rdflib"}


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} has no module"
    return found


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of every module that the code imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: not in functions, not for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from at_import(node)


def imported_at_import(path: Path) -> set[str]:
    names: set[str] = set()
    for node in at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= imported(ast.Module([node], []))
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    ours = {*MAY_IMPORT, "cli", "tests", "benchmarks"}
    for path in files(package):
        illegal = (imported(ast.parse(path.read_text(encoding="utf-8"))) & ours) - MAY_IMPORT[
            package
        ]
        assert not illegal, f"{path.relative_to(ROOT)} must not import {sorted(illegal)}"


def test_only_the_command_line_imports_service() -> None:
    for package in set(MAY_IMPORT) - {"service"}:
        for path in files(package):
            assert "service" not in imported(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_heavy_modules_are_imported_inside_the_call_that_needs_them(package: str) -> None:
    for path in [*files(package), ROOT / "cli.py"]:
        heavy = imported_at_import(path) & HEAVY
        if path.is_relative_to(ROOT / "recommend" / "models"):
            heavy -= TRAINING  # a model is loaded by name, when it is trained
        if path.is_relative_to(ROOT / "kg" / "nx"):
            heavy -= {"networkx"}  # its classes are networkx's; kg.convert loads it when asked
        if path.is_relative_to(ROOT / "kg" / "sparql"):
            heavy -= {"rdflib"}  # its terms are rdflib's; loaded when a query or RDF is asked for
        assert not heavy, f"{path.relative_to(ROOT)} imports {sorted(heavy)} when it is imported"


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_importing_a_package_loads_no_training_library(package: str) -> None:
    code = f"import sys, {package}; print(*sorted(set(sys.modules) & {HEAVY!r}))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()

    assert loaded == []


def test_the_checks_above_see_a_module_level_import_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import sklearn\n"
        "try:\n    import torch.nn\nexcept ImportError:\n    pass\n"
        "class A:\n    import implicit\n"
        "def f():\n    from rdflib import Graph\n"
    )

    assert imported_at_import(file) == {"typing", "torch", "implicit"}
    assert "rdflib" in imported(ast.parse(file.read_text()))
