"""What the table of one state, such as pregnancy, says of a drug as it would be used."""

from collections.abc import Mapping
from dataclasses import dataclass

from recommend.safety.pairs import decide
from recommend.safety.state import PatientState, place
from recommend.safety.tables import Compatible, Rule
from recommend.suggestion import Outcome, Verdict


@dataclass(frozen=True)
class Listed:
    """The rows on one drug.

    Attributes:
        check: name of the check.
        state: in words, e.g. ``"pregnancy"``.
        against: what speaks against the drug as it would be used.
        systemic: where nothing does: what speaks against systemic use, if the use is local.
        compatible: who calls it compatible, where nobody speaks against it.
    """

    check: str
    state: str
    against: Rule | None
    systemic: Rule | None
    compatible: tuple[Compatible, ...]
    used: str  # where a local use applies the drug

    @classmethod
    def find(
        cls,
        check: str,
        rules: Mapping[str, tuple[Rule, ...]],
        compatible: Mapping[str, tuple[Compatible, ...]],
        patient: PatientState,
        drug: str,
    ) -> "Listed":
        """Look the drug up; ``check`` names the state as well."""
        said = rules.get(drug, ())
        local = [drug] if patient.is_local else []
        against = decide(rule for rule in said if rule.holds(local))
        safe = () if said else compatible.get(drug, ())
        return cls(
            check,
            check,
            against,
            None if against else decide(said),
            tuple(row for row in safe if row.is_for_local or not patient.is_local),
            place(patient.route) if patient.is_local else "",
        )

    def hit(self, why: str = "") -> Verdict | None:
        """The hit in the state, or None; ``why`` stands behind the state's name."""
        rule = self.against
        if rule is None:
            return None
        text = f"{rule.severity} in {self.state}{why}: {rule.text}"
        return Verdict(self.check, Outcome.HIT, text, None, rule.severity, rule.source)

    def clear(self) -> Verdict | None:
        """Clear by a source that calls it compatible, whether the state holds or not."""
        if not self.compatible:
            return None
        why = "; ".join(dict.fromkeys(row.text for row in self.compatible if row.text))
        text = f"called compatible with {self.state}{f': {why}' if why else ''}"
        sources = "; ".join(dict.fromkeys(row.source for row in self.compatible))
        return Verdict(self.check, Outcome.CLEAR, text, source=sources)

    def unlisted(self) -> Verdict:
        """Not covered: no row holds for the use."""
        if self.systemic is not None:
            text = (
                f"it is used {self.used}; the rule on {self.state} is about systemic use: "
                f"{self.systemic.severity} ({self.systemic.text})"
            )
            return Verdict(self.check, Outcome.NOT_COVERED, text, source=self.systemic.source)
        text = f"no source covers this drug in {self.state}"
        return Verdict(self.check, Outcome.NOT_COVERED, text)

    def open(self, question: str) -> Verdict:
        """Not covered because of an open question, with what the drug would do."""
        rule = self.against
        warning = f"; if she is: {rule.text}" if rule else ""
        source = rule.source if rule else ""
        return Verdict(self.check, Outcome.NOT_COVERED, f"{question}{warning}", source=source)
