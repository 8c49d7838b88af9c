"""What can go wrong with an extract.

IntakeError
└── NotAnonymousError (ValueError)  the patients cannot be told without telling who they are
"""

from intake.errors import IntakeError


class NotAnonymousError(IntakeError, ValueError):
    """Too few patients are alike, or what was written is not what may leave."""
