"""What can go wrong while reading what a patient brings.

IntakeError
├── UnreadableError (OSError)       a file that is missing or that the system does not let us read
├── NotFhirError (ValueError)       a file that is not the FHIR it should be; damaged; too large
├── NotOmopError (ValueError)       a folder or file that is not the OMOP CDM it should be
├── UnclaimedError (ValueError)     an entry that belongs to no patient in the files
└── MixedPatientsError (ValueError) resources of two patients given as one
"""


class IntakeError(Exception):
    """Anything that this package raises on purpose.

    Attributes:
        place: the file, member or entry.
        reason: what is wrong there, and what would be right; never clinical text.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"{place}: {reason}")


class UnreadableError(IntakeError, OSError):
    """A file is missing, is a folder, or may not be read."""


class NotFhirError(IntakeError, ValueError):
    """A file is not JSON, not a FHIR R4 bundle, damaged or too large."""


class NotOmopError(IntakeError, ValueError):
    """A table of OMOP CDM v5.4 or a column of it is missing, double or damaged."""


class UnclaimedError(IntakeError, ValueError):
    """An entry belongs to no patient in the files."""


class MixedPatientsError(IntakeError, ValueError):
    """The resources of more than one patient were given as those of one."""
