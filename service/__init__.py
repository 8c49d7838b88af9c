"""Where the rooms meet: settings and the use cases. Only ``cli.py`` imports this package.

A tour. ``settings`` says where things lie and who acts; ``building`` makes a graph; ``patients``
fills and reads the sealed store; ``training`` makes a bundle; ``suggest`` is the one use case, from
a stored patient to a recorded suggestion; ``coverage`` sums up what a run could map and check;
``demo`` does all of it on the embedded graph; ``console`` draws answers for people; ``commands``
are the part of the command line that is about the store.
"""

from service.errors import ServiceError, SettingsError
from service.settings import Settings, read_settings

__all__ = ["ServiceError", "Settings", "SettingsError", "read_settings"]
