"""Whatever the bytes: a patient, a problem, or an IntakeError; never anything else."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import Problem, read_patients
from tests.intake.samples import Json, allergy, bundle, condition, medication, patient, request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["reference", "identifier", "coding", "code", "display", "id", "value"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
SAMPLES = [patient(), condition(), request(), medication(), allergy()]
FIELDS = ["id", "identifier", "subject", "patient", "medicationReference", "ingredient", "code",
          "contained", "resourceType", "modifierExtension"]  # fmt: skip
RESOURCES = st.builds(
    lambda sample, edit: {**sample, **edit},
    st.sampled_from(SAMPLES),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2),
)
BUNDLES = st.builds(
    lambda kind, entries: {"resourceType": "Bundle", "type": kind, "entry": entries},
    st.sampled_from(["collection", "searchset", "history"]),
    st.lists(JSON | st.fixed_dictionaries({"fullUrl": JSON, "resource": RESOURCES}), max_size=5),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read(*paths: Path) -> tuple[int, list[Problem]]:
    problems: list[Problem] = []
    found = list(read_patients(paths, on_problem=problems.append))
    return len(found), problems


@settings(max_examples=3000, deadline=None)
@given(st.lists(BUNDLES, max_size=2))
def test_no_bundle_crashes_the_reader(folder: Path, documents: list[Json]) -> None:
    paths = [folder / f"{number}.json" for number in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document))

    read(*paths)


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(["a.json", "a.ndjson", "a.ndjson.gz", "a.tgz"]), st.data())
def test_no_flipped_byte_or_cut_crashes_the_reader(
    folder: Path, name: str, data: st.DataObject
) -> None:
    content = json.dumps(bundle(patient(), condition())).encode()
    if name.endswith(".tgz"):
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w:gz") as archive:
            info = tarfile.TarInfo("x.json")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        content = target.getvalue()
    elif name.endswith(".gz"):
        content = gzip.compress(content)
    position = data.draw(st.integers(0, len(content) - 1))
    broken = bytearray(content)
    broken[position] ^= data.draw(st.integers(1, 255))
    path = folder / name
    path.write_bytes(bytes(broken[: data.draw(st.integers(position, len(content)))]))

    read(path)
