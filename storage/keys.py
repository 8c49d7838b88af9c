"""The key ring: every long-lived secret of one store, in one owner-only file.

A ring holds versioned key-encryption keys (one of them primary), the key that
blind indexes are derived from, and the Ed25519 key that signs the audit head.
Its store id is also in the database, so a ring cannot be used on another store
by mistake. Losing the ring loses every patient: back it up apart from the
database.
"""

import base64
import hashlib
import hmac
import json
import os
import stat
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.crypto import KEY_BYTES, AeadKey, Context, Secret, key_version, length_prefixed
from storage.errors import DecryptionError, KeyRingError
from storage.files import new_file_beside, place

_FORMAT = "pharmakon-key-ring"
_VERSION = 1


@dataclass(frozen=True)
class KeyStatus:
    """One key-encryption key, without its bytes."""

    version: int
    created: str
    primary: bool


class KeyRing(Secret):
    """The keys of one store.

    Made by ``create`` or ``open``, never directly. Hands out what keys do, not
    the keys: its repr shows no bytes, and it can be neither pickled nor copied.
    """

    __slots__ = ("_created", "_index_key", "_keks", "_primary", "_signer", "store_id")

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take the fields of a ring's document; ``open`` is the door for callers."""
        keks = {
            key["version"]: AeadKey(base64.b64decode(key["key"]), version=key["version"])
            for key in document["key_encryption_keys"]
        }
        if document["primary"] not in keks or len(keks) != len(document["key_encryption_keys"]):
            raise ValueError("no primary key, or two of one version")
        self.store_id = str(uuid.UUID(document["store"]).hex)
        self._keks = keks
        self._created = {k["version"]: str(k["created"]) for k in document["key_encryption_keys"]}
        self._primary = keks[document["primary"]]
        self._index_key = HKDF(
            algorithm=hashes.SHA256(),
            length=KEY_BYTES,
            salt=None,
            info=length_prefixed("pharmakon/blind-index", "patient_identifier", self.store_id),
        ).derive(_key_bytes(document["index_key"]))
        self._signer = Ed25519PrivateKey.from_private_bytes(_key_bytes(document["audit_key"]))

    @classmethod
    def create(cls, path: Path, *, now: datetime | None = None) -> Self:
        """Make a ring of new random keys and write it to ``path``.

        The file gets mode 0600, in a folder that is made with mode 0700 where
        it is missing; it appears whole or not at all.

        Raises:
            KeyRingError: ``path`` is taken, or its folder is not the owner's alone.
        """
        created = (now or datetime.now(UTC)).isoformat(timespec="seconds")
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "store": uuid.uuid4().hex,
            "primary": 1,
            "key_encryption_keys": [{"version": 1, "created": created, "key": _new_key()}],
            "index_key": _new_key(),
            "audit_key": _new_key(),
        }
        try:
            draft = new_file_beside(path)
            try:
                _check_folder(path.parent)
                draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
                place(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        except FileExistsError:
            raise KeyRingError(
                f"{path} exists already; a key ring is never overwritten, because "
                "what its keys sealed would be lost"
            ) from None
        except OSError as error:
            raise KeyRingError(f"no key ring can be written to {path}: {error.strerror}") from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the ring at ``path``.

        Raises:
            KeyRingError: missing, readable by others, of another owner, or
                not a key ring. A link is followed (mounted secrets are links);
                what it leads to must be as safe.
        """
        text = _read_owner_only(path)
        try:
            document = json.loads(text)
            if document["format"] != _FORMAT:
                raise ValueError("another format")
            version = document["version"]
        except (ValueError, LookupError, TypeError):
            raise KeyRingError(f"{path} is not a key ring") from None
        if version != _VERSION:
            raise KeyRingError(
                f"key ring {path} has version {version!r}; this program reads {_VERSION}"
            )
        try:
            return cls(document)
        except (ValueError, LookupError, TypeError, AttributeError):
            # The cause would quote key material.
            raise KeyRingError(f"key ring {path} is damaged: restore it from its backup") from None

    def __repr__(self) -> str:
        return (
            f"KeyRing(store_id={self.store_id!r}, versions={sorted(self._keks)}, "
            f"primary={self._primary.version})"
        )

    def status(self) -> tuple[KeyStatus, ...]:
        """The key-encryption keys by version, without their bytes."""
        return tuple(
            KeyStatus(version, self._created[version], primary=version == self._primary.version)
            for version in sorted(self._keks)
        )

    @property
    def primary_version(self) -> int:
        """Version of the key that wraps new data keys."""
        return self._primary.version

    def wrap(self, data_key: AeadKey, *, context: Context) -> bytes:
        """``data_key`` sealed under the primary key-encryption key."""
        return self._primary.seal(data_key.export(), context=context)

    def unwrap(self, wrapped: bytes, *, context: Context) -> AeadKey:
        """The data key in ``wrapped``; its version is the context's row version.

        Raises:
            DecryptionError: altered, moved, or wrapped under a key that this
                ring does not hold.
        """
        kek = self._keks.get(key_version(wrapped))
        if kek is None:
            raise DecryptionError
        return AeadKey(kek.open(wrapped, context=context), version=context.row_version)

    def rewrap(self, wrapped: bytes, *, context: Context) -> bytes:
        """``wrapped`` under the primary key; the data key and what it sealed stay as they are.

        Raises:
            DecryptionError: as ``unwrap``.
        """
        return self.wrap(self.unwrap(wrapped, context=context), context=context)

    def blind_index(self, system: str, value: str) -> bytes:
        """32 bytes that are equal for equal identifiers and tell nothing else without the ring.

        For identifiers that are unique to a person only: on a column of few
        values, the frequencies alone would give them away.
        """
        message = length_prefixed(system, value)
        return hmac.digest(self._index_key, message, hashlib.sha256)

    def sign(self, message: bytes) -> bytes:
        """64-byte Ed25519 signature by the audit key."""
        return self._signer.sign(message)

    def is_signed(self, signature: bytes, message: bytes) -> bool:
        """``signature`` is this ring's over ``message``."""
        try:
            self._signer.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def audit_public_key(self) -> Ed25519PublicKey:
        """The key with which anyone can check a checkpoint."""
        return self._signer.public_key()


def _new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def _key_bytes(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return raw


def _read_owner_only(path: Path) -> str:
    """Text of ``path``; the checks are made on the open file, so it cannot be exchanged between."""
    _check_folder(path.parent)
    try:
        target = path.resolve()
        if path.is_symlink():
            _check_folder(target.parent)
        handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyRingError(
            f"no key ring at {path}: create one, or restore it from its backup"
        ) from None
    except RuntimeError:  # of Path.resolve, before Python 3.13
        raise KeyRingError(f"key ring {path} cannot be opened: its links form a circle") from None
    except OSError as error:
        raise KeyRingError(f"key ring {path} cannot be opened: {error.strerror}") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyRingError(f"key ring {path} is not a regular file")
        if facts.st_uid != os.geteuid():
            raise KeyRingError(f"key ring {path} belongs to another user (id {facts.st_uid})")
        if facts.st_mode & 0o077:
            raise KeyRingError(
                f"key ring {path} can be used by others (mode {stat.S_IMODE(facts.st_mode):04o}): "
                "run chmod 600 on it, and replace its keys if others may have read it"
            )
        with open(handle, encoding="utf-8", closefd=False) as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise KeyRingError(f"{path} is not a key ring") from None
    finally:
        os.close(handle)


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which others could put another ring."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        raise KeyRingError(
            f"no key ring: folder {folder} does not exist; create a ring first"
        ) from None
    if mode & 0o022:
        raise KeyRingError(
            f"folder {folder} of the key ring can be written by others "
            f"(mode {stat.S_IMODE(mode):04o}): run chmod 700 on it"
        )
