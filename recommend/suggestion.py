"""What the recommender answers: typed, so that no reader can take one kind for another."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal


class Kind(StrEnum):
    """The class of a suggestion. Two kinds are never mixed in one list unmarked."""

    INDICATION = "known indication"  # disease-modifying, recorded in a source
    SYMPTOMATIC = "known indication (symptomatic)"
    UNDER_STUDY = "under study"  # a source names a clinical trial, and no source an indication
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
class Record:
    """A source that records a use, or a trial of it."""

    source: str  # primary knowledge source, without ``infores:``
    year: str = ""  # of the work; a catalogue of 2015 is not a licence of today
    references: tuple[str, ...] = ()  # keys of the graph's references
    phase: str = ""  # of a trial


@dataclass(frozen=True)
class SimilarPatients:
    """How many patients of a cohort with the same condition received the drug.

    Attributes:
        received: patients with the condition who received the drug, at least 11.
        of: patients with the condition, at least 11.
        cohort: whose patients: what the bundle calls the cohort it learnt from.
    """

    received: int
    of: int
    cohort: str


@dataclass(frozen=True)
class Suggestion:
    """One drug for one condition of the patient.

    Attributes:
        rank: from 1 within its kind and condition.
        condition: the patient's, as recorded; ``broader`` is set where the use is recorded for a
            broader disease only.
        condition_grade: how the patient's condition matched its node.
        score: 0 to 1, a percentile among all drugs for the disease, never a probability: by the
            stack, and for a known use of a patient with a history by stack and history together.
            It orders known uses of equal safety and line. Hypotheses stand by their place among
            drugs of equal degree, and only then by score.
        parts: what the score is made of, by name; percentiles.
        certainty: one sentence: what the class and the score do and do not mean.
        line: of therapy: 1, 2, 3, adjunct, or nothing where no source says it.
        records: who records the use; empty for a hypothesis.
        share: of a hypothesis: of pairs with such a score, the share that are recorded indications
            in the reference set. Never the chance that it helps.
        degree_rank: of a hypothesis: the share of drugs of equal degree that it beats.
        similar: what patients of the cohort received; None where nothing can be said.
        must_acknowledge: whether a hit is major.
    """

    rank: int
    drug: str
    drug_name: str
    condition: str
    condition_name: str
    condition_grade: str
    kind: Kind
    score: float
    parts: dict[str, float]
    verdicts: tuple[Verdict, ...]
    reasons: tuple[Reason, ...]
    certainty: str
    line: str = ""
    records: tuple[Record, ...] = ()
    broader: str = ""  # CURIE
    broader_name: str = ""
    share: float | None = None
    degree_rank: float | None = None
    similar: SimilarPatients | None = None
    must_acknowledge: bool = False


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
    verdicts: tuple[Verdict, ...]  # hits that are contraindicated or major


@dataclass(frozen=True)
class Unavailable:
    """A class of suggestions that there is none of, and why: silence is not an answer."""

    kind: Kind
    condition: str  # CURIE, or empty where the reason holds for every condition
    why: str


@dataclass(frozen=True)
class Recommendation:
    """The whole answer for one profile.

    Attributes:
        not_assessed: conditions, drugs and allergies without a node, one sentence each; to be read
            before the suggestions.
        missing: what else is not known or could not be assessed, one sentence each.
        refusal: set: nothing is suggested, and this is why.
        graph: fingerprint.
        bundle: fingerprint.
        warnings: about current drugs, by id.
        unavailable: classes without a suggestion.
    """

    suggestions: tuple[Suggestion, ...]
    vetoed: tuple[Vetoed, ...]
    missing: tuple[str, ...]
    refusal: str | None
    graph: str
    bundle: str
    warnings: tuple[DrugWarning, ...] = ()
    not_assessed: tuple[str, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]
