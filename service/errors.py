"""What can go wrong where the rooms meet.

ServiceError
└── SettingsError (ValueError)   a setting or a place that does not make sense
"""


class ServiceError(Exception):
    """Anything that this package raises on purpose."""


class SettingsError(ServiceError, ValueError):
    """A setting has a wrong value, or what it names is not there."""
