"""``check`` finds an edited manifest, a link, and counts of types that the files do not have."""

import json
from pathlib import Path

import pytest

from kg.errors import FolderError
from kg.export import FORMATS, check, export
from kg.selection import Selection, Subset, select
from tests.kg.exported import hard_graph
from tests.kg.test_export_check import reseal


@pytest.fixture(scope="module")
def subset() -> Subset:
    return select(hard_graph(), Selection())


@pytest.fixture
def out(subset: Subset, tmp_path: Path) -> Path:
    """An export in all formats."""
    export(subset, FORMATS, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("graph", "0" * 64),
        ("program", "9.9"),
        ("selection", {}),
        ("sources", ["infores:test"]),
        ("licences", ["CC0-1.0"]),
        ("built_from", {}),
        ("formats", [name for name in FORMATS if name != "neo4j"]),
        ("nodes", {"Disease": 4, "Drug": 2, "Gene": 1}),
        ("note", "checked by hand"),
    ],
)
def test_a_manifest_that_was_edited_is_found(out: Path, key: str, value: object) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest.get(key) != value
    (out / "manifest.json").write_text(json.dumps(manifest | {key: value}))

    with pytest.raises(FolderError, match=r"manifest\.json was changed: its contents have SHA-256"):
        check(out)


def test_a_manifest_without_its_own_checksum_is_refused(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["manifest_sha256"]
    (out / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(FolderError, match="'manifest_sha256' is missing or malformed"):
        check(out)


def test_a_manifest_that_is_only_laid_out_otherwise_passes(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    turned = dict(reversed(manifest.items()))
    (out / "manifest.json").write_text(json.dumps(turned, indent=4))

    assert check(out) == manifest


@pytest.mark.parametrize("name", ["nodes.tsv", "manifest.json"])
def test_a_file_that_became_a_link_is_refused(out: Path, name: str, tmp_path: Path) -> None:
    (out / name).rename(tmp_path / name)
    (out / name).symlink_to(tmp_path / name)

    with pytest.raises(FolderError, match=rf"{name} is a link"):
        check(out)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_compared_type_by_type_as_far_as_it_says_types(
    subset: Subset, tmp_path: Path, name: str
) -> None:
    """The sums are right and the types are not: what a slip of a writer would look like."""
    manifest = export(subset, name, tmp_path / "out")
    edges = {**manifest["edges"], "Drug-treats-Disease": 1, "Drug-binds-Gene": 2}
    nodes = {"Disease": 3, "Drug": 3, "Gene": 1}

    reseal(tmp_path / "out", edges=edges)
    with pytest.raises(FolderError, match=f"{name}: .*treats.*not 1"):
        check(tmp_path / "out")
    reseal(tmp_path / "out", edges=manifest["edges"], nodes=nodes)
    if name in ("nt", "sif", "turtle"):
        assert check(tmp_path / "out")["nodes"] == nodes  # these name no types of ours
    else:
        with pytest.raises(FolderError, match=f"{name}: 4 nodes of the type Drug, not 3"):
            check(tmp_path / "out")
