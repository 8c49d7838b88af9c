"""What can go wrong in the graph.

KgError
├── SchemaError (LookupError)        a node type, relation or metapath that the graph does not have
├── UnknownNodeError (LookupError)   an identifier or name that no node answers to
├── InvalidGraphError (ValueError)   columns that disagree, an edge that points outside its table
├── SourceError (ValueError)         a source that is not what it says
└── FolderError (ValueError)         a stored folder that cannot be opened as what it should be
"""

from collections.abc import Iterable


class KgError(Exception):
    """Anything that this package raises on purpose."""


class SchemaError(KgError, LookupError):
    """A node type, relation or metapath that is not in the schema or not in the graph."""


class UnknownNodeError(KgError, LookupError):
    """No node has this identifier or name.

    Attributes:
        text: what was looked up.
        closest: names near to it, best first; may be empty.
    """

    def __init__(self, text: str, closest: Iterable[str] = ()) -> None:
        self.text = text
        self.closest = tuple(closest)
        hint = f"; closest names: {', '.join(self.closest)}" if self.closest else ""
        super().__init__(f"no node is called {text!r}{hint}")


class InvalidGraphError(KgError, ValueError):
    """The columns of a graph contradict each other."""


class SourceError(KgError, ValueError):
    """A source file is missing, damaged or not what its name says."""


class FolderError(KgError, ValueError):
    """A stored graph, bundle or export is missing, foreign, damaged or of an unknown version."""
