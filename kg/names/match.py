"""What a text or code leads to: nodes, each with its grade and its basis."""

from dataclasses import dataclass
from typing import Literal

from kg.graph import Node

Grade = Literal["exact", "xref", "broader", "near"]
GRADES: tuple[Grade, ...] = ("exact", "xref", "broader", "near")  # best first


@dataclass(frozen=True)
class Match:
    """One node that a text leads to."""

    node: Node
    grade: Grade
    basis: str  # the label that matched, e.g. "name", "synonym 'glucophage'", "SNOMEDCT:44054006"
    score: float = 1.0  # similarity, 0 to 1; 1 unless near
    # Steps up from what the text names to the node; 0 unless broader, and where a source says that
    # it is broader and counts no steps.
    distance: int = 0


@dataclass(frozen=True)
class Resolution:
    """What a code or text means.

    Attributes:
        matches: one an ingredient for a drug; all nodes for another coding.
        complete: whether every part has its node or nodes. A partial ingredient set is never
            complete. It says nothing of the grade: a set that a misspelling leads to is complete
            and ``near``.
        unresolved: the parts that have none, as written.
    """

    matches: tuple[Match, ...]
    complete: bool
    unresolved: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade | None:
        """The weakest grade among the matches; None where there are none."""
        return max((match.grade for match in self.matches), key=GRADES.index, default=None)

    @property
    def is_sure(self) -> bool:
        """Whether it is complete and rests on no similarity of letters."""
        return self.complete and self.grade != "near"


def accepts(worst: Grade, grade: Grade) -> bool:
    """Whether ``grade`` is ``worst`` or better."""
    return GRADES.index(grade) <= GRADES.index(worst)
