"""The key ring's file, and what the ring lets out."""

import base64
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from storage import KeyRing, KeyRingError
from storage.crypto import AeadKey, Context, key_version
from storage.errors import DecryptionError
from tests.storage.stores import add_key

PLACE = Context("store", "patient", "wrapped_key", "p", "p", 1, 1)


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
        {"store": "no-uuid"},
        {"primary": 2},
        {"index_key": base64.b64encode(bytes(31)).decode()},
        {"audit_key": "!"},
        {"audit_key": None},
        {"key_encryption_keys": []},
        {"key_encryption_keys": [{"version": 1, "created": "", "key": "AA=="}]},
    ],
)
def test_a_damaged_ring_is_refused_without_quoting_it(
    tmp_path: Path, ring: KeyRing, change: dict[str, Any]
) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    secret = document["audit_key"]
    ring_file(tmp_path).write_text(json.dumps(document | change))

    with pytest.raises(KeyRingError, match="damaged") as caught:
        KeyRing.open(ring_file(tmp_path))
    assert secret not in str(caught.value)


def test_an_unknown_ring_version_is_refused_by_name(tmp_path: Path, ring: KeyRing) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    ring_file(tmp_path).write_text(json.dumps(document | {"version": 9}))

    with pytest.raises(KeyRingError, match="version 9"):
        KeyRing.open(ring_file(tmp_path))


def test_a_ring_shows_no_key_and_does_not_leave_the_process(tmp_path: Path, ring: KeyRing) -> None:
    document = json.loads(ring_file(tmp_path).read_text())
    shown = repr(ring) + str(ring.status())

    for key in (document["index_key"], document["audit_key"]):
        assert key not in shown
        assert base64.b64decode(key).hex() not in shown
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ring)


def test_a_data_key_is_wrapped_for_its_patient_only(ring: KeyRing) -> None:
    wrapped = ring.wrap(AeadKey.generate(version=1), context=PLACE)

    with pytest.raises(DecryptionError):
        ring.unwrap(wrapped, context=PLACE._replace(row="q", patient="q"))


def test_another_ring_unwraps_nothing(tmp_path: Path, ring: KeyRing) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    with pytest.raises(DecryptionError):
        other.unwrap(ring.wrap(AeadKey.generate(version=1), context=PLACE), context=PLACE)


def test_a_rewrapped_data_key_is_the_same_key_under_the_new_primary(
    tmp_path: Path, ring: KeyRing
) -> None:
    data_key = AeadKey.generate(version=1)
    sealed = data_key.seal(b"plain", context=PLACE)
    old = ring.wrap(data_key, context=PLACE)
    rotated = add_key(ring_file(tmp_path))

    new = rotated.rewrap(old, context=PLACE)

    assert (key_version(old), key_version(new)) == (1, 2)
    assert rotated.unwrap(new, context=PLACE).open(sealed, context=PLACE) == b"plain"
    assert [(key.version, key.primary) for key in rotated.status()] == [(1, False), (2, True)]
    with pytest.raises(DecryptionError):
        ring.unwrap(new, context=PLACE)


def test_blind_indexes_are_equal_only_for_the_same_identifier_under_one_ring(
    tmp_path: Path, ring: KeyRing
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    assert ring.blind_index("ab", "c") == ring.blind_index("ab", "c")
    assert ring.blind_index("ab", "c") != ring.blind_index("a", "bc")
    assert ring.blind_index("ab", "c") != other.blind_index("ab", "c")
