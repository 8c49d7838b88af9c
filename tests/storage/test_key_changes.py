"""A key ring's file, changed: by several processes at once, killed, on a full or failing disk."""

import base64
import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import KeyRing, KeyRingError
from storage.crypto import key_version
from storage.errors import DecryptionError
from storage.keyset import Use
from tests.storage.test_keys import DATA_KEY, PLACE, ROOT, ring_file, rotate, states


def test_a_ring_opened_before_a_change_notices_it(tmp_path: Path, ring: KeyRing) -> None:
    early = KeyRing.open(ring_file(tmp_path))
    rotate(ring)
    rotate(ring, "index")
    rotate(ring, "audit")

    wrapped = ring.wrap(DATA_KEY, context=PLACE)

    assert early.unwrap(wrapped, context=PLACE).export() == DATA_KEY.export()
    assert key_version(early.wrap(DATA_KEY, context=PLACE)) == early.primary_version == 2
    assert early.blind_indexes("a", "b") == ring.blind_indexes("a", "b")
    assert early.is_signed_now(ring.sign(b"head"), b"head")
    assert early.status() == ring.status()


def test_a_key_that_nobody_knows_is_looked_for_and_then_refused(
    tmp_path: Path, ring: KeyRing
) -> None:
    wrapped = bytearray(ring.wrap(DATA_KEY, context=PLACE))
    wrapped[5] = 9

    with pytest.raises(DecryptionError):
        ring.unwrap(bytes(wrapped), context=PLACE)


def test_two_quick_changes_are_both_noticed(tmp_path: Path, ring: KeyRing) -> None:
    early = KeyRing.open(ring_file(tmp_path))
    for _ in range(20):
        version = rotate(ring)

        assert early.primary_version == version


def test_a_change_is_noticed_also_where_the_clock_went_back(tmp_path: Path, ring: KeyRing) -> None:
    future = 2**62
    os.utime(ring_file(tmp_path), ns=(future, future))
    early = KeyRing.open(ring_file(tmp_path))

    for _ in range(3):
        before = ring_file(tmp_path).stat().st_mtime_ns
        version = rotate(ring)

        assert ring_file(tmp_path).stat().st_mtime_ns > before >= future
        assert early.primary_version == version


def test_a_ring_that_is_gone_or_another_stores_wraps_and_signs_nothing(
    tmp_path: Path, ring: KeyRing
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")
    kept = ring_file(tmp_path).rename(tmp_path / "kept")
    with pytest.raises(KeyRingError, match="put it back"):
        ring.wrap(DATA_KEY, context=PLACE)
    with pytest.raises(KeyRingError, match="put it back"):
        ring.sign(b"head")

    (other.folder / "ring.json").rename(ring_file(tmp_path))
    with pytest.raises(KeyRingError, match="ring of store"):
        ring.wrap(DATA_KEY, context=PLACE)

    kept.replace(ring_file(tmp_path))
    assert ring.sign(b"head")


def test_an_older_copy_of_the_file_is_neither_used_nor_built_upon(
    tmp_path: Path, ring: KeyRing
) -> None:
    copies = [ring_file(tmp_path).read_bytes()]
    version = ring.add_key()
    copies.append(ring_file(tmp_path).read_bytes())
    ring.make_primary(version)
    for old in copies:
        ring_file(tmp_path).write_bytes(old)

        with pytest.raises(KeyRingError, match="older copy"):
            ring.wrap(DATA_KEY, context=PLACE)
        with pytest.raises(KeyRingError, match="older copy"):
            ring.add_key()
        assert ring_file(tmp_path).read_bytes() == old


@pytest.mark.parametrize("use", ["wrap", "index", "audit"])
def test_a_key_that_the_disk_gives_back_wrong_is_never_primary(
    tmp_path: Path, ring: KeyRing, use: Use
) -> None:
    version = ring.add_key(use)
    document = json.loads(ring_file(tmp_path).read_text())
    pending = document["keys"][use][1]
    pending["key"] = base64.b64encode(bytes(32)).decode()
    if use == "audit":
        private = owner_public(bytes(32))
        pending["public"] = base64.b64encode(private).decode()
    ring_file(tmp_path).write_text(json.dumps(document))

    with pytest.raises(KeyRingError, match=f"{use} key {version} is not the same"):
        ring.make_primary(version, use, n_entries=10 if use == "audit" else None)
    assert json.loads(ring_file(tmp_path).read_text()) == document


def owner_public(raw: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def test_a_full_disk_leaves_the_old_ring_whole(
    tmp_path: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ring_file(tmp_path).read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(KeyRingError, match="cannot be changed: No space left"):
            ring.add_key()

    assert ring_file(tmp_path).read_bytes() == before
    assert os.listdir(ring.folder) == ["ring.json"]
    assert rotate(ring) == 2


def test_what_a_killed_change_left_is_removed_by_the_next(tmp_path: Path, ring: KeyRing) -> None:
    draft = ring.folder / ".ring.json.0123456789abcdef"
    draft.write_text("keys")
    other = ring.folder / ".ring.json.notes"
    other.write_text("mine")

    ring.add_key()

    assert not draft.exists()
    assert other.exists()


def test_a_change_goes_through_a_link(tmp_path: Path, ring: KeyRing) -> None:
    link = tmp_path / "mounted" / "link.json"
    link.parent.mkdir(mode=0o700)
    link.symlink_to(ring_file(tmp_path))

    rotate(KeyRing.open(link))

    assert link.is_symlink()
    assert ring.primary_version == 2


CHANGER = """
import sys
from pathlib import Path
from storage import KeyRing

ring = KeyRing.open(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    ring.destroy(ring.add_key(sys.argv[3]), sys.argv[3])
"""


def test_processes_that_change_the_ring_at_once_lose_no_change(
    tmp_path: Path, ring: KeyRing
) -> None:
    changers = [
        subprocess.Popen(
            [sys.executable, "-c", CHANGER, str(ring_file(tmp_path)), "8", use],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for use in ("wrap", "index", "audit")
    ]  # fmt: skip
    for changer in changers:
        assert changer.stdout is not None
        assert changer.stdout.readline() == "ready\n"
    for changer in changers:
        changer.communicate("\n", timeout=60)
        assert changer.returncode == 0

    assert [len(states(ring, use)) for use in ("wrap", "index", "audit")] == [9] * 3
    assert json.loads(ring_file(tmp_path).read_text())["revision"] == 1 + 2 * 3 * 8


def test_threads_that_change_one_ring_at_once_lose_no_change(ring: KeyRing) -> None:
    uses: list[Use] = ["wrap", "index", "audit"]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(5):
            for done in [pool.submit(rotate, ring, use) for use in uses]:
                done.result()

    assert [len(states(ring, use)) for use in uses] == [6] * 3


KILLED = """
import os, sys
from pathlib import Path
from storage import KeyRing, owner_only

path = Path(sys.argv[1])
untouched = path.read_bytes()

def killing(name, at):
    really = getattr(os, name)
    def call(*arguments, **options):
        at[0] -= 1
        if at[0] == 0:
            os.kill(os.getpid(), 9)
        return really(*arguments, **options)
    setattr(owner_only.os, name, call)

for step in range(1, 200):
    path.write_bytes(untouched)
    child = os.fork()
    if child == 0:
        ring = KeyRing.open(path)
        at = [step]
        for name in ("open", "utime", "fsync", "replace", "rename", "unlink", "close"):
            killing(name, at)
        ring.make_primary(ring.add_key())
        ring.retire(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    KeyRing.open(path)
    print(*[key.state for key in KeyRing.open(path).status() if key.use == "wrap"])
    if status == 0:
        break
    assert status == 9, status
"""


def test_a_change_killed_at_any_call_leaves_a_whole_ring(tmp_path: Path, ring: KeyRing) -> None:
    wrapped = ring.wrap(DATA_KEY, context=PLACE)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(ring_file(tmp_path))],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert killed.returncode == 0, killed.stderr
    seen = killed.stdout.splitlines()
    assert len(seen) > 30
    assert list(dict.fromkeys(seen)) == [
        "primary", "primary pending", "outgoing primary", "retired primary"
    ]  # fmt: skip
    assert KeyRing.open(ring_file(tmp_path)).unwrap(wrapped, context=PLACE)
