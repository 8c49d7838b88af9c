"""Sources to a graph on disk, with the report of what was refused beside it."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from kg.builder import BuildReport, Progress, build
from kg.errors import SourceError
from kg.folder import replace_file
from kg.graph import Graph
from kg.sources import create_source, source_names
from kg.store import write_graph

EMBEDDED = "starter"  # needs no folder


def parse_folders(sources: Sequence[str], given: Sequence[str]) -> Mapping[str, Path]:
    """Which folder each source reads from: ``SOURCE=DIR``, or ``DIR`` for all not embedded.

    Raises:
        SourceError: a folder that none of the sources to build reads.
    """
    folders: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if equals and name in source_names():
            if name not in sources:
                raise SourceError(f"--from {text}: source {name!r} is not among those to build")
            folders[name] = Path(folder)
            continue
        others = [source for source in sources if source != EMBEDDED and source not in folders]
        if not others:
            raise SourceError(f"--from {text}: no source is left that reads it; say SOURCE=DIR")
        folders.update(dict.fromkeys(others, Path(text)))
    return folders


def build_graph(
    sources: Sequence[str],
    folders: Mapping[str, Path],
    out: Path,
    *,
    progress: Progress | None = None,
) -> tuple[Graph, BuildReport, Path]:
    """Build ``sources`` into the folder ``out``; returns graph, report and where the report lies.

    The refused rows and the names that differ are written to ``<out>.report.tsv``.

    Raises:
        SourceError: a source is unknown, missing or not what it says.
        FolderError: ``out`` holds something that is not a graph.
    """
    adapters = [create_source(name, folders.get(name)) for name in dict.fromkeys(sources)]
    result = build(adapters, progress=progress)
    graph = write_graph(result.graph, out, report=result.report.to_json())
    path = out.with_name(f"{out.name}.report.tsv")
    replace_file(path, _report(result.report).encode())
    return graph, result.report, path


def _report(report: BuildReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["what", "file", "line", "reason"])
    for row in report.refused:
        writer.writerow(["refused", row.file, row.line, row.reason])
    for conflict in report.conflicts:
        reason = f"{conflict.node}: {conflict.shown!r} is shown, not {conflict.other!r}"
        writer.writerow(["two names", conflict.file, conflict.line, reason])
    return text.getvalue()
