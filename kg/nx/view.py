"""Columns that look like a networkx graph to everything that reads one.

networkx's own views (``adj``, ``nodes``, ``edges``, ``degree``) read a graph through two mappings,
node -> attributes and node -> neighbour -> attributes. Here both answer from the columns, so that
nothing is copied. What would change the graph raises ``networkx.NetworkXError``, as it does for a
frozen graph; ``view.copy()`` is a networkx graph of its own.
"""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import networkx as nx

from kg.nx.columns import Adjacency, Columns

_CHANGES = (
    "add_node", "add_nodes_from", "remove_node", "remove_nodes_from", "add_edge", "add_edges_from",
    "add_weighted_edges_from", "remove_edge", "remove_edges_from", "update", "clear", "clear_edges",
)  # fmt: skip


def _refuse(*_: object, **__: object) -> NoReturn:
    raise nx.NetworkXError("Frozen graph can't be modified: copy() gives one that can")


class Frozen(Mapping[Any, Any]):
    """A mapping whose items come in pairs, and which refuses changes as a frozen graph does."""

    __setitem__ = __delitem__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Keys with their values."""
        for key in self:
            yield key, self[key]

    def items(self) -> ItemsView[Any, Any]:
        """As of a dictionary, without looking each key up."""
        return _Items(self)

    def values(self) -> ValuesView[Any]:
        """As of a dictionary, without looking each key up."""
        return _Values(self)

    def copy(self) -> dict[Any, Any]:
        """A dictionary that may be changed."""
        return dict(self.items())

    def __deepcopy__(self, memo: object) -> dict[Any, Any]:
        from copy import deepcopy

        return {key: deepcopy(value, cast("Any", memo)) for key, value in self.pairs()}

    def __repr__(self) -> str:
        return repr(dict(self.items()))


class _Items(ItemsView[Any, Any]):
    _mapping: Frozen

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self._mapping.pairs()


class _Values(ValuesView[Any]):
    _mapping: Frozen

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self._mapping.pairs())


class Attributes(Frozen):
    """A dictionary of somebody else, to be read."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class EdgeAttributes(Frozen):
    """Attributes of one edge, or its parallel edges by key, looked up when they are read."""

    def __init__(self, columns: Columns, place: int) -> None:
        self._columns, self._place = columns, place

    def __getitem__(self, key: Any) -> Any:
        columns = self._columns
        if columns.edge_keys is not None and key not in columns.edge_keys:
            raise KeyError(key)  # what is asked most: a weight that no edge has
        value = columns.edge(self._place)[key]
        return Attributes(value) if columns.multigraph else value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._columns.edge_keys or self._columns.edge(self._place))

    def __len__(self) -> int:
        return len(self._columns.edge_keys or self._columns.edge(self._place))


class Nodes(Frozen):
    """Node -> attributes."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __getitem__(self, label: Any) -> Attributes:
        return Attributes(self._columns.node(_position(self._columns, label)))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._columns.labels())

    def __len__(self) -> int:
        return self._columns.size

    def __contains__(self, label: object) -> bool:
        return self._columns.position(label) is not None

    def pairs(self) -> Iterator[tuple[Any, Attributes]]:
        """Nodes with their attributes."""
        for position, label in enumerate(self._columns.labels()):
            yield label, Attributes(self._columns.node(position))


class Neighbors(Frozen):
    """Neighbour -> attributes of the edge."""

    def __init__(self, columns: Columns, adjacency: Adjacency, position: int) -> None:
        self._columns, self._adjacency, self._here = columns, adjacency, position

    def __getitem__(self, label: Any) -> EdgeAttributes:
        place = self._adjacency.place(self._here, _position(self._columns, label))
        if place is None:
            raise KeyError(label)
        return self._edge(place)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._columns.labels_at(self._adjacency.of(self._here)))

    def __len__(self) -> int:
        return len(self._adjacency.of(self._here))

    def __contains__(self, label: object) -> bool:
        there = self._columns.position(label)
        return there is not None and self._adjacency.place(self._here, there) is not None

    def pairs(self) -> Iterator[tuple[Any, EdgeAttributes]]:
        """Neighbours with the attributes of the edge."""
        first = int(self._adjacency.start[self._here])
        for place, label in enumerate(self, first):
            yield label, self._edge(place)

    def _edge(self, place: int) -> EdgeAttributes:
        out = self._columns.out
        if self._adjacency is not out:  # a predecessor: the same edge, seen from its head
            found = out.place(int(self._adjacency.target[place]), self._here)
            place = -1 if found is None else found  # never None: both ways hold the same edges
        return EdgeAttributes(self._columns, place)


class Adjacent(Frozen):
    """Node -> neighbours."""

    def __init__(self, columns: Columns, *, forward: bool) -> None:
        self._columns, self._forward = columns, forward

    @property
    def _adjacency(self) -> Adjacency:
        return self._columns.out if self._forward else self._columns.into

    def __getitem__(self, label: Any) -> Neighbors:
        return Neighbors(self._columns, self._adjacency, _position(self._columns, label))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._columns.labels())

    def __len__(self) -> int:
        return self._columns.size

    def __contains__(self, label: object) -> bool:
        return self._columns.position(label) is not None

    def pairs(self) -> Iterator[tuple[Any, Neighbors]]:
        """Nodes with their neighbours."""
        for position, label in enumerate(self._columns.labels()):
            yield label, Neighbors(self._columns, self._adjacency, position)


def _position(columns: Columns, label: Any) -> int:
    position = columns.position(label)
    if position is None:
        raise KeyError(label)
    return position


if TYPE_CHECKING:
    _Base = nx.Graph[Any]
else:
    _Base = object


class _View(_Base):
    """What all four views share."""

    __networkx_backend__: ClassVar[str] = "pharmakon"
    frozen = True
    plain: ClassVar[type]

    def __new__(cls, columns: Any = None, **attributes: Any) -> Any:
        # networkx makes empty graphs with G.__class__() and fills them: those are its own.
        if not isinstance(columns, Columns):
            return cls.plain(columns, **attributes)
        return object.__new__(cls)

    def __init__(self, columns: Columns) -> None:
        super().__init__()
        self.columns = columns
        self.graph = cast("dict[str, Any]", Attributes(columns.attributes))
        self._node = Nodes(columns)
        self._adj = Adjacent(columns, forward=True)
        if columns.directed:
            self._pred = Adjacent(columns, forward=False)

    def size(self, weight: Any = None) -> Any:
        """The number of edges, or the sum of an attribute of theirs."""
        if weight is not None:
            return super().size(weight)
        many = self.columns.multiplicity
        out = self.columns.out
        total = len(out.target) if many is None else int(many.sum())
        if self.columns.directed:
            return total
        loops = out.target == out.origin
        return (total + (int(loops.sum()) if many is None else int(many[loops].sum()))) // 2

    def number_of_edges(self, u: Any = None, v: Any = None) -> int:
        """The number of edges, of the graph or between two nodes."""
        return self.size() if u is None else super().number_of_edges(u, v)


for _name in _CHANGES:
    setattr(_View, _name, _refuse)


class GraphView(_View, nx.Graph):  # type: ignore[type-arg]
    """Columns without direction, as a ``networkx.Graph``."""

    plain = nx.Graph


class DiGraphView(_View, nx.DiGraph):  # type: ignore[type-arg]
    """Columns with direction, as a ``networkx.DiGraph``."""

    plain = nx.DiGraph


class MultiGraphView(_View, nx.MultiGraph):  # type: ignore[type-arg]
    """Columns with parallel edges, as a ``networkx.MultiGraph``."""

    plain = nx.MultiGraph


class MultiDiGraphView(_View, nx.MultiDiGraph):  # type: ignore[type-arg]
    """Columns with parallel edges and direction, as a ``networkx.MultiDiGraph``."""

    plain = nx.MultiDiGraph


def view_of(columns: Columns) -> Any:
    """The columns as the networkx graph that they are."""
    kinds = {
        (False, False): GraphView,
        (True, False): DiGraphView,
        (False, True): MultiGraphView,
        (True, True): MultiDiGraphView,
    }
    return kinds[columns.directed, columns.multigraph](columns)
