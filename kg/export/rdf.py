"""RDF: N-Triples and Turtle, the triples that :mod:`kg.sparql` answers from, of the subset only.

A node has its classes, ``rdfs:label``, ``skos:altLabel`` and its codes. An edge is a triple with
its Biolink predicate and one with our relation; a symmetric edge is both ways. Each assertion is an
``rdf:Statement`` with ``rdf:subject``, ``rdf:predicate``, ``rdf:object`` and who says it.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kg.export.ends import Ends
from kg.export.lines import Piece, blocks
from kg.export.tables import Statement, Tables, digits
from kg.schema import NODES, edge_spec

Spell = Callable[[str], str]  # an IRI as the format spells it

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_SIMPLE = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")


def write_nt(tables: Tables, folder: Path) -> None:
    """``graph.nt``: one triple a line."""
    with (folder / "graph.nt").open("wb") as file:
        for node, facts in _nodes(tables, _full):
            file.write("".join(f"{node} {p} {o} .\n" for p, o in facts).encode())
        for triples in _edges(tables, _full):
            file.writelines(triples)
        said = [_said(statement, _full) for statement in tables.statements]
        n_facts = np.array([len(facts) for facts in said], np.int32)
        for count in np.unique(n_facts[tables.statement]).tolist():
            rows = np.flatnonzero(n_facts[tables.statement] == count)
            which = tables.statement[rows]
            name = _assertion(tables, rows)
            pieces: list[Piece] = []
            for p, ids in zip(_ENDS, _end_pieces(tables, rows, _full), strict=True):
                pieces += [*name, f" {_full(p)} ", ids, " .\n"]
            for i in range(count):
                lines = [
                    f" {p} {o} .\n" for p, o in (f[i] if i < len(f) else ("", "") for f in said)
                ]
                pieces += [*name, (lines, which)]
            file.writelines(blocks(len(rows), pieces))


def write_turtle(tables: Tables, folder: Path) -> None:
    """``graph.ttl``: one node, one edge or one assertion a line."""
    from kg.sparql.model import NAMESPACES

    spell = _shortener(NAMESPACES)
    with (folder / "graph.ttl").open("wb") as file:
        file.write("".join(f"@prefix {p}: <{iri}> .\n" for p, iri in NAMESPACES.items()).encode())
        for node, facts in _nodes(tables, spell):
            file.write(f"{node} {_grouped(facts)} .\n".encode())
        for triples in _edges(tables, spell):
            file.writelines(triples)
        said = [f" ; {_grouped(_said(s, spell))} .\n" for s in tables.statements]
        rows = np.arange(len(tables))
        subject, target = _end_pieces(tables, rows, spell)
        pieces: list[Piece] = [
            *_assertion(tables, rows), f" {spell(_ENDS[0])} ", subject,
            f" ; {spell(_ENDS[1])} ", target, (said, tables.statement),
        ]  # fmt: skip
        file.writelines(blocks(len(tables), pieces))


def read_nt(folder: Path) -> Ends:
    """What ``write_nt`` wrote."""
    label, subject, target = (f"<{iri}>" for iri in (_LABEL, *_ENDS))
    found: dict[str, list[str]] = {label: [], subject: [], target: []}
    types: list[str] = []
    with (folder / "graph.nt").open(encoding="utf-8", newline="\n") as file:
        for line in file:
            s, p, o = line.split(" ", 2)
            if p in found:
                found[p].append(s if p == label else o[:-3])
            if p == subject:
                types.append(_edge_type(s))
    return Ends(
        found[label], list(zip(found[subject], found[target], strict=True)), edge_types=types
    )


def read_turtle(folder: Path) -> Ends:
    """What ``write_turtle`` wrote, which is not just any Turtle: one thing a line."""
    nodes: list[str] = []
    edges: list[tuple[str, str]] = []
    types: list[str] = []
    with (folder / "graph.ttl").open(encoding="utf-8", newline="\n") as file:
        for line in file:
            term, verb, rest = [*line.split(" ", 2), "", ""][:3]
            if verb == "rdfs:label":
                nodes.append(term)
            elif verb == "rdf:subject":
                parts = rest.split(" ", 4)
                edges.append((parts[0], parts[3]))
                types.append(_edge_type(term))
    return Ends(nodes, edges, edge_types=types)


def _edge_type(assertion: str) -> str:
    """The edge type in the IRI of an assertion; see :func:`_assertion`."""
    return assertion.partition(":assertion:")[2].partition("/")[0]


_ENDS = (f"{_RDF}subject", f"{_RDF}object")


def _full(iri: str) -> str:
    return f"<{iri}>"


def _shortener(namespaces: dict[str, str]) -> Spell:
    """Spells an IRI with a prefix where what is left is plain."""
    bases = sorted(((base, prefix) for prefix, base in namespaces.items()), reverse=True)

    def spell(iri: str) -> str:
        for base, prefix in bases:
            if iri.startswith(base) and _SIMPLE.fullmatch(iri[len(base) :]):
                return f"{prefix}:{iri[len(base) :]}"
        return f"<{iri}>"

    return spell


def _literal(text: str, datatype: object = None) -> str:
    quoted = json.dumps(text, ensure_ascii=False)  # its escapes are those of N-Triples
    return quoted if datatype is None else f"{quoted}^^<{datatype}>"


def _grouped(facts: Sequence[tuple[str, str]]) -> str:
    """Predicates and objects in Turtle; objects of one predicate stand together."""
    objects: dict[str, list[str]] = {}
    for p, o in facts:
        objects.setdefault(p, []).append(o)
    return " ; ".join(f"{p} {', '.join(found)}" for p, found in objects.items())


def _nodes(tables: Tables, spell: Spell) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each node with its predicates and objects, the label first."""
    from rdflib.namespace import SKOS

    from kg.iris import TYPE, escape, to_iri
    from kg.sparql.model import NARROWER, PRODUCT, XREF

    types = {
        name: [spell(to_iri(NODES[name].category)), spell(TYPE + escape(name))]
        for name in tables.subset.nodes
    }
    a, label = spell(f"{_RDF}type"), spell(_LABEL)
    columns: list[tuple[str, Any, bool]] = [
        (spell(SKOS.altLabel), tables.nodes["synonym"].to_pylist(), False),
        (spell(PRODUCT), tables.texts("product").to_pylist(), False),
        (spell(XREF), tables.nodes["xref"].to_pylist(), False),
        (spell(SKOS.closeMatch), tables.nodes["xref"].to_pylist(), True),
        (spell(NARROWER), tables.texts("broader").to_pylist(), False),
        (spell(SKOS.narrowMatch), tables.texts("broader-code").to_pylist(), True),
    ]
    nodes = tables.nodes.select(["id", "name", "node_type"]).to_pydict()
    for i, (node, name, node_type) in enumerate(zip(*nodes.values(), strict=True)):
        facts = [(label, _literal(name)), *((a, class_) for class_ in types[node_type])]
        for predicate, texts, as_iri in columns:
            facts += [
                (predicate, spell(to_iri(text)) if as_iri else _literal(text)) for text in texts[i]
            ]
        yield spell(to_iri(node)), facts


def _edges(tables: Tables, spell: Spell) -> Iterator[Iterator[memoryview]]:
    """The triples of the edges themselves, each once; of symmetric ones also the way back."""
    from kg.iris import RELATION, escape, to_iri

    ids = [spell(to_iri(value)) for value in tables.ids]
    types = [statement.edge_type for statement in tables.statements]
    predicates = [spell(to_iri(edge_spec(t).predicate)) for t in types]
    relations = [spell(RELATION + escape(t.relation)) for t in types]
    first = np.flatnonzero(tables.is_first)
    ways = [(first, tables.subject, tables.object)]
    symmetric = np.array([edge_spec(t).symmetric for t in types], bool)
    if symmetric.any():
        both = first[symmetric[tables.statement[first]]]
        both = both[tables.subject[both] != tables.object[both]]
        ways.append((both, tables.object, tables.subject))
    for rows, head, tail in ways:
        begin, end, said = head[rows], tail[rows], tables.statement[rows]
        pieces: list[Piece] = [
            (ids, begin), " ", (predicates, said), " ", (ids, end), " .\n",
            (ids, begin), " ", (relations, said), " ", (ids, end), " .\n",
        ]  # fmt: skip
        yield blocks(len(rows), pieces)


def _assertion(tables: Tables, rows: Any) -> list[Piece]:
    """The IRI of each assertion, put together from its parts."""
    from kg.iris import ASSERTION, assertion_iri

    before, after = len(ASSERTION) + 1, len("//0")
    parts = [assertion_iri("", value, "", 0)[before:-after] for value in tables.ids]
    kinds = [f"<{ASSERTION}{statement.edge_type}/" for statement in tables.statements]
    return [
        (kinds, tables.statement[rows]), (parts, tables.subject[rows]), "/",
        (parts, tables.object[rows]), "/",
        (digits(tables.number), tables.number[rows]), ">",
    ]  # fmt: skip


def _end_pieces(tables: Tables, rows: Any, spell: Spell) -> tuple[Piece, Piece]:
    from kg.iris import to_iri

    ids = [spell(to_iri(value)) for value in tables.ids]
    return (ids, tables.subject[rows]), (ids, tables.object[rows])


def _said(statement: Statement, spell: Spell) -> list[tuple[str, str]]:
    """Predicates and objects of an assertion, its two ends aside."""
    from kg.iris import BIOLINK, RELATION, escape, to_iri
    from kg.sparql.assertions import detail_predicate, detail_values
    from kg.sparql.model import LICENCE

    edge_type, said = statement.edge_type, statement.provenance
    facts = [
        (spell(f"{_RDF}type"), spell(f"{_RDF}Statement")),
        (spell(f"{_RDF}type"), spell(f"{BIOLINK}Association")),
        (spell(f"{_RDF}predicate"), spell(to_iri(edge_spec(edge_type).predicate))),
        (spell(RELATION.rstrip(":")), spell(RELATION + escape(edge_type.relation))),
        (
            spell(f"{BIOLINK}primary_knowledge_source"),
            spell(to_iri(said.primary_knowledge_source)),
        ),
        (spell(f"{BIOLINK}aggregator_knowledge_source"), spell(to_iri(f"infores:{said.source}"))),
        (spell(str(LICENCE)), _literal(said.licence)),
        (spell(f"{BIOLINK}knowledge_level"), _literal(said.knowledge_level)),
        (spell(f"{BIOLINK}agent_type"), _literal(said.agent_type)),
    ]
    for name, value in statement.details.items():
        predicate = spell(str(detail_predicate(name)))
        facts += [
            (predicate, _literal(str(v), getattr(v, "datatype", None)))
            for v in detail_values(value)
        ]
    return facts
