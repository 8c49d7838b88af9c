"""The file of erasures: durable, signed, and seen when it is cut, edited or exchanged."""

import base64
import hashlib
import json
import os
import stat
import uuid
from pathlib import Path

import pytest

from storage.errors import TombstoneError
from storage.keys import KeyRing
from storage.tombstones import NO_DIGEST, Tombstone, Tombstones

PATIENTS = [uuid.UUID(int=number).hex for number in range(1, 5)]
TIMES = [f"2030-01-0{day}T00:00:00.000000+00:00" for day in range(1, 5)]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys" / "ring.json")


@pytest.fixture
def path(tmp_path: Path, ring: KeyRing) -> Path:
    """The file of a store that has erased nobody."""
    file = tmp_path / "keys" / "erasures.log"
    Tombstones.create(file, ring)
    return file


@pytest.fixture
def three(path: Path, ring: KeyRing) -> Tombstones:
    """Three erasures."""
    tombstones = Tombstones.open(path, ring)
    for patient, time in zip(PATIENTS[:3], TIMES, strict=False):
        tombstones.append(patient, time)
    return tombstones


def resigned(ring: KeyRing, **fields: object) -> bytes:
    """A line with these fields and a signature of ``ring``."""
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(ring.sign(b"pharmakon-erasures/1\n" + body)).decode()
    whole = {**fields, "signature": signature}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_a_new_file_knows_of_nobody_and_is_the_owners_alone(path: Path, ring: KeyRing) -> None:
    tombstones = Tombstones.open(path, ring)

    assert (tombstones.count, tombstones.digest, dict(tombstones.ids)) == (0, NO_DIGEST, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_appended_is_read_again(three: Tombstones, path: Path, ring: KeyRing) -> None:
    read = Tombstones.open(path, ring, count=three.count, digest=three.digest)

    assert dict(read.ids) == dict(zip(PATIENTS[:3], TIMES, strict=False))
    assert (read.count, read.digest) == (three.count, three.digest) == (3, three.digest)
    assert read.after(1) == (Tombstone(PATIENTS[1], TIMES[1]), Tombstone(PATIENTS[2], TIMES[2]))


def test_the_digest_is_that_of_the_last_line(three: Tombstones, path: Path) -> None:
    last = path.read_bytes().splitlines(keepends=True)[-1]

    assert three.digest == hashlib.sha256(last).digest()


def test_a_file_that_is_there_is_not_made_anew(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    before = path.read_bytes()

    Tombstones.create(path, ring)

    assert path.read_bytes() == before


def test_a_patient_is_in_the_file_once(three: Tombstones, path: Path) -> None:
    before = path.read_bytes()

    three.append(PATIENTS[1], TIMES[3])

    assert (three.count, path.read_bytes()) == (3, before)


def test_a_plan_says_what_the_file_will_be_and_writes_nothing(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    before = path.read_bytes()

    plan = three.plan([(PATIENTS[3], TIMES[3]), (PATIENTS[0], TIMES[3]), (PATIENTS[3], TIMES[0])])

    assert (path.read_bytes(), three.count) == (before, 3)
    three.write(plan)
    written = Tombstones.open(path, ring, count=plan.count, digest=plan.digest)
    assert dict(written.ids) == dict(zip(PATIENTS, TIMES, strict=True)) == dict(three.ids)
    assert (plan.count, plan.digest) == (three.count, three.digest) == (4, written.digest)


def test_several_erasures_are_written_in_one(path: Path, ring: KeyRing) -> None:
    together, alone = Tombstones.open(path, ring), path.with_name("alone")
    Tombstones.create(alone, ring)

    together.write(together.plan(zip(PATIENTS, TIMES, strict=True)))
    for patient, time in zip(PATIENTS, TIMES, strict=True):
        Tombstones.open(alone, ring).append(patient, time)

    assert path.read_bytes() == alone.read_bytes()


def test_an_empty_plan_touches_nothing(
    three: Tombstones, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = three.plan([(PATIENTS[0], TIMES[0])])
    assert (plan.count, plan.digest, plan.lines) == (3, three.digest, ())
    path.chmod(0o400)
    monkeypatch.setattr(os, "pwrite", None)

    three.write(plan)


def test_a_plan_that_others_have_overtaken_is_not_written(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    plan = three.plan([(PATIENTS[3], TIMES[3])])
    three.append(PATIENTS[3], TIMES[0])
    before = path.read_bytes()

    with pytest.raises(TombstoneError, match="has grown since the erasure was planned"):
        three.write(plan)

    assert path.read_bytes() == before


def test_two_writers_in_turn_build_one_chain(path: Path, ring: KeyRing) -> None:
    first, second = (Tombstones.open(path, ring) for _ in range(2))

    first.append(PATIENTS[0], TIMES[0])
    second.append(PATIENTS[1], TIMES[1])
    first.append(PATIENTS[2], TIMES[2])

    assert list(Tombstones.open(path, ring).ids) == PATIENTS[:3]


def test_an_append_is_on_disk_before_it_returns(
    path: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []

    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))

    Tombstones.open(path, ring).append(PATIENTS[0], TIMES[0])

    assert synced == [path.read_bytes()]


def test_a_write_that_fails_leaves_the_file_usable(
    three: Tombstones, path: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def half(handle: int, data: bytes, offset: int) -> int:
        real(handle, data[: len(data) // 2], offset)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(TombstoneError, match="nobody is erased: No space left"):
        three.append(PATIENTS[3], TIMES[3])
    monkeypatch.undo()

    three.append(PATIENTS[3], TIMES[3])
    assert list(Tombstones.open(path, ring).ids) == PATIENTS


def test_a_last_line_torn_at_any_byte_is_left_out_and_written_over(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    before = Tombstones.open(path, ring).after(0)[:2]

    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        torn = Tombstones.open(path, ring)
        assert torn.after(0) == before
        torn.append(PATIENTS[2], TIMES[2])
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "tail", [bytes(331), bytes(200) + b'ab"}\n', b'{"n":3,' + bytes(60), bytes(9) + b'\n{"n":4}\n']
)
def test_a_tail_of_zeros_after_a_loss_of_power_is_a_torn_line(
    three: Tombstones, path: Path, ring: KeyRing, tail: bytes
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + tail)

    assert Tombstones.open(path, ring, count=3, digest=three.digest).count == 3
    three.append(PATIENTS[3], TIMES[3])
    assert path.read_bytes().startswith(whole + b'{"n":3')
    assert Tombstones.open(path, ring).count == 4


def test_a_line_torn_below_what_the_head_knows_is_not_taken_for_a_crash(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(TombstoneError, match="lists 2 erasures, the signed head knows of 3"):
        Tombstones.open(path, ring, count=3, digest=three.digest)


def test_one_erasure_beyond_the_head_is_told(three: Tombstones, path: Path, ring: KeyRing) -> None:
    head = (three.count, three.digest)
    three.append(PATIENTS[3], TIMES[3])

    ahead = Tombstones.open(path, ring, count=head[0], digest=head[1])

    assert ahead.after(head[0]) == (Tombstone(PATIENTS[3], TIMES[3]),)


def test_every_cut_that_a_head_covers_is_seen(three: Tombstones, path: Path, ring: KeyRing) -> None:
    whole = path.read_bytes()

    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(TombstoneError):
            Tombstones.open(path, ring, count=3, digest=three.digest)


@pytest.mark.parametrize("trusted", [0, 3])
def test_every_changed_byte_is_seen(
    three: Tombstones, path: Path, ring: KeyRing, trusted: int
) -> None:
    whole = path.read_bytes()
    digest = three.digest if trusted else NO_DIGEST
    end = len(whole) if trusted else len(whole) - 1  # without a head, the last line may be torn

    for place in range(0, end, 1 if trusted else 7):  # signatures cost time
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(TombstoneError):
            Tombstones.open(path, ring, count=trusted, digest=digest)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ((0, 2, 3), "erasure 0 in .* does not follow"),
        ((0, 2, 1, 3), "erasure 0 in .* does not follow"),
        ((0, 1, 1, 2, 3), "erasure 1 in .* does not follow"),
        ((1, 2, 3), "is not a file of erasures"),
        ((0, 0, 1), "erasure 0 in .* does not follow"),
        ((), "is empty or cut"),
    ],
)
def test_lines_left_out_or_exchanged_are_seen_without_a_head(
    three: Tombstones, path: Path, ring: KeyRing, order: tuple[int, ...], names: str
) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))

    with pytest.raises(TombstoneError, match=names):
        Tombstones.open(path, ring)


def test_other_erasures_than_the_heads_are_seen(path: Path, ring: KeyRing, tmp_path: Path) -> None:
    empty = path.read_bytes()
    Tombstones.open(path, ring).append(PATIENTS[0], TIMES[0])
    of_head = Tombstones.open(path, ring).digest
    path.write_bytes(empty)
    Tombstones.open(path, ring).append(PATIENTS[1], TIMES[1])  # as if the ring itself forked it

    with pytest.raises(TombstoneError, match="are not those of the signed head"):
        Tombstones.open(path, ring, count=1, digest=of_head)


def test_a_missing_file_is_refused_whatever_the_head_says(path: Path, ring: KeyRing) -> None:
    path.unlink()

    with pytest.raises(TombstoneError, match=r"no file of erasures at .*erasures.log"):
        Tombstones.open(path, ring)


def test_a_file_that_vanishes_or_shrinks_stops_the_next_append(
    three: Tombstones, path: Path, ring: KeyRing
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    with pytest.raises(TombstoneError, match="was cut while the store was open"):
        three.append(PATIENTS[3], TIMES[3])

    path.unlink()
    with pytest.raises(TombstoneError, match="no file of erasures"):
        three.append(PATIENTS[3], TIMES[3])


def test_another_stores_file_is_named_as_such(
    three: Tombstones, path: Path, tmp_path: Path
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    with pytest.raises(TombstoneError, match="is of another store"):
        Tombstones.open(path, other)


def test_a_line_of_another_key_for_this_store_is_refused(
    three: Tombstones, path: Path, ring: KeyRing, tmp_path: Path
) -> None:
    stranger = KeyRing.create(tmp_path / "stranger" / "ring.json")
    body = {
        "n": 3,
        "patient": PATIENTS[3],
        "previous": three.digest.hex(),
        "store": ring.store_id,
        "time": TIMES[3],
    }
    whole = path.read_bytes()
    path.write_bytes(whole + resigned(stranger, **body))
    with pytest.raises(TombstoneError, match=r"erasure 3 .* carries no signature"):
        Tombstones.open(path, ring, count=3, digest=three.digest)

    path.write_bytes(whole + resigned(ring, **body))  # the same line is fine if it is the ring's
    assert Tombstones.open(path, ring).count == 4


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"signature":7}',
        b"\xff\xfe",
        b"[" * 900,
        b'{"a":"' + b"x" * 10_000 + b'"}',
        b'{"n":NaN,"signature":""}',
    ],
)
def test_a_hostile_line_is_refused_by_its_number(
    three: Tombstones, path: Path, ring: KeyRing, line: bytes
) -> None:
    path.write_bytes(path.read_bytes() + line + b"\n")

    with pytest.raises(TombstoneError, match=r"line 5 of .* is damaged|is of another store"):
        Tombstones.open(path, ring, count=3, digest=three.digest)


def test_a_pipe_a_folder_or_a_link_in_its_place_is_refused(path: Path, ring: KeyRing) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    for make in (os.mkfifo, Path.mkdir, lambda place: place.symlink_to(aside)):
        make(path)
        with pytest.raises(TombstoneError, match=r"cannot be read: .*"):
            Tombstones.open(path, ring)
        path.rmdir() if path.is_dir() else path.unlink()


def test_rights_of_others_are_taken_away(path: Path, ring: KeyRing) -> None:
    path.chmod(0o664)

    Tombstones.open(path, ring)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_a_pseudonym_can_be_written(path: Path, ring: KeyRing) -> None:
    before = path.read_bytes()

    with pytest.raises(TombstoneError, match="only a pseudonym") as caught:
        Tombstones.open(path, ring).append("Ada Lovelace", TIMES[0])

    assert "Ada" not in str(caught.value)
    assert path.read_bytes() == before
