"""The archive of guidelines: read in memory, bounded, and never a way out of its folder."""

import gzip
import tarfile
from pathlib import Path

import pytest

from kg.builder import build
from kg.errors import SourceError
from kg.sources.pharmacogenomics import Pharmacogenomics
from tests.kg.test_source_pharmacogenomics import (
    ARCHIVE,
    NODES,
    advice,
    guidance,
    guideline,
    pack,
)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"guideline":1}']
)
def test_a_member_that_is_no_guideline_fails_by_its_name(tmp_path: Path, content: bytes) -> None:
    pack(tmp_path, {"guidelines/odd.json": content})

    with pytest.raises(SourceError, match=r"odd\.json: not a guideline"):
        build([NODES, Pharmacogenomics(tmp_path)])


def test_an_archive_writes_nothing_wherever_its_members_point(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    good = guideline(advice({"CYP2C19": "Poor Metabolizer"}))
    pack(inside, {"../../escaped.json": good, "/tmp/escaped.json": good})

    result = build([NODES, Pharmacogenomics(inside)])

    assert len(guidance(result)) == 1
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inside", ARCHIVE]


def test_links_devices_and_too_much_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo("a.json")
            member.type, member.linkname = kind, "/etc/hostname"
            archive.addfile(member)
    with pytest.raises(SourceError, match="there is no guideline in it"):
        build([NODES, Pharmacogenomics(tmp_path)])

    pack(tmp_path, {"a.json": b" " * 100})
    monkeypatch.setattr("kg.sources.pharmacogenomics._MOST_BYTES", 99)
    with pytest.raises(SourceError, match="one of more than 99 bytes"):
        build([NODES, Pharmacogenomics(tmp_path)])
    monkeypatch.setattr("kg.sources.pharmacogenomics._MOST_FILES", 0)
    with pytest.raises(SourceError, match="more than 0 files"):
        build([NODES, Pharmacogenomics(tmp_path)])


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"not a tar" * 200)])
def test_what_is_no_archive_fails_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ARCHIVE).write_bytes(content)

    with pytest.raises(SourceError, match=r"^pharmcat-guidelines-2024-05-29\.tar\.gz: "):
        build([NODES, Pharmacogenomics(tmp_path)])
