"""The key ring: every long-lived secret of one store, in one owner-only file.

A ring holds three keys, each in versions (``storage.keyset``): the key-encryption key that wraps
the patients' data keys, the key that blind indexes are derived from, and the Ed25519 key that
signs the audit head. Its store id is also in the database, so a ring cannot be used on another
store by mistake. What protects the file is a provider (``storage.providers``). Losing the ring
loses every patient: back it up apart from the database, after each change.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage import keyfile, owner_only
from storage.blind import FIRST_VERSION, IDENTIFIERS, IndexKeys
from storage.crypto import KEY_BYTES, AeadKey, Context, Secret, key_version
from storage.errors import DecryptionError, KeyRingError
from storage.keyfile import RingContents
from storage.keyset import USES, KeySet, State, Use, is_signature
from storage.owner_only import Mark
from storage.providers import FileRights, KeyProvider

_GRACE = timedelta(minutes=1)
_FIRST_VERSION: dict[Use, int] = {"wrap": 1, "index": FIRST_VERSION, "audit": 1}


@dataclass(frozen=True)
class KeyStatus:
    """One version of a key, without its bytes.

    Attributes:
        use: ``wrap``, ``index`` or ``audit``.
        version: 1 and up.
        state: see ``storage.keyset``.
        created, changed: when it was made and came into its state, ISO 8601.
        public: of an audit key, 64 hexadecimal digits.
        n_entries: of a replaced audit key, the size of the last log that it signed for.
        renews: of a key-encryption key: it was made to replace the data keys too.
    """

    use: Use
    version: int
    state: State
    created: str
    changed: str
    public: str = ""
    n_entries: int | None = None
    renews: bool = False

    @property
    def primary(self) -> bool:
        """Whether it protects what is new."""
        return self.state == "primary"


class KeyRing(Secret):
    """The keys of one store.

    Made by ``create`` or ``open``, never directly. Hands out what keys do, not the keys: its repr
    shows no bytes, and it can be neither pickled nor copied. Threads may share it.

    What other processes change in the file is seen before anything is wrapped, signed or looked
    up. Whoever changes a primary holds the store's gate, and whoever wraps or signs for the store
    does; so nothing is wrapped or signed with a key that is no longer primary.
    """

    __slots__ = ("_live", "_path", "_provider", "store_id")

    def __init__(self, path: Path, provider: KeyProvider, live: "_Live") -> None:
        """Take what was read; ``open`` is the door for callers."""
        self._path = path
        self._provider = provider
        self._live = live
        self.store_id = live.contents.store_id

    @classmethod
    def create(
        cls, path: Path, *, provider: KeyProvider | None = None, now: datetime | None = None
    ) -> Self:
        """Make a ring of new random keys and write it to ``path``.

        The file gets mode 0600, in a folder that is made with mode 0700 where it is missing; it
        appears whole or not at all.

        Args:
            path: where to write it.
            provider: what protects its secrets; by default the file's rights.
            now: the time, for the keys' entries.

        Raises:
            KeyRingError: ``path`` is taken, its folder is not the owner's alone, or the provider
                has no key.
        """
        provider = provider or FileRights()
        owner_only.refuse_taken(path)
        created = _text(now)
        parameters, seal = provider.begin()
        keys = {
            use: KeySet.first(use, _FIRST_VERSION[use], os.urandom(KEY_BYTES), now=created)
            for use in USES
        }
        contents = RingContents(uuid.uuid4().hex, 1, keys, parameters, seal)
        owner_only.create(path, contents.to_text(provider.name))
        return cls.open(path, provider=provider)

    @classmethod
    def open(cls, path: Path, *, provider: KeyProvider | None = None) -> Self:
        """Read the ring at ``path``; a link is followed (mounted secrets are links).

        Raises:
            KeyRingError: missing, readable by others, of another owner, not a key ring, damaged,
                or not to be opened with ``provider``.
        """
        provider = provider or FileRights()
        return cls(path, provider, _Live(*keyfile.read(path, provider)))

    def __repr__(self) -> str:
        keys = self._live.contents.keys["wrap"]
        return (
            f"KeyRing(store_id={self.store_id!r}, versions={[key.version for key in keys]}, "
            f"primary={keys.primary.version})"
        )

    @property
    def folder(self) -> Path:
        """The folder of the ring's file, where the store keeps what must stay outside backups."""
        return self._path.parent

    def status(self) -> tuple[KeyStatus, ...]:
        """Every version of every key, without its bytes."""
        contents = self._current().contents
        return tuple(
            KeyStatus(
                use,
                key.version,
                key.state,
                key.created,
                key.changed,
                "" if key.public is None else key.public.hex(),
                key.n_entries,
                key.renews,
            )
            for use in USES
            for key in contents.keys[use]
        )

    # Data keys

    @property
    def primary_version(self) -> int:
        """Version of the key that wraps new data keys."""
        return self._current().primary.version

    def wrap(self, data_key: AeadKey, *, context: Context) -> bytes:
        """``data_key`` sealed under the primary key-encryption key."""
        return self._current().primary.seal(data_key.export(), context=context)

    def unwrap(self, wrapped: bytes, *, context: Context) -> AeadKey:
        """The data key in ``wrapped``; its version is the context's row version.

        Raises:
            DecryptionError: altered, moved, or wrapped under a key that this ring does not hold.
        """
        return AeadKey(self._opened(wrapped, context), version=context.row_version)

    def rewrap(self, wrapped: bytes, *, context: Context) -> bytes:
        """``wrapped`` under the primary key; the data key and what it sealed stay as they are.

        Raises:
            DecryptionError: as ``unwrap``.
        """
        return self._current().primary.seal(self._opened(wrapped, context), context=context)

    def _opened(self, wrapped: bytes, context: Context) -> bytes:
        version = key_version(wrapped)
        kek = self._live.keks.get(version) or self._current().keks.get(version)
        if kek is None:
            raise DecryptionError
        return kek.open(wrapped, context=context)

    # Blind indexes

    def blind_index(
        self, system: str, value: str, *, column: tuple[str, str] = IDENTIFIERS
    ) -> bytes:
        """36 bytes that are equal for equal identifiers and tell nothing else without the ring.

        The version of the index key (big endian) and a keyed hash; under version 1 the hash alone.
        Each (table, column) has a key of its own.

        Raises:
            KeyRingError: the column is not declared to hold a blind index, or is not unique.
        """
        index = self._current().index
        return index.blind_index(column, index.versions[0], system, value)

    def blind_indexes(
        self, system: str, value: str, *, column: tuple[str, str] = IDENTIFIERS
    ) -> tuple[bytes, ...]:
        """The blind index under every index key there is, the primary first: what to look up.

        While the index key is replaced, and after an old backup was restored, rows are under
        several. To be called behind the snapshot or gate in which the look-up is made.

        Raises:
            KeyRingError: as ``blind_index``.
        """
        index = self._current().index
        return tuple(index.blind_index(column, each, system, value) for each in index.versions)

    # Signatures

    def sign(self, message: bytes) -> bytes:
        """64-byte Ed25519 signature by the audit key."""
        return self._current().signer.sign(message)

    def is_signed(self, signature: bytes, message: bytes, *, n_entries: int | None = None) -> bool:
        """``signature`` is over ``message`` by an audit key that this store has or had.

        Args:
            signature: 64 bytes.
            message: what was signed.
            n_entries: size of the log of which ``message`` is the head. A replaced key counts only
                up to the log that it last signed for: whoever has it can sign nothing new.
        """
        return any(
            is_signature(key.public, signature, message)
            for key in self._current().audit_keys
            if key.n_entries is None or n_entries is None or n_entries <= key.n_entries
        )

    def is_signed_now(self, signature: bytes, message: bytes) -> bool:
        """``signature`` is over ``message`` by the audit key in use, or the one that leaves it.

        One that was retired less than a minute ago still counts: a reader may hold a snapshot
        from before the head was signed anew.
        """
        now = datetime.now(UTC)
        start, end = _text(now - _GRACE), _text(now + _GRACE)
        return any(
            is_signature(key.public, signature, message)
            for key in self._current().audit_keys
            if key.state != "retired" or start < key.changed < end
        )

    @property
    def audit_public_key(self) -> Ed25519PublicKey:
        """The key with which anyone can check a checkpoint made now."""
        return self._current().signer.public_key()

    # Changes

    def add_key(
        self, use: Use = "wrap", *, renews: bool = False, now: datetime | None = None
    ) -> int:
        """Make a new key, write it as pending and prove what was written; returns its version.

        Args:
            use: which key.
            renews: note with a key-encryption key that data keys are to be replaced with it.
            now: the time.

        Raises:
            KeyRingError: one is pending already, the file cannot be written, or what it gives
                back is another key.
        """
        # Through the provider: a file that could not be opened again is not built upon.
        keyfile.read(self._path, self._provider)
        time = _text(now)
        after = self._change(
            use, lambda keys: keys.added(os.urandom(KEY_BYTES), now=time, renews=renews)
        )
        return after.versions[-1].version

    def make_primary(
        self,
        version: int,
        use: Use = "wrap",
        *,
        n_entries: int | None = None,
        now: datetime | None = None,
    ) -> None:
        """Let the pending ``version`` protect what is new; the primary so far is outgoing.

        Proves first that the file, read anew, gives the key that this process holds. To be called
        behind the store's gate.

        Args:
            version: of the key.
            use: which key.
            n_entries: of an audit key, the size of the last log that the primary so far signed for.
            now: the time.

        Raises:
            KeyRingError: it is not pending, does not pass the proof, or the size is missing.
        """
        if (use == "audit") != (n_entries is not None):
            raise KeyRingError("an audit key is replaced with the size of the log, no other key is")
        time = _text(now)
        self._change(use, lambda keys: keys.promoted(version, now=time, n_entries=n_entries))

    def retire(self, version: int, use: Use = "wrap", *, now: datetime | None = None) -> None:
        """Mark the outgoing ``version`` as one that nothing in the store is under.

        It still opens old backups. An audit key loses its private half.

        Raises:
            KeyRingError: it is not outgoing.
        """
        self._change(use, lambda keys: keys.retired(version, now=_text(now)))

    def destroy(self, version: int, use: Use = "wrap", *, now: datetime | None = None) -> None:
        """Remove the bytes of a pending or retired key from the file, for good.

        Backups that need it cannot be read any more. Copies of the file still hold it, and so may
        the disk.

        Raises:
            KeyRingError: it is in use, destroyed already, or a retired audit key.
        """
        self._change(use, lambda keys: keys.destroyed(version, now=_text(now)))

    def protect(self, provider: KeyProvider) -> None:
        """Protect the file by ``provider`` from now on, or by a new passphrase of the same.

        Raises:
            KeyRingError: the provider has no key, or the file cannot be written.
        """
        with owner_only.locked(self._path):
            before, _ = keyfile.read(self._path, self._provider)
            parameters, seal = provider.begin()
            self._write(replace(before, parameters=parameters, seal=seal), provider)

    def _change(self, use: Use, change: Callable[[KeySet], KeySet]) -> KeySet:
        """Make one change to what the file holds now."""
        with owner_only.locked(self._path):
            before, _ = keyfile.read(self._path, self._provider, known=self._live.contents)
            keyfile.check_follows(self._path, self._live.contents, before)
            after = change(before.keys[use])
            self._write(replace(before, keys={**before.keys, use: after}), self._provider)
            return after

    def _write(self, contents: RingContents, provider: KeyProvider) -> None:
        contents = replace(contents, revision=contents.revision + 1)
        owner_only.replace(self._path, contents.to_text(provider.name))
        written, mark = keyfile.read(self._path, provider, known=contents)
        keyfile.check_follows(self._path, contents, written)
        self._live, self._provider = _Live(written, mark), provider

    def _current(self) -> "_Live":
        """The keys as the file has them now."""
        live = self._live
        if owner_only.mark_of(self._path) != live.mark:
            contents, mark = keyfile.read(self._path, self._provider, known=live.contents)
            keyfile.check_follows(self._path, live.contents, contents)
            self._live = live = _Live(contents, mark)
        return live


class _Live(Secret):
    """The keys of one state of the file, ready for use."""

    __slots__ = ("audit_keys", "contents", "index", "keks", "mark", "primary", "signer")

    def __init__(self, contents: RingContents, mark: Mark) -> None:
        wrap, index, audit = (contents.keys[use] for use in USES)
        self.contents = contents
        self.mark = mark
        self.keks = {
            key.version: AeadKey(key.raw, version=key.version)
            for key in wrap
            if key.raw is not None and key.state != "pending"
        }
        self.primary = self.keks[wrap.primary.version]
        self.index = IndexKeys(index, contents.store_id)
        # The primary first: nearly every signature is its.
        self.audit_keys = (audit.primary, *audit.in_state("outgoing", "retired")[::-1])
        self.signer = Ed25519PrivateKey.from_private_bytes(audit.primary.raw or b"")


def _text(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).isoformat(timespec="seconds")
