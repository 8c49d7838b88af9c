"""What a key ring's file says, and how its secrets are sealed in it.

Version 2 of the file is JSON::

    {"format": "pharmakon-key-ring", "version": 2, "store": id, "revision": n,
     "provider": {"name": …, its parameters}, "keys": {…} or "sealed": base64}

``keys`` are in clear where the provider is the file's rights; otherwise they are one envelope
(``storage.crypto``) under the provider's key, whose context holds all that is in clear: store,
version, revision, and provider with its parameters. Version 1 had one index key and one audit
key, and is read as version 2.
"""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from storage import owner_only
from storage.crypto import AeadKey, Secret, length_prefixed
from storage.errors import DecryptionError, KeyRingError
from storage.keyset import USES, KeySet, KeyVersion, Use, is_same_key, key_bytes
from storage.owner_only import Mark, SecretText
from storage.providers import KeyProvider, Parameters

FORMAT = "pharmakon-key-ring"
VERSION = 2


@dataclass(frozen=True, slots=True)
class RingContents(Secret):
    """What a ring's file holds.

    Attributes:
        store_id: of the one store it belongs to.
        revision: grows by one with each change.
        keys: the versions of each key.
        parameters: of the provider.
        seal: what the secrets are sealed with; None: not sealed.
    """

    store_id: str
    revision: int
    keys: Mapping[Use, KeySet] = field(repr=False)
    parameters: Parameters
    seal: AeadKey | None

    def to_text(self, provider: str) -> SecretText:
        """The file's text, its secrets sealed if there is something to seal them with."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "store": self.store_id,
            "revision": self.revision,
            "provider": {"name": provider, **self.parameters},
        }
        keys = {use: [key.to_json() for key in self.keys[use]] for use in USES}
        if self.seal is None:
            document["keys"] = keys
        else:
            cell = _context(self.store_id, self.revision, provider, self.parameters)
            sealed = self.seal.seal(json.dumps(keys).encode(), context=cell)
            document["sealed"] = base64.b64encode(sealed).decode()
        return SecretText((json.dumps(document, indent=2) + "\n").encode())


def read(
    path: Path, provider: KeyProvider, *, known: RingContents | None = None
) -> tuple[RingContents, Mark]:
    """What the ring's file holds, and its mark.

    Args:
        path: the file. A link is followed (mounted secrets are links); what it leads to must be
            as safe.
        provider: what protects it.
        known: an earlier state, whose key serves again where the parameters are the same.

    Raises:
        KeyRingError: missing, readable by others, of another owner, not a key ring, damaged, or
            not to be opened with ``provider``.
    """
    text, mark = owner_only.read(path)
    header = _header(text.value)
    if header is None:
        raise KeyRingError(f"{path} is not a key ring")
    if header.version not in (1, VERSION):
        raise KeyRingError(
            f"key ring {path} has version {header.version!r}; this program reads 1 and {VERSION}"
        )
    if header.provider != provider.name:
        raise KeyRingError(
            f"key ring {path} is protected by {_WORDS.get(header.provider, 'something unknown')}, "
            f"not by {_WORDS[provider.name]}"
        )
    if known is not None and known.parameters == header.parameters:
        seal = known.seal
    else:
        seal = provider.key(header.parameters)
    contents = _contents(text.value, header, seal)
    if isinstance(contents, RingContents):
        return contents, mark
    if contents is DecryptionError:
        raise KeyRingError(
            f"key ring {path} does not open: {_WORDS[provider.name]} is not the one it was sealed "
            "with, or the file was changed; if it is the right one, restore the file"
        )
    raise KeyRingError(f"key ring {path} is damaged: restore it from its backup")


def check_follows(path: Path, known: RingContents, now: RingContents) -> None:
    """Pass only if ``now``, read from the file, is ``known`` or a later state of the same ring.

    Raises:
        KeyRingError: it is another store's, an older copy, or keys in it do not do what they did.
    """
    if now.store_id != known.store_id:
        raise KeyRingError(
            f"{path} is now the ring of store {now.store_id}, not of {known.store_id}: put the "
            "right one back"
        )
    if now.revision < known.revision:
        raise KeyRingError(
            f"{path} was exchanged for an older copy (revision {now.revision}, not "
            f"{known.revision}): put the newest back"
        )
    for use in USES:
        found = {key.version: key for key in now.keys[use]}
        for key in known.keys[use]:
            same = found.get(key.version)
            if same is None or not is_same_key(use, key, same):
                raise KeyRingError(
                    f"{use} key {key.version} is not the same in {path} as in this process: the "
                    "file was exchanged, or its disk is failing; it is not used"
                )


def provider_of(path: Path) -> str:
    """Name of the provider that protects the ring at ``path``, without opening it.

    Raises:
        KeyRingError: no ring can be read there.
    """
    header = _header(owner_only.read(path)[0].value)
    if header is None:
        raise KeyRingError(f"{path} is not a key ring")
    return header.provider


_WORDS = {
    "file": "the rights of its file",
    "passphrase": "a passphrase",
    "environment": "a key in the environment",
    "command": "a key command",
}


class _Header(NamedTuple):
    """What is in clear."""

    version: object
    provider: str
    parameters: Parameters


def _header(text: bytes) -> _Header | None:
    """What is in clear in the file; None: it is no ring's."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            return None
        version = document["version"]
        provider = {"name": "file"} if version == 1 else dict(document.get("provider") or {})
        return _Header(version, str(provider.pop("name", "")), provider)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _contents(
    text: bytes, header: _Header, seal: AeadKey | None
) -> RingContents | type[DecryptionError] | None:
    """What the file holds; None: damaged; the error's class: it does not open.

    Raises nothing, because what a parser raises quotes what it parses.
    """
    try:
        document = json.loads(text)
        store_id = uuid.UUID(document["store"]).hex
        if header.version == 1:
            return RingContents(store_id, 0, _keys_of_version_1(document), {}, None)
        revision = document["revision"]
        if type(revision) is not int or not 0 < revision < 2**63:
            return None
        keys = document.get("keys")
        if seal is not None:
            sealed = base64.b64decode(document["sealed"], validate=True)
            cell = _context(store_id, revision, header.provider, header.parameters)
            keys = json.loads(seal.open(sealed, context=cell))
        found = {
            use: KeySet(use, tuple(KeyVersion.from_json(use, fields) for fields in keys[use]))
            for use in USES
        }
        return RingContents(store_id, revision, found, header.parameters, seal)
    except DecryptionError:
        return DecryptionError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, KeyRingError):
        return None


def _keys_of_version_1(document: Mapping[str, Any]) -> Mapping[Use, KeySet]:
    wrap = []
    for fields in document["key_encryption_keys"]:
        state = "primary" if fields["version"] == document["primary"] else "outgoing"
        facts = {"state": state, "changed": fields["created"]}
        wrap.append(KeyVersion.from_json("wrap", {**fields, **facts}))
    created = wrap[0].created

    return {
        "wrap": KeySet("wrap", tuple(wrap)),
        "index": KeySet.first("index", 1, key_bytes(document["index_key"]), now=created),
        "audit": KeySet.first("audit", 1, key_bytes(document["audit_key"]), now=created),
    }


def _context(store_id: str, revision: int, provider: str, parameters: Parameters) -> bytes:
    facts = json.dumps({"name": provider, **parameters}, sort_keys=True)
    return length_prefixed(FORMAT, VERSION, store_id, revision, facts)
