"""No key is in the store, and what an erasure destroyed is in no file of it."""

import base64
import gzip
from pathlib import Path

from storage import Database
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import erase


def everything_written(folder: Path) -> dict[str, bytes]:
    """Contents of every file below ``folder``, unpacked where it is gzip."""
    contents = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            contents[str(path)] = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return contents


@only_sqlite
def test_no_key_of_the_ring_is_in_the_store(database: Database, ada: str, tmp_path: Path) -> None:
    text = (tmp_path / "keys" / "ring.json").read_text()
    keys = [word for word in text.split('"') if len(word) == 44 and word.endswith("=")]
    assert len(keys) >= 3  # base64 of 32 bytes

    for path in tmp_path.glob("patients.db*"):
        data = path.read_bytes()
        assert not [key for key in keys if base64.b64decode(key) in data or key.encode() in data]


@only_sqlite
def test_an_erased_wrapped_key_is_in_no_file(
    database: Database, ada: str, tamper: Tamper, tmp_path: Path
) -> None:
    ((wrapped,),) = tamper("SELECT wrapped_key FROM patient")
    sealed = [value for (value,) in tamper("SELECT sealed FROM resource")]
    assert wrapped in b"".join(everything_written(tmp_path).values())

    erase(database, ada)

    for name, data in everything_written(tmp_path).items():
        assert not [value for value in (wrapped, *sealed) if value in data], name
