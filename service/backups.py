"""Back the patient store up, and put a backup back on a bare machine."""

from pathlib import Path

from service.errors import SettingsError
from service.patients import open_keys, open_store
from service.settings import BUSY_SECONDS, Settings
from storage.backup import BackupReport, create_backup
from storage.restore import RestoreReport, restore_backup


def back_up(settings: Settings, file: Path) -> BackupReport:
    """Write the store of ``settings`` to the new ``file``, while others use it.

    Raises:
        SettingsError: there are no keys, or no store.
        AccessDeniedError: the actor may not.
        BackupError: ``file`` is taken or cannot be written.
        StorageError: the store cannot be read, or is not the one that was signed.
    """
    with open_store(settings) as database:
        return create_backup(database, file, actor=settings.actor)


def restore(settings: Settings, file: Path, *, checkpoint: Path | None = None) -> RestoreReport:
    """Make the store of ``settings`` from a backup; where one lies already, nothing is done.

    Args:
        settings: where the store is to be, and its key ring with the file of erasures lies.
        file: the backup.
        checkpoint: file with the text of a head that was kept elsewhere.

    Raises:
        SettingsError: there is no key ring, or the checkpoint cannot be read.
        BackupError, TombstoneError, AuditError: the backup, the file of erasures or the checkpoint
            is not what it must be.
        StorageError: the store cannot be made.
    """
    if not settings.keys.exists():
        raise SettingsError(
            f"no key ring at {settings.keys}: a backup opens only with the ring of its store; put "
            "that ring there, with the newest erasures.log beside it"
        )
    text = None
    if checkpoint is not None:
        try:
            text = checkpoint.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"checkpoint {checkpoint} cannot be read: {error}") from error
    return restore_backup(
        file,
        settings.store,
        open_keys(settings),
        actor=settings.actor,
        checkpoint=text,
        busy_seconds=BUSY_SECONDS,
    )
