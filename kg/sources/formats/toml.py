"""TOML: the short file that goes with a source's files: bounded, and strict about its keys."""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from kg.errors import SourceError

_LONGEST = 100_000  # bytes; a TOML file that a person writes is far smaller
_LONGEST_LINE = 1_000  # bytes; tomllib takes gigabytes for a key of 40,000 dotted parts


def read_toml(path: Path) -> dict[str, Any]:
    """The content of ``path``.

    Raises:
        SourceError: too long, too deep, not UTF-8 or not TOML; with the line where there is one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            raise SourceError(f"{path.name} is longer than {_LONGEST:,} bytes")
        for number, line in enumerate(content.split(b"\n"), start=1):
            if len(line) > _LONGEST_LINE:
                reason = f"line {number} is longer than {_LONGEST_LINE:,} bytes"
                raise SourceError(f"{path.name}: {reason}")
        return tomllib.loads(content.decode())
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror})") from None
    except RecursionError:
        raise SourceError(f"{path.name}: values are nested too deeply") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path.name} is not UTF-8 (byte {error.start})") from None
    except ValueError as error:  # tomllib's own, or a number or date that Python refuses
        raise SourceError(f"{path.name} is not TOML: {error}"[:300]) from None


def check_keys(where: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse a key that nobody reads: it would be a wish that is not heard.

    Raises:
        SourceError: a key of ``given`` is not in ``known``; names the ones that are.
    """
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise SourceError(f"{where}: unknown key {key[:80]!r}; {hint}have {', '.join(known)}")


def text(where: str, given: Mapping[str, Any], key: str, default: str = "") -> str:
    """The text under ``key``.

    Raises:
        SourceError: it is something else, or missing and there is no default.
    """
    value = given.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise SourceError(
            f"{where}: {key!r} must be a text" + (", not empty" if value == "" else "")
        )
    return value


def texts(where: str, given: Mapping[str, Any], key: str) -> list[str]:
    """The list of texts under ``key``; empty where there is none.

    Raises:
        SourceError: it is something else.
    """
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise SourceError(f"{where}: {key!r} must be a list of texts")
    return value


def named(where: str, given: Mapping[str, Any], key: str) -> dict[str, str]:
    """The texts under ``key`` by name: a table of texts, or a list in which each names itself.

    Raises:
        SourceError: it is something else.
    """
    value = given.get(key, [])
    if not isinstance(value, dict):
        return {each: each for each in texts(where, given, key)}
    if not all(isinstance(each, str) for each in value.values()):
        raise SourceError(f"{where}: {key!r} must be a list of texts, or texts by name")
    return value
