"""XML from strangers: read whole, and refused where it could harm whoever parses it next.

Entity bombs grow a small file to gigabytes, external entities read other files or the network, deep
nesting overflows a parser's stack. OBO-Foundry files declare harmless short entities
(``<!ENTITY owl "http://www.w3.org/2002/07/owl#">``): plain text of bounded length stays allowed.
"""

from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from kg.errors import SourceError
from kg.sources.files import open_bytes

MAX_BYTES = 256 << 20  # unpacked; a larger ontology has an OBO edition
_MAX_DEPTH = 200
_MAX_ENTITIES = 200
_MAX_ENTITY = 250  # characters: the IRI of a namespace
_MAX_GROWTH = 10  # times the file's size, for the text with its entities written out
_SMALL = 1 << 20  # characters below which growth is no harm


def read_xml(path: Path) -> bytes:
    """The content of ``path``, unpacked, when it is well-formed XML that is safe to parse.

    Raises:
        SourceError: it cannot be read, is larger than ``MAX_BYTES``, or :func:`check_xml` refuses
            it.
    """
    with open_bytes(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SourceError(f"{path.name} has over {MAX_BYTES >> 20} MiB of XML; read a smaller form")
    check_xml(content, path.name)
    return content


def check_xml(content: bytes, name: str) -> None:
    """Parse ``content`` once with nothing resolved, and refuse what is not well-formed or not safe.

    Raises:
        SourceError: malformed XML, an external DTD or entity, a parameter entity, an entity that
            uses another or is long, entities that grow the text tenfold, or nesting over 200 deep;
            with the line.
    """
    _Guard(content, name).run()


class _Guard:
    """Watches one document go by."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self._name = name
        self._depth = 0
        self._entities = 0
        self._room = max(_SMALL, _MAX_GROWTH * len(content))
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._external
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def run(self) -> None:
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, str(error))
            raise SourceError(
                f"{self._name}: line {error.lineno}: not well-formed XML ({reason})"
            ) from None
        except (ValueError, LookupError) as error:  # an encoding that Python does not have
            raise SourceError(f"{self._name}: not readable as XML ({error})") from None

    def _refuse(self, reason: str) -> NoReturn:
        raise SourceError(f"{self._name}: line {self._parser.CurrentLineNumber}: {reason}")

    def _doctype(self, _: str, system: str | None, public: str | None, __: int) -> None:
        if system is not None or public is not None:
            self._refuse(f"an external DTD ({system or public!r}) is not read; take it out")

    def _entity(
        self,
        entity: str,
        is_parameter: int,
        value: str | None,
        _base: str | None,
        system: str | None,
        public: str | None,
        _notation: str | None,
    ) -> None:
        self._entities += 1
        if system is not None or public is not None:
            self._refuse(f"entity {entity!r} lies outside the file ({system or public!r})")
        if is_parameter:
            self._refuse(f"parameter entity {entity!r}; only plain text entities are read")
        if value is None or "&" in value or "<" in value:
            self._refuse(
                f"entity {entity!r} uses another entity or markup; only plain text is read"
            )
        if len(value) > _MAX_ENTITY:
            self._refuse(f"entity {entity!r} has {len(value)} characters, over {_MAX_ENTITY}")
        if self._entities > _MAX_ENTITIES:
            self._refuse(f"over {_MAX_ENTITIES} entities")

    def _external(self, _context: str, _base: str | None, system: str | None, _: str | None) -> int:
        self._refuse(f"a reference to {system!r}, outside the file")

    def _namespace(self, _: str | None, uri: str | None) -> None:
        self._grow(len(uri or ""))

    def _start(self, _: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse(f"elements nested over {_MAX_DEPTH} deep")
        self._grow(sum(map(len, attributes.values())))

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _text(self, text: str) -> None:
        self._grow(len(text))

    def _grow(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            self._refuse(f"its entities grow it to over {_MAX_GROWTH} times its size")
