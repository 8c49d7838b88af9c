"""The values that go in and come out: identifiers, JSON documents, records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.errors import InvalidRecordError

Document = dict[str, Any]  # a JSON object

_TYPE_LENGTH = 64


class Identifier(NamedTuple):
    """An identifier from outside, such as a hospital's record number, unique to one person."""

    system: str
    value: str


@dataclass(frozen=True)
class PatientSummary:
    """What can be listed without opening a record."""

    id: str
    created: str  # ISO 8601, UTC
    version: int


@dataclass(frozen=True)
class PatientRecord:
    """A patient's resources as they were given, in their order."""

    id: str
    version: int
    resources: tuple[Document, ...]

    def __repr__(self) -> str:
        return f"PatientRecord(id={self.id!r}, {len(self.resources)} resources)"


@dataclass(frozen=True)
class StoredSuggestion:
    """A suggestion with its receipt, as it was given."""

    id: str
    patient_id: str
    created: str  # ISO 8601, UTC
    document: Document

    def __repr__(self) -> str:
        return f"StoredSuggestion(id={self.id!r}, patient_id={self.patient_id!r})"


def check_type(resource: Mapping[str, Any]) -> None:
    """Pass only a resource that names its ``resourceType``.

    Raises:
        InvalidRecordError: missing, or not a plain word.
    """
    kind = resource.get("resourceType")
    if (
        not isinstance(kind, str)
        or not (kind.isascii() and kind.isalpha())
        or len(kind) > _TYPE_LENGTH
    ):
        raise InvalidRecordError("a resource needs a resourceType of ASCII letters")


def to_json(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8.

    Raises:
        InvalidRecordError: not a JSON object, or one that is nested too deeply.
    """
    try:
        return json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        # Neither the error nor its text: both can quote the document.
        raise InvalidRecordError(
            f"a document cannot be stored as JSON ({type(error).__name__})"
        ) from None


def from_json(plaintext: bytes) -> Document:
    """The document that ``to_json`` wrote."""
    document: Document = json.loads(plaintext)
    return document
