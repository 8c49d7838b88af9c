"""The triples of an RDF file: N-Triples line by line, Turtle and JSON-LD through rdflib.

N-Triples is read by patterns of our own: a line costs a fifth of what rdflib's terms cost, and a
bad line is one refusal instead of the end. Nothing here opens a network address: a JSON-LD context
must stand in the file.
"""

import json
import re
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.files import open_bytes
from kg.sources.formats.lines import read_lines

SUFFIXES = (".nt", ".ttl", ".jsonld")
MAX_BYTES = 256 << 20  # of Turtle and JSON-LD, unpacked: these stand in memory
_MAX_DEPTH = 100
NOWHERE = "relative:///"  # what relative IRIs refer to: not a path of this machine

_UCHAR = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_IRI = rf'<([^\x00-\x20<>"{{}}|^`\\]*(?:(?:{_UCHAR})[^\x00-\x20<>"{{}}|^`\\]*)*)>'
_BLANK = r"_:\w[\w:.-]*"
_TEXT = r'"([^"\\\r\n]*(?:\\.[^"\\\r\n]*)*)"'
_LINE = re.compile(
    rf"[ \t]*(?:{_IRI}|({_BLANK}))[ \t]*{_IRI}[ \t]*"
    rf"(?:{_IRI}|({_BLANK})|{_TEXT}(?:@([A-Za-z]+(?:-[A-Za-z0-9]+)*)|\^\^{_IRI})?)[ \t]*"
    r"\.[ \t]*(?:#.*)?"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SKIPPED = re.compile(r"[ \t]*(?:#.*)?")
_ESCAPE = re.compile(rf"{_UCHAR}|\\(.)", re.DOTALL)
_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


class Triple(NamedTuple):
    """One triple; blank nodes begin with ``_:``."""

    line: int  # 0 where the format has no lines
    subject: str
    predicate: str
    value: str
    is_text: bool = False
    language: str = ""
    datatype: str = ""


def read_triples(path: Path) -> Iterator[Triple | Refusal]:
    """The triples of ``path``, those of one subject together except in N-Triples.

    Raises:
        SourceError: it cannot be read, or is not what its name says.
    """
    name = path.name.removesuffix(".gz")
    if name.endswith(".nt"):
        return _lines(path)
    return _parsed(path, "turtle" if name.endswith(".ttl") else "json-ld")


def _lines(path: Path) -> Iterator[Triple | Refusal]:
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            yield line
            continue
        text = line.rstrip("\r\n")
        found = _LINE.fullmatch(text)
        try:
            if found:
                yield _triple(number, found, "\\" in text)
            elif not _SKIPPED.fullmatch(text):
                yield Refusal(path.name, number, f"not a triple ({text[:60]!r})")
        except ValueError as error:
            yield Refusal(path.name, number, str(error))


def _triple(line: int, found: re.Match[str], is_escaped: bool) -> Triple:
    iri, blank, predicate, other, other_blank, text, language, datatype = found.groups()
    if is_escaped:
        iri, predicate, other, text, datatype = (
            part and _ESCAPE.sub(_unescape, part)
            for part in (iri, predicate, other, text, datatype)
        )
    subject = blank if iri is None else iri
    if text is None:
        return Triple(line, subject, predicate, other_blank if other is None else other)
    return Triple(line, subject, predicate, text, True, language or "", datatype or "")


def _unescape(found: re.Match[str]) -> str:
    if found[1] is not None:
        if found[1] not in _ESCAPES:
            raise ValueError(f"an escape that N-Triples does not have: {found[0]!r}")
        return _ESCAPES[found[1]]
    code = int(found[0][2:], 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError(f"{found[0]} is not a character")
    return chr(code)


def _parsed(path: Path, form: str) -> Iterator[Triple | Refusal]:
    from rdflib import Graph, Literal, URIRef

    with open_bytes(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SourceError(
            f"{path.name} has over {MAX_BYTES >> 20} MiB; write it as N-Triples, which is not held "
            "in memory"
        )
    if form == "json-ld":
        content = closed_json(content, path.name)
    graph = Graph(bind_namespaces="none")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # what rdflib says to itself
            graph.parse(BytesIO(content), format=form, publicID=NOWHERE)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{path.name} is not {form} ({type(error).__name__}: {reason})"
        ) from error

    def term(value: Any) -> str:
        return str(value) if isinstance(value, URIRef | Literal) else f"_:{value}"

    found = []
    # From the store: the triples of graphs that JSON-LD names are not in the graph itself.
    for (s, p, o), _ in graph.store.triples((None, None, None)):
        is_text = isinstance(o, Literal)
        language = o.language or "" if isinstance(o, Literal) else ""
        datatype = str(o.datatype or "") if isinstance(o, Literal) else ""
        found.append(Triple(0, term(s), str(p), term(o), is_text, language, datatype))
    for triple in sorted(found):
        if _SURROGATE.search("".join(map(str, triple))):
            yield Refusal(path.name, 0, f"half of a surrogate pair at {triple.subject!a}")
        else:
            yield triple


def closed_json(content: bytes, name: str) -> bytes:
    """JSON-LD that stands on its own, written anew so that rdflib reads exactly what was checked.

    Raises:
        SourceError: not JSON, nested over 100 deep, or a context that is an address.
    """
    try:
        text = content.decode("utf-8-sig")
        is_deep = _depth(text) > _MAX_DEPTH
        document = None if is_deep else json.loads(text)
    except ValueError as error:
        raise SourceError(f"{name} is not JSON ({error})"[:300]) from None
    if is_deep:
        raise SourceError(f"{name}: nested over {_MAX_DEPTH} deep")
    waiting = [document]
    for value in waiting:
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            _check_context(value, name)
    return json.dumps(document).encode()


def _check_context(value: dict[str, Any], name: str) -> None:
    given = value.get("@context")
    contexts = given if isinstance(given, list) else [given]
    outside = [context for context in contexts if context and not isinstance(context, dict)]
    if outside or "@import" in value:
        where = str((outside or [value["@import"]])[0])[:100]
        raise SourceError(
            f"{name}: the context {where!r} lies outside the file; nothing is fetched, so put its "
            "content in"
        )


def _depth(text: str) -> int:
    """How deep brackets are nested, those within strings aside."""
    depth = deepest = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', text, re.DOTALL):
        bracket = found[0]
        if bracket in ("[", "{"):
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in ("]", "}"):
            depth -= 1
    return deepest
