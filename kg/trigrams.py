"""Which texts share three-letter pieces with a text: an index for near matches.

Pure functions of texts. Each text is padded with two spaces before and one after, so that a word's
beginning weighs more than its end; every run of three characters is a *trigram*, packed into one
number. For each trigram the index lists the texts that hold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BITS = 21  # of a Unicode code point


@dataclass(frozen=True, eq=False)
class TrigramIndex:
    """Texts by trigram. Texts are numbered in the order in which they were given."""

    codes: NDArray[np.int64]  # (t,) trigrams, sorted
    starts: NDArray[np.int32]  # (t + 1,) texts of trigram i: texts[starts[i]:starts[i + 1]]
    texts: NDArray[np.int32]  # (p,) text numbers, ascending within a trigram
    sizes: NDArray[np.int16]  # (n,) how many different trigrams each text has

    def candidates(
        self, text: str, *, limit: int, among: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int32]:
        """Numbers of up to ``limit`` texts that share most trigrams with ``text``, best first.

        Args:
            text: folded as the indexed texts were.
            limit: how many.
            among: (n,) which texts count; None for all.

        Returns:
            (k,) by Dice's coefficient, then by number; texts that share nothing are not in it.
        """
        shared = self._shared(text)
        if among is not None:
            shared = np.where(among, shared, 0)
        found = np.flatnonzero(shared)
        if not len(found):
            return np.empty(0, np.int32)
        wanted = len(_codes(text))
        dice = 2.0 * shared[found] / (wanted + self.sizes[found])
        if len(found) > limit:  # ties with the last one are kept, so that order decides
            least = np.partition(dice, -limit)[-limit]
            found, dice = found[dice >= least], dice[dice >= least]
        order = np.lexsort((found, -dice))[:limit]
        result: NDArray[np.int32] = found[order].astype(np.int32)
        return result

    def _shared(self, text: str) -> NDArray[np.int64]:
        """(n,) how many trigrams each text shares with ``text``."""
        codes = _codes(text)
        places = np.searchsorted(self.codes, codes)
        there = places < len(self.codes)
        there[there] = self.codes[places[there]] == codes[there]
        places = places[there]
        pieces = [self.texts[self.starts[i] : self.starts[i + 1]] for i in places]
        if not pieces:
            return np.zeros(len(self.sizes), np.int64)
        return np.bincount(np.concatenate(pieces), minlength=len(self.sizes))


def index_trigrams(texts: Sequence[str]) -> TrigramIndex:
    """The index of ``texts``, which are folded already."""
    # All texts in one array of code points, each between its own spaces.
    joined = "".join(f"  {text} " for text in texts)
    points = np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32).astype(np.int64)
    lengths = np.fromiter((len(text) + 3 for text in texts), np.int64, len(texts))
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    if len(points) < 3:
        empty = np.empty(0, np.int32)
        return TrigramIndex(
            np.empty(0, np.int64), np.zeros(1, np.int32), empty, np.zeros(len(texts), np.int16)
        )
    codes = (points[:-2] << 2 * _BITS) | (points[1:-1] << _BITS) | points[2:]
    within = owner[:-2] == owner[2:]
    codes, owner = codes[within], owner[:-2][within]
    order = np.lexsort((owner, codes))
    codes, owner = codes[order], owner[order]
    first = np.ones(len(codes), bool)
    first[1:] = (codes[1:] != codes[:-1]) | (owner[1:] != owner[:-1])
    codes, owner = codes[first], owner[first]
    unique, starts = np.unique(codes, return_index=True)
    sizes = np.bincount(owner, minlength=len(texts))
    return TrigramIndex(
        codes=unique,
        starts=np.append(starts, len(codes)).astype(np.int32),
        texts=owner.astype(np.int32),
        sizes=np.minimum(sizes, np.iinfo(np.int16).max).astype(np.int16),
    )


def _codes(text: str) -> NDArray[np.int64]:
    """The different trigrams of one text, sorted."""
    points = np.frombuffer(f"  {text} ".encode("utf-32-le", "replace"), np.uint32).astype(np.int64)
    return np.unique((points[:-2] << 2 * _BITS) | (points[1:-1] << _BITS) | points[2:])
