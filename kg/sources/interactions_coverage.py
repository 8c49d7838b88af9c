"""Of which drugs DDInter's files give every pair, told from the files themselves.

The file of an ATC group holds every pair of each drug of the group, and no pair without one. So a
drug of the group has all its pairs in that file; who has a pair elsewhere is not of the group; and
who stands in the file beside such a drug must be of the group itself, so that nothing of it can be
missing for want of a file. That proves it without a list of ATC codes. Of a drug that only ever
stands beside drugs which might be of the group, nothing is proved.
"""

from collections.abc import Mapping
from typing import NamedTuple

Pair = tuple[str, str]

# Drugs of which the files lack at least three, and about a fifth or more, of the pairs that the ONC
# list of high priority or the starter graph calls major or contraindicated. They are left out: a
# pair that is not listed says nothing of them. Measured by ``benchmarks/check_safety.py``; two of a
# class, which nobody should take together anyway, were not held against them.
IN_PART = frozenset(
    [
        "acenocoumarol", "apalutamide", "astemizole", "bepridil", "bexarotene", "brimonidine",
        "chlorthalidone", "cisapride", "fulvestrant", "halofantrine", "indapamide", "levobunolol",
        "lopinavir", "lumefantrine", "mestranol", "nitrazepam", "norelgestromin", "probucol",
        "sacubitril", "sparfloxacin", "st. john's wort", "terfenadine", "tigecycline",
        "tipranavir", "tolbutamide", "toremifene", "zopiclone",
    ]
)  # fmt: skip


class Extent(NamedTuple):
    """How much of each drug the files hold, by name as written."""

    complete: tuple[str, ...]  # every pair
    known: tuple[str, ...]  # those pairs whose other drug is of a group that was read


def extent(groups: Mapping[str, set[Pair]]) -> Extent:
    """What is proved of the drugs in ``groups``: ATC group -> the pairs in its file."""
    partners: dict[str, set[str]] = {}
    in_file: dict[tuple[str, str], set[str]] = {}
    for group, pairs in groups.items():
        for pair in pairs:
            for drug, other in (pair, pair[::-1]):
                partners.setdefault(drug, set()).add(other)
                in_file.setdefault((group, drug), set()).add(other)
    may_be = {place for place, found in in_file.items() if found == partners[place[1]]}
    complete = {
        drug
        for group, drug in may_be
        if any((group, other) not in may_be for other in in_file[group, drug])
    }
    told = {drug for drug in partners if drug.casefold() not in IN_PART}
    return Extent(tuple(sorted(complete & told)), tuple(sorted(told - complete)))
