"""The versions of one key, and the states they pass through.

The states are those of NIST SP 800-57 Part 1, section 7, in the words of this program:

=============  ==================  ===============================================================
here           NIST SP 800-57      what the version does
=============  ==================  ===============================================================
``pending``    pre-activation      made and written; nothing is protected by it yet
``primary``    active              protects what is new; there is always exactly one
``outgoing``   active              protects nothing new, but what it protected is still in use
``retired``    deactivated         nothing in the store is under it; it opens old backups
``destroyed``  destroyed           its bytes are gone; the entry says that it existed
=============  ==================  ===============================================================
"""

import base64
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.crypto import KEY_BYTES, AeadKey, Secret
from storage.errors import DecryptionError, KeyRingError

Use = Literal["wrap", "index", "audit"]
State = Literal["pending", "primary", "outgoing", "retired", "destroyed"]
USES: tuple[Use, ...] = get_args(Use)
STATES: tuple[State, ...] = get_args(State)
_PROOF = b"pharmakon/key proof"


@dataclass(frozen=True, slots=True)
class KeyVersion(Secret):
    """One version of a key.

    Attributes:
        version: 1 and up.
        state: where in its life it is.
        created: when it was made, ISO 8601.
        changed: when it came into its state, ISO 8601.
        raw: 32 bytes; None once destroyed, and once an audit key has signed its last head.
        public: 32 bytes, of an audit key only; kept for ever, so that old heads stay provable.
        n_entries: of a replaced audit key, the size of the last log that it signed for.
        renews: of a key-encryption key: whoever is moved to it gets a new data key too.
    """

    version: int
    state: State
    created: str
    changed: str
    raw: bytes | None = field(repr=False)
    public: bytes | None = None
    n_entries: int | None = None
    renews: bool = False

    @classmethod
    def new(cls, use: Use, version: int, raw: bytes, *, now: str, state: State = "pending") -> Self:
        """A version with the key ``raw``."""
        public = None
        if use == "audit":
            public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
        return cls(version, state, now, now, raw, public)

    @classmethod
    def from_json(cls, use: Use, fields: Mapping[str, Any]) -> Self:
        """The version that ``to_json`` gave.

        Raises:
            ValueError, LookupError, TypeError: it is malformed.
        """
        state, version, bound = fields["state"], fields["version"], fields.get("n_entries")
        raw = None if fields["key"] is None else key_bytes(fields["key"])
        key = cls(version, state, str(fields["created"]), str(fields["changed"]), raw, None, bound)
        if state not in STATES or type(version) is not int or not 0 < version < 2**32:
            raise ValueError("no such state or version")
        if use == "audit":
            public = key_bytes(fields["public"])
            if raw is not None and cls.new(use, version, raw, now="").public != public:
                raise ValueError("the public key is not the private key's")
            if bound is not None and (type(bound) is not int or bound < 0):
                raise ValueError("no number of entries")
            key = replace(key, public=public)
        if use == "wrap":
            key = replace(key, renews=fields.get("renews") is True)
        must_have = {"pending", "primary", "outgoing"} | ({"retired"} if use != "audit" else set())
        if (raw is None) == (state in must_have):
            raise ValueError("key bytes do not fit the state")
        return key

    def to_json(self) -> dict[str, Any]:
        """Everything, the key's bytes as base64: for the ring's file only."""
        fields: dict[str, Any] = {
            "version": self.version,
            "state": self.state,
            "created": self.created,
            "changed": self.changed,
            "key": None if self.raw is None else base64.b64encode(self.raw).decode(),
        }
        if self.public is not None:
            fields["public"] = base64.b64encode(self.public).decode()
            fields["n_entries"] = self.n_entries
        if self.renews:
            fields["renews"] = True
        return fields


@dataclass(frozen=True, slots=True)
class KeySet(Secret):
    """All versions of one key, oldest first.

    Invariant: versions grow, exactly one is primary, and at most one is pending. Each change
    gives a new set.
    """

    use: Use
    versions: tuple[KeyVersion, ...]

    @classmethod
    def first(cls, use: Use, version: int, raw: bytes, *, now: str) -> Self:
        """A set of one version, primary."""
        return cls(use, (KeyVersion.new(use, version, raw, now=now, state="primary"),))

    def __post_init__(self) -> None:
        numbers = [key.version for key in self.versions]
        states = [key.state for key in self.versions]
        if numbers != sorted(set(numbers)):
            raise ValueError("versions of a key must grow")
        if states.count("primary") != 1 or states.count("pending") > 1:
            raise ValueError("of a key, one version is primary and at most one is pending")

    def __iter__(self) -> Iterator[KeyVersion]:
        return iter(self.versions)

    def __getitem__(self, version: int) -> KeyVersion:
        for key in self.versions:
            if key.version == version:
                return key
        known = ", ".join(str(key.version) for key in self.versions)
        raise KeyRingError(f"there is no {self.use} key {version}; have {known}")

    @property
    def primary(self) -> KeyVersion:
        """The version that protects what is new."""
        return self.in_state("primary")[0]

    def in_state(self, *states: State) -> tuple[KeyVersion, ...]:
        """The versions in one of ``states``, oldest first."""
        return tuple(key for key in self.versions if key.state in states)

    def added(self, raw: bytes, *, now: str, renews: bool = False) -> Self:
        """With the new key ``raw``, pending.

        Raises:
            KeyRingError: one is pending already.
        """
        for waiting in self.in_state("pending"):
            raise KeyRingError(
                f"{self.use} key {waiting.version} is pending already: make it primary, or "
                "destroy it first"
            )
        version = self.versions[-1].version + 1
        new = replace(KeyVersion.new(self.use, version, raw, now=now), renews=renews)
        return replace(self, versions=(*self.versions, new))

    def promoted(self, version: int, *, now: str, n_entries: int | None = None) -> Self:
        """With the pending ``version`` as primary; the primary so far becomes outgoing.

        Raises:
            KeyRingError: it is not pending.
        """
        new = self._check(version, "make primary", "pending")
        return self._with(
            replace(self.primary, state="outgoing", changed=now, n_entries=n_entries),
            replace(new, state="primary", changed=now),
        )

    def retired(self, version: int, *, now: str) -> Self:
        """With the outgoing ``version`` retired; of an audit key, only the public half stays.

        Raises:
            KeyRingError: it is not outgoing.
        """
        key = self._check(version, "retire", "outgoing")
        if self.use == "audit":
            key = replace(key, raw=None)
        return self._with(replace(key, state="retired", changed=now))

    def destroyed(self, version: int, *, now: str) -> Self:
        """With ``version``, pending or retired so far, without its bytes.

        Raises:
            KeyRingError: it is primary or outgoing, and so in use, or destroyed already, or a
                retired audit key, which has lost its private half and must stay known.
        """
        allowed: tuple[State, ...] = ("pending",) if self.use == "audit" else ("pending", "retired")
        key = self._check(version, "destroy", *allowed)
        return self._with(replace(key, state="destroyed", changed=now, raw=None))

    def _check(self, version: int, verb: str, *allowed: State) -> KeyVersion:
        key = self[version]
        if key.state not in allowed:
            raise KeyRingError(
                f"cannot {verb} {self.use} key {version}: it is {key.state}, "
                f"not {' or '.join(allowed)}"
            )
        return key

    def _with(self, *changed: KeyVersion) -> Self:
        new = {key.version: key for key in (*self.versions, *changed)}
        return replace(self, versions=tuple(new[version] for version in sorted(new)))


def key_bytes(text: str) -> bytes:
    """The 32 bytes that ``text`` gives in base64.

    Raises:
        ValueError, TypeError: it does not.
    """
    raw = base64.b64decode(text, validate=True)
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return raw


def is_same_key(use: Use, memory: KeyVersion, disk: KeyVersion) -> bool:
    """What one version seals, signs or hashes, the other opens, verifies or hashes alike."""
    if memory.raw is None or disk.raw is None:
        return memory.public == disk.public
    if use == "audit":
        signature = Ed25519PrivateKey.from_private_bytes(memory.raw).sign(_PROOF)
        return is_signature(disk.public, signature, _PROOF)
    if use == "index":
        one, other = (hmac.digest(raw, _PROOF, "sha256") for raw in (memory.raw, disk.raw))
        return hmac.compare_digest(one, other)
    sealed = AeadKey(memory.raw, version=memory.version).seal(_PROOF, context=_PROOF)
    try:
        return AeadKey(disk.raw, version=disk.version).open(sealed, context=_PROOF) == _PROOF
    except DecryptionError:
        return False


def is_signature(public: bytes | None, signature: bytes, message: bytes) -> bool:
    """``signature`` is over ``message`` by the Ed25519 key whose public half is ``public``."""
    try:
        Ed25519PublicKey.from_public_bytes(public or b"").verify(signature, message)
    except InvalidSignature:
        return False
    return True
