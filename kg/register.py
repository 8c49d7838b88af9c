"""The nodes that a build has seen so far, and every way in which a row may name one."""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from kg.columns import NodeRecords
from kg.graph import LABEL_KINDS, Rows
from kg.identifiers import is_curie
from kg.names import key

KIND = {kind: number for number, kind in enumerate(LABEL_KINDS)}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # unprintable, and not allowed in XML
_NONE, _SEVERAL = -1, -2


class Register:
    """Nodes by type, id, code and name."""

    def __init__(self) -> None:
        self.types: dict[str, NodeRecords] = {}
        self._type_of: dict[str, str] = {}  # id -> node type
        self._codes: dict[str, dict[str, int]] = {}  # node type -> code -> row
        # Of the source being read:
        self._keys: dict[str, dict[str, int]] = {}
        self._tables: dict[tuple[str, str], dict[str, int]] = {}

    def begin(self) -> None:
        """Forget the last source's own identifiers."""
        self._keys = {}
        self._tables = {}

    def of_type(self, node_type: str) -> NodeRecords:
        """The nodes of one type; empty where there is none."""
        if node_type not in self.types:
            self.types[node_type] = NodeRecords()
        return self.types[node_type]

    def refuse(self, node_type: str, node_id: str, name: str) -> str | None:
        """Why there cannot be such a node, or None."""
        if not is_curie(node_id):
            return f"identifier {node_id!r} is not a CURIE such as DRUGBANK:DB00331"
        if not (name.isascii() and name.strip()) and not key(name):
            return f"node {node_id} has no name"
        if _CONTROL.search(name):
            return f"the name of node {node_id} holds a control character"
        known = self._type_of.get(node_id)
        if known is not None and known != node_type:
            return f"node {node_id} is a {known} elsewhere, here a {node_type}"
        return None

    def add(self, node_type: str, native: str, node_id: str, name: str, provenance: int) -> int:
        """The row of a node, which is added if it is new; ``native`` is its source's own key."""
        nodes = self.of_type(node_type)
        row = nodes.rows.get(node_id)
        if row is None:
            row = nodes.rows[node_id] = len(nodes.names)
            nodes.ids.append(node_id)
            nodes.names.append(name)
            nodes.provenances.append(provenance)
            self._type_of[node_id] = node_type
            self._tables = {}
        self._keys.setdefault(node_type, {})[native] = row
        return row

    def label(
        self, node: tuple[str, int], kind: str, text: str, provenance: int, distance: int = 0
    ) -> str | None:
        """Add a text that leads to a node, given by type and row; why not, or None."""
        if _CONTROL.search(text) or not key(text):
            return f"{kind} with an unprintable text"
        node_type, row = node
        self.of_type(node_type).labels.add((row, KIND[kind], text, distance, provenance))
        if kind == "code":
            codes = self._codes.setdefault(node_type, {})
            codes[text] = row if codes.get(text, row) == row else _SEVERAL
        self._tables = {}
        return None

    def id_of(self, node_type: str, row: int) -> str:
        """The identifier of the node at ``row``."""
        return self.of_type(node_type).ids[row]

    def find(self, node_id: str) -> tuple[str, int] | None:
        """Type and row of the node with this id, or of the only one with this code."""
        node_type = self._type_of.get(node_id)
        if node_type is not None:
            return node_type, self.types[node_type].rows[node_id]
        found = [(t, codes[node_id]) for t, codes in self._codes.items() if node_id in codes]
        return found[0] if len(found) == 1 and found[0][1] >= 0 else None

    def find_code(self, node_type: str, code: str) -> int | None:
        """The row of the only node of a type with this id or code, or None."""
        row = self.of_type(node_type).rows.get(code)
        if row is None:
            row = self._codes.get(node_type, {}).get(code, _NONE)
        return row if row >= 0 else None

    def rows(self, node_type: str, given: pa.Array, by: str) -> Rows:
        """(n,) the row that each of ``given`` leads to: negative for none, or for several.

        Args:
            node_type: of all of them.
            given: (n,) strings, plain or dictionary-encoded.
            by: ``id``: the source's own keys first, then identifiers, then codes; ``name``: names
                first, then synonyms.
        """
        if (node_type, by) not in self._tables:
            table = self._by_name(node_type) if by == "name" else self._by_id(node_type)
            self._tables[node_type, by] = table
        table = self._tables[node_type, by]
        if not pa.types.is_dictionary(given.type):
            given = given.dictionary_encode()
        indices = given.indices.fill_null(len(given.dictionary)).to_numpy(zero_copy_only=False)
        is_used = np.zeros(len(given.dictionary) + 1, bool)  # a slice may use few of its words
        is_used[indices] = True
        used = np.flatnonzero(is_used[:-1])
        words = given.dictionary.take(used).to_pylist()
        if by == "name":
            words = [key(word) for word in words]
        rows = np.full(len(is_used), _NONE, np.int32)
        rows[used] = [table.get(word, _NONE) for word in words]
        result: Rows = rows[indices]
        return result

    def _by_id(self, node_type: str) -> dict[str, int]:
        return {
            **self._codes.get(node_type, {}),
            **self.of_type(node_type).rows,
            **self._keys.get(node_type, {}),
        }

    def _by_name(self, node_type: str) -> dict[str, int]:
        nodes = self.of_type(node_type)
        synonyms = ((text, row) for row, kind, text, *_ in nodes.labels if kind == KIND["synonym"])
        table = _unique(synonyms)
        table.update(_unique(zip(nodes.names, range(len(nodes.names)), strict=True)))
        return table


def is_text(text: str) -> bool:
    """Whether a text can be stored as UTF-8; half a surrogate pair cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Folded text -> row, or _SEVERAL where it leads to more than one."""
    table: dict[str, int] = {}
    for text, row in pairs:
        folded = key(text)
        table[folded] = row if table.get(folded, row) == row else _SEVERAL
    return table
