"""The report on an extract: what was removed and how often, how coarse it is, what nobody promises.

Counts and names of elements only. No rare code is named: its name would tell that somebody has it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from intake.deidentify.dates import LONGEST_SHIFT
from intake.deidentify.record import Dropped
from intake.deidentify.release import Release
from intake.deidentify.rules import Removed
from intake.deidentify.safe_harbor import CATEGORIES

NOT_GUARANTEED: Final = (
    (
        "Classes hold k patients or more by the quasi-identifiers above and by nothing else: who "
        "knows several diagnoses, drugs or results of a person may find the person in a class."
    ),
    (
        "A record that begins at birth, or holds what only some ages have, tells the age more "
        "exactly than the band of its year of birth."
    ),
    (
        "l-diversity and t-closeness are not checked: where all of a class have a diagnosis, who "
        "knows a person's class knows the diagnosis."
    ),
    "Two extracts of overlapping patients may tell more together than each alone.",
    "Combinations of codes that are common one by one may be rare; only single codes are counted.",
)
_SHIFTED: Final = (
    "Dates shifted by whole days are not Safe Harbor by the letter, which leaves the year alone "
    "(45 CFR 164.514(b)(2)(i)(C)): before such an extract leaves the house, an expert must "
    "determine under 164.514(b)(1) that the risk is very small. Intervals between the days of one "
    "patient are exact and may be known to somebody; a code that exists only since a known day, "
    "or a wave of one disease, narrows the shift down."
)


def to_report(release: Release, written: Mapping[str, int]) -> dict[str, Any]:
    """What was removed, how patients were generalised, and what is not guaranteed, as JSON.

    Args:
        release: the extract.
        written: how many resources of each type were written.
    """
    extract = release.extract
    is_shifted = extract.dates == "shift"
    return {
        "k": release.k,
        "smallest_class": release.choice.smallest,
        "classes": release.choice.n_classes,
        "quasi_identifiers": release.choice.levels.in_words(),
        "patients_suppressed": len(extract) - len(release.held),
        "patients_written": len(release.held),
        "written": dict(sorted(written.items())),
        "dates": f"shifted back by 1 to {LONGEST_SHIFT} days, the same for all of a patient"
        if is_shifted
        else "the year alone",
        "is_safe_harbor": not is_shifted and release.rare_codes == "suppress",
        "removed": _by_category(extract.removed),
        "entries_dropped": _by_type(extract.dropped),
        "rare_codes": {
            "entries_dropped": sum(one.n_entries for one in release.held)
            - sum(n for kind, n in written.items() if kind != "Patient"),
            "below_k": dict(sorted(Counter(code.system for code in release.rare).items())),
            "are": "suppressed" if release.rare_codes == "suppress" else "kept",
        },
        "not_guaranteed": [*([_SHIFTED] if is_shifted else []), *NOT_GUARANTEED],
    }


def _by_category(removed: Removed) -> dict[str, Any]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (letter, path), n_times in sorted(removed.items()):
        found[letter][path] = n_times
    return {
        letter: {
            "name": CATEGORIES.get(letter, letter),
            "count": sum(found[letter].values()) if letter in found else 0,
            "elements": found.get(letter, {}),
        }
        for letter in [*CATEGORIES, *sorted(found.keys() - CATEGORIES.keys())]
    }


def _by_type(dropped: Dropped) -> dict[str, dict[str, int]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (kind, why), n_entries in sorted(dropped.items()):
        found[kind][why] = n_entries
    return dict(found)


def to_text(report: Mapping[str, Any]) -> str:
    """A report for people; ends with a line break."""
    by_letter = "yes, as far as a program can tell" if report["is_safe_harbor"] else "no, see below"
    lines = [
        f"De-identified extract: {report['patients_written']} patients, k = {report['k']}.",
        f"Smallest of {report['classes']} classes: {report['smallest_class']} patients.",
        f"Patients left out to reach k: {report['patients_suppressed']}.",
        f"Dates: {report['dates']}.",
        f"HIPAA Safe Harbor by the letter: {by_letter}.",
        "",
        "Quasi-identifiers:",
        *(f"  {name}: {level}" for name, level in report["quasi_identifiers"].items()),
        "",
        "Written:",
        *(f"  {kind}: {n:,}" for kind, n in report["written"].items()),
        "",
        "Removed or coarsened, over all patients that were read:",
    ]
    for letter, found in report["removed"].items():
        lines.append(f"  ({letter}) {found['name']}: {found['count']:,}" if len(letter) == 1
                     else f"  {found['name']}: {found['count']:,}")  # fmt: skip
        lines += (f"      {path}: {n:,}" for path, n in found["elements"].items())
    lines += ["", "Entries dropped whole:"]
    for kind, reasons in report["entries_dropped"].items():
        lines += (f"  {kind} that {why}: {n:,}" for why, n in reasons.items())
    rare = report["rare_codes"]
    lines += ["", f"Codes of terminologies that fewer than k patients carry are {rare['are']};"]
    lines.append("FHIR's own codes, such as a status, are not counted among them;")
    lines.append(f"with them went {rare['entries_dropped']:,} entries:")
    lines += (f"  {system}: {n:,}" for system, n in rare["below_k"].items())
    lines += ["", "Not guaranteed:", *(f"  - {text}" for text in report["not_guaranteed"]), ""]
    return "\n".join(lines)
