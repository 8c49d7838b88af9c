r"""What protects the secrets in a key ring's file.

=================  =============================================================================
``file``           nothing but the file's rights: owner-only, in a folder that nobody else writes
``passphrase``     a key derived from a passphrase by Argon2id
``environment``    a 32-byte key in base64, in a variable of the process's environment
``command``        a program that wraps and unwraps a random key
=================  =============================================================================

All but the first give a 256-bit key under which the ring seals its secrets
(``storage.keyfile``); the key itself is never in the ring's file.

A **command** is one program, given as an argument vector and never run through a shell. It is
called with one more argument, ``wrap`` once when the ring is made, ``unwrap`` each time it is
opened. Standard input is one line of base64, and so must be standard output: ``wrap`` gets the
key and prints what to keep in the ring's file; ``unwrap`` gets that and prints the key. It
authenticates itself by its own means. Examples, each an executable script:

``pass``, which keeps the key itself, each under a name of its own; the ring's file keeps the name::

    #!/bin/sh
    set -e
    case "$1" in
      wrap) name=pharmakon/$(uuidgen); pass insert --multiline "$name" >/dev/null
            printf %s "$name" | base64 | tr -d '\n' ;;
      unwrap) pass show "$(base64 -d)" ;;
    esac

Vault's transit engine (its tokens are not base64, so they are encoded)::

    #!/bin/sh
    set -e
    case "$1" in
      wrap) vault write -field=ciphertext transit/encrypt/pharmakon plaintext=- |
              base64 | tr -d '\n' ;;
      unwrap) base64 -d | vault write -field=plaintext transit/decrypt/pharmakon ciphertext=- ;;
    esac

A cloud's key service, here AWS KMS::

    #!/bin/sh
    set -e
    case "$1" in
      wrap) aws kms encrypt --key-id alias/pharmakon --plaintext fileb:///dev/stdin \
              --query CiphertextBlob --output text ;;
      unwrap) base64 -d | aws kms decrypt --ciphertext-blob fileb:///dev/stdin \
              --query Plaintext --output text | base64 -d ;;
    esac
"""

import base64
import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from storage.crypto import KEY_BYTES, AeadKey, Secret
from storage.errors import KeyRingError
from storage.program import Line, printed

# RFC 9106, section 4, the second recommended option: 3 passes over 64 MiB in 4 lanes, a salt of
# 128 bits. OWASP's Password Storage Cheat Sheet asks for at least 19 MiB and 2 passes.
_ARGON2 = {"iterations": 3, "lanes": 4, "memory_kib": 64 * 1024}
_SALT_BYTES = 16
# A file that asks for less was weakened, one that asks for more is there to exhaust the memory.
_BOUNDS = {"iterations": (2, 64), "lanes": (1, 64), "memory_kib": (19 * 1024, 4 * 1024 * 1024)}
# NIST SP 800-63B-4, 3.1.1.2: a password that is the only factor has at least 15 characters.
PASSPHRASE_LENGTH = 15
COMMAND_SECONDS = 60.0
_TOKEN_LENGTH = 64 * 1024

Parameters = Mapping[str, Any]  # JSON; in clear in the ring's file, and authenticated with it


class KeyProvider(Protocol):
    """What protects the secrets of a ring's file.

    Attributes:
        name: as in the ring's file.
    """

    name: str

    def begin(self) -> tuple[Parameters, AeadKey | None]:
        """Parameters for a new ring's file, and the key to seal it with; None: not sealed.

        Raises:
            KeyRingError: there is no key to be had, with what to do.
        """
        ...

    def key(self, parameters: Parameters) -> AeadKey | None:
        """The key of a ring's file that was begun with ``parameters``.

        Raises:
            KeyRingError: there is no key to be had, with what to do.
        """
        ...


class FileRights:
    """The default: secrets in clear, in a file that only its owner can read."""

    name = "file"

    def begin(self) -> tuple[Parameters, AeadKey | None]:
        """No parameters, no key."""
        return {}, None

    def key(self, _parameters: Parameters) -> AeadKey | None:
        """None: the secrets are not sealed."""
        return None


class Passphrase(Secret):
    """A key derived from a passphrase, which is not checked before the file opens or not."""

    name = "passphrase"
    __slots__ = ("_passphrase",)

    def __init__(self, passphrase: str | None) -> None:
        """Take the passphrase; None or empty: there is none.

        It is compared in Unicode's form NFKC, so it may be typed on any keyboard.
        """
        self._passphrase = unicodedata.normalize("NFKC", passphrase or "")

    def begin(self) -> tuple[Parameters, AeadKey]:
        """A new salt, the recommended costs, and the key."""
        self._present()
        if len(self._passphrase) < PASSPHRASE_LENGTH:
            raise KeyRingError(
                f"a passphrase that alone protects the keys has at least {PASSPHRASE_LENGTH} "
                f"characters, not {len(self._passphrase)}: take several words"
            )
        salt = base64.b64encode(os.urandom(_SALT_BYTES)).decode()
        parameters = {"function": "argon2id", "salt": salt, **_ARGON2}
        return parameters, self.key(parameters)

    def key(self, parameters: Parameters) -> AeadKey:
        """The key from the passphrase and the file's salt and costs."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        self._present()
        salt, costs = _argon2_parameters(parameters)
        is_supported = True
        try:
            function = Argon2id(
                salt=salt,
                length=KEY_BYTES,
                iterations=costs["iterations"],
                lanes=costs["lanes"],
                memory_cost=costs["memory_kib"],
            )
        except UnsupportedAlgorithm:
            is_supported = False
        if not is_supported:
            raise KeyRingError(
                "the OpenSSL that cryptography was built with has no Argon2id: install "
                "cryptography from its wheel"
            )
        return AeadKey(function.derive(self._passphrase.encode(errors="surrogatepass")), version=1)

    def _present(self) -> None:
        if not self._passphrase:
            raise KeyRingError(
                "the key ring is protected by a passphrase, and none was given: set "
                "PHARMAKON_PASSPHRASE or type it when asked"
            )


class Environment(Secret):
    """A 32-byte key in base64, which whoever starts the process puts into its environment."""

    name = "environment"
    __slots__ = ("_value", "variable")

    def __init__(self, value: str | None, *, variable: str = "PHARMAKON_KEY") -> None:
        """Take the variable's value, None where it is not set, and its name for messages."""
        self._value = value
        self.variable = variable

    def begin(self) -> tuple[Parameters, AeadKey]:
        """No parameters, and the key."""
        return {}, self._key("make one with `head -c 32 /dev/urandom | base64` and keep it apart")

    def key(self, _parameters: Parameters) -> AeadKey:
        """The key in the variable."""
        return self._key("set it to the key that the ring was protected with; no other opens it")

    def _key(self, advice: str) -> AeadKey:
        key = _key_from((self._value or "").strip().encode(errors="replace"))
        if key is None:
            state = "is not 32 bytes in base64" if self._value else "is not set"
            raise KeyRingError(
                f"the key of the key ring belongs into the variable {self.variable}, which "
                f"{state}: {advice}"
            )
        return key


class Command(Secret):
    """A program that wraps and unwraps a random key; see this module's text."""

    name = "command"
    __slots__ = ("_program", "_seconds")

    def __init__(self, program: Sequence[str] | None, *, seconds: float = COMMAND_SECONDS) -> None:
        """Take the argument vector, None where there is none, and how long the program may run."""
        self._program = tuple(program or ())
        self._seconds = seconds

    def begin(self) -> tuple[Parameters, AeadKey]:
        """What the program printed for a new random key, and that key."""
        key = AeadKey.generate(version=1)
        wrapped = self._run("wrap", Line(base64.b64encode(key.export())))
        if not _is_base64(wrapped.text):
            raise KeyRingError(f"{self._words('wrap')} printed no line of base64")
        return {"wrapped": wrapped.text.decode()}, key

    def key(self, parameters: Parameters) -> AeadKey:
        """The key that the program unwraps."""
        wrapped = parameters.get("wrapped")
        if not isinstance(wrapped, str) or not _is_base64(wrapped.encode()):
            raise KeyRingError("the key ring's file is damaged: restore it from its backup")
        key = _key_from(self._run("unwrap", Line(wrapped.encode())).text)
        if key is None:
            raise KeyRingError(
                f"{self._words('unwrap')} did not print one line of base64 of {KEY_BYTES} bytes: "
                "run it by hand with the field wrapped of the key ring's file as its input"
            )
        return key

    def _run(self, verb: str, line: "Line") -> "Line":
        if not self._program:
            raise KeyRingError(
                "the key ring is protected by a command, and none was given: set "
                "PHARMAKON_KEY_COMMAND"
            )
        command = (*self._program, verb)
        found = printed(command, line, seconds=self._seconds, limit=_TOKEN_LENGTH)
        if isinstance(found, str):
            raise KeyRingError(f"{self._words(verb)} {found}: run it by hand to see what it says")
        return found

    def _words(self, verb: str) -> str:
        # Only the program: its arguments may hold a token.
        return f"the key command {self._program[0]!r} with {verb!r}"


def _argon2_parameters(parameters: Parameters) -> tuple[bytes, Mapping[str, int]]:
    salt, is_ours = b"", parameters.get("function") == "argon2id"
    try:
        salt = base64.b64decode(str(parameters.get("salt")), validate=True)
    except ValueError:
        is_ours = False
    for name, (low, high) in _BOUNDS.items():
        cost = parameters.get(name)
        is_ours = is_ours and type(cost) is int and low <= cost <= high
    if not is_ours or len(salt) < _SALT_BYTES:
        raise KeyRingError(
            "the costs of the passphrase in the key ring's file are damaged or were changed: "
            "restore the file from its backup"
        )
    return salt, {name: parameters[name] for name in _BOUNDS}


def _key_from(text: bytes) -> AeadKey | None:
    """The key that ``text`` gives in base64, if it gives one."""
    try:
        return AeadKey(base64.b64decode(text, validate=True), version=1)
    except ValueError:
        return None


def _is_base64(line: bytes) -> bool:
    try:
        return bool(base64.b64decode(line, validate=True))
    except ValueError:
        return False
