"""The trees behind the signed head, kept in the database.

A tree is extended and changed only where it is known to be whole: every hash
that is read is checked against the frontier, and the frontier against the
signed root, before anything is built on it. So a changed row is never signed
over.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import merkle
from storage.checkpoint import Part
from storage.errors import AuditError
from storage.merkle import Frontier, Node
from storage.statements import Statement
from storage.tables import AuditEntryRow, AuditNodeRow, StateTileRow

HASH_BYTES = 32
BLOCK_LEVEL = 8  # nodes of the audit tree below it are not stored: they are made from the leaves
TILE_LEVELS = 4
TILE_WIDTH = 1 << TILE_LEVELS
_POSITION_BITS = 40

_BLOCK = Statement(
    select(AuditEntryRow.leaf)
    .where(AuditEntryRow.position.between(bindparam("first"), bindparam("last")))
    .order_by(AuditEntryRow.position)
)
_NODE = Statement(
    select(AuditNodeRow.hash).where(
        AuditNodeRow.level == bindparam("level"), AuditNodeRow.position == bindparam("position")
    )
)
_TILES = Statement(
    select(StateTileRow.place, StateTileRow.hashes).where(
        StateTileRow.tree == bindparam("name"),
        StateTileRow.place.in_(bindparam("places", expanding=True)),
    )
)
_ADD_NODES, _ADD_TILES = Statement(insert(AuditNodeRow)), Statement(insert(StateTileRow))
_CHANGE_TILE = Statement(
    update(StateTileRow)
    .where(StateTileRow.tree == bindparam("name"), StateTileRow.place == bindparam("at"))
    .values(hashes=bindparam("now"))
)


def frontier_of(part: Part, peaks: Sequence[bytes], name: str) -> Frontier:
    """The frontier of a signed tree, from its stored peaks.

    Raises:
        AuditError: they do not give the signed root.
    """
    try:
        frontier = Frontier(part.size, peaks)
    except ValueError:
        frontier = Frontier()
    if (frontier.size, frontier.root()) != part:
        raise AuditError(f"the tree of {name} is not the one that was signed: run audit verify")
    return frontier


class _Tree:
    """What both kinds of tree know of themselves."""

    _frontier: Frontier

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._frontier.size

    @property
    def frontier(self) -> Frontier:
        """The frontier, to be read and copied."""
        return self._frontier

    def root(self) -> bytes:
        """Root hash."""
        return self._frontier.root()


class EntryTree(_Tree):
    """The audit tree: leaves are the stored entries, and only ever added."""

    def __init__(self, connection: Connection, frontier: Frontier) -> None:
        self._connection = connection
        self._frontier = frontier
        self._new_nodes: list[dict[str, object]] = []
        self._read: dict[tuple[int, int], bytes] = {}

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash; ``write`` stores what it completes."""
        self._new_nodes += [
            {"level": level, "position": position, "hash": digest}
            for level, position, digest in self._frontier.append(leaf)
            if level >= BLOCK_LEVEL
        ]

    def write(self) -> None:
        """Store the nodes that were completed.

        Raises:
            AuditError: there is already something where they belong.
        """
        if self._new_nodes:
            try:
                _ADD_NODES.run_many(self._connection, self._new_nodes)
            except IntegrityError as error:
                raise AuditError("the audit tree holds hashes beyond its signed size") from error
            self._new_nodes = []

    def holds(self, index: int, leaf: bytes) -> bool:
        """``leaf`` is the leaf hash at ``index``, by the hashes above it up to the root."""
        # A writer of the database can put text where a number belongs.
        if not isinstance(index, int) or not 0 <= index < self.size:
            return False
        path = self.inclusion_proof(index)
        return merkle.is_included(leaf, index, self.size, path, self.root())

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Hashes from leaf ``index`` to the root."""
        return merkle.inclusion_proof(self.read, index, self.size)

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Hashes that show the first ``old_size`` leaves to be unchanged."""
        return merkle.consistency_proof(self.read, old_size, self.size)

    def read(self, level: int, position: int) -> bytes:
        """Hash of one perfect subtree, as the database has it.

        Raises:
            AuditError: it is missing.
        """
        place = (level, position)
        if place not in self._read:
            if level < BLOCK_LEVEL:
                self._read_block((position << level) >> BLOCK_LEVEL)
            else:
                found = _NODE.scalar(self._connection, {"level": level, "position": position})
                if found is not None:
                    self._read[place] = found
        if place not in self._read:
            first = position << level
            raise AuditError(
                f"the audit tree lacks a hash above entry {first}: run audit verify", index=first
            )
        return self._read[place]

    def _read_block(self, block: int) -> None:
        first = block << BLOCK_LEVEL
        last = min(first + (1 << BLOCK_LEVEL), self.size) - 1
        hashes = _BLOCK.scalars(self._connection, {"first": first, "last": last})
        if len(hashes) != last - first + 1:
            raise AuditError(
                f"an audit entry between {first} and {last} is missing: run audit verify",
                index=first,
            )
        for level in range(BLOCK_LEVEL):
            start = first >> level
            self._read.update(((level, start + i), digest) for i, digest in enumerate(hashes))
            hashes = merkle.parents(hashes)


class StateTree(_Tree):
    """One named tree whose leaves are the current state of something and can be replaced.

    Its perfect subtrees' hashes at levels 0, 4, 8, … are stored, 16 neighbours
    in a tile; the levels between are computed. A leaf of 100,000 lies under
    five tiles.
    """

    def __init__(self, connection: Connection, name: str, frontier: Frontier) -> None:
        self._connection = connection
        self._name = name
        self._frontier = frontier
        self._tiles: dict[int, list[bytes]] = {}
        self._levels: dict[int, list[list[bytes]]] = {}  # of a tile: its hashes, their parents, …
        self._changed: set[int] = set()
        self._stored: set[int] = set()

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash; ``write`` stores it.

        Raises:
            AuditError: the stored hashes before it are not those signed.
        """
        tile = self._tile(0, self.size >> TILE_LEVELS, is_new=self.size % TILE_WIDTH == 0)
        self._check_last(tile)
        for level, position, digest in self._frontier.append(leaf):
            if level % TILE_LEVELS == 0:
                group, slot = divmod(position, TILE_WIDTH)
                hashes = self._tile(level, group, is_new=slot == 0)
                if len(hashes) != slot:
                    raise self._altered(self.size - 1)
                hashes.append(digest)
                self._levels.pop(_place(level, group), None)
                self._changed.add(_place(level, group))

    def holds(self, index: int, leaf: bytes) -> bool:
        """``leaf`` is the leaf hash at ``index``, by the hashes above it up to the root."""
        # A writer of the database can put text where a number belongs.
        if not isinstance(index, int) or not 0 <= index < self.size:
            return False
        level, _, digest = self._climb(index, leaf)[-1]
        return self._frontier.peaks[level] == digest

    def replace(self, index: int, old: bytes, new: bytes) -> None:
        """Change the leaf hash at ``index`` from ``old`` to ``new``; ``write`` stores it.

        Raises:
            AuditError: ``old`` is not what the tree holds there.
        """
        if not self.holds(index, old):
            raise self._altered(index)
        nodes = self._climb(index, new)
        for level, position, digest in nodes:
            above = level % TILE_LEVELS
            group, slot = divmod(position, TILE_WIDTH >> above)
            place = _place(level - above, group)
            if above == 0:
                if slot >= len(self._tile(level, group)):
                    raise self._altered(index)
                self._tiles[place][slot] = digest
                self._changed.add(place)
            if above and place in self._levels:
                self._levels[place][above][slot] = digest
        level, _, digest = nodes[-1]
        self._frontier.peaks[level] = digest

    def write(self) -> None:
        """Store the tiles that were changed.

        Raises:
            AuditError: there is already something where a new one belongs.
        """
        tiles = {place: b"".join(self._tiles[place]) for place in sorted(self._changed)}
        new = [place for place in tiles if place not in self._stored]
        known = [place for place in tiles if place in self._stored]
        if new:
            rows = [{"tree": self._name, "place": at, "hashes": tiles[at]} for at in new]
            try:
                _ADD_TILES.run_many(self._connection, rows)
            except IntegrityError as error:
                raise AuditError(
                    f"the tree of {self._name} holds hashes beyond its signed size"
                ) from error
        if known:
            _CHANGE_TILE.run_many(
                self._connection, [{"name": self._name, "at": at, "now": tiles[at]} for at in known]
            )
        self._stored.update(new)
        self._changed.clear()

    def _climb(self, index: int, leaf: bytes) -> list[Node]:
        """The nodes from ``leaf`` up to its peak, beside the stored hashes."""
        peak = next(
            level
            for level, position in merkle.frontier_places(self.size)
            if index >> level == position
        )
        bottoms = range(0, peak, TILE_LEVELS)
        with_peak = range(0, peak + 1, TILE_LEVELS)  # which ``replace`` changes
        self._load(_place(level, index >> level + TILE_LEVELS) for level in with_peak)
        nodes = [(0, index, leaf)]
        for bottom in bottoms:
            group, slot = divmod(index >> bottom, TILE_WIDTH)
            digest = nodes[-1][2]
            levels = self._levels_of(bottom, group)
            for level in range(bottom, min(bottom + TILE_LEVELS, peak)):
                hashes = levels[level - bottom]
                if slot | 1 >= len(hashes):
                    raise self._altered(index)
                sibling = hashes[slot ^ 1]
                pair = (sibling, digest) if slot & 1 else (digest, sibling)
                digest, slot = merkle.node_hash(*pair), slot >> 1
                nodes.append((level + 1, index >> level + 1, digest))
        return nodes

    def _levels_of(self, level: int, group: int) -> list[list[bytes]]:
        """The hashes of a tile, and those computed from them that lie inside it."""
        place = _place(level, group)
        if place not in self._levels:
            levels = [self._tile(level, group)]
            while len(levels) < TILE_LEVELS:
                levels.append(merkle.parents(levels[-1]))
            self._levels[place] = levels
        return self._levels[place]

    def _check_last(self, hashes: list[bytes]) -> None:
        """The last, unfilled tile of leaves is what the frontier says."""
        count = self.size % TILE_WIDTH
        if len(hashes) != count:
            raise self._altered(self.size - 1)
        first = 0
        for level in reversed(range(TILE_LEVELS)):
            if count >> level & 1:
                part = hashes[first : first + (1 << level)]
                if merkle.subtree_root(part) != self._frontier.peaks[level]:
                    raise self._altered(self.size - count + first)
                first += 1 << level

    def _tile(self, level: int, group: int, *, is_new: bool = False) -> list[bytes]:
        place = _place(level, group)
        if place not in self._tiles:
            if is_new:
                self._tiles[place] = []
            else:
                self._load([place])
        return self._tiles[place]

    def _load(self, places: Iterable[int]) -> None:
        missing = [place for place in places if place not in self._tiles]
        if not missing:
            return
        found = _TILES.all(self._connection, {"name": self._name, "places": missing})
        for place, hashes in found:
            self._stored.add(place)
            self._tiles[place] = [
                hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)
            ]
        for place in missing:
            if place not in self._tiles:
                raise AuditError(f"the tree of {self._name} lacks a stored hash: run audit verify")

    def _altered(self, index: int) -> AuditError:
        return AuditError(f"leaf {index} of the tree of {self._name} is not the one signed")


def _place(level: int, group: int) -> int:
    """The key of a tile: its level, and its position in that level."""
    return level << _POSITION_BITS | group


def expected_tiles(leaves: Sequence[bytes]) -> dict[int, bytes]:
    """Every tile of the state tree with these leaves, by its key."""
    tiles: dict[int, bytes] = {}
    level, hashes = 0, list(leaves)
    while hashes:
        for start in range(0, len(hashes), TILE_WIDTH):
            tile = b"".join(hashes[start : start + TILE_WIDTH])
            tiles[_place(level, start // TILE_WIDTH)] = tile
        for _ in range(TILE_LEVELS):
            hashes = merkle.parents(hashes)
        level += TILE_LEVELS
    return tiles
