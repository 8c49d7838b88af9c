"""What a package exposes is what its ``__init__`` says: sorted, complete, importable."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("intake", "kg", "recommend", "service", "storage")


def inits() -> list[Path]:
    """The ``__init__`` of every package of ours that declares what it exposes."""
    found = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("__init__.py"))]
    return [path for path in found if "__all__" in path.read_text(encoding="utf-8")]


def module_name(path: Path) -> str:
    return ".".join(path.parent.relative_to(ROOT).parts)


def in_order(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions, as the formatter sorts them."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("path", inits(), ids=module_name)
def test_all_is_sorted_and_names_what_is_public(path: Path) -> None:
    module = import_module(module_name(path))
    defined: set[str] = set()
    imported: set[str] = set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    lazy = [node for block in body if isinstance(block, ast.If) for node in block.body]
    for node in [*body, *lazy]:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
    # A package that holds code of its own may import for its own use; a front door may not.
    defined = {name for name in defined if not name.startswith("_")}
    public = defined if defined else imported
    public = {name for name in public if not name.startswith("_")}

    assert list(module.__all__) == sorted(set(module.__all__), key=in_order)
    assert all(hasattr(module, name) for name in module.__all__)
    assert public <= set(module.__all__)
    if path.parent.parent == ROOT:
        assert set(module.__all__) == public


@pytest.mark.parametrize("path", inits(), ids=module_name)
def test_everything_public_is_documented(path: Path) -> None:
    module = import_module(module_name(path))

    assert module.__doc__
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{module.__name__}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_exposes_and_is_typed(package: str) -> None:
    assert ROOT / package / "__init__.py" in inits()
    assert (ROOT / package / "py.typed").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_has_the_base_of_its_package_and_a_built_in(package: str) -> None:
    path = ROOT / package / "errors.py"
    if not path.exists():
        pytest.skip(f"{package} raises no errors of its own")
    errors = [
        value
        for value in vars(import_module(f"{package}.errors")).values()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__ == f"{package}.errors"
    ]

    base, *others = errors
    assert base.__bases__ == (Exception,)
    for error in others:
        assert issubclass(error, base)
        assert not issubclass(error, KeyError)
        built_in = [b for b in error.__mro__ if b.__module__ == "builtins"]
        assert len(built_in) > len([b for b in base.__mro__ if b.__module__ == "builtins"]), error
