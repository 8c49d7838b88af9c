"""What the patient brings: FHIR R4 files in, one coded profile a patient out.

A tour. ``fhir`` reads bundles, NDJSON and archives; ``grouping`` finds whose each entry is and
makes a :class:`PatientBundle` a patient, resources as they came, with a list of what was wrong.
``resource`` knows the parts of a resource and ``checks`` what makes it usable; ``codes`` finds the
nodes of its codes. ``lists`` decides which conditions, drugs and allergies count, ``observations``
reads kidneys and genes, ``pregnancy`` tells whether there is one, and ``profile`` puts together
what the recommender may know. ``profile_file`` reads a profile that a person wrote, with names
instead of codes, and ``omop`` tables of the OMOP common data model as FHIR resources. Nothing is
guessed: what cannot be mapped is listed as such.

>>> resolver = Resolver(graph)
>>> for bundle in read_patients([path]):
...     profile = to_profile(bundle.resources, resolver, today=date.today())
"""

from intake.codes import Resolver
from intake.errors import (
    IntakeError,
    MixedPatientsError,
    NotFhirError,
    NotOmopError,
    UnclaimedError,
    UnreadableError,
)
from intake.fhir import PatientBundle, Problem, read_patients
from intake.omop import is_omop, read_omop
from intake.profile import code_grades, to_profile
from intake.profile_file import read_profile

__all__ = [
    "IntakeError",
    "MixedPatientsError",
    "NotFhirError",
    "NotOmopError",
    "PatientBundle",
    "Problem",
    "Resolver",
    "UnclaimedError",
    "UnreadableError",
    "code_grades",
    "is_omop",
    "read_omop",
    "read_patients",
    "read_profile",
    "to_profile",
]
