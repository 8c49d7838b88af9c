"""How well newly started drugs are foretold for patients whom nothing was learnt from.

A tour. ``splits`` deals patients into folds, or cuts time; ``rows`` are what the model is compared
with; ``figures`` judge a ranking of all drugs; ``track`` runs them and writes the report. What may
be seen of a patient, and when, is decided in :mod:`recommend.cohorts.cohort`.
"""

from recommend.evaluate.patients.track import NAME, PatientOptions, run

__all__ = ["NAME", "PatientOptions", "run"]
