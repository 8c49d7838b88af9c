"""No byte of a patient's data lies in clear in any file of a store, its logs or messages."""

import base64
import gzip
import json
import logging
from pathlib import Path

import pytest

from storage import Database, Identifier, KeyRing
from tests.storage.conftest import Tamper
from tests.storage.stores import read, store

CANARIES = [f"canary-{i:04d}-{'鸟' * 3}-é" for i in range(300)]
RESOURCES = [
    {"resourceType": "Basic", "id": f"id-{canary}", "text": canary, canary: [canary]}
    for canary in CANARIES
]
LINK = Identifier("urn:canary-system", "canary-value")


def every_form(text: str) -> list[bytes]:
    """Bytes by which ``text`` could be found again."""
    data = text.encode()
    return [
        data,
        text.encode("utf-16-le"),
        ascii(text)[1:-1].encode(),
        base64.b64encode(data)[:12],
        data.hex().encode(),
    ]


def everything_written(folder: Path) -> dict[str, bytes]:
    """Contents of every file below ``folder``, unpacked where it is gzip."""
    contents = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            contents[str(path)] = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return contents


def test_no_canary_is_found_in_any_file_or_log(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    patient_id = store(database, RESOURCES, [LINK])
    with database.unit("recommender", purpose="treatment") as unit:
        unit.patients.put_suggestion(patient_id, RESOURCES[0])
        unit.commit()
    with database.unit("dr.lee", purpose="treatment") as unit:
        unit.patients.find(*LINK)
        unit.patients.get(patient_id)
    assert len(read(database, patient_id)) == len(CANARIES)

    open_files = everything_written(tmp_path)
    database.close()
    written = {**open_files, "log": caplog.text.encode(), **everything_written(tmp_path)}

    assert any(name.endswith("-wal") for name in written)
    forms = [form for text in (*CANARIES, *LINK) for form in every_form(text)]
    for name, data in written.items():
        assert b"canary" not in data.lower(), name
        assert not [form for form in forms if form in data], name


def test_the_search_would_find_a_canary_in_clear(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), database.unit(CANARIES[0], purpose="test"):
        raise ZeroDivisionError  # an actor's name is in clear

    forms = every_form(CANARIES[0])
    written = b"".join(everything_written(tmp_path).values())
    assert [form in written for form in forms] == [True, False, False, False, False]


def test_no_key_of_the_ring_is_in_the_store(database: Database, ada: str, tmp_path: Path) -> None:
    document = json.loads((tmp_path / "keys" / "ring.json").read_text())
    keys = [document["index_key"], document["audit_key"]]
    keys += [key["key"] for key in document["key_encryption_keys"]]

    for path in tmp_path.glob("patients.db*"):
        data = path.read_bytes()
        assert not [key for key in keys if base64.b64decode(key) in data or key.encode() in data]


def test_an_erased_wrapped_key_is_in_no_file(
    database: Database, ada: str, tamper: Tamper, tmp_path: Path, ring: KeyRing
) -> None:
    ((wrapped,),) = tamper("SELECT wrapped_key FROM patient")
    sealed = [value for (value,) in tamper("SELECT sealed FROM resource")]
    assert wrapped in b"".join(everything_written(tmp_path).values())

    with database.unit("officer", purpose="erasure") as unit:
        unit.patients.erase(ada)
        unit.commit()

    for name, data in everything_written(tmp_path).items():
        assert not [value for value in (wrapped, *sealed) if value in data], name
