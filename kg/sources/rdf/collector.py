"""Triples gathered into nodes, labels and edges until the last of them is read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kg.identifiers import SYSTEMS, is_curie
from kg.schema import NODES
from kg.sources.base import Batch, LabelBatch, NodeBatch, Refusal
from kg.sources.formats.triples import Triple
from kg.sources.rdf.edges import EdgeKind, Edges
from kg.sources.rdf.statement import Statement, StatementError, read_statement
from kg.sources.rdf.vocabulary import Vocabulary
from kg.sources.vocabularies import biolink
from kg.sources.vocabularies.xrefs import to_code

_ENDS = frozenset(
    [
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#subject",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#object",
    ]
)
_SPELLED = frozenset(SYSTEMS.values())
_MOST_REASONS = 1000  # different reasons for what was left out, then they are not told apart


class _Place(NamedTuple):
    file: int
    line: int


class Collector:
    """What the files say, until the last of them is read: a type may follow its edge."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._vocabularies: list[Vocabulary] = []
        self._curies: list[str] = []
        self._numbers: dict[str, int] = {}  # CURIE -> position in _curies
        self._by_iri: dict[str, int | None] = {}  # of the file being read
        self._prefix_types: dict[int, str] = {}
        self._classes: dict[int, set[str]] = {}
        self._names: dict[int, tuple[_Place, str]] = {}
        self._labels: list[list[tuple[int, int, str, str]]] = []  # a file: line, node, kind, text
        self._edges = Edges()
        self._refused: list[Refusal] = []

    def begin(self, file: str, vocabulary: Vocabulary) -> None:
        """Name the file that the next triples come from."""
        self.files.append(file)
        self._vocabularies.append(vocabulary)
        self._labels.append([])
        self._by_iri = {}

    def add(self, group: list[Triple]) -> list[Refusal]:
        """Take the triples of one subject; returns those that cannot be used."""
        self._refused = []
        if any(triple.predicate in _ENDS for triple in group):
            self._add_statement(group)
            return self._refused
        vocabulary = self._vocabularies[-1]
        for triple in group:
            meaning = vocabulary.meaning(triple.predicate)
            if meaning is None:
                self._leave_out(f"predicate {triple.predicate}")
            elif triple.subject.startswith("_:"):
                self._leave_out("blank nodes")
            elif meaning.what == "type":
                self._add_class(triple)
            elif meaning.what == "label":
                self._add_label(triple, meaning.word)
            else:
                kind = EdgeKind(len(self.files) - 1, meaning, vocabulary.provenance, False)
                self._add_edge(triple, triple.subject, kind)
        return self._refused

    def batches(self) -> Iterator[Batch]:
        """Nodes, then labels, then edges of all files."""
        types = [self._type(number) for number in range(len(self._curies))]
        named: dict[tuple[int, str], list[int]] = {}
        for number, (place, _) in self._names.items():
            node_type = types[number]
            if node_type is None:
                self._leave_out("names of things without a node type")
            else:
                named.setdefault((place.file, node_type), []).append(number)
        for (file, node_type), numbers in named.items():
            ids = [self._curies[number] for number in numbers]
            yield NodeBatch(
                type=node_type,
                file=self.files[file],
                lines=[self._names[number][0].line for number in numbers],
                keys=ids,
                ids=ids,
                names=[self._names[number][1] for number in numbers],
                provenance=self._vocabularies[file].provenance,
            )
        for file, labels in enumerate(self._labels):
            rows = [
                (line, self._curies[number], kind, text)
                for line, number, kind, text in labels
                if types[number] is not None
            ]
            if rows:
                yield LabelBatch(self.files[file], rows, self._vocabularies[file].provenance)
        yield from self._edges.batches(self.files, self._curies, types)

    def _add_class(self, triple: Triple) -> None:
        found = None if triple.is_text else self._vocabularies[-1].node_class(triple.value)
        if found is None:
            self._leave_out(f"class {triple.value}")
            return
        number = self._number(triple, triple.subject)
        if number is not None:
            self._classes.setdefault(number, set()).add(found)

    def _add_label(self, triple: Triple, kind: str) -> None:
        number = self._number(triple, triple.subject)
        if number is None:
            return
        text: str | None = triple.value.strip()
        if kind == "code":
            curie = self._vocabularies[-1].curie
            text = _code(triple.value) if triple.is_text else curie(triple.value)
        elif not triple.is_text:
            self._refuse(triple, f"the {kind} of {triple.subject} is not a text")
            return
        elif triple.language.split("-")[0].casefold() not in ("", "en"):
            self._leave_out("texts in other languages")
            return
        if not text:
            self._leave_out(f"{kind}s of no use")
        elif kind == "name" and number not in self._names:
            self._names[number] = _Place(len(self.files) - 1, triple.line), text
        elif kind != "name" or text != self._names[number][1]:
            kind = "synonym" if kind == "name" else kind
            self._labels[-1].append((triple.line, number, kind, text))

    def _add_edge(
        self, triple: Triple, subject: str, kind: EdgeKind, details: Mapping[str, Any] | None = None
    ) -> None:
        if triple.is_text:
            self._refuse(triple, f"{kind.meaning.word} leads to a text, not to a node")
            return
        if subject.startswith("_:") or triple.value.startswith("_:"):
            self._leave_out("blank nodes")
            return
        head, tail = self._number(triple, subject), self._number(triple, triple.value)
        if head is None or tail is None:
            return
        self._edges.add(kind, head, tail, triple.line, details)

    def _add_statement(self, group: list[Triple]) -> None:
        vocabulary = self._vocabularies[-1]
        try:
            said: Statement | str = read_statement(group, vocabulary)
        except StatementError as error:
            self._refuse(group[0], str(error))
            return
        if isinstance(said, str):
            self._leave_out(said)
            return
        kind = EdgeKind(len(self.files) - 1, said.meaning, said.provenance, True)
        self._add_edge(said.target, said.subject, kind, said.details)

    def _number(self, triple: Triple, iri: str) -> int | None:
        if iri in self._by_iri:
            number = self._by_iri[iri]
        else:
            vocabulary = self._vocabularies[-1]
            curie = vocabulary.curie(iri)
            number = None
            if curie is not None:
                number = self._numbers.setdefault(curie, len(self._curies))
                if number == len(self._curies):
                    self._curies.append(curie)
                node_type = vocabulary.type_of_prefix(curie)
                if node_type is not None:
                    self._prefix_types.setdefault(number, node_type)
            self._by_iri[iri] = number
        if number is None:
            self._refuse(triple, f"no CURIE for {iri!r}: add its beginning to [prefixes]")
        return number

    def _type(self, number: int) -> str | None:
        """As stated (the first by name of several), else by Biolink class, else by prefix."""
        classes = self._classes.get(number, set())
        ours = sorted(found for found in classes if found in NODES)
        if ours:
            return ours[0]
        of_class = biolink.node_type(classes) if classes else None
        of_prefix = self._prefix_types.get(number)
        return of_prefix or of_class if of_class in (None, "Entity") else of_class

    def _refuse(self, triple: Triple, reason: str) -> None:
        self._refused.append(Refusal(self.files[-1], triple.line, reason))

    def _leave_out(self, reason: str) -> None:
        if reason not in self.left_out and len(self.left_out) >= _MOST_REASONS:
            reason = "others"
        self.left_out[reason] += 1


def _code(text: str) -> str | None:
    """A code in our spelling; one that has it stays, as other tools take ICD10 for ICD10CM."""
    is_ours = text.partition(":")[0] in _SPELLED and is_curie(text)
    return text if is_ours else to_code(text)
