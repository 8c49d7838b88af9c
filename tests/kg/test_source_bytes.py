"""Any bytes as a source's file: a clear error or a graph, never a crash; a few cases of each."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kg import (
    test_hetionet,
    test_source_interactions,
    test_source_names,
    test_source_pharmacogenomics,
    test_source_side_effects,
)

Target = Callable[[bytes, Path], None]

TARGETS: dict[str, tuple[Target, bytes]] = {
    "hetionet": (
        test_hetionet.read_bytes,
        b"source\tmetaedge\ttarget\nGene::1\tGiG\tGene::1\n",
    ),
    "interactions": (
        test_source_interactions.read_bytes,
        b"DDInterID_A,Drug_A,DDInterID_B,Drug_B,Level\n1,Warfarin,2,Aspirin,Major\n",
    ),
    "names": (
        test_source_names.read_bytes,
        b"doid_code\tdoid_name\tresource\tresource_id\nDOID:9352\tx\tMIM\t1\n",
    ),
    "pharmacogenomics": (
        test_source_pharmacogenomics.read_bytes,
        test_source_pharmacogenomics.guideline(
            test_source_pharmacogenomics.advice({"CYP2C19": "Poor Metabolizer", "CYP2D6": "1.0"})
        ),
    ),
    "side-effects": (
        test_source_side_effects.read_bytes,
        test_source_side_effects.effect("C0027497", "Nausea").encode(),
    ),
}


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(name: str, data: st.DataObject) -> None:
    target, seed = TARGETS[name]
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, len(seed)))
    content = seed[:start] + data.draw(st.binary(max_size=40)) + seed[end:]

    with tempfile.TemporaryDirectory() as folder:
        target(content, Path(folder))
