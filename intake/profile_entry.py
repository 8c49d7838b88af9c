"""One entry of a list that a person wrote: how it calls the thing."""

from collections.abc import Mapping
from typing import Any

from kg.identifiers import SYSTEMS, usual_prefix
from recommend.errors import ProfileError

Entry = dict[str, Any]

# What an object may say of the thing beside the fields of a fact.
NAMES = ("name", "node", "code", "system", "display")
STATED = ("grade", "basis", "distance")  # only of a node


def called(entry: Mapping[str, Any]) -> str:
    """How the entry calls the thing."""
    return next((str(entry[k]) for k in ("name", "display", "node", "code") if entry.get(k)), "")


def coding_of(entry: Entry) -> dict[str, str]:
    """A coding with the system's URI; the system may be written as its prefix."""
    system = entry["system"]
    prefix = usual_prefix(system)
    uri = next((uri for uri, known in SYSTEMS.items() if known == prefix), system)
    display = entry.get("display") or entry.get("name") or ""
    return {"system": uri, "code": entry["code"], "display": display}


def entry_of(name: str, item: object) -> Entry:
    """An item of the list ``name`` as an object that has a name."""
    entry = {"name": item} if isinstance(item, str) else item
    if not isinstance(entry, Mapping) or not any(key in entry for key in NAMES[:3]):
        raise ProfileError(
            f"{name} must hold names, CURIEs or objects with a 'name', 'node' or 'code'"
        )
    if not all(isinstance(entry.get(key, ""), str) for key in NAMES):
        raise ProfileError(f"the names of {name} must be texts")
    if "node" not in entry and any(key in entry for key in STATED):
        raise ProfileError(f"{name}: only a 'node' may have {', '.join(STATED)}")
    if not called(entry).strip():
        raise ProfileError(f"an entry of {name} has no name")
    return dict(entry)
