"""What the recommender answers: typed, so that no reader can take one kind for another."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal


class Kind(StrEnum):
    """The class of a suggestion. Two kinds are never mixed in one list unmarked."""

    INDICATION = "known indication"  # disease-modifying, recorded in a source
    SYMPTOMATIC = "known indication (symptomatic)"
    HYPOTHESIS = "hypothesis"  # ranked by the models; no source records it


class Outcome(StrEnum):
    """The answer of one safety check. There is no fourth."""

    HIT = "hit"
    CLEAR = "clear"
    NOT_COVERED = "not covered"


Severity = Literal["contraindicated", "major", "moderate", "minor", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """One safety check on one drug.

    Attributes:
        check: name of the check, e.g. ``"interaction"``.
        outcome: hit, clear or not covered.
        text: one sentence: what was found, or why nothing can be said.
        partner: CURIE of the drug, disease or class it concerns, where there is one.
        severity: of a hit.
        source: the knowledge used (``starter``) and its reference keys.
    """

    check: str
    outcome: Outcome
    text: str
    partner: str | None = None
    severity: Severity | None = None
    source: str = ""


@dataclass(frozen=True)
class PathEdge:
    """One edge of a path, as walked."""

    head: str  # CURIE where the step begins
    relation: str
    tail: str  # CURIE where it ends
    forward: bool
    sources: tuple[str, ...]  # primary knowledge sources of its assertions


@dataclass(frozen=True)
class Reason:
    """One reason for a suggestion, in words and as data.

    Attributes:
        text: one sentence.
        metapath: short form, e.g. ``CbGaD``; empty for a recorded indication.
        edges: the path; empty where only the models speak for the pair.
        share: of the metapath model's evidence for the pair, the part that paths of this kind give,
            0 to 1; None for a recorded indication and where there is no path.
    """

    text: str
    metapath: str
    edges: tuple[PathEdge, ...]
    share: float | None


@dataclass(frozen=True)
class Suggestion:
    """One drug for one condition of the patient."""

    rank: int  # from 1 within its kind and condition
    drug: str
    drug_name: str
    condition: str
    condition_name: str
    condition_grade: str  # how the patient's condition matched its node
    kind: Kind
    score: float  # 0 to 1: percentile among all drugs for this disease; not a probability
    parts: dict[str, float]  # model -> percentile
    verdicts: tuple[Verdict, ...]
    reasons: tuple[Reason, ...]
    certainty: str  # one sentence: what the class and the score do and do not mean
    line: str = ""  # line of therapy: 1, 2, 3, adjunct, or nothing where no source says it


@dataclass(frozen=True)
class Vetoed:
    """A drug that would have been suggested, and why it is not."""

    drug: str
    drug_name: str
    condition: str
    kind: Kind
    verdicts: tuple[Verdict, ...]  # the hits that veto


@dataclass(frozen=True)
class DrugWarning:
    """A drug that the patient takes, and what speaks against it in the rest of the record."""

    drug: str
    drug_name: str
    verdicts: tuple[Verdict, ...]  # hits that are contraindicated, major or of unknown severity


@dataclass(frozen=True)
class Recommendation:
    """The whole answer for one profile."""

    suggestions: tuple[Suggestion, ...]
    vetoed: tuple[Vetoed, ...]
    missing: tuple[str, ...]  # what is not known or could not be assessed, one sentence each
    refusal: str | None  # set: nothing is suggested, and this is why
    graph: str  # fingerprint
    bundle: str  # fingerprint
    warnings: tuple[DrugWarning, ...] = ()  # about current drugs, by id

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]
