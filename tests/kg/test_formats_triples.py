"""Triples as files hold them: what each format gives, and what of a damaged file."""

import gzip
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import SourceError
from kg.sources import Refusal
from kg.sources.formats import triples
from kg.sources.formats.triples import Triple, read_triples
from tests.kg.mutations import mutated, mutated_gzip

NT = rb"""# a comment
<http://x.org/a> <http://x.org/p> <http://x.org/b> . # and another

<http://x.org/a><http://x.org/q>"plain".
_:b1 <http://x.org/p> _:b2 .
	<http://x.org/\u00e9> <http://x.org/q> "tab\t quote\" \u00E9\U0001F48A"@en-GB .
<http://x.org/a> <http://x.org/q> "7"^^<http://www.w3.org/2001/XMLSchema#integer> .
"""
TURTLE = b"""@prefix x: <http://x.org/> .
x:a x:p x:b, [ x:q "inner" ] ; x:q "plain", "gr\xc3\xbcn"@de, 7 ; a x:C .
x:l x:p ( x:a x:b ) .
"""
JSONLD = b"""{"@context": {"x": "http://x.org/", "p": {"@id": "x:p", "@type": "@id"}},
"@graph": [{"@id": "x:a", "p": "x:b", "x:q": ["plain", {"@value": "gr", "@language": "de"}]}]}
"""


def read_nt(content: bytes, tmp: Path) -> None:
    """Fuzz targets: come back or raise SourceError."""
    list(read(content, tmp, "case.nt"))


def read_nt_gzip(content: bytes, tmp: Path) -> None:
    list(read(content, tmp, "case.nt.gz"))


def read_turtle(content: bytes, tmp: Path) -> None:
    list(read(content, tmp, "case.ttl"))


def read_jsonld(content: bytes, tmp: Path) -> None:
    list(read(content, tmp, "case.jsonld"))


def read(content: bytes, folder: Path, name: str) -> list[Triple | Refusal]:
    (folder / name).write_bytes(content)
    return list(read_triples(folder / name))


def test_n_triples_keep_their_lines_languages_and_types(tmp_path: Path) -> None:
    x = "http://x.org/"

    assert read(NT, tmp_path, "x.nt") == [
        Triple(2, f"{x}a", f"{x}p", f"{x}b"),
        Triple(4, f"{x}a", f"{x}q", "plain", True),
        Triple(5, "_:b1", f"{x}p", "_:b2"),
        Triple(6, f"{x}é", f"{x}q", 'tab\t quote" é\U0001f48a', True, "en-GB"),
        Triple(7, f"{x}a", f"{x}q", "7", True, datatype="http://www.w3.org/2001/XMLSchema#integer"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"<http://x.org/a> <http://x.org/p> .", "not a triple"),
        (b"<http://x.org/a> <http://x.org/p> <http://x.org/b>", "not a triple"),
        (b'"text" <http://x.org/p> <http://x.org/b> .', "not a triple"),
        (b"<http://x.org/a b> <http://x.org/p> <http://x.org/b> .", "not a triple"),
        (b'<http://x.org/a> <http://x.org/p> "open .', "not a triple"),
        (b'<http://x.org/a> <http://x.org/p> "\\x" .', "an escape that N-Triples does not have"),
        (b'<http://x.org/a> <http://x.org/p> "\\uD800" .', "is not a character"),
        (b'<http://x.org/a> <http://x.org/p> "\\UFFFFFFFF" .', "is not a character"),
        (b'<http://x.org/a> <http://x.org/p> "\xff" .', "not UTF-8"),
        (b"[]" * 3000, "not a triple"),
    ],
)
def test_one_bad_line_is_one_refusal_and_the_others_are_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    good = b"<http://x.org/a> <http://x.org/p> <http://x.org/b> .\n"

    first, refusal, last = read(good + line + b"\n" + good, tmp_path, "x.nt")

    assert isinstance(first, Triple)
    assert isinstance(last, Triple)
    assert isinstance(refusal, Refusal)
    assert refusal[:2] == ("x.nt", 2)
    assert reason in refusal.reason


def test_a_line_without_end_is_one_refusal(tmp_path: Path) -> None:
    good = b"<http://x.org/a> <http://x.org/p> <http://x.org/b> .\n"

    refusal, triple = read(b"<" * (2 << 20) + b"\n" + good, tmp_path, "x.nt")

    assert refusal == Refusal("x.nt", 1, "longer than 1,048,576 bytes")
    assert isinstance(triple, Triple)
    assert triple.line == 2


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LINES = st.builds(
    lambda s, text, language: f'{s} <http://x.org/q> "{text}"{language} .',
    st.sampled_from(["<http://x.org/a>", "<http://x.org/\\u00e9>", "_:b", "_:b.1-2"]),
    st.lists(
        st.one_of(
            TEXTS.map(lambda t: t.translate({34: "", 92: "", 10: "", 13: ""})),
            st.sampled_from([r"\t", r"\n", r"\"", r"\\", r"\u0041", r"\U0001F48A"]),
        ),
        max_size=4,
    ).map("".join),
    st.sampled_from(["", "@en", "@de-CH", "^^<http://x.org/t>"]),
)


@given(lines=st.lists(LINES, max_size=4))
@settings(max_examples=60)
def test_n_triples_are_read_as_rdflib_reads_them(
    lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from rdflib import BNode, Graph, Literal

    content = "\n".join(lines).encode()
    oracle = set()
    for s, p, o in Graph().parse(data=content, format="nt"):
        assert isinstance(o, Literal)
        subject = "_:" if isinstance(s, BNode) else str(s)
        oracle.add((subject, str(p), str(o), o.language or "", str(o.datatype or "")))

    found = set()
    for item in read(content, tmp_path_factory.getbasetemp(), "oracle.nt"):
        assert isinstance(item, Triple)
        subject = "_:" if item.subject.startswith("_:") else item.subject
        # rdflib folds the case of languages
        language = item.language.lower()
        found.add((subject, item.predicate, item.value, language, item.datatype))

    assert found == {(*row[:3], row[3].lower(), row[4]) for row in oracle}


@pytest.mark.parametrize(("content", "name"), [(TURTLE, "x.ttl"), (JSONLD, "x.jsonld")])
def test_turtle_and_json_ld_give_triples_sorted_by_subject(
    tmp_path: Path, content: bytes, name: str
) -> None:
    found = read(content, tmp_path, name)

    x = "http://x.org/"
    assert Triple(0, f"{x}a", f"{x}p", f"{x}b") in found
    assert Triple(0, f"{x}a", f"{x}q", "plain", True) in found
    assert any(isinstance(t, Triple) and t.language == "de" for t in found)
    assert found == sorted(found)


def test_relative_names_do_not_become_paths_of_this_machine(tmp_path: Path) -> None:
    turtle = read(b"<a> <http://x.org/p> <b> .", tmp_path, "x.ttl")
    jsonld = read(b'{"@id": "a", "http://x.org/p": {"@id": "b"}}', tmp_path, "x.jsonld")

    assert str(tmp_path) not in str(turtle + jsonld)
    assert "file:" not in str(turtle + jsonld)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"@context": "https://schema.org/", "name": "x"}', "context 'https://schema.org/'"),
        (b'{"@context": [{}, "file:///etc/passwd"]}', "context 'file:///etc/passwd'"),
        (b'{"@context": {"@import": "http://x.org/c"}}', "context 'http://x.org/c'"),
        (b'{"@context": {"p": {"@id": "x:p", "@context": "c.jsonld"}}}', "context 'c.jsonld'"),
        (b'{"a": [{"b": {"@context": "http://x.org/c"}}]}', "context 'http://x.org/c'"),
        (b"[" * 100_000, "nested over 100 deep"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested over 100 deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
    ],
)
def test_json_ld_that_is_deep_or_lies_elsewhere_is_refused(
    tmp_path: Path, content: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(SourceError, match=says):
        read(content, tmp_path, "x.jsonld")


def test_brackets_within_texts_are_not_nesting(tmp_path: Path) -> None:
    content = b'{"@id": "http://x.org/a", "http://x.org/q": "' + rb"\"[{" * 200 + b'"}'

    assert read(content, tmp_path, "x.jsonld") == [
        Triple(0, "http://x.org/a", "http://x.org/q", '"[{' * 200, True)
    ]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"x:a x:b x:c .", "x.ttl"),
        (b"<http://x.org/a> <http://x.org/p> [", "x.ttl"),
        (b"<http://x.org/a> <http://x.org/p> " + b"(" * 5000, "x.ttl"),
        (b"\xff\xfe", "x.ttl"),
        (gzip.compress(NT)[:40], "x.nt.gz"),
        (b"not gzip", "x.ttl.gz"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, content: bytes, name: str
) -> None:
    with pytest.raises(SourceError, match=name):
        read(content, tmp_path, name)


def test_half_of_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    content = rb'{"@id": "http://x.org/a", "http://x.org/q": "\ud800"}'

    [refusal] = read(content, tmp_path, "x.jsonld")

    assert refusal == Refusal("x.jsonld", 0, "half of a surrogate pair at 'http://x.org/a'")


def test_large_turtle_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triples, "MAX_BYTES", 1 << 20)

    with pytest.raises(SourceError, match="over 1 MiB; write it as N-Triples"):
        read(gzip.compress(b" " * (2 << 20)), tmp_path, "x.ttl.gz")


@given(content=mutated([NT]))
@settings(max_examples=80)
def test_damaged_n_triples_are_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_nt(content, tmp_path_factory.getbasetemp())


@given(content=mutated_gzip([NT]))
@settings(max_examples=40)
def test_damaged_gzip_data_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_nt_gzip(content, tmp_path_factory.getbasetemp())


@given(content=mutated([TURTLE]))
@settings(max_examples=60)
def test_damaged_turtle_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_turtle(content, tmp_path_factory.getbasetemp())


@given(content=mutated([JSONLD]))
@settings(max_examples=60)
def test_damaged_json_ld_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_jsonld(content, tmp_path_factory.getbasetemp())
