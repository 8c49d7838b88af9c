"""k-anonymity over the declared quasi-identifiers: how coarse they must be, and who is left out.

Full-domain generalisation with suppression (Samarati 2001; Sweeney 2002): every combination of
levels is tried, the finest first (:func:`intake.deidentify.people.all_levels`). The first at which
at most one patient in twenty is in a class smaller than k is taken; where there is none, the one at
which the fewest are, the finest of several. Patients in smaller classes are left out. The same
patients give the same answer.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from intake.deidentify.people import Levels, Traits, all_levels, generalised

MOST_SUPPRESSED: Final = 0.05  # share of patients; chosen here

QUASI_IDENTIFIERS: Final = (
    "year of birth",
    "sex",
    "geography",
    "race and ethnicity",
    "death",
)


class Choice(NamedTuple):
    """How an extract is generalised.

    Attributes:
        levels: how coarse each quasi-identifier is.
        kept: positions of the patients that stay, ascending.
        n_classes: how many classes they are in.
        smallest: how many patients the smallest of these has; 0 without any.
    """

    levels: Levels
    kept: tuple[int, ...]
    n_classes: int
    smallest: int


def choose(traits: Sequence[Traits], *, k: int, year: int) -> Choice:
    """The least generalisation that leaves enough patients in classes of ``k`` and more.

    Args:
        traits: one of each patient.
        k: size of the smallest class that may leave.
        year: of the extract.
    """
    best: Choice | None = None
    for levels in all_levels():
        classes = [generalised(each, levels, year) for each in traits]
        sizes = Counter(classes)
        kept = tuple(row for row, found in enumerate(classes) if sizes[found] >= k)
        large = [size for size in sizes.values() if size >= k]
        if best is None or len(kept) > len(best.kept):
            best = Choice(levels, kept, len(large), min(large, default=0))
        if len(traits) - len(kept) <= MOST_SUPPRESSED * len(traits):
            break
    return best or Choice(Levels(), (), 0, 0)
