"""What a source is: records in columns, each with its place in a file.

An adapter yields batches. It speaks its own identifiers (*keys*) and gives each node its CURIE; the
builder joins, merges and refuses. Big sources yield few big batches of Arrow strings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.graph import Provenance
from kg.schema import EdgeType

if TYPE_CHECKING:
    import pyarrow as pa


class Refusal(NamedTuple):
    """A row that was left out, and why."""

    file: str
    line: int
    reason: str


class LabelRow(NamedTuple):
    """A further text that leads to a node."""

    node: int  # position in the batch
    kind: str  # one of kg.graph.LABEL_KINDS
    text: str


@dataclass(frozen=True)
class NodeBatch:
    """Nodes of one type. All sequences have the same length."""

    type: str
    file: str
    lines: Sequence[int] | NDArray[np.int64]
    keys: Sequence[str]  # the source's own identifiers, as its edges use them
    ids: Sequence[str]  # CURIEs
    names: Sequence[str]
    provenance: Provenance  # of the names and labels
    labels: Sequence[LabelRow] = ()


@dataclass(frozen=True)
class EdgeBatch:
    """Edges of one type, by one provenance.

    Heads and tails are the source's own keys, CURIEs of nodes that another source brings, or codes:
    CURIEs that lead to exactly one node of the type. With ``by="name"`` they are names or synonyms
    that lead to exactly one node of the type.
    """

    type: EdgeType
    file: str
    lines: Sequence[int] | NDArray[np.int64]
    heads: "pa.Array"
    tails: "pa.Array"
    provenance: Provenance
    details: Sequence[Mapping[str, Any]] | None = None  # qualifiers and references, one an edge
    by: Literal["id", "name"] = "id"


@dataclass(frozen=True)
class LabelBatch:
    """Texts that lead to nodes already given, by CURIE or by a code of exactly one node."""

    file: str
    rows: Sequence[tuple[int, str, str, str]]  # line, CURIE, label kind, text
    provenance: Provenance


class Term(NamedTuple):
    """One entry of an ontology."""

    line: int  # 0 where the format has no lines
    id: str  # CURIE
    name: str
    synonyms: tuple[str, ...] = ()  # exact ones
    codes: tuple[str, ...] = ()  # CURIEs of the same thing elsewhere, alternative ids included
    parents: tuple[str, ...] = ()  # CURIEs, is-a


@dataclass(frozen=True)
class TermBatch:
    """The terms of an ontology, all of one node type.

    Where other sources bring nodes of that type, terms only lend them texts and a hierarchy; else
    they become nodes. See :func:`kg.builder.build`.
    """

    type: str
    file: str
    terms: Sequence[Term]
    provenance: Provenance


@dataclass(frozen=True)
class StatementBatch:
    """Facts of more than two parties.

    ``nodes`` names the columns that hold CURIEs, or codes that lead to exactly one node; ``names``
    those that hold names or synonyms leading to exactly one node, and of which type.
    """

    kind: str
    file: str
    lines: Sequence[int]
    rows: Sequence[Mapping[str, str]]
    nodes: tuple[str, ...] = field(default=())
    names: Mapping[str, str] = field(default_factory=dict)


def is_between_two(edge_type: EdgeType) -> bool:
    """Whether such an edge from a node to itself would be nonsense: no drug interacts with itself.

    A protein may: two of a kind bind each other.
    """
    kind, relation, other = edge_type.head, edge_type.relation, edge_type.tail
    return kind == other and kind in ("Disease", "Drug") and relation in ("interacts", "resembles")


Batch = NodeBatch | EdgeBatch | LabelBatch | TermBatch | StatementBatch | Refusal


class Source(Protocol):
    """One adapter.

    Attributes:
        name: how the command line calls it.
        licence: SPDX expression, or the terms in few words.
        describes: one line: what it brings and from where.
        stage: 0 brings nodes; 1 lends names and hierarchy to nodes that others bring; 2 states
            facts about such nodes. Sources are read by stage, then in the order given. What a
            source of stage 1 or 2 says of a node that nobody brings is left out and counted.
    """

    name: ClassVar[str]
    licence: ClassVar[str]
    describes: ClassVar[str]
    stage: ClassVar[int]

    def __init__(self, *folders: Path) -> None:
        """Read from ``folders``; without one: the embedded files, or a checksum-pinned download."""

    def read(self) -> Iterator[Batch]:
        """Yield all batches; every node before the first edge that needs it.

        Raises:
            SourceError: a file is missing, damaged or not what its name says.
        """
        ...

    def version(self) -> Mapping[str, Any]:
        """What :meth:`read` has read, as JSON values: version, files with size and SHA-256."""
        ...
