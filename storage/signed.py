"""Canonical JSON with a signature of the ring's audit key: what is kept outside the database."""

import base64
import json
from collections.abc import Mapping

from storage.keys import KeyRing

Fields = dict[str, object]

_SIGNATURE = "signature"


def canonical(fields: Mapping[str, object]) -> bytes:
    """JSON with sorted keys and no spaces, in ASCII."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def to_signed(fields: Mapping[str, object], ring: KeyRing, *, kind: str) -> bytes:
    """``fields`` with the ring's signature over them and over the ``kind`` of document."""
    signature = base64.b64encode(ring.sign(_message(fields, kind))).decode()
    return canonical({**fields, _SIGNATURE: signature})


def from_signed(data: bytes) -> tuple[Fields, bytes]:
    """Fields and signature of what :func:`to_signed` made; the signature is not checked yet.

    Raises:
        ValueError: not such a document, down to the last byte.
    """
    try:
        fields = json.loads(data)
        if not isinstance(fields, dict) or canonical(fields) != data:
            raise ValueError("not canonical JSON of an object")
        return fields, base64.b64decode(fields.pop(_SIGNATURE), validate=True)
    except (LookupError, TypeError, RecursionError):
        raise ValueError("not a signed document") from None


def is_signed(
    fields: Mapping[str, object],
    signature: bytes,
    ring: KeyRing,
    *,
    kind: str,
    n_entries: int | None = None,
) -> bool:
    """The ring, now or under an earlier audit key, signed ``fields`` as a document of ``kind``.

    ``n_entries`` is the size of the log that the document belongs to, where it says so: a retired
    key counts only up to the log that it last signed for.
    """
    return ring.is_signed(signature, _message(fields, kind), n_entries=n_entries)


def _message(fields: Mapping[str, object], kind: str) -> bytes:
    return kind.encode() + b"\n" + canonical(fields)
