"""One hash for one text, whether it is taken alone or among many."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kg.hashes import hash_text, hash_texts

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(TEXTS), st.integers(0, 3))
def test_many_at_once_are_hashed_as_each_alone(texts: list[str], skipped: int) -> None:
    array = pa.array(texts, pa.string()).slice(min(skipped, len(texts)))

    assert hash_texts(array).tolist() == [hash_text(text) for text in texts[skipped:]]


def test_near_texts_have_different_hashes() -> None:
    texts = [f"{a}{b}{c}" for a in "ab " for b in "ba\0" for c in ("", "a", "\0", "aa", "aaa")]
    texts = sorted(set(texts) | {str(i) for i in range(100_000)})

    assert len(set(hash_texts(pa.array(texts, pa.string())).tolist())) == len(texts)


def test_half_a_character_does_not_stop_it() -> None:
    assert hash_text("\ud800") == hash_text("?")
