"""Answers drawn for people at a terminal, with Rich. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # what is drawn was made by who called: `query` must not load the other rooms
    from collections.abc import Iterable, Mapping, Sequence

    from kg.diff import Diff
    from kg.graph import Graph
    from kg.neighborhood import Neighborhood
    from kg.query import NodeView, Said, Target
    from kg.sources import SourceInfo
    from kg.sparql import Answer
    from recommend.bundle import Bundle
    from recommend.evaluate.table import TrackReport
    from recommend.explanation import Explanation
    from recommend.profile import PatientProfile
    from recommend.similar import Similar
    from recommend.suggestion import Recommendation, Record, Suggestion, Verdict
    from service.building import Built
    from service.checking import Checked
    from service.demo import DemoReport
    from service.receipts import Replay

_LABELS = {
    "also": ("synonym",),
    "called elsewhere": ("xref",),
    "codes": ("code",),
    "products": ("product",),
    "stands for": ("broader", "broader-code"),
}
_TERMS = 8  # shown of each part of a score; `--json` has them all
_LINES = {"1": "first line", "2": "second line", "3": "third line"}


def show_node(console: Console, view: NodeView) -> None:
    """A node: what it is called, then its neighbours by relation."""
    console.print(
        f"[bold]{escape(view.node.name)}[/bold]  {view.node.type}  {escape(view.node.id)}"
    )
    if view.grade != "exact":
        console.print(Text(f"matched: {view.grade}, {view.basis}", style="yellow"))
    if view.others:
        others = "; ".join(f"{node.name} ({node.type}, {node.id})" for node in view.others)
        console.print(Text(f"means also: {others}", style="yellow"))
    for heading, kinds in _LABELS.items():
        labels = (label.text for label in view.labels if label.kind in kinds)
        texts = [*{text.casefold(): text for text in labels}.values()]
        if texts:
            more = f" and {len(texts) - 12} more" if len(texts) > 12 else ""
            console.print(Text(f"{heading}: {', '.join(texts[:12])}{more}", style="dim"))
    table = Table("relation", "type", "n", "neighbours", box=None, pad_edge=False)
    for relation in view.relations:
        names = [neighbor.node.name for neighbor in relation.neighbors]
        listed = ", ".join(
            f"{n.node.name} ({n.node.id})" if names.count(n.node.name) > 1 else n.node.name
            for n in relation.neighbors
        )
        more = ", …" if relation.total > len(relation.neighbors) else ""
        table.add_row(relation.words, relation.type, str(relation.total), escape(listed) + more)
    if view.relations:
        console.print(table)
    else:
        console.print("no such neighbour")
    if view.statements:
        counts = ", ".join(f"{kind} ({len(rows)})" for kind, rows in view.statements.items())
        console.print(Text(f"statements, shown by --json: {counts}", style="dim"))


def _voices(said: Iterable[Said]) -> str:
    """Who says so, and how severe each says it is."""
    return ", ".join(
        dict.fromkeys(
            f"{details['severity']}: {source}" if "severity" in details else source
            for source, details in said
        )
    )


def show_targets(console: Console, targets: list[Target], *, more: bool) -> None:
    """Nodes along a metapath with their strongest paths."""
    if not targets:
        console.print("no path")
        return
    table = Table("name", "id", "paths", "DWPC", "strongest", box=None, pad_edge=False)
    for target in targets:
        table.add_row(
            escape(target.node.name),
            escape(target.node.id),
            str(target.n_paths),
            f"{target.weight:.4g}",
            escape("\n".join(target.paths)),
        )
    console.print(table)
    if more:
        console.print("… and more: raise --limit")


def show_similar(console: Console, found: Similar) -> None:
    """The nodes most like another, and what they have in common with it."""
    console.print(
        f"[bold]{escape(found.node.name)}[/bold]  {found.node.type}  {escape(found.node.id)}"
    )
    if found.grade != "exact":
        console.print(Text(f"matched: {found.grade}, {found.basis}", style="yellow"))
    table = Table("rank", "id", found.type, "cosine", "shared neighbours", box=None, pad_edge=False)
    for rank, similar in enumerate(found.nodes, start=1):
        names = ", ".join(node.name for node in similar.shared)
        more = ", …" if similar.n_shared > len(similar.shared) else ""
        table.add_row(
            str(rank),
            escape(similar.node.id),
            escape(similar.node.name),
            f"{similar.cosine:.3f}",
            escape(f"{similar.n_shared}: {names}{more}" if names else "none"),
        )
    console.print(table)


def show_neighborhood(console: Console, found: Neighborhood) -> None:
    """The nodes around others, and over which edges each is reached."""
    seeds = ", ".join(f"{node.name} ({node.id})" for node in found.seeds)
    console.print(f"{found.total:,} nodes around {seeds}", markup=False)
    table = Table("hops", "name", "type", "id", "edges", "reached by", box=None, pad_edge=False)
    for reached in found.nodes:
        links = [
            f"{link.origin.name} {link.words} ({_voices(link.said)})" for link in reached.links
        ]
        more = [f"and {reached.n_links - len(links)} more"] if reached.n_links > len(links) else []
        table.add_row(
            str(reached.distance),
            escape(reached.node.name),
            reached.node.type,
            escape(reached.node.id),
            f"{reached.degree:,}",
            escape("\n".join([*links, *more])),
        )
    console.print(table)


def show_rows(console: Console, answer: Answer) -> None:
    """The answer to a SPARQL query."""
    if answer.boolean is not None:
        console.print("yes" if answer.boolean else "no")
        return
    table = Table(*answer.variables, box=None, pad_edge=False)
    for row in answer.cells():
        table.add_row(*map(escape, row))
    console.print(table)
    if answer.truncated:
        console.print("… and more: raise --limit")


def show_sources(console: Console, rows: Sequence[SourceInfo]) -> None:
    """What a graph can be built from."""
    table = Table("name", "brings", "licence", "what and whence", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def show_build(console: Console, built: Built) -> None:
    """What a build read, merged, left out and refused, and what it changed."""
    report = built.report
    table = Table("source", "type", "read", "merged", box=None, pad_edge=False)
    merged = dict(report.merged)
    for (source, kind), n in sorted(report.read.items()):
        repeats = merged.pop((source, kind), 0)
        table.add_row(source, kind, f"{n:,}", f"{repeats:,}" if repeats else "")
    for (source, kind), n in sorted(merged.items()):
        table.add_row(source, kind, "", f"{n:,}")
    console.print(table)
    console.print(
        f"{built.graph!r}\nrefused rows: {len(report.refused):,}; said differently: "
        f"{len(report.conflicts):,}; about nodes that no source brings: "
        f"{report.left_out.total():,}; listed in {built.report_path}",
        markup=False,
    )
    if built.diff is not None:
        _show_diff(console, built.diff)
        console.print(f"listed in {built.diff_path}", markup=False)


def _show_diff(console: Console, diff: Diff) -> None:
    table = Table("of", "type", "added", "removed", "changed", box=None, pad_edge=False)
    for what, types in diff.counts.items():
        for kind, sizes in types.items():
            cells = (sizes.get(change, 0) for change in ("added", "removed", "changed"))
            table.add_row(what, kind, *(f"{n:,}" if n else "" for n in cells))
    console.print("no fact changed" if diff.is_empty else table)


def show_recommendation(console: Console, title: str, answer: Recommendation) -> None:
    """What was not assessed; suggestions by condition and class, with reasons and checks; vetoes.

    What a reader must not overlook stands first: what is not in the graph, what speaks against
    drugs in use, why nothing is suggested.
    """
    console.print(f"\n[bold]{escape(title)}[/bold]")
    for gap in answer.not_assessed:
        console.print(Text(f"  not assessed: {gap}", style="bold yellow"))
    for warning in answer.warnings:
        for verdict in warning.verdicts:
            line = f"  already taken: {warning.drug_name}: {_hit(verdict)}"
            console.print(Text(line, style="bold yellow"))
    for gap in answer.missing:
        console.print(Text(f"  missing: {gap}", style="dim"))
    if answer.refusal:
        console.print(Text(f"  nothing is suggested: {answer.refusal}", style="yellow"))
    heading = ("", "")
    for suggestion in answer.suggestions:
        here = (suggestion.condition_name, str(suggestion.kind))
        if here != heading:
            heading = here
            grade = suggestion.condition_grade
            matched = "" if grade == "exact" else f" [matched: {grade}]"
            console.print(Text(f"  {here[0]}{matched}: {here[1]}", style="bold cyan"))
        console.print(_suggestion(suggestion))
    for vetoed in answer.vetoed:
        why = "; ".join(verdict.text for verdict in vetoed.verdicts)
        line = f"  not suggested: {vetoed.drug_name} ({vetoed.kind}): {why}"
        console.print(Text(line, style="red"))
    for absent in answer.unavailable:
        where = f" for {absent.condition}" if absent.condition else ""
        console.print(Text(f"  no answer of the class {absent.kind}{where}: {absent.why}", "dim"))


def _suggestion(suggestion: Suggestion) -> Group:
    figure = "" if suggestion.records else f"  ({suggestion.score:.2f})"
    heading = f"   {suggestion.rank}. {suggestion.drug_name}{figure}"
    if suggestion.line:
        heading += f"  {_LINES.get(suggestion.line, suggestion.line)}"
    if suggestion.broader:
        heading += f"  BROADER MATCH: recorded for {suggestion.broader_name}"
    if suggestion.must_acknowledge:
        heading += "  MUST BE ACKNOWLEDGED"
    lines = [Text(heading, style="bold")]
    lines += [Text(f"      why: {reason.text}") for reason in suggestion.reasons]
    lines += [Text(f"      recorded: {_record(record)}") for record in suggestion.records]
    if suggestion.similar:
        found = suggestion.similar
        lines.append(
            Text(f"      received by {found.received} of {found.of} patients with it in "
                 f"{found.cohort}; a frequency, no advice")
        )  # fmt: skip
    lines += _verdicts(suggestion.verdicts)
    lines.append(Text(f"      {suggestion.certainty}", style="italic"))
    return Group(*lines)


def _record(record: Record) -> str:
    year = f", {record.year}" if record.year else ""
    phase = f", phase {record.phase}" if record.phase else ""
    references = f" ({', '.join(record.references)})" if record.references else ""
    return f"{record.source}{year}{phase}{references}"


def _verdicts(verdicts: tuple[Verdict, ...]) -> list[Text]:
    hits = [v for v in verdicts if v.outcome == "hit"]
    lines = [Text(f"      {_hit(verdict)}", "yellow") for verdict in hits]
    for outcome, style in (("clear", "green"), ("not covered", "dim")):
        line = _checks(verdicts, outcome)
        if line:
            lines.append(Text(f"      {line}", style=style))
    return lines


_ANSWERS = {
    "contraindicated": "bold red",
    "acknowledge": "bold yellow",
    "caution": "yellow",
    "clear": "green",
    "not covered": "dim",
}


def show_checked(console: Console, found: Checked) -> None:
    """What was not assessed, then every drug with its answer and all verdicts."""
    for gap in found.not_assessed:
        console.print(Text(f"not assessed: {gap}", style="bold yellow"))
    for gap in found.missing:
        console.print(Text(f"missing: {gap}", style="dim"))
    for drug in found.drugs:
        asked = "" if drug.asked.lower() == drug.name.lower() else f" (asked: {drug.asked})"
        console.print(Text(f"{drug.name}{asked}: {drug.answer}", style=_ANSWERS[drug.answer]))
        console.print(Group(*_verdicts(drug.verdicts)))


def show_explanation(console: Console, found: Explanation) -> None:
    """The parts of a score, the largest first, and what single edges are worth."""
    console.print(
        f"{found.drug} for {found.disease}: calibrated score {found.score:.4g}, by which all drugs "
        "are ordered; for a use that is recorded it says nothing more",
        markup=False,
    )
    table = Table("member", "score", "standardised", "weight", "part", box=None, pad_edge=False)
    for member in found.members:
        figures = (member.score, member.standardised, member.weight, member.part)
        table.add_row(member.member, *(f"{value:.3f}" for value in figures))
    table.add_row("sum", "", "", "", f"{found.weighted_sum:.3f}")
    console.print(table)
    for name, base, terms in (
        ("linear metapath part", found.linear_intercept, found.linear),
        ("trees (TreeSHAP)", found.trees_base + found.trees_rest, found.trees),
    ):
        rest = sum(part for _, part in terms[_TERMS:]) + base
        shown = ", ".join(f"{term} {part:+.3f}" for term, part in terms[:_TERMS])
        console.print(f"{name}: {shown}; all else {rest:+.3f}", markup=False)
    if found.patient:
        total = sum(part for _, part in found.patient)
        shown = ", ".join(f"{term} {part:+.3f}" for term, part in found.patient)
        console.print(f"for this patient, among recorded uses: {shown}; sum {total:+.3f}")
    for item in found.counterfactuals:
        console.print(f"{item.text} (log-odds {item.change:+.3f})", markup=False)


def show_replay(console: Console, found: Replay) -> None:
    """Whether the answer could be rebuilt, and what is not what it was."""
    if found.is_identical:
        console.print(f"{found.suggestion_id}: rebuilt, identical bit for bit", style="green")
    else:
        console.print(f"{found.suggestion_id}: NOT identical", style="bold red", markup=False)
    for name, (then, now) in found.differs.items():
        console.print(f"  {name}: was {then}, is {now}", markup=False)
    for change in found.changes:
        console.print(f"  {change}", markup=False)


def _hit(verdict: Verdict) -> str:
    return f"{verdict.severity}: {verdict.check}: {verdict.text} [{verdict.source}]"


def _checks(verdicts: tuple[Verdict, ...], outcome: str) -> str:
    found = [v for v in verdicts if v.outcome == outcome]
    if outcome == "clear":
        return f"clear: {', '.join(v.check for v in found)}" if found else ""
    return f"not covered: {'; '.join(f'{v.check} ({v.text})' for v in found)}" if found else ""


def show_profile(console: Console, graph: Graph, profile: PatientProfile) -> None:
    """What the recommender would know of a patient."""
    age = "unknown" if profile.age_years is None else f"{profile.age_years:.0f}"
    egfr = "unknown" if profile.egfr is None else f"{profile.egfr:g} mL/min/1.73 m²"
    console.print(
        f"age {age} · sex {profile.sex} · pregnancy {profile.pregnancy} · eGFR {egfr}"
        f"{' · deceased' if profile.deceased else ''}"
    )
    table = Table("list", "node", "matched", "by", "status", "since", box=None, pad_edge=False)
    for name in ("conditions", "drugs", "past_drugs", "allergies"):
        state = getattr(profile, f"{name}_known", "")
        for fact in getattr(profile, name):
            found = graph.find(fact.node)
            node = graph.node(*found).name if found else fact.node
            since = fact.start.isoformat() if fact.start else ""
            table.add_row(name, escape(node), fact.grade, escape(fact.basis), fact.status, since)
        if state and not getattr(profile, name):
            table.add_row(name, f"({state})", "", "", "", "")
    for phenotype in profile.genes:
        table.add_row("genes", phenotype.gene, "", escape(phenotype.phenotype), "", "")
    for item in profile.unmapped:
        table.add_row(f"{item.kind} not mapped", escape(item.text), "", escape(item.reason), "", "")
    console.print(table)


HEADLINES = ("AP", "AUROC", "degree-matched AUROC")  # of a bundle's table; `--json` has them all


def show_bundle(console: Console, bundle: Bundle) -> None:
    """What was trained, what each member weighs, and the validation table with its baselines."""
    console.print(f"bundle {bundle.fingerprint[:12]} of graph {bundle.graph_fingerprint[:12]}")
    for part, why in sorted(bundle.absent.items()):
        console.print(f"absent: {part}: {why}", markup=False)
    for kind, words in (("new", "nothing is known"), ("known", "some treatment is recorded")):
        shares = ", ".join(f"{name} {w:.0%}" for name, w in bundle.weights[kind].items())
        console.print(f"weights where {words}: {shares}", markup=False)
    if bundle.evaluation["table"] is None:
        console.print(f"not judged: {bundle.evaluation['skipped']}", markup=False)
    else:
        measured = bundle.evaluation["table"]
        _show_table(
            console, {**measured, "figures": [f for f in HEADLINES if f in measured["figures"]]}
        )


def show_report(console: Console, report: TrackReport) -> None:
    """The tables of a track, what leaks, and what a reader of the tables needs to know."""
    for measured in report.tables:
        _show_table(console, measured.to_json())
    console.print()
    for leak in report.leaks:
        console.print(Text(f"leak: {leak}", style="bold yellow"))
    for note in report.notes:
        console.print(Text(note, style="dim"))


def show_demo(console: Console, report: DemoReport) -> None:
    """Every patient's answer, then what it all rests on."""
    console.print(f"{report.graph!r}", markup=False)
    show_bundle(console, report.bundle)
    for patient, recorded in report.answers:
        show_recommendation(console, f"patient {patient}", recorded.recommendation)
    console.print(f"\n{report.coverage.line()}", markup=False)
    console.print(
        f"the audit log is whole: {report.entries} entries; everything lies in {report.home}",
        markup=False,
    )


def _show_table(console: Console, measured: Mapping[str, Any]) -> None:
    from recommend.evaluate.table import to_rows

    header, *rows = to_rows(measured)
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(f"\n[bold]{escape(measured['title'])}[/bold]")
    console.print(table)
