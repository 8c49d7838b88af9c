"""One line that says how much of a cohort could be mapped, checked and answered."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recommend.suggestion import Outcome, Recommendation

GRADES = ("exact", "xref", "broader", "near", "unmapped")


@dataclass
class Coverage:
    """Sums over patients.

    Attributes:
        codes: match grade, or ``unmapped`` -> recorded codes.
        checks: outcome -> verdicts on suggested and vetoed drugs.
        patients: how many were asked for.
        answered: how many have at least one suggestion.
        refused: refusal -> patients.
    """

    codes: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    patients: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, grades: Mapping[str, int], answer: Recommendation) -> None:
        """Count one patient."""
        self.patients += 1
        self.codes.update(grades)
        self.answered += bool(answer.suggestions)
        if answer.refusal:
            self.refused[answer.refusal] += 1
        for verdicts in (
            *(item.verdicts for item in answer.suggestions),
            *(item.verdicts for item in answer.vetoed),
        ):
            self.checks.update(str(verdict.outcome) for verdict in verdicts)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "codes": dict(self.codes),
            "checks": dict(self.checks),
            "patients": self.patients,
            "answered": self.answered,
            "refused": dict(self.refused),
        }

    def line(self) -> str:
        """One line for people."""
        codes = ", ".join(f"{g} {n}" for g, n in _ordered(self.codes, GRADES))
        total = max(1, sum(self.checks.values()))
        checks = ", ".join(
            f"{outcome} {100 * n / total:.1f} %" for outcome, n in _ordered(self.checks, Outcome)
        )
        refused = "; ".join(f"{n} refused: {why}" for why, n in sorted(self.refused.items()))
        text = (
            f"codes: {codes or 'none'} · safety checks: {checks or 'none'} · "
            f"patients with a suggestion: {self.answered} of {self.patients}"
        )
        return f"{text} ({refused})" if refused else text


def _ordered(counts: Mapping[str, int], order: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, counts[name]) for name in map(str, order) if counts.get(name)]
