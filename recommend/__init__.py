"""What may help this patient, why, and what may harm: profiles in, explained suggestions out.

A tour. ``profile`` is what a model may know of a patient; ``models`` score drugs, one file a model
behind one contract; ``train`` fits them on a :class:`kg.Graph` and writes a :class:`Bundle`, which
opens without the libraries that trained it. ``safety`` checks drugs against a patient, one file a
kind of check; ``explain`` finds the reasons behind a score. :class:`Recommender` joins them: one
pure function from a :class:`PatientProfile` to a :class:`Recommendation`, read-only, so that
threads may share one.

>>> recommender = Recommender.load(bundle, graph=graph)  # doctest: +SKIP
>>> profile = PatientProfile.from_json({"conditions": ["DOID:9352"]})
>>> recommender.recommend(profile, k=3).suggestions[0].drug_name  # doctest: +SKIP
'Metformin'
"""

from recommend.answers.batch import Ranked, Rankings
from recommend.bundle import Bundle, open_bundle
from recommend.errors import (
    BundleError,
    ColdStartError,
    ModelError,
    OptionError,
    ProfileError,
    RecommendError,
    UnknownModelError,
)
from recommend.profile import Fact, GenePhenotype, Knowledge, PatientProfile, Unmapped
from recommend.recommender import Recommender
from recommend.suggestion import (
    DrugWarning,
    Kind,
    Outcome,
    PathEdge,
    Reason,
    Recommendation,
    Record,
    SimilarPatients,
    Suggestion,
    Unavailable,
    Verdict,
    Vetoed,
)

__all__ = [
    "Bundle",
    "BundleError",
    "ColdStartError",
    "DrugWarning",
    "Fact",
    "GenePhenotype",
    "Kind",
    "Knowledge",
    "ModelError",
    "OptionError",
    "Outcome",
    "PathEdge",
    "PatientProfile",
    "ProfileError",
    "Ranked",
    "Rankings",
    "Reason",
    "RecommendError",
    "Recommendation",
    "Recommender",
    "Record",
    "SimilarPatients",
    "Suggestion",
    "Unavailable",
    "UnknownModelError",
    "Unmapped",
    "Verdict",
    "Vetoed",
    "open_bundle",
]
