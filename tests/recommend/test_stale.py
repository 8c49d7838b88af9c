"""The mark of a stale bundle: bound to one bundle, and no part of it."""

from pathlib import Path

from recommend.bundle import check_target, open_bundle
from recommend.stale import MARK, read_mark, write_mark
from tests.recommend.ward import STACK, ward, ward_bundle

GRAPH = ward()


def test_a_mark_is_read_again_and_changes_nothing_of_the_bundle(tmp_path: Path) -> None:
    bundle = ward_bundle(tmp_path / "bundle", GRAPH)
    assert read_mark(bundle.folder.path, bundle.fingerprint) is None

    write_mark(bundle.folder.path, bundle.fingerprint, "somebody was erased")

    opened = open_bundle(tmp_path / "bundle", GRAPH, verify=True)
    assert opened.stale == bundle.stale == "somebody was erased"
    assert opened.fingerprint == bundle.fingerprint
    check_target(tmp_path / "bundle")


def test_a_mark_says_nothing_of_another_bundle(tmp_path: Path) -> None:
    bundle = ward_bundle(tmp_path / "bundle", GRAPH)
    write_mark(bundle.folder.path, bundle.fingerprint, "somebody was erased")

    other = ward_bundle(tmp_path / "bundle", GRAPH, stack=STACK[::-1])

    assert other.fingerprint != bundle.fingerprint
    assert other.stale is None
    assert read_mark(tmp_path / "bundle", bundle.fingerprint) == "somebody was erased"


def test_where_it_was_read_from_is_no_content(tmp_path: Path) -> None:
    bundle = ward_bundle(tmp_path / "bundle", GRAPH)

    assert bundle.read_from is None
    assert "read_from" not in bundle.card
    assert not (tmp_path / "bundle" / MARK).exists()
