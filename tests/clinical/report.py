"""Prints the cases whose answer is wrong: ``python -m tests.clinical.report``."""

from collections import Counter

from intake.profile_file import read_profile
from kg.builder import build
from kg.sources import create_source
from tests.clinical.cases import Pharmacist, load, unresolved, with_reversed


def main() -> None:
    """Runs every case on the starter graph."""
    pharmacist = Pharmacist(build([create_source("starter")]).graph)
    for name in ("dangerous", "unremarkable"):
        cases = list(with_reversed(load(name)))
        missed = {case.id: pharmacist.misses(case) for case in cases}
        wrong = {case: reasons for case, reasons in missed.items() if reasons}
        print(f"{name}: {len(cases) - len(wrong)} of {len(cases)} right")
        for case, reasons in wrong.items():
            print(f"  {case}: " + "; ".join(reasons))
        profiles = [read_profile(case.profile, pharmacist.resolver) for case in load(name)]
        strangers = Counter(text for profile in profiles for _, text in unresolved(profile))
        for text, number in strangers.most_common():
            print(f"  {number} x {text}")


if __name__ == "__main__":
    main()
