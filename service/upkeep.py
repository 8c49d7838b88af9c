"""What a security officer does with a store and its keys: look, replace, protect, bring up to date.

Backups are :mod:`service.backups`'.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from service.errors import SettingsError
from service.patients import ADMINISTRATION, has_store, open_keys, open_store, provider
from service.settings import BUSY_SECONDS, Settings
from storage import Database, KeyRing, KeyStatus
from storage.access import Action
from storage.checkpoint import Checkpoint
from storage.crypto import length_prefixed
from storage.database import backend_for
from storage.erasures import count_erased
from storage.keyfile import provider_of
from storage.keyset import Use
from storage.migrations import current_revision, upgrade
from storage.operations import recorded
from storage.rotation import Rotation, destroy, rotate
from storage.sqlite import SqliteBackend
from storage.tables import REVISION


@dataclass(frozen=True)
class KeysStatus:
    """The key ring, without its keys.

    Attributes:
        store_id: of the one store that it opens.
        protection: ``file``, ``passphrase``, ``environment`` or ``command``.
        keys: every version of every key.
    """

    store_id: str
    protection: str
    keys: tuple[KeyStatus, ...]


@dataclass(frozen=True)
class StoreStatus:
    """A store, as the signed head has it.

    Attributes:
        location: in words; never a password.
        engine: ``sqlite`` or ``postgresql``.
        schema: the revision of its tables.
        store_id: of the ring that opens it.
        patients: how many there are, without the erased; None, as all below, in a store of an
            older schema, which this program does not read.
        erased: how many were erased.
        entries: of the audit log.
        head_time: when the head was signed, ISO 8601.
        bytes_on_disk: of a SQLite file with its write-ahead log; None for a server's.
    """

    location: str
    engine: str
    schema: str
    store_id: str
    patients: int | None = None
    erased: int | None = None
    entries: int | None = None
    head_time: str | None = None
    bytes_on_disk: int | None = None

    @property
    def is_current(self) -> bool:
        """It has the schema of this program."""
        return self.schema == REVISION


def keys_status(settings: Settings) -> KeysStatus:
    """The key ring of ``settings``.

    Raises:
        SettingsError, KeyRingError: there is none, or it cannot be opened.
    """
    ring = open_keys(settings)
    return KeysStatus(ring.store_id, provider_of(settings.keys), ring.status())


def rotate_keys(settings: Settings, use: Use = "wrap", *, data_keys: bool = False) -> Rotation:
    """Replace one key of the store, see :func:`storage.rotation.rotate`.

    Raises:
        AccessDeniedError: the actor may not.
        SettingsError, StorageError: store or keys cannot be used.
    """
    with open_store(settings) as database:
        return rotate(database, settings.actor, use, data_keys=data_keys)


def destroy_key(settings: Settings, version: int, use: Use = "wrap") -> None:
    """Remove a replaced key from the ring, see :func:`storage.rotation.destroy`.

    Raises:
        AccessDeniedError: the actor may not.
        SettingsError, StorageError: store or keys cannot be used, or the key is in use.
    """
    with open_store(settings) as database:
        destroy(database, settings.actor, version, use)


def protect_keys(settings: Settings, protection: str) -> None:
    """Protect the ring by the provider of this name from now on.

    What is new is taken from ``settings``, except for a passphrase that takes the place of one:
    that is asked for, because the one in ``settings`` opens the ring.

    Raises:
        SettingsError: there is no such provider, or nobody who could be asked.
        KeyRingError: the ring cannot be opened or written, or the provider has no key.
        AccessDeniedError: there is a store in which the actor may not replace keys.
        StorageError: there is a store that cannot be used.
    """
    with _ring_to_protect(settings, protection) as ring:
        _protect(settings, protection, ring)


def _protect(settings: Settings, protection: str, ring: KeyRing) -> None:
    if protection == provider_of(settings.keys) == "passphrase":
        asked = settings.ask_passphrase(True) if settings.ask_passphrase else None
        if asked is None:
            raise SettingsError(
                "the ring is protected by a passphrase already; a new one is asked for at a "
                "terminal, and there is none"
            )
        settings = replace(settings, passphrase=asked)
    elif protection == provider_of(settings.keys) == "environment":
        raise SettingsError(
            "the ring is protected by PHARMAKON_KEY already: for another key, protect it by a "
            "passphrase, set the variable anew, and protect it by environment again"
        )
    ring.protect(provider(settings, protection, is_new=True))


@contextmanager
def _ring_to_protect(settings: Settings, protection: str) -> Iterator[KeyRing]:
    """The ring; where there is a store, for who may replace its keys, and behind an audit entry."""
    if not has_store(settings):
        yield open_keys(settings)
        return
    with open_store(settings) as database:
        scope = database.scope(settings.actor, purpose=ADMINISTRATION)
        with recorded(scope, Action.KEYS_ROTATE) as access:
            facts = length_prefixed("pharmakon/keys.rotate", "protect", protection)
            access.detail = sha256(facts).hexdigest()
        yield database.ring


def store_status(settings: Settings) -> StoreStatus:
    """What there is to say of the store without an actor: no patient.

    Raises:
        SettingsError: there are no keys, or no store.
        StorageError: store or keys cannot be used, or the head is not one that was signed.
    """
    ring = open_keys(settings)
    with closing(backend_for(settings.store, BUSY_SECONDS)) as backend:
        revision = None
        if backend.exists():
            with backend.snapshot() as connection:
                revision = current_revision(connection)
        if revision is None:
            raise SettingsError(f"no patient store at {backend.name}: `patient import` makes one")
        found = StoreStatus(
            backend.name,
            backend.dialect,
            revision,
            ring.store_id,
            bytes_on_disk=_size(backend.path) if isinstance(backend, SqliteBackend) else None,
        )
    if not found.is_current:
        return found
    with Database.open(settings.store, ring, busy_seconds=BUSY_SECONDS) as database:
        head: Checkpoint = database.checkpoint()
        with database.translated(), database.backend.snapshot() as connection:
            n_erased = count_erased(connection)
    return replace(
        found,
        patients=head.n_patients - n_erased,
        erased=n_erased,
        entries=head.n_entries,
        head_time=head.time,
    )


def migrate_store(settings: Settings) -> tuple[str, str]:
    """Bring the store up to the schema of this program; returns the schema before and after.

    Raises:
        SettingsError: there are no keys.
        NotFoundError: there is no store.
        AccessDeniedError: the actor may not.
        StorageError: store or keys cannot be used, or the store is not what was signed.
    """
    ring = open_keys(settings)
    with closing(backend_for(settings.store, BUSY_SECONDS)) as backend:
        before = upgrade(backend, ring, actor=settings.actor)
    return before, REVISION


def _size(path: Path) -> int:
    """Bytes of a SQLite store and its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
