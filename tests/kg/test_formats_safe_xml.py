"""XML that would harm whoever parses it is refused before anyone does."""

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings

from kg.errors import SourceError
from kg.sources.formats import safe_xml
from kg.sources.formats.safe_xml import check_xml, read_xml
from tests.kg.mutations import mutated

BENIGN = b"""<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [
  <!ENTITY owl "http://www.w3.org/2002/07/owl#">
  <!ENTITY rdf "http://www.w3.org/1999/02/22-rdf-syntax-ns#">
]>
<rdf:RDF xmlns:rdf="&rdf;" xmlns:owl="&owl;"><owl:Class rdf:about="&owl;Thing"/>&lt;&#65;</rdf:RDF>
"""
LAUGHS = b'<!DOCTYPE a [<!ENTITY x0 "ha">%s]><a>&x9;</a>' % b"".join(
    b'<!ENTITY x%d "&x%d;&x%d;&x%d;">' % (i, i - 1, i - 1, i - 1) for i in range(1, 10)
)


def read_bytes(content: bytes, tmp: Path) -> None:
    """The fuzz target: comes back or raises SourceError."""
    path = tmp / "case.xml"
    path.write_bytes(content)
    read_xml(path)


def test_the_short_entities_of_ontology_files_are_read() -> None:
    check_xml(BENIGN, "x.owl")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LAUGHS, "entity 'x1' uses another entity"),
        (b'<!DOCTYPE a [<!ENTITY q "' + b"q" * 50_000 + b'">]><a>&q;&q;</a>', "50000 characters"),
        (
            b'<!DOCTYPE a [<!ENTITY q "' + b"q" * 240 + b'">]><a>' + b"&q;" * 50_000 + b"</a>",
            "over 10 times its size",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY q "' + b"q" * 240 + b'">]><a b="' + b"&q;" * 50_000 + b'"/>',
            "over 10 times its size",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY q "'
            + b"q" * 240
            + b'">]><a xmlns="'
            + b"&q;" * 50_000
            + b'"/>',
            "over 10 times its size",
        ),
        (
            b'<!DOCTYPE a [<!ATTLIST b c CDATA "'
            + b"q" * 9000
            + b'">]><a>'
            + b"<b/>" * 999
            + b"</a>",
            "over 10 times its size",
        ),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "'e' lies outside"),
        (b'<!DOCTYPE a [<!ENTITY e PUBLIC "p" "http://x/">]><a/>', "'e' lies outside"),
        (b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://x/y.dtd"> %p;]><a/>', "'p' lies outside"),
        (b"<!DOCTYPE a [<!ENTITY % p \"<!ENTITY q 'z'>\"> %p;]><a>&q;</a>", "parameter entity 'p'"),
        (b'<!DOCTYPE a SYSTEM "http://x/y.dtd"><a/>', "an external DTD"),
        (b'<!DOCTYPE a PUBLIC "-//x" "y.dtd"><a/>', "an external DTD"),
        (b'<!DOCTYPE a [<!ENTITY m "<b/>">]><a>&m;</a>', "uses another entity or markup"),
        (b'<!DOCTYPE a [<!ENTITY m "&#38;lt;">]><a>&m;</a>', "uses another entity or markup"),
        (
            b"<!DOCTYPE a [%s]><a/>" % b"".join(b'<!ENTITY e%d "x">' % i for i in range(201)),
            "over 200 entities",
        ),
        (b"<a>" * 201 + b"</a>" * 201, "nested over 200 deep"),
        (b"<a>\n<b>\n</a>", "line 3: not well-formed XML"),
        (b"<a>&nothing;</a>", "undefined entity"),
        (b"<x:a/>", "unbound prefix"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "x.owl"),
        (b"", "no element found"),
    ],
)
def test_what_is_not_safe_is_refused_with_its_name(content: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says) as refused:
        check_xml(content, "x.owl")

    assert str(refused.value).startswith("x.owl:")


def test_the_same_bomb_in_utf_16_is_refused() -> None:
    with pytest.raises(SourceError, match="uses another entity"):
        check_xml(LAUGHS.decode().encode("utf-16"), "x.owl")


def test_nesting_just_within_the_bound_is_read() -> None:
    check_xml(b"<a>" * 200 + b"</a>" * 200, "x.owl")


def test_a_gzip_bomb_is_refused_by_its_unpacked_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_xml, "MAX_BYTES", 1 << 20)
    (tmp_path / "x.owl.gz").write_bytes(gzip.compress(b"<a>" + b" " * (2 << 20) + b"</a>"))

    with pytest.raises(SourceError, match="over 1 MiB of XML"):
        read_xml(tmp_path / "x.owl.gz")


def test_a_safe_file_comes_back_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.owl").write_bytes(BENIGN)

    assert read_xml(tmp_path / "x.owl") == BENIGN


@given(content=mutated([BENIGN, LAUGHS]))
@settings(max_examples=60)
def test_damaged_xml_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_bytes(content, tmp_path_factory.getbasetemp())
