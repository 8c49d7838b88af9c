"""Seal and open values, each bound to the one place it belongs to.

An envelope is::

    0x01        1 byte   layout version
    0x01        1 byte   algorithm: AES-256-GCM
    key         4 bytes  version of the key that sealed it, big endian
    nonce      12 bytes  random, new for each envelope
    ciphertext  n bytes  as long as the plaintext
    tag        16 bytes

The first six bytes and the context are authenticated with the ciphertext, so
an envelope opens only with its own header, in its own cell and version.
"""

import hashlib
import os
import struct
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import DecryptionError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
# NIST SP 800-38D, 8.3: at most 2^32 messages under one key with random 96-bit nonces.
SEALS_PER_KEY = 2**32
# Version of the schema that what is sealed was sealed in: a part of its context.
SEALED_SCHEMA = 2

_HEADER = struct.Struct(">BBI")
_LENGTH = struct.Struct(">Q")
_LAYOUT = 1
_AES_256_GCM = 1
_BODY = _HEADER.size + NONCE_BYTES
_SHORTEST = _BODY + TAG_BYTES


class Context(NamedTuple):
    """The one cell a value is sealed for; every field is needed to open it."""

    store: str
    table: str
    column: str
    patient: str
    row: str
    row_version: int

    def to_bytes(self) -> bytes:
        """The fields and the schema's version, each behind its length."""
        return cell_context(column_context(*self[:4]), self.row, self.row_version)


def column_context(store: str, table: str, column: str, patient: str) -> bytes:
    """What the contexts of all cells of one patient in one column begin with."""
    return length_prefixed("pharmakon/context", store, table, column, patient, SEALED_SCHEMA)


def cell_context(column: bytes, row: str, row_version: int) -> bytes:
    """The context of one cell; for many of one column, faster than ``Context``.

    Raises:
        DecryptionError: the version is no number; a writer of the database can put text there.
    """
    name = str(row).encode()
    try:
        return b"".join((column, _LENGTH.pack(len(name)), name, _LENGTH.pack(row_version)))
    except struct.error:
        raise DecryptionError from None


def length_prefixed(*fields: str | int | bytes) -> bytes:
    """``fields`` one after the other, each behind its length, so none can run into the next.

    Each is 8 bytes of length (big endian) and the bytes: text as UTF-8, an
    integer as decimal digits. (`ab`, `c`) and (`a`, `bc`) differ.
    """
    parts = []
    for field in fields:
        data = field if isinstance(field, bytes) else str(field).encode()
        parts += [_LENGTH.pack(len(data)), data]
    return b"".join(parts)


class Secret:
    """Something that holds a key: shows no bytes and refuses to be copied out of the process."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        # Also what copy.copy and multiprocessing would use.
        raise TypeError(f"a {type(self).__name__} holds keys and cannot be pickled or copied")


class AeadKey(Secret):
    """One versioned 256-bit key that seals and opens.

    Invariant: the key's bytes are reachable only through ``export``, which the
    key ring calls to wrap a data key and to write its own file.
    """

    __slots__ = ("_aead", "_header", "_raw", "version")

    def __init__(self, raw: bytes, *, version: int) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(raw)}")
        if not 0 < version < 2**32:
            raise ValueError(f"a key version is between 1 and 2^32 - 1, not {version}")
        self._raw = raw
        self._aead = AESGCM(raw)
        self._header = _HEADER.pack(_LAYOUT, _AES_256_GCM, version)
        self.version = version

    @classmethod
    def generate(cls, *, version: int) -> "AeadKey":
        """A new random key."""
        return cls(AESGCM.generate_key(8 * KEY_BYTES), version=version)

    def __repr__(self) -> str:
        return f"AeadKey(version={self.version})"

    def seal(self, plaintext: bytes, *, context: Context | bytes) -> bytes:
        """An envelope of ``plaintext`` that opens only in ``context``."""
        place = context if isinstance(context, bytes) else context.to_bytes()
        nonce = os.urandom(NONCE_BYTES)
        return self._header + nonce + self._aead.encrypt(nonce, plaintext, self._header + place)

    def open(self, sealed: bytes, *, context: Context | bytes) -> bytes:
        """The plaintext of ``sealed``.

        Raises:
            DecryptionError: altered, cut, sealed under another key or for
                another context.
        """
        if len(sealed) < _SHORTEST or sealed[: _HEADER.size] != self._header:
            raise DecryptionError
        place = context if isinstance(context, bytes) else context.to_bytes()
        nonce, ciphertext = sealed[_HEADER.size : _BODY], sealed[_BODY:]
        try:
            return self._aead.decrypt(nonce, ciphertext, self._header + place)
        except InvalidTag:
            raise DecryptionError from None

    def export(self) -> bytes:
        """The key's bytes: for the key ring, and for nobody else."""
        return self._raw


def key_version(sealed: bytes) -> int:
    """Version of the key that ``sealed`` names in its header.

    Raises:
        DecryptionError: too short for an envelope, or of an unknown layout.
    """
    if len(sealed) < _SHORTEST:
        raise DecryptionError
    layout, algorithm, version = _HEADER.unpack_from(sealed)
    if (layout, algorithm) != (_LAYOUT, _AES_256_GCM):
        raise DecryptionError
    return int(version)


def chain(digest: bytes, *fields: str | int | bytes) -> bytes:
    """SHA-256 that extends ``digest`` by ``fields``: equal only for equal lists in equal order."""
    return hashlib.sha256(digest + length_prefixed(*fields)).digest()


EMPTY_CHAIN = bytes(32)
