"""What protects a ring's secrets: each provider, and each way in which it can fail."""

import base64
import errno
import inspect
import json
import os
import pickle
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import KeyRing, KeyRingError, providers
from storage.keyfile import provider_of
from storage.providers import Command, Environment, FileRights, KeyProvider, Passphrase

WORDS = "correct horse battery staple"
KEY = base64.b64encode(bytes(range(32))).decode()
# Turns the key's digits about, which is enough to be told from the key; "wrap" twice gives it back.
SCRIPT = """#!{python}
import base64, sys
verb, line = sys.argv[-1], sys.stdin.read()
raw = base64.b64decode(line)
if verb not in ("wrap", "unwrap"):
    sys.exit("no such verb")
print(" " + base64.b64encode(raw[::-1]).decode())
print("a note that shows", line, file=sys.stderr)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return script(tmp_path / "program", SCRIPT.format(python=sys.executable))


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path


@pytest.fixture(params=["file", "passphrase", "environment", "command"])
def provider(request: pytest.FixtureRequest, program: Path) -> KeyProvider:
    providers: dict[str, KeyProvider] = {
        "file": FileRights(),
        "passphrase": Passphrase(WORDS),
        "environment": Environment(KEY),
        "command": Command([str(program), "--option"]),
    }
    return providers[request.param]


def path_of(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ring.json"


def secrets_of(ring: KeyRing) -> list[str]:
    """Every key of the ring, and the key that seals its file, in the forms that text may show."""
    keys = [key.raw for keys in ring._live.contents.keys.values() for key in keys]
    seal = ring._live.contents.seal
    keys.append(None if seal is None else seal.export())
    return [form for raw in keys if raw is not None for form in forms(raw)]


def forms(raw: bytes) -> tuple[str, ...]:
    return base64.b64encode(raw).decode(), raw.hex(), repr(raw), repr(raw)[2:-1]


def everything_shown(error: BaseException) -> str:
    """The error, what caused it, and every local name of every frame but this file's."""
    shown = repr(error) + repr(vars(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename != __file__:
            shown += repr(frame.f_locals)
    for other in (error.__cause__, error.__context__):  # the context also where it is hidden
        shown += "" if other is None else everything_shown(other)
    return shown


def test_a_ring_opens_with_what_it_was_made_with(tmp_path: Path, provider: KeyProvider) -> None:
    ring = KeyRing.create(path_of(tmp_path), provider=provider)
    ring.make_primary(ring.add_key())

    again = KeyRing.open(path_of(tmp_path), provider=provider)

    assert again.status() == ring.status()
    assert again.is_signed_now(ring.sign(b"head"), b"head")
    assert provider_of(path_of(tmp_path)) == provider.name
    assert stat.S_IMODE(path_of(tmp_path).stat().st_mode) == 0o600


def test_only_the_default_leaves_keys_in_the_file(tmp_path: Path, provider: KeyProvider) -> None:
    ring = KeyRing.create(path_of(tmp_path), provider=provider)
    ring.add_key()

    text = path_of(tmp_path).read_text()

    is_clear = [form in text for form in secrets_of(ring)]
    assert any(is_clear) == (provider.name == "file")


@pytest.mark.parametrize("provider", ["passphrase", "environment", "command"], indirect=True)
def test_every_field_in_clear_is_sealed_with_the_keys(
    tmp_path: Path, provider: KeyProvider
) -> None:
    ring = KeyRing.create(path_of(tmp_path), provider=provider)
    document = json.loads(path_of(tmp_path).read_text())
    sealed = bytearray(base64.b64decode(document["sealed"]))
    sealed[-1] ^= 1
    changes = [
        {"store": "0" * 32},
        {"revision": 2},
        {"provider": {**document["provider"], "more": 1}},
        {"sealed": base64.b64encode(sealed).decode()},
    ]
    for change in changes:
        path_of(tmp_path).write_text(json.dumps(document | change))

        with pytest.raises(KeyRingError, match="does not open") as caught:
            KeyRing.open(path_of(tmp_path), provider=provider)
        shown = everything_shown(caught.value)
        assert not [form for form in secrets_of(ring) if form in shown]


@pytest.mark.parametrize("sealed", [None, "", "!", 7])
def test_a_sealed_ring_without_its_seal_is_damaged(tmp_path: Path, sealed: object) -> None:
    KeyRing.create(path_of(tmp_path), provider=Environment(KEY))
    document = json.loads(path_of(tmp_path).read_text())
    path_of(tmp_path).write_text(json.dumps(document | {"sealed": sealed}))

    with pytest.raises(KeyRingError, match=r"damaged|does not open"):
        KeyRing.open(path_of(tmp_path), provider=Environment(KEY))


def wrong(program: Path) -> Iterator[tuple[KeyProvider, KeyProvider, str]]:
    """(what a ring was made with, what it is opened with, what is said)."""
    other = base64.b64encode(bytes(32)).decode()
    folder = program.parent
    silent = script(folder / "silent", "#!/bin/sh\n")
    failing = script(folder / "failing", "#!/bin/sh\ncat\nexit 3\n")
    slow = script(folder / "slow", "#!/bin/sh\ncat\nexec 1>&-\nsleep 60\n")
    endless = script(folder / "endless", "#!/bin/sh\nhead -c 100000 /dev/zero\n")
    flood = script(folder / "flood", "#!/bin/sh\nhead -c 100000 /dev/zero\nexec sleep 60\n")
    echo = script(folder / "echo", "#!/bin/sh\ncat\n")
    yield Passphrase(WORDS), Passphrase(WORDS + "!"), "a passphrase is not the one"
    yield Passphrase(WORDS), Passphrase(None), "PHARMAKON_PASSPHRASE"
    yield Passphrase(WORDS), Passphrase("\udcff" * 20), "a passphrase is not the one"
    yield Environment(KEY), Environment(None), "PHARMAKON_KEY, which is not set: set it to the key"
    yield Environment(KEY), Environment(KEY[:-5]), "is not 32 bytes in base64"
    yield Environment(KEY), Environment(KEY[:20] + "é" + KEY[20:]), "is not 32 bytes in base64"
    yield Environment(KEY), Environment(None, variable="OTHER"), "OTHER, which is not set"
    yield Environment(KEY), Environment(other), "a key in the environment is not the one"
    made = Command([str(program)])
    yield made, Command(None), "PHARMAKON_KEY_COMMAND"
    yield made, Command([str(folder / "none")]), "cannot be started"
    yield made, Command(["a\0b"]), "cannot be started"
    yield made, Command([str(silent)]), "did not print one line of base64 of 32 bytes"
    yield made, Command([str(failing)]), "ended with status 3"
    yield made, Command([str(slow)], seconds=0.1), "did not end within 0.1 seconds"
    yield made, Command([str(endless)]), "printed more than 65536 bytes"
    # It is stopped as soon as it has printed too much, long before its time is up.
    yield made, Command([str(flood)], seconds=5), "printed more than 65536 bytes"
    yield made, Command([str(echo)]), "a key command is not the one"
    yield Passphrase(WORDS), FileRights(), "by a passphrase, not by the rights of its file"
    yield FileRights(), Passphrase(WORDS), "by the rights of its file, not by a passphrase"


def test_what_cannot_open_a_ring_says_what_to_do_and_shows_no_key(
    tmp_path: Path, program: Path
) -> None:
    rings = {}
    for number, (made, opened, said) in enumerate(wrong(program)):
        path = tmp_path / f"keys-{made.name}" / "ring.json"
        if made.name not in rings:
            rings[made.name] = KeyRing.create(path, provider=made)

        with pytest.raises(KeyRingError) as caught:
            KeyRing.open(path, provider=opened)

        assert said in str(caught.value), number
        hidden = [*secrets_of(rings[made.name]), WORDS, KEY]
        shown = everything_shown(caught.value)
        assert not [form for form in hidden if form in shown], number


def test_what_cannot_protect_a_ring_makes_none(tmp_path: Path, program: Path) -> None:
    silent = script(tmp_path / "silent", "#!/bin/sh\n")
    for provider, said in (
        (Passphrase("fourteen chars"), "at least 15 characters, not 14"),
        (Passphrase(""), "PHARMAKON_PASSPHRASE"),
        (Environment("AAAA"), "not 32 bytes"),
        (Command([str(silent)]), "printed no line of base64"),
        (Command([]), "PHARMAKON_KEY_COMMAND"),
    ):
        with pytest.raises(KeyRingError, match=said):
            KeyRing.create(path_of(tmp_path), provider=provider)
    assert not path_of(tmp_path).exists()


def test_a_taken_place_is_refused_before_a_command_is_asked(tmp_path: Path) -> None:
    KeyRing.create(path_of(tmp_path))
    asked = tmp_path / "asked"
    program = script(tmp_path / "program", f"#!/bin/sh\ntouch {asked}\n")

    with pytest.raises(KeyRingError, match="never overwritten"):
        KeyRing.create(path_of(tmp_path), provider=Command([str(program)]))
    assert not asked.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"function": "argon2d"},
        {"iterations": 1},
        {"iterations": True},
        {"iterations": 10**9},
        {"memory_kib": 8},
        {"memory_kib": 2**40},
        {"memory_kib": "65536"},
        {"lanes": 0},
        {"salt": "AAAA"},
        {"salt": "!"},
        {"salt": None},
    ],
)
def test_costs_that_were_weakened_or_blown_up_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    KeyRing.create(path_of(tmp_path), provider=Environment(KEY))
    document = json.loads(path_of(tmp_path).read_text())
    good = {
        "name": "passphrase",
        "function": "argon2id",
        "salt": base64.b64encode(bytes(16)).decode(),
        "iterations": 3,
        "lanes": 4,
        "memory_kib": 65536,
    }
    path_of(tmp_path).write_text(json.dumps(document | {"provider": good | change}))

    with pytest.raises(KeyRingError, match="costs of the passphrase"):
        KeyRing.open(path_of(tmp_path), provider=Passphrase(WORDS))


def test_the_costs_are_those_that_rfc_9106_recommends(tmp_path: Path) -> None:
    """RFC 9106, section 4, second option: t=3, p=4, m=64 MiB, 128 bits of salt."""
    KeyRing.create(path_of(tmp_path), provider=Passphrase(WORDS))
    parameters = json.loads(path_of(tmp_path).read_text())["provider"]

    salt = base64.b64decode(parameters.pop("salt"))

    assert len(salt) == 16
    assert parameters == {
        "name": "passphrase",
        "function": "argon2id",
        "iterations": 3,
        "lanes": 4,
        "memory_kib": 65536,
    }


def test_a_passphrase_is_the_same_from_any_keyboard(tmp_path: Path) -> None:
    KeyRing.create(path_of(tmp_path), provider=Passphrase("größter Schlüssel"))

    decomposed = "gro\u0308\u00dfter Schlu\u0308ssel"

    KeyRing.open(path_of(tmp_path), provider=Passphrase(decomposed))


def test_one_passphrase_gives_two_rings_different_keys(tmp_path: Path) -> None:
    one, other = (
        KeyRing.create(tmp_path / name / "ring.json", provider=Passphrase(WORDS))
        for name in ("one", "other")
    )

    assert secrets_of(one)[-1] != secrets_of(other)[-1]


def test_a_command_gets_its_verb_last_and_no_shell(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    text = f"#!{sys.executable}\nimport sys\nopen({str(seen)!r}, 'a').write(repr(sys.argv[1:]))\n"
    program = script(tmp_path / "pro gram", text + "print(sys.stdin.read())\n")

    ring = KeyRing.create(path_of(tmp_path), provider=Command([str(program), "a b", "$HOME;x"]))

    assert seen.read_text() == "['a b', '$HOME;x', 'wrap']['a b', '$HOME;x', 'unwrap']"
    assert ring.primary_version == 1


def test_a_command_wraps_once_however_often_the_ring_changes(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = script(tmp_path / "program", f'#!/bin/sh\necho "$1" >> {seen}\ncat\n')
    ring = KeyRing.create(path_of(tmp_path), provider=Command([str(program)]))

    ring.make_primary(ring.add_key())

    assert seen.read_text().split().count("wrap") == 1


def test_what_protects_a_ring_can_be_exchanged(tmp_path: Path, provider: KeyProvider) -> None:
    ring = KeyRing.create(path_of(tmp_path))
    in_clear = secrets_of(ring)
    head = ring.sign(b"head")

    ring.protect(provider)

    again = KeyRing.open(path_of(tmp_path), provider=provider)
    assert again.is_signed_now(head, b"head")
    assert ring.sign(b"head") == head
    if provider.name != "file":
        text = "".join(file.read_text() for file in path_of(tmp_path).parent.iterdir())
        assert not [form for form in in_clear if form in text]
        with pytest.raises(KeyRingError, match="not by the rights of its file"):
            KeyRing.open(path_of(tmp_path))
    again.protect(FileRights())
    assert KeyRing.open(path_of(tmp_path)).sign(b"head") == head


def test_a_passphrase_can_be_changed(tmp_path: Path) -> None:
    ring = KeyRing.create(path_of(tmp_path), provider=Passphrase(WORDS))

    ring.protect(Passphrase(WORDS + " anew"))

    KeyRing.open(path_of(tmp_path), provider=Passphrase(WORDS + " anew"))
    with pytest.raises(KeyRingError, match="does not open"):
        KeyRing.open(path_of(tmp_path), provider=Passphrase(WORDS))


def test_a_ring_that_can_no_longer_be_opened_is_not_changed(tmp_path: Path) -> None:
    program = script(tmp_path / "program", "#!/bin/sh\ncat\n")
    ring = KeyRing.create(path_of(tmp_path), provider=Command([str(program)]))
    before = path_of(tmp_path).read_bytes()
    program.unlink()

    with pytest.raises(KeyRingError, match="cannot be started"):
        ring.add_key()
    assert path_of(tmp_path).read_bytes() == before


def test_a_change_that_fails_shows_no_key(
    tmp_path: Path, provider: KeyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing.create(path_of(tmp_path), provider=provider)
    made: list[bytes] = []

    def urandom(size: int, really: Callable[[int], bytes] = os.urandom) -> bytes:
        made.append(really(size))
        return made[-1]

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "urandom", urandom)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRingError, match="cannot be changed") as caught:
        ring.add_key()

    new = [form for raw in made if len(raw) == 32 for form in forms(raw)]
    assert new
    shown = everything_shown(caught.value)
    assert not [form for form in (*secrets_of(ring), *new) if form in shown]


EXAMPLES = {
    "pass": """
import pathlib, sys
verb, *_, name = sys.argv[1:]
kept = pathlib.Path(__file__).with_name(name.replace("/", "-"))
if verb == "insert":
    print("Enter contents of", name)
    kept.write_text(sys.stdin.read())
else:
    print(kept.read_text(), end="")
""",
    "vault": """
import base64, sys
assert sys.argv[1] == "write" and sys.argv[4] in ("plaintext=-", "ciphertext=-")
if "/encrypt/" in sys.argv[3]:
    raw = base64.b64decode(sys.stdin.read().strip(), validate=True)
    print("vault:v1:" + base64.b64encode(raw[::-1]).decode())
else:
    raw = base64.b64decode(sys.stdin.read().removeprefix("vault:v1:").strip(), validate=True)
    print(base64.b64encode(raw[::-1]).decode())
""",
    "aws": """
import base64, sys
raw = sys.stdin.buffer.read()
print(base64.b64encode(raw[::-1]).decode())
""",
    "uuidgen": "print('0b9e')",
}


def test_the_examples_of_commands_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each script in the module's text, with a small stand-in for the program that it calls."""
    text = inspect.cleandoc(providers.__doc__ or "")
    scripts = [
        block.split("\n\n")[0].replace("\n    ", "\n")
        for block in text.split("::\n\n    ")
        if block.startswith("#!/bin/sh")
    ]
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, code in EXAMPLES.items():
        script(programs / name, f"#!{sys.executable}\n{code}")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    for number, example in enumerate(scripts):
        program = script(tmp_path / f"example-{number}", example)
        path = tmp_path / str(number) / "ring.json"
        ring = KeyRing.create(path, provider=Command([str(program)]))
        wrapped = json.loads(path.read_text())["provider"]["wrapped"]

        assert KeyRing.open(path, provider=Command([str(program)])).status() == ring.status()
        assert not [form for form in secrets_of(ring) if form in wrapped]
    assert len(scripts) == 3


def test_a_provider_shows_nothing_and_does_not_leave_the_process() -> None:
    for provider in (Passphrase(WORDS), Environment(KEY), Command(["x", "token-123"])):
        for form in (WORDS, KEY, "token-123"):
            assert form not in repr(provider)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(provider)


def test_no_provider_reads_the_environment_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PHARMAKON_KEY", KEY)

    with pytest.raises(KeyRingError, match="not set"):
        Environment(None).begin()
