"""Whole synthetic FHIR R4 bundles, in and out."""

import json
import tarfile
from pathlib import Path

from storage import Database, Identifier
from tests.storage.stores import read, store

N_BUNDLES = 3


def test_whole_bundles_come_back_equal(database: Database, data: Path) -> None:
    bundles = {}
    with tarfile.open(data / "fhir" / "synthea-r4-bundles-150.tar.gz") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None and member.name.endswith(".json"):
                with stream:
                    bundles[member.name] = json.load(stream)
            if len(bundles) == N_BUNDLES:
                break
    assert len(bundles) == N_BUNDLES

    for name, bundle in bundles.items():
        resources = [entry["resource"] for entry in bundle["entry"]]
        patient_id = store(database, resources, [Identifier("urn:file", name)])
        assert list(read(database, patient_id)) == resources
    assert database.verify_audit().head.n_patients == N_BUNDLES
