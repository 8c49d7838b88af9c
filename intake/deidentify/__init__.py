"""Records that may be told to analysts: de-identified, dates shifted, k-anonymous.

A tour. ``safe_harbor`` names HIPAA's eighteen categories; ``terms``, ``places`` and ``dates`` say
which texts may leave at all; ``rules`` and ``elements`` are the allowlist of FHIR elements;
``record`` applies it to one patient and ``people`` takes the quasi-identifiers out of the Patient.
``release`` holds all patients of an extract, ``anonymity`` finds how coarse they must be and who is
left out, ``sparse`` what too few of them carry; ``report`` says so, and ``check`` looks at what was
written. Nothing here reads or writes files, or knows the store.

>>> extract = Extract(today=date.today(), dates="shift")
>>> for number, bundle in enumerate(read_patients(paths)):
...     extract.add(str(number), bundle.resources)
>>> release = extract.release(k=11)
>>> lines = [json.dumps(resource) for resource in release.resources()]
"""

from intake.deidentify.check import Found, check
from intake.deidentify.errors import NotAnonymousError
from intake.deidentify.record import SafeRecord, deidentify
from intake.deidentify.release import Extract, Release, check_enough
from intake.deidentify.report import to_report, to_text

__all__ = [
    "Extract",
    "Found",
    "NotAnonymousError",
    "Release",
    "SafeRecord",
    "check",
    "check_enough",
    "deidentify",
    "to_report",
    "to_text",
]
