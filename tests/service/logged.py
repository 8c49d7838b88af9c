"""An audit log without a store: entries, a head over them, proofs."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.access import Action
from storage.audit import AuditEntry
from storage.checkpoint import Checkpoint, Part
from storage.merkle import EMPTY_ROOT, Frontier, inclusion_proof, leaf_hash

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key()
STORE = "0123456789abcdef" * 2
PATIENT = "ab" * 16
STATE = "cd" * 32
OF_NOBODY = ("patient.list", "break-glass.list", "actor", "audit", "keys", "backup", "extract",
             "store", "unit")  # fmt: skip


def entry(index: int = 0, action: str = "patient.read", **fields: Any) -> AuditEntry:
    subject = "" if action.startswith(OF_NOBODY) else PATIENT
    values = {"actor": "dr.lee", "subject": subject, "purpose": "treatment", "outcome": "ok"}
    values |= {"detail": STATE if subject else "", **fields}
    return AuditEntry(
        index=index, time=f"2030-01-01T00:{index // 60:02}:{index % 60:02}.000000+00:00",
        action=action, **values,
    )  # fmt: skip


def head_of(entries: list[AuditEntry], signer: Ed25519PrivateKey = KEY) -> Checkpoint:
    tree = Frontier()
    for one in entries:
        tree.append(leaf_hash(one.to_bytes()))
    empty = Part(0, EMPTY_ROOT)
    parts = {"entries": Part(tree.size, tree.root()), "patients": empty, "actors": empty}
    parts |= {"break-glass": empty, "erased": empty}
    unsigned = Checkpoint(STORE, "2030-01-02T00:00:00.000000+00:00", parts)
    return Checkpoint(STORE, unsigned.time, parts, signature=signer.sign(unsigned.body))


def path_of(entries: list[AuditEntry], index: int) -> list[bytes]:
    nodes: dict[tuple[int, int], bytes] = {}
    tree = Frontier()
    for one in entries:
        nodes |= {
            (level, place): digest
            for level, place, digest in tree.append(leaf_hash(one.to_bytes()))
        }
    return inclusion_proof(lambda level, place: nodes[level, place], index, len(entries))


def log(n: int = 7) -> list[AuditEntry]:
    return [entry(i, list(Action)[i % len(Action)]) for i in range(n)]
