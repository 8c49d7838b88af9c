"""The trigram index against counting by hand."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.trigrams import index_trigrams

WORDS = st.lists(st.text("abc é胰", max_size=8), max_size=12)


def pieces(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def slowly(texts: list[str], text: str, limit: int) -> list[int]:
    """Text numbers by Dice's coefficient, computed pair by pair."""
    wanted = pieces(text)
    dice = {
        i: 2 * len(wanted & pieces(t)) / (len(wanted) + len(pieces(t))) for i, t in enumerate(texts)
    }
    return sorted((i for i in dice if dice[i] > 0), key=lambda i: (-dice[i], i))[:limit]


@settings(max_examples=200)
@given(WORDS, st.text("abc é胰", max_size=8), st.integers(1, 5))
def test_candidates_are_those_that_share_most_letters(
    texts: list[str], text: str, limit: int
) -> None:
    index = index_trigrams(texts)

    assert index.candidates(text, limit=limit).tolist() == slowly(texts, text, limit)
    assert index.sizes.tolist() == [len(pieces(t)) for t in texts]


def test_only_texts_that_count_are_candidates() -> None:
    index = index_trigrams(["simvastatin", "pravastatin", "sinusitis"])
    among = np.array([False, True, True])

    assert index.candidates("simvistatin", limit=5).tolist()[0] == 0
    assert 0 not in index.candidates("simvistatin", limit=5, among=among)
    assert index.candidates("zzz", limit=5).tolist() == []


def test_an_index_of_nothing_finds_nothing() -> None:
    index = index_trigrams([])

    assert index.candidates("simvastatin", limit=5).tolist() == []


def test_arrays_have_the_types_that_a_stored_graph_relies_on() -> None:
    index = index_trigrams(["a", "b"])

    assert index.codes.dtype == np.int64
    assert index.starts.dtype == index.texts.dtype == np.int32
    assert index.sizes.dtype == np.int16
    assert (np.diff(index.codes) > 0).all()
