"""Receipts: what an answer depended on, so that it can be rebuilt and compared.

A receipt holds digests and settings only. It is sealed with the answer and the profile that it was
given for; :func:`replay` builds the answer again from that profile and says what differs.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy

import kg
import recommend
from recommend.profile import PatientProfile
from recommend.recommender import Recommender
from recommend.suggestion import Recommendation
from service.errors import ReceiptError
from service.staleness import stale_reason
from storage import Database

VERSION = 1


@dataclass(frozen=True)
class Replay:
    """What came of rebuilding an answer.

    Attributes:
        suggestion_id: under which the answer is stored.
        is_identical: the rebuilt answer is the stored one, bit for bit.
        differs: what the answer depends on and is not what it was: name -> (then, now).
        changes: suggestions that only one of the two answers has, one sentence each.
        receipt: of the stored answer.
        entry: number of the audit entry that this replay left.
        stale: why the bundle should be trained again, or None.
    """

    suggestion_id: str
    is_identical: bool
    differs: Mapping[str, tuple[str, str]]
    changes: tuple[str, ...]
    receipt: Mapping[str, Any]
    entry: int
    stale: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "suggestion": self.suggestion_id,
            "identical": self.is_identical,
            "differs": {
                name: {"then": then, "now": now} for name, (then, now) in self.differs.items()
            },
            "changes": list(self.changes),
            "receipt": dict(self.receipt),
            "audit_entry": self.entry,
            "stale_bundle": self.stale,
        }


def make_receipt(
    recommender: Recommender,
    profile: PatientProfile,
    answer: Recommendation,
    *,
    settings: Mapping[str, Any],
    date: str,
) -> dict[str, Any]:
    """Digests of profile, graph, bundle, rules, program, settings and answer; JSON values.

    Args:
        recommender: what answered.
        profile: what it was asked about.
        answer: what it answered.
        settings: the arguments of :meth:`Recommender.recommend`, and what was confirmed.
        date: the day of the profile, ISO 8601.
    """
    return {
        "version": VERSION,
        "profile_sha256": digest(profile.to_json()),
        "answer_sha256": digest(answer.to_json()),
        **_knowledge(recommender),
        "settings": dict(settings),
        "date": date,
    }


def replay(
    database: Database, recommender: Recommender, suggestion_id: str, *, actor: str, purpose: str
) -> Replay:
    """Build a stored answer again from its sealed profile and compare.

    Raises:
        NotFoundError: no such suggestion; ErasedError: its patient was erased.
        DecryptionError, StaleRecordError: the record was altered or put back.
        ReceiptError: the stored document has no receipt that this program reads.
    """
    with database.unit(actor, purpose=purpose) as unit:
        stored = unit.patients.suggestion(suggestion_id)
        entry = unit.commit().n_entries - 1
    receipt, answer = stored.document.get("receipt", {}), stored.document.get("answer", {})
    if receipt.get("version") != VERSION or "profile" not in stored.document:
        raise ReceiptError(
            f"suggestion {suggestion_id} was recorded by a program whose receipts cannot be "
            f"replayed; this one reads version {VERSION}"
        )
    profile = PatientProfile.from_json(stored.document["profile"])
    settings = {k: v for k, v in receipt["settings"].items() if k != "confirmed"}
    then = {
        **{name: str(receipt[name]) for name in _knowledge(recommender)},
        "profile": receipt["profile_sha256"],
        "stored answer": receipt["answer_sha256"],
    }
    now = {
        **_knowledge(recommender),
        "profile": digest(profile.to_json()),
        "stored answer": digest(answer),
    }
    differs = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    rebuilt: dict[str, Any] = {}
    if "graph" not in differs:  # of another graph the profile's nodes may not even be there
        rebuilt = recommender.recommend(profile, **settings).to_json()
    return Replay(
        suggestion_id,
        digest(rebuilt) == receipt["answer_sha256"],
        differs,
        _changes(answer, rebuilt) if rebuilt else (),
        receipt,
        entry,
        stale_reason(database, recommender.bundle.folder),
    )


def digest(document: Any) -> str:
    """SHA-256 of a JSON document in canonical form."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _knowledge(recommender: Recommender) -> dict[str, str]:
    """What an answer depends on besides the patient, by name."""
    return {
        "graph": recommender.graph.fingerprint,
        "bundle": recommender.bundle.fingerprint,
        "rules": recommender.rules.digest,
        "program": _program(),
        "machine": f"{platform.system()} {platform.machine()}, numpy {numpy.__version__}",
    }


@cache
def _program() -> str:
    """The program's version, and a digest of the source of the rooms that answer."""
    try:
        number = version("pharmakon")
    except PackageNotFoundError:  # it runs from its source folder
        number = "unknown version"
    found = hashlib.sha256()
    for room in (kg, recommend):
        folder = Path(str(room.__file__)).parent
        for file in sorted(folder.rglob("*.py")):
            name = f"{folder.name}/{file.relative_to(folder).as_posix()}\0"
            found.update(name.encode() + file.read_bytes())
    return f"{number} {found.hexdigest()}"


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What one of two answers suggests and the other does not, or in another place."""
    before, after = _places(then), _places(now)
    changes = []
    for key in sorted(before.keys() | after.keys()):
        drug, condition, kind = key
        was, is_now = before.get(key), after.get(key)
        if was != is_now:
            words = [f"rank {was}" if was else "not suggested", f"rank {is_now}" if is_now else ""]
            changes.append(
                f"{drug} for {condition} ({kind}): {words[0]}, now {words[1] or 'not suggested'}"
            )
    return tuple(changes)


def _places(answer: Mapping[str, Any]) -> dict[tuple[str, str, str], int]:
    return {
        (s["drug_name"], s["condition_name"], s["kind"]): s["rank"]
        for s in answer.get("suggestions", ())
    }
