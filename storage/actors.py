"""Who may act in this store: names with roles, each a leaf of the signed actor tree.

A row that someone wrote, edited, exchanged or put back without the keys is not
the leaf that was signed, and its actor is refused. A row that was removed
leaves an actor that nobody knows, who is refused as well.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from storage.access import Role
from storage.audit import SignedState, label, timestamp
from storage.crypto import length_prefixed
from storage.errors import (
    AccessDeniedError,
    InvalidRecordError,
    NotFoundError,
    StaleRecordError,
)
from storage.merkle import Frontier, leaf_hash
from storage.tables import ActorRow

_OWNER_ROLES = tuple(Role)
STORAGE = "storage"  # acts in the log where an interrupted erasure is completed


@dataclass(frozen=True)
class Actor:
    """One actor's row; see ``storage.tables.ActorRow``."""

    ordinal: int
    name: str
    roles: str  # sorted, with spaces between; empty once revoked
    until: str  # empty: no end
    version: int

    def leaf(self) -> bytes:
        """Leaf hash of the current state in the actor tree."""
        return leaf_hash(length_prefixed("pharmakon/actor", *map(str, vars(self).values())))

    def __str__(self) -> str:
        """Who holds what, and until when."""
        end = f" until {self.until}" if self.until else ""
        return f"{self.name}: {self.roles.replace(' ', ', ') or 'no role'}{end}"

    def roles_at(self, now: str) -> tuple[str, ...]:
        """The roles that count at ``now``: none from the very instant of ``until``."""
        if self.until and now >= self.until:
            return ()
        return tuple(self.roles.split())


_COLUMNS = [getattr(ActorRow, field.name) for field in fields(Actor)]
_BY_NAME = select(*_COLUMNS).where(ActorRow.name == bindparam("of"))
_BY_ORDINAL = select(ActorRow.ordinal).where(ActorRow.ordinal == bindparam("of"))
_ALL = select(*_COLUMNS).order_by(ActorRow.ordinal)
_CHANGE = update(ActorRow).where(ActorRow.ordinal == bindparam("at"))


class KnownActors:
    """Actors that were compared with the signed tree, kept as long as its root stays the same.

    One for each open store; may be shared by threads.
    """

    def __init__(self) -> None:
        self._known: tuple[bytes, dict[str, Actor]] = (b"", {})

    def roles(self, state: SignedState, name: str, *, now: str) -> tuple[str, ...]:
        """The roles of ``name`` at ``now``; none if unknown, revoked or past its end.

        Raises:
            StaleRecordError: the actor's row is not the one last committed.
        """
        root = state.actors.root()
        at, known = self._known
        if at != root:
            self._known = _, known = root, {}
        actor = known.get(name)
        if actor is None:
            actor = find(state, name)
            if actor is None:
                return ()
            known[name] = actor
        return actor.roles_at(now)


def roles_of(state: SignedState, name: str, *, now: str) -> tuple[str, ...]:
    """``KnownActors.roles`` without remembering."""
    actor = find(state, name)
    return () if actor is None else actor.roles_at(now)


def find(state: SignedState, name: str) -> Actor | None:
    """The actor of this name, revoked or not, as the signed tree has it.

    Raises:
        StaleRecordError: the row is not the one last committed.
    """
    row = state.connection.execute(_BY_NAME, {"of": name}).first()
    if row is None:
        return None
    actor = Actor(*row)
    if actor.name != name:  # as a collation or a view can answer
        raise StaleRecordError("the database answered with another actor than was asked for")
    if not state.actors.holds(actor.ordinal, actor.leaf()):
        raise StaleRecordError(f"the row of actor {actor.ordinal} is not the one last committed")
    return actor


def actors(state: SignedState) -> tuple[Actor, ...]:
    """All actors, revoked ones too, in the order in which they came.

    Raises:
        StaleRecordError: a row was altered, added, removed or put back.
    """
    found = tuple(Actor(*row) for row in state.connection.execute(_ALL))
    tree = Frontier()
    for actor in found:
        tree.append(actor.leaf())
    if tree.root() != state.actors.root():
        raise StaleRecordError("the list of actors is not the one last committed")
    return found


def add_owner(state: SignedState, name: str) -> Actor:
    """Make ``name`` the first actor of a new store, with every role and no end.

    Raises:
        InvalidRecordError: the name cannot be logged.
    """
    return _put(state, None, label("actor", name), _OWNER_ROLES, "")


def grant(
    state: SignedState,
    name: str,
    roles: Iterable[str],
    *,
    until: datetime | None,
    by: str,
    now: str,
) -> Actor:
    """Let ``name`` hold exactly ``roles`` from now on, whatever it held before.

    Args:
        state: what the caller's transaction has signed for.
        name: the actor, as the audit log will know it.
        roles: at least one of ``storage.access.Role``.
        until: the instant from which they no longer count; None for no end.
        by: who grants. Their own roles and end they can only narrow.
        now: the time.

    Raises:
        InvalidRecordError: a role does not exist, none is named, ``until`` has
            no time zone or is not in the future, or the name cannot be logged.
        AccessDeniedError: ``by`` would widen itself, or nobody could grant any more.
        StaleRecordError: rows of actors are not those last committed.
    """
    wanted = sorted(set(roles))
    if not wanted or not set(wanted) <= set(Role):
        raise InvalidRecordError(f"roles must be one or more of: {', '.join(Role)}")
    if until is not None and until.tzinfo is None:
        raise InvalidRecordError("the end of a grant must have a time zone")
    end = "" if until is None else timestamp(until)
    if end and end <= now:
        raise InvalidRecordError(f"the end of a grant must lie in the future, and {end} does not")
    if label("actor", name) != name.strip():
        raise InvalidRecordError("the name of an actor must not begin or end with white space")
    old = find(state, name)
    if old is None:
        _check_new(state, name)
    if name == by:
        held = () if old is None else old.roles_at(now)
        is_longer = old is not None and old.until and (not end or end > old.until)
        if is_longer or not set(wanted) <= set(held):
            raise AccessDeniedError(
                "nobody widens their own roles or moves their own end: "
                "another security officer must grant this"
            )
    return _put(state, old, name, wanted, end)


def _check_new(state: SignedState, name: str) -> None:
    if name == STORAGE:
        raise InvalidRecordError(f"{name!r} is how the log calls the program itself")
    looks = _looks(name)
    for actor in actors(state):
        if _looks(actor.name) == looks:
            raise InvalidRecordError(
                "an actor is there whose name reads the same; give another, or use that one"
            )


def _looks(name: str) -> str:
    """``name`` without what readers overlook: case, width, ligatures, marks of no width."""
    letters = unicodedata.normalize("NFKC", name.casefold())
    return "".join(c for c in letters if unicodedata.category(c) not in ("Cf", "Mn"))


def revoke(state: SignedState, name: str) -> Actor:
    """Take every role from ``name``.

    Raises:
        NotFoundError: no such actor.
        AccessDeniedError: nobody could grant any more.
        StaleRecordError: rows of actors are not those last committed.
    """
    old = find(state, name)
    if old is None:
        raise NotFoundError("no actor has this name; see the list of actors")
    return _put(state, old, name, (), "")


def _put(
    state: SignedState, old: Actor | None, name: str, roles: Iterable[str], until: str
) -> Actor:
    """Write the actor's row and put its new state into the tree."""
    if old is None:
        new = Actor(state.actors.size, name, " ".join(sorted(roles)), until, 1)
        if state.connection.execute(_BY_ORDINAL, {"of": new.ordinal}).first() is not None:
            raise StaleRecordError("the list of actors holds a row that was never committed")
        state.connection.execute(insert(ActorRow), asdict(new))
        state.actors.append(new.leaf())
        return new
    new = Actor(old.ordinal, name, " ".join(sorted(roles)), until, old.version + 1)
    is_lost = _is_lasting_officer(old) and not _is_lasting_officer(new)
    if is_lost and sum(map(_is_lasting_officer, actors(state))) == 1:
        raise AccessDeniedError(
            "this is the last security officer without an end: "
            "grant the role to another before, or nobody could grant again"
        )
    values = asdict(new)
    state.connection.execute(_CHANGE, {"at": values.pop("ordinal"), **values})
    state.actors.replace(new.ordinal, old.leaf(), new.leaf())
    return new


def _is_lasting_officer(actor: Actor) -> bool:
    return Role.SECURITY_OFFICER in actor.roles.split() and not actor.until
