"""Blind indexes: keyed hashes by which a unique identifier is found without being readable.

Equal identifiers give equal indexes; that is all they tell without the ring, and why only columns
of unique values may have them: where values repeat, how often they do gives them away.
"""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.crypto import KEY_BYTES, Secret, length_prefixed
from storage.errors import KeyRingError
from storage.keyset import KeySet

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, MetaData

IDENTIFIERS = ("patient_identifier", "blind_index")
# Index keys of new rings begin at 2. Version 1 is the one of ring format 1, whose blind indexes
# were derived for the table only and do not name their key.
FIRST_VERSION = 2
_VERSION_BYTES = 4


class IndexKeys(Secret):
    """The index keys of one ring, and the keys derived from them for each column.

    Attributes:
        versions: those that rows may be under, the primary first.
    """

    __slots__ = ("_derived", "_keys", "_store_id", "versions")

    def __init__(self, keys: KeySet, store_id: str) -> None:
        self._keys = keys
        self._store_id = store_id
        self._derived: dict[tuple[int, str, str], bytes] = {}
        old = keys.in_state("outgoing", "retired")[::-1]
        self.versions = (keys.primary.version, *(key.version for key in old))

    def blind_index(self, column: tuple[str, str], version: int, system: str, value: str) -> bytes:
        """The blind index of an identifier for (table, column), under one version of the key.

        Raises:
            KeyRingError: the column may not have one.
        """
        key = self._derived.get((version, *column)) or self._derive(version, *column)
        digest = hmac.digest(key, length_prefixed(system, value), hashlib.sha256)
        return digest if version == 1 else version.to_bytes(_VERSION_BYTES) + digest

    def _derive(self, version: int, table: str, column: str) -> bytes:
        if (table, column) not in blind_columns():
            raise KeyRingError(
                f"{table}.{column} gets no blind index: only a column that is declared to hold one "
                "and is unique may, because repeated values would give themselves away"
            )
        info: tuple[str | int, ...]
        if version == 1:
            info = ("pharmakon/blind-index", table, self._store_id)
        else:
            info = ("pharmakon/blind-index/2", table, column, self._store_id, version)
        key = HKDF(
            algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=length_prefixed(*info)
        ).derive(self._keys[version].raw or b"")
        self._derived[version, table, column] = key
        return key


def blind_columns(metadata: "MetaData | None" = None) -> frozenset[tuple[str, str]]:
    """(table, column) of every column that may hold a blind index: declared so, and unique.

    Args:
        metadata: the tables; by default the store's.
    """
    from sqlalchemy import UniqueConstraint

    from storage.tables import Base

    found = set()
    for table in (metadata or Base.metadata).tables.values():
        keys = [
            table.primary_key.columns,
            *(each.columns for each in table.constraints if isinstance(each, UniqueConstraint)),
            *(each.columns for each in table.indexes if each.unique),
        ]
        unique = {tuple(column.name for column in key) for key in keys}
        found |= {
            (table.name, column.name)
            for column in table.columns
            if column.info.get("holds") == "blind" and (column.name,) in unique
        }
    return frozenset(found)


def under(column: Any, version: int) -> "ColumnElement[bool]":
    """The SQL condition that a blind index in ``column`` was made with this version of the key."""
    from sqlalchemy import LargeBinary, and_, func

    if version == 1:
        return func.length(column) == KEY_BYTES
    prefix = version.to_bytes(_VERSION_BYTES)
    return and_(
        func.length(column) == KEY_BYTES + _VERSION_BYTES,
        func.substr(column, 1, _VERSION_BYTES, type_=LargeBinary) == prefix,
    )
