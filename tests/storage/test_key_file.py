"""The key ring's file: where it may lie, and what is taken for one."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from storage import KeyRing, KeyRingError


def ring_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ring.json"


def test_a_ring_is_made_for_its_owner_only(tmp_path: Path, ring: KeyRing) -> None:
    path = ring_file(tmp_path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["ring.json"]


def test_a_ring_opens_as_it_was_made(tmp_path: Path, ring: KeyRing) -> None:
    again = KeyRing.open(ring_file(tmp_path))

    assert again.store_id == ring.store_id
    assert again.status() == ring.status()
    assert again.is_signed(ring.sign(b"head"), b"head")
    assert again.blind_index("a", "b") == ring.blind_index("a", "b")


def test_a_ring_is_never_overwritten(tmp_path: Path, ring: KeyRing) -> None:
    before = ring_file(tmp_path).read_bytes()

    with pytest.raises(KeyRingError, match="never overwritten"):
        KeyRing.create(ring_file(tmp_path))
    assert ring_file(tmp_path).read_bytes() == before


def test_a_missing_ring_says_so(tmp_path: Path, ring: KeyRing) -> None:
    with pytest.raises(KeyRingError, match="no key ring"):
        KeyRing.open(ring_file(tmp_path).with_name("other.json"))
    with pytest.raises(KeyRingError, match="does not exist"):
        KeyRing.open(tmp_path / "nowhere" / "ring.json")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_ring_that_others_can_use_is_refused(tmp_path: Path, ring: KeyRing, mode: int) -> None:
    ring_file(tmp_path).chmod(mode)

    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing.open(ring_file(tmp_path))


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_ring_in_a_folder_that_others_can_write_is_refused(
    tmp_path: Path, ring: KeyRing, mode: int
) -> None:
    ring_file(tmp_path).parent.chmod(mode)

    with pytest.raises(KeyRingError, match="chmod 700"):
        KeyRing.open(ring_file(tmp_path))
    with pytest.raises(KeyRingError, match="chmod 700"):
        KeyRing.create(ring_file(tmp_path).with_name("second.json"))
    assert os.listdir(ring_file(tmp_path).parent) == ["ring.json"]


def test_a_ring_of_another_user_is_refused(
    tmp_path: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: ring_file(tmp_path).stat().st_uid + 1)

    with pytest.raises(KeyRingError, match="another user"):
        KeyRing.open(ring_file(tmp_path))


def test_a_link_to_a_ring_is_followed_where_the_ring_is_safe(tmp_path: Path, ring: KeyRing) -> None:
    link = tmp_path / "mounted" / "link.json"
    link.parent.mkdir(mode=0o700)
    link.symlink_to(ring_file(tmp_path))

    assert KeyRing.open(link).store_id == ring.store_id
    ring_file(tmp_path).parent.chmod(0o702)
    with pytest.raises(KeyRingError, match="chmod 700"):
        KeyRing.open(link)
    ring_file(tmp_path).parent.chmod(0o700)
    ring_file(tmp_path).chmod(0o640)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing.open(link)


def test_links_in_a_circle_or_to_nothing_are_no_ring(tmp_path: Path, ring: KeyRing) -> None:
    circle, nothing = (ring_file(tmp_path).with_name(name) for name in ("circle", "nothing"))
    circle.symlink_to(circle)
    nothing.symlink_to(tmp_path / "keys" / "nowhere.json")

    with pytest.raises(KeyRingError, match="form a circle"):
        KeyRing.open(circle)
    with pytest.raises(KeyRingError, match="no key ring"):
        KeyRing.open(nothing)


def test_a_folder_or_a_pipe_is_no_ring(tmp_path: Path, ring: KeyRing) -> None:
    folder = ring_file(tmp_path).with_name("folder")
    folder.mkdir()
    pipe = ring_file(tmp_path).with_name("pipe")
    os.mkfifo(pipe, 0o600)

    for path in (folder, pipe):
        with pytest.raises(KeyRingError):
            KeyRing.open(path)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"null", b"\xff\xfe", b'{"format": "x"}'])
def test_another_file_is_not_taken_for_a_ring(tmp_path: Path, ring: KeyRing, text: bytes) -> None:
    ring_file(tmp_path).write_bytes(text)

    with pytest.raises(KeyRingError, match="not a key ring"):
        KeyRing.open(ring_file(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": "1"},
        {"version": True},
        {"version": 2**32},
        {"state": "pending"},
        {"state": "unknown"},
        {"state": "destroyed"},
        {"key": None},
        {"key": "!"},
        {"key": base64.b64encode(bytes(31)).decode()},
        {"key": 7},
    ],
)
@pytest.mark.parametrize("use", ["wrap", "index", "audit"])
def test_a_damaged_key_is_refused_without_quoting_it(
    tmp_path: Path, ring: KeyRing, use: str, change: dict[str, Any]
) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    secret = document["keys"][use][0]["key"]
    document["keys"][use][0] |= change
    ring_file(tmp_path).write_text(json.dumps(document))

    with pytest.raises(KeyRingError, match="damaged") as caught:
        KeyRing.open(ring_file(tmp_path))
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"store": "no-uuid"},
        {"revision": 0},
        {"revision": "1"},
        {"keys": None},
        {"keys": {}},
        {"keys": {"wrap": [], "index": [], "audit": []}},
    ],
)
def test_a_damaged_ring_is_refused(tmp_path: Path, ring: KeyRing, change: dict[str, Any]) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    ring_file(tmp_path).write_text(json.dumps(document | change))

    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(ring_file(tmp_path))


def test_keys_in_the_wrong_number_or_order_are_refused(tmp_path: Path, ring: KeyRing) -> None:
    ring.add_key()
    document = json.loads(ring_file(tmp_path).read_text())
    one, two = document["keys"]["wrap"]
    for keys in ([two, one], [one, one], [one, {**two, "state": "primary"}], [two]):
        document["keys"]["wrap"] = keys
        ring_file(tmp_path).write_text(json.dumps(document))

        with pytest.raises(KeyRingError, match="damaged"):
            KeyRing.open(ring_file(tmp_path))


def test_an_audit_key_with_another_public_half_is_refused(tmp_path: Path, ring: KeyRing) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")
    document = json.loads(ring_file(tmp_path).read_text())
    public = base64.b64encode(other.audit_public_key.public_bytes_raw()).decode()
    document["keys"]["audit"][0]["public"] = public
    ring_file(tmp_path).write_text(json.dumps(document))

    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(ring_file(tmp_path))


def test_an_unknown_ring_version_is_refused_by_name(tmp_path: Path, ring: KeyRing) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    ring_file(tmp_path).write_text(json.dumps(document | {"version": 9}))

    with pytest.raises(KeyRingError, match="version 9"):
        KeyRing.open(ring_file(tmp_path))


BLIND_OF_VERSION_1 = "b4c0dd8e3642bb989e35515f18fb30844f3d05b35576fddd5d4e96a29da14dd9"
VERSION_1: dict[str, Any] = {
    "format": "pharmakon-key-ring",
    "version": 1,
    "store": "6ddab51da96e4ad3bbbfa447bdc2310b",
    "primary": 2,
    "key_encryption_keys": [
        {"version": 1, "created": "2030-01-01", "key": base64.b64encode(bytes(32)).decode()},
        {"version": 2, "created": "2031-01-01", "key": base64.b64encode(b"2" * 32).decode()},
    ],
    "index_key": base64.b64encode(b"i" * 32).decode(),
    "audit_key": base64.b64encode(b"a" * 32).decode(),
}


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    path = tmp_path / "old" / "ring.json"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps(VERSION_1))
    return path


def test_a_ring_of_version_1_opens_with_what_its_keys_did(version_1: Path) -> None:
    old = KeyRing.open(version_1)

    assert [(key.use, key.version, key.state) for key in old.status()] == [
        ("wrap", 1, "outgoing"),
        ("wrap", 2, "primary"),
        ("index", 1, "primary"),
        ("audit", 1, "primary"),
    ]
    # Computed once with the code of version 1.
    assert old.blind_index("urn:hospital", "MRN-0").hex() == BLIND_OF_VERSION_1
    assert json.loads(version_1.read_text())["version"] == 1


def test_a_ring_of_version_1_becomes_one_of_version_2_when_it_is_changed(version_1: Path) -> None:
    old = KeyRing.open(version_1)
    before = old.blind_index("urn:hospital", "MRN-0")

    old.make_primary(old.add_key("index"), "index")

    again = KeyRing.open(version_1)
    assert json.loads(version_1.read_text())["version"] == 2
    assert again.blind_indexes("urn:hospital", "MRN-0")[1] == before
    assert again.blind_index("urn:hospital", "MRN-0")[:4] == b"\0\0\0\2"
    assert again.is_signed(old.sign(b"head"), b"head")


@pytest.mark.parametrize(
    "change",
    [
        {"primary": 3},
        {"index_key": base64.b64encode(bytes(31)).decode()},
        {"audit_key": "!"},
        {"audit_key": None},
        {"key_encryption_keys": []},
    ],
)
def test_a_damaged_ring_of_version_1_is_refused(version_1: Path, change: dict[str, Any]) -> None:
    version_1.write_text(json.dumps(VERSION_1 | change))

    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(version_1)
