"""The parts of the command line that are about the patient store; ``cli.py`` puts them together.

One file a group of commands, each an app of its own. ``options`` are the options that commands
share, ``printing`` is how they answer, ``asking`` what they ask at a terminal. They parse, call and
print; what they call is imported inside the command, so that ``--help`` waits for nothing.
"""
