"""What can go wrong where the rooms meet.

ServiceError
├── SettingsError (ValueError)   a setting or a place that does not make sense
├── DrugNameError (LookupError)  a drug to be checked that no node is sure to be
└── ReceiptError  (ValueError)   a recorded answer that cannot be built again
"""


class ServiceError(Exception):
    """Anything that this package raises on purpose."""


class SettingsError(ServiceError, ValueError):
    """A setting has a wrong value, or what it names is not there."""


class DrugNameError(ServiceError, LookupError):
    """What was given as a drug is not surely one."""


class ReceiptError(ServiceError, ValueError):
    """A recorded answer has no receipt, or one that this program does not read."""
