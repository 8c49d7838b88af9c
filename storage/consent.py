"""What a patient said about the uses of the record: permit or deny, for each purpose.

Kept sealed in the patient's own row, whose leaf commits to it: a denial that
was removed or put back is a row that is not the one last committed.
"""

from collections.abc import Mapping

from storage.access import MAY_BE_DENIED, Consent
from storage.errors import InvalidRecordError


def said_now(before: Mapping[str, str], says: Mapping[str, str]) -> dict[str, str]:
    """What holds once a patient who said ``before`` says ``says``: purpose -> answer.

    A purpose that is not named keeps its answer.

    Raises:
        InvalidRecordError: a purpose cannot be denied, or an answer is neither
            ``permit`` nor ``deny``, or nothing is said.
    """
    if not says or not set(says) <= MAY_BE_DENIED:
        raise InvalidRecordError(
            f"consent is given or denied for: {', '.join(sorted(MAY_BE_DENIED))}"
        )
    if not set(says.values()) <= set(Consent):
        raise InvalidRecordError(f"consent is one of: {', '.join(Consent)}")
    merged = {str(purpose): str(answer) for purpose, answer in {**before, **says}.items()}
    return dict(sorted(merged.items()))
