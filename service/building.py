"""Sources to a graph on disk, with the report of what was refused beside it."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.builder import BuildReport, Progress, Terms, build
from kg.diff import Diff
from kg.diff import diff as compare
from kg.diff_files import write_diff
from kg.errors import SourceError
from kg.folder import replace_file
from kg.graph import Graph
from kg.sources import create_source, source_names
from kg.store import open_graph, write_graph

EMBEDDED = "starter"  # needs no folder


def parse_folders(sources: Sequence[str], given: Sequence[str]) -> Mapping[str, tuple[Path, ...]]:
    """Which folders each source reads from: ``SOURCE=DIR``, or ``DIR`` for all without one.

    Either may be given several times. The embedded starter reads only from a folder of its own.

    Raises:
        SourceError: a folder that none of the sources to build reads.
    """
    folders: dict[str, tuple[Path, ...]] = {}
    shared: list[str] = []
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or name not in source_names():
            shared.append(text)
        elif name not in sources:
            raise SourceError(f"--from {text}: source {name!r} is not among those to build")
        else:
            folders[name] = (*folders.get(name, ()), Path(folder))
    others = [name for name in sources if name != EMBEDDED and name not in folders]
    if shared and not others:
        raise SourceError(f"--from {shared[0]}: no source is left that reads it; say SOURCE=DIR")
    return {**folders, **dict.fromkeys(others, tuple(map(Path, shared)))}


@dataclass(frozen=True)
class Built:
    """A graph on disk, and how it came about.

    Attributes:
        graph: opened from ``path``.
        path: its folder.
        report: what was read, merged, left out and refused.
        report_path: all that was refused, left out or said differently, as TSV.
        diff: to the older graph, if one was named, and the folder of its files.
    """

    graph: Graph
    path: Path
    report: BuildReport
    report_path: Path
    diff: Diff | None = None
    diff_path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        result = {
            "graph": str(self.path),
            "fingerprint": self.graph.fingerprint,
            "nodes": self.graph.n_nodes(),
            "edges": self.graph.n_edges(),
            "report": str(self.report_path),
            **self.report.to_json(),
        }
        if self.diff is not None:
            result["diff"] = {"files": str(self.diff_path), **self.diff.counts}
        return result


def build_graph(
    sources: Sequence[str],
    folders: Mapping[str, Sequence[Path]],
    out: Path,
    *,
    terms: Terms = "auto",
    old: Path | None = None,
    progress: Progress | None = None,
) -> Built:
    """Build ``sources`` into the folder ``out``.

    What was refused, left out or said differently is written to ``<out>.report.tsv``, and what
    differs from ``old``, an older graph, which may be the one that is replaced, to ``<out>.diff``.

    Raises:
        SourceError: a source is unknown, missing or not what it says.
        FolderError: ``out`` holds something that is not a graph, or ``old`` is none.
    """
    older = open_graph(old) if old is not None else None
    adapters = [create_source(name, *folders.get(name, ())) for name in dict.fromkeys(sources)]
    result = build(adapters, terms=terms, progress=progress)
    diff, diff_path = None, out.with_name(f"{out.name}.diff")
    if older is not None:
        diff = compare(older, result.graph)
        write_diff(diff, diff_path)
    graph = write_graph(result.graph, out, report=result.report.to_json())
    path = out.with_name(f"{out.name}.report.tsv")
    replace_file(path, _report(result.report).encode())
    return Built(graph, out, result.report, path, diff, diff_path if diff else None)


def _report(report: BuildReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["what", "file", "line", "reason"])
    for row in report.refused:
        writer.writerow(["refused", row.file, row.line, row.reason])
    for conflict in report.conflicts:
        reason = f"{conflict.subject}: {conflict.shown!r} is shown, not {conflict.other!r}"
        writer.writerow([conflict.what, conflict.file, conflict.line or "", reason])
    for (source, what), n in sorted(report.left_out.items(), key=lambda item: (-item[1], item[0])):
        reason = f"{n} rows about {what!r}, which no source brings"
        writer.writerow(["left out", source, "", reason])
    return text.getvalue()
