"""Envelopes and contexts, attacked."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import crypto
from storage.crypto import (
    AeadKey,
    Context,
    cell_context,
    chain,
    column_context,
    key_version,
    length_prefixed,
)
from storage.errors import DecryptionError

KEY = AeadKey.generate(version=7)
PLACE = Context("store", "resource", "sealed", "patient", "row", 1)
FIELDS = st.lists(st.one_of(st.text(max_size=3), st.binary(max_size=3)), max_size=4)


def test_a_value_opens_in_its_own_place() -> None:
    assert KEY.open(KEY.seal(b"plain", context=PLACE), context=PLACE) == b"plain"


def test_an_empty_value_opens_too() -> None:
    assert KEY.open(KEY.seal(b"", context=PLACE), context=PLACE) == b""


def test_two_envelopes_of_one_value_differ() -> None:
    assert KEY.seal(b"plain", context=PLACE) != KEY.seal(b"plain", context=PLACE)


def test_an_envelope_names_its_layout_algorithm_and_key() -> None:
    sealed = KEY.seal(b"plain", context=PLACE)

    assert sealed[:6] == b"\x01\x01\x00\x00\x00\x07"
    assert len(sealed) == 6 + 12 + len(b"plain") + 16
    assert key_version(sealed) == 7


@pytest.mark.parametrize("field", Context._fields)
def test_a_value_does_not_open_where_any_one_field_differs(field: str) -> None:
    sealed = KEY.seal(b"plain", context=PLACE)
    change: dict[str, Any] = {field: 2 if field.endswith("version") else "other"}
    elsewhere = PLACE._replace(**change)

    with pytest.raises(DecryptionError):
        KEY.open(sealed, context=elsewhere)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("", "abc"), ("abc", "")), (("a", "0"), ("a0", ""))],
)
@pytest.mark.parametrize("fields", [("patient", "row"), ("column", "patient"), ("table", "column")])
def test_fields_that_run_together_are_told_apart(
    fields: tuple[str, str], one: tuple[str, str], other: tuple[str, str]
) -> None:
    here: Any = dict(zip(fields, one, strict=True))
    there: Any = dict(zip(fields, other, strict=True))
    sealed = KEY.seal(b"plain", context=PLACE._replace(**here))

    with pytest.raises(DecryptionError):
        KEY.open(sealed, context=PLACE._replace(**there))


def test_a_value_does_not_open_under_another_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = KEY.seal(b"plain", context=PLACE)
    monkeypatch.setattr(crypto, "SEALED_SCHEMA", 3)

    with pytest.raises(DecryptionError):
        KEY.open(sealed, context=PLACE)


def test_the_context_of_many_cells_is_that_of_each() -> None:
    cells = column_context("store", "resource", "sealed", "patient")

    assert cell_context(cells, "row", 1) == PLACE.to_bytes()


@settings(max_examples=200, deadline=None)
@given(FIELDS, FIELDS)
def test_different_lists_of_fields_never_have_equal_bytes(
    one: list[str | bytes], other: list[str | bytes]
) -> None:
    def plain(fields: list[str | bytes]) -> list[bytes]:
        return [field.encode() if isinstance(field, str) else field for field in fields]

    assert (length_prefixed(*one) == length_prefixed(*other)) == (plain(one) == plain(other))


def test_a_flipped_bit_in_any_byte_is_refused() -> None:
    sealed = KEY.seal(b"plain", context=PLACE)

    for place in range(len(sealed)):
        for bit in (0x01, 0x80):
            broken = bytearray(sealed)
            broken[place] ^= bit
            with pytest.raises(DecryptionError):
                KEY.open(bytes(broken), context=PLACE)


def test_an_envelope_cut_or_extended_anywhere_is_refused() -> None:
    sealed = KEY.seal(b"plain", context=PLACE)

    for length in range(len(sealed)):
        with pytest.raises(DecryptionError):
            KEY.open(sealed[:length], context=PLACE)
    with pytest.raises(DecryptionError):
        KEY.open(sealed + b"\x00", context=PLACE)


def test_another_key_of_the_same_version_opens_nothing() -> None:
    sealed = KEY.seal(b"plain", context=PLACE)

    with pytest.raises(DecryptionError):
        AeadKey.generate(version=7).open(sealed, context=PLACE)


def test_a_refusal_never_tells_why() -> None:
    sealed = KEY.seal(b"plain", context=PLACE)
    messages = set()
    for broken, place in (
        (b"", PLACE),
        (b"\x09" + sealed[1:], PLACE),
        (sealed[:-1], PLACE),
        (sealed, PLACE._replace(row="x")),
    ):
        with pytest.raises(DecryptionError) as caught:
            KEY.open(broken, context=place)
        messages.add(str(caught.value))
        assert caught.value.__cause__ is None

    assert len(messages) == 1


def test_a_key_shows_no_bytes_and_does_not_leave_the_process() -> None:
    assert repr(KEY) == "AeadKey(version=7)"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(KEY)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.copy(KEY)


@pytest.mark.parametrize(("size", "version"), [(16, 1), (32, 0), (32, 2**32)])
def test_a_key_of_wrong_size_or_version_is_refused(size: int, version: int) -> None:
    with pytest.raises(ValueError, match="key"):
        AeadKey(bytes(size), version=version)


def test_a_chain_depends_on_order() -> None:
    start = bytes(32)

    assert chain(chain(start, "a"), "b") != chain(chain(start, "b"), "a")
