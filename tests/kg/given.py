"""A source of stage 0 with the nodes that a test names, for sources that speak of others' nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from kg.sources.base import Batch, LabelRow, NodeBatch
from tests.graphs import TEST

SAID = replace(TEST, source="given")


class Given:
    """Nodes by type: (id, name, *codes)."""

    name: ClassVar[str] = "given"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "what the test says"
    stage: ClassVar[int] = 0

    def __init__(self, **nodes: Sequence[tuple[str, ...]]) -> None:
        self._nodes = nodes

    def read(self) -> Iterator[Batch]:
        """Yield one batch a type."""
        for node_type, rows in self._nodes.items():
            ids = [row[0] for row in rows]
            yield NodeBatch(
                type=node_type,
                file="test",
                lines=list(range(1, len(rows) + 1)),
                keys=ids,
                ids=ids,
                names=[row[1] for row in rows],
                provenance=SAID,
                labels=[LabelRow(i, "code", c) for i, row in enumerate(rows) for c in row[2:]],
            )

    def version(self) -> Mapping[str, Any]:
        """Nothing was read."""
        return {"files": {}}
