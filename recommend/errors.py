"""What can go wrong in the recommender.

RecommendError
├── ProfileError (ValueError)       a profile that is not one, or names a node the graph lacks
├── OptionError (ValueError)        how many drugs, or which miss rate: a number out of its range
├── ColdStartError (ValueError)     a model that needs a history was asked without one
├── ModelError (ValueError)         a model that cannot be fitted on what it was given
├── UnknownModelError (LookupError) no model of this name
└── BundleError (ValueError)        a bundle that is missing, damaged or made on another graph
"""


class RecommendError(Exception):
    """Anything that this package raises on purpose."""


class ProfileError(RecommendError, ValueError):
    """A patient profile has a wrong field, or names a node that the graph does not have."""


class OptionError(RecommendError, ValueError):
    """A number that a question is asked with lies outside its range."""


class ColdStartError(RecommendError, ValueError):
    """The collaborative model was asked about a patient without any drug it knows."""


class ModelError(RecommendError, ValueError):
    """A model cannot be fitted or used on what it was given."""


class UnknownModelError(RecommendError, LookupError):
    """No model is registered under this name."""


class BundleError(RecommendError, ValueError):
    """A model bundle is missing, foreign, damaged, or was trained on another graph."""
