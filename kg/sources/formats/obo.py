"""OBO files (1.0 to 1.4), as far as names, cross-references and is-a go; line by line.

Our own reader, after trying the libraries on real and damaged files. pronto 2.7 (fastobo, 8 MB)
refuses the whole Disease Ontology of 2015 for a definition on line 5859 that we do not need, and
follows ``import:`` into the network. obonet 1.3 knows no line numbers, keeps quotes and scopes as
raw text, merges two terms of one id without a word and fails with KeyError on a term without one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats.lines import read_lines

_STANZA = re.compile(r"\[([A-Za-z]\w*)\]\s*(?:!.*)?")
_TAG = re.compile(r"([A-Za-z][\w-]*)\s*:[ \t]*(.*)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*([A-Z]*)')
_COMMENT = re.compile(r"(?:^|[ \t])!.*")
_MODIFIERS = re.compile(r"[ \t]\{[^{}=]*=[^{}]*\}$")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "W": " "}
_ONCE = ("id", "name", "namespace")
_LISTS = {"alt_id": "alt_ids", "is_a": "parents", "replaced_by": "replacements", "xref": "xrefs"}


@dataclass
class Entry:
    """One term as its file states it: identifiers in the file's own spelling."""

    line: int
    id: str = ""
    name: str = ""
    namespace: str = ""
    synonyms: list[str] = field(default_factory=list)  # exact ones
    xrefs: list[str] = field(default_factory=list)
    alt_ids: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    replacements: list[str] = field(default_factory=list)
    is_obsolete: bool = False


@dataclass
class Header:
    """What an ontology says of itself; an OWL header is brought to the same tags."""

    id: str = ""  # doid, or doid/subsets/DO_cancer_slim
    version: str = ""
    namespace: str = ""
    texts: list[str] = field(default_factory=list)  # where a licence may stand


def read_header(path: Path) -> Header:
    """The tags before the first stanza.

    Raises:
        SourceError: the file cannot be read or is not OBO.
    """
    header = Header()
    date = ""
    for _, tag, value in _tags(path):
        if tag.startswith("["):
            break
        match tag:
            case "ontology":
                header.id = value
            case "data-version":
                header.version = value
            case "date":
                date = value
            case "default-namespace":
                header.namespace = value
            case "remark" | "property_value":
                header.texts.append(value)
    header.version = header.version or date
    return header


def read_terms(path: Path) -> Iterator[Entry | Refusal]:
    """The ``[Term]`` stanzas in order; one that cannot be used is a refusal with its line.

    Raises:
        SourceError: the file cannot be read or is not OBO.
    """
    entry: Entry | None = None
    bad: Refusal | None = None
    for line, tag, value in _tags(path):
        if tag.startswith("["):
            if entry is not None:
                yield bad or _whole(path.name, entry)
            entry = Entry(line) if tag == "[Term]" else None
            bad = None
        elif not tag:
            if entry is None:
                yield Refusal(path.name, line, value)
            else:
                bad = bad or Refusal(path.name, line, f"{value}; the term is left out")
        elif entry is not None and bad is None:
            reason = _put(entry, tag, value)
            if reason:
                bad = Refusal(path.name, line, f"{reason}; the term is left out")
    if entry is not None:
        yield bad or _whole(path.name, entry)


def _whole(file: str, entry: Entry) -> Entry | Refusal:
    if not entry.id:
        return Refusal(file, entry.line, "a term without id")
    return entry


def _put(entry: Entry, tag: str, value: str) -> str | None:
    """File one tag under ``entry``; returns why it cannot be used."""
    if tag in _ONCE:
        if getattr(entry, tag):
            return f"a second {tag}"
        setattr(entry, tag, plain(value))
    elif tag in _LISTS:
        words = _COMMENT.sub("", value).split(maxsplit=1)
        if not words:
            return f"{tag} without a value"
        getattr(entry, _LISTS[tag]).append(_unescape(words[0]))
    elif tag == "is_obsolete":
        entry.is_obsolete = plain(value) == "true"
    elif tag in ("synonym", "exact_synonym"):
        found = _QUOTED.match(value)
        if not found:
            return "a synonym without quotes or with one alone"
        if found[2] == "EXACT" or tag == "exact_synonym":
            entry.synonyms.append(_unescape(found[1]).strip())
    return None


def plain(value: str) -> str:
    """An unquoted value without its comment and modifiers, escapes resolved."""
    return _unescape(_MODIFIERS.sub("", _COMMENT.sub("", value).rstrip())).strip()


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)


def _tags(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, tag and value of each line that has any; a stanza's tag is its name in brackets.

    A line that is none of these has the tag "" and the reason as its value.
    """
    started = False
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            if not started:
                raise SourceError(
                    f"{path.name}: line {number} is {line.reason}; is it an OBO file?"
                )
            yield number, "", line.reason
            continue
        text = line.strip()
        if not text or text.startswith("!"):
            continue
        found = _STANZA.fullmatch(text) or _TAG.fullmatch(text)
        if not found and not started:
            raise SourceError(f"{path.name}: line {number} is not OBO; is it an OBO file?")
        started = True
        if not found:
            yield number, "", f"neither 'tag: value' nor a stanza ({text[:40]!r})"
        elif found.re is _STANZA:
            yield number, f"[{found[1]}]", ""
        else:
            yield number, found[1], found[2]
