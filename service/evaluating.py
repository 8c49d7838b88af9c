"""One track of the evaluation: files and flags in, a report out."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import UnknownNodeError
from kg.graph import Graph
from recommend.bundle import Bundle, open_bundle
from recommend.cohorts.combination import graph_part
from recommend.evaluate import patients
from recommend.evaluate.patients.interactions import serious_pairs
from recommend.evaluate.report import write_html
from recommend.evaluate.table import BASELINES, TrackReport
from recommend.evaluate.tracks import TAKES, TRACKS, Options
from recommend.interactions import Pairs, find_row, training_data
from recommend.models import model_class
from recommend.models.base import Progress
from service.cohorts import read_cohort
from service.errors import SettingsError
from service.patients import Failed, open_store
from service.scoring import Scoring, open_cache
from service.settings import Settings, existing
from service.staleness import stale_reason

DEFAULT_MODELS = ("metapath", "similarity", "trees", "stack")  # the baselines are never left out

_DRUG, _DISEASE = ("drug_id", "drugbank_id"), ("disease_id", "doid_id")


@dataclass(frozen=True)
class Asked:
    """What one evaluation is asked for; None leaves it to the track.

    Attributes:
        models: names of the rows beside the baselines; none for :data:`DEFAULT_MODELS`.
        labels: TSV of drug_id, disease_id: what is right in the external track.
        exclude: TSV of the same columns: what the external track does not rank.
        drugs: TSV of drug_id that are ranked; None for all of the graph.
        diseases: TSV of disease_id for which they are ranked; None for all.
        strict: hide what the test diseases resemble as well.
        random: deal single diseases into folds, not groups that are alike.
        folds: how many.
        cut: how alike neighbouring diseases of a group are.
        seeds: how often what is random is drawn anew.
        seed: the first seed.
        device: auto, cpu or cuda.
        report: HTML file to write.
        patients: whom the track ``patients`` asks about: ``"store"``, or a folder of FHIR or OMOP
            files.
        bundle: whose scores are the graph's part of that track; None for the home's.
    """

    models: Sequence[str] = ()
    labels: Path | None = None
    exclude: Path | None = None
    drugs: Path | None = None
    diseases: Path | None = None
    strict: bool = False
    random: bool = False
    folds: int | None = None
    cut: float | None = None
    seeds: int | None = None
    seed: int = 0
    device: str = "auto"
    report: Path | None = None
    patients: str | None = None
    bundle: Path | None = None


def evaluate(
    settings: Settings,
    graph: Graph,
    track: str,
    asked: Asked,
    *,
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> TrackReport:
    """Run ``track`` and write its page if one is asked for.

    Scores are kept below the home: a run that was killed goes on where it was, and another run of
    the same models on the same view, such as that of other labels, need not fit them again.

    Args:
        settings: where the home is.
        graph: what is trained on.
        track: one of :data:`TRACKS`, or ``patients``.
        asked: everything else.
        progress: called with what is being done, steps done, steps in all.
        failed: called for a patient's record or file that cannot be used, which is then left out.

    Raises:
        SettingsError: an unknown track or device, an option that says nothing to the track, or a
            file that is not what it should be.
        UnknownModelError: no model of a name.
        UnknownNodeError: a drug or disease to be ranked that the graph does not have.
        ModelError: the track cannot be run on this graph.
    """
    _check(track, asked)
    if track == patients.NAME:
        return _evaluate_patients(settings, graph, asked, progress, failed)
    models = _check_models(asked.models or DEFAULT_MODELS)
    training = training_data(graph)
    if asked.labels is not None:
        _check_labels(asked.labels)
    labels, n_unknown = _read_pairs(asked.labels, graph)
    exclude, n_not_excluded = _read_pairs(asked.exclude, graph)
    options = Options(
        drugs=_read_rows(asked.drugs, graph, "Drug", _DRUG),
        diseases=_read_rows(asked.diseases, graph, "Disease", _DISEASE),
        labels=labels if asked.labels else None,
        exclude=exclude,
        strict=asked.strict,
        random=asked.random,
        seeds=asked.seeds,
        seed=asked.seed,
        names={kind: names.to_pylist() for kind, names in graph.names.items()},
        progress=progress,
    )
    if asked.folds is not None:
        options = replace(options, folds=asked.folds)
    if asked.cut is not None:
        options = replace(options, cut=asked.cut)
    score = Scoring(
        models, asked.device, asked.seed, open_cache(settings.home / "evaluate-cache"), progress
    )
    found = TRACKS[track](training, score, options)
    notes = [*found.notes]
    for path, n in ((asked.labels, n_unknown), (asked.exclude, n_not_excluded)):
        if n:
            notes.append(f"{n} pairs of {path.name if path else ''} are unknown to the graph.")
    found = replace(
        found,
        settings={
            "graph": graph.fingerprint,
            "models": list(models),
            "model seed": asked.seed,
            "device": asked.device,
            **found.settings,
        },
        notes=tuple(notes),
    )
    if asked.report:
        write_html(found, asked.report)
    return found


def _evaluate_patients(
    settings: Settings,
    graph: Graph,
    asked: Asked,
    progress: Progress | None,
    failed: Failed | None,
) -> TrackReport:
    """The track that asks about patients, with the bundle's scores as the graph's part."""
    opened = open_bundle(existing(asked.bundle or settings.bundle, "bundle", "train"), graph)
    cohort = read_cohort(settings, graph, asked.patients or "", failed=failed)
    training = training_data(graph)
    recorded = (training.treats + training.palliates).toarray() > 0
    options = patients.PatientOptions(seed=asked.seed, progress=progress)
    if asked.folds is not None:
        options = replace(options, folds=asked.folds)
    found = patients.run(
        cohort,
        graph_part(opened.scores(), recorded),
        serious_pairs(graph, cohort.vocabulary),
        options,
    )
    about = {"graph": graph.fingerprint, "bundle": opened.fingerprint}
    found = replace(found, settings={**about, **found.settings})
    if stale := _stale(settings, asked, opened):
        found = replace(found, notes=(f"the bundle is stale: {stale}", *found.notes))
    if asked.report:
        write_html(found, asked.report)
    return found


def _stale(settings: Settings, asked: Asked, bundle: Bundle) -> str | None:
    """Why the bundle should be trained again, or None."""
    if asked.patients != "store":
        return bundle.stale
    with open_store(settings) as database:
        return stale_reason(database, bundle.folder)


def _check(track: str, asked: Asked) -> None:
    takes = {**TAKES, patients.NAME: frozenset({"folds", "patients", "bundle"})}
    if track not in takes:
        near = get_close_matches(track, takes, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise SettingsError(f"no track {track!r}{hint}; choose from {', '.join(takes)}")
    only = {"models", "drugs", "diseases"} if track == patients.NAME else set()
    for option in sorted((only | set().union(*takes.values())) - takes[track]):
        value = getattr(asked, option)
        if value is not None and value is not False and value != ():
            takers = ", ".join(name for name in takes if option in takes[name])
            others = takers or "the other tracks"
            raise SettingsError(f"--{option} says nothing to {track}; it is for {others}")
    if track == patients.NAME and asked.patients is None:
        raise SettingsError("patients needs --patients: 'store', or a folder of FHIR or OMOP files")
    if "labels" in takes[track] and asked.labels is None:
        raise SettingsError(
            f"{track} needs --labels FILE.tsv with the columns drug_id and disease_id: "
            "the pairs that count as right"
        )
    if asked.device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"--device must be auto, cpu or cuda, not {asked.device!r}")
    # Both would be noticed when all is done, hours later.
    if asked.report and not asked.report.resolve().parent.is_dir():
        raise SettingsError(f"--report {asked.report}: there is no such folder to write it to")
    if asked.report and find_spec("matplotlib") is None:
        raise SettingsError("--report draws with matplotlib, which is not installed")


def _check_models(names: Sequence[str]) -> tuple[str, ...]:
    """The baselines, then the other names, each once; all of them can rank drugs for diseases."""
    models = tuple(dict.fromkeys([*BASELINES, *names]))
    for name in models:
        if "scores-diseases" not in model_class(name).capabilities:
            raise SettingsError(f"model {name!r} ranks no drugs for diseases: leave it out")
    return models


def _read_rows(
    path: Path | None, graph: Graph, node_type: str, columns: tuple[str, ...]
) -> NDArray[np.int64] | None:
    """The rows of the nodes that a file lists, sorted; None without a file."""
    if path is None:
        return None
    rows = {find_row(graph, node_type, text) for (text,) in _read_columns(path, columns)}
    return np.array(sorted(rows), np.int64)


def _read_pairs(path: Path | None, graph: Graph) -> tuple[Pairs, int]:
    """The pairs of a file that the graph knows, and how many others there are.

    Raises:
        SettingsError: the graph knows none of them: another graph, or other identifiers.
    """
    pairs: dict[tuple[int, int], None] = {}
    n_unknown, example = 0, ""
    for drug, disease in _read_columns(path, _DRUG, _DISEASE) if path else []:
        try:
            pair = find_row(graph, "Drug", drug), find_row(graph, "Disease", disease)
        except UnknownNodeError:
            n_unknown, example = n_unknown + 1, f"{drug}, {disease}"
            continue
        pairs[pair] = None
    if n_unknown and not pairs:
        raise SettingsError(
            f"{path}: the graph has none of the {n_unknown} pairs, such as {example}; "
            "identifiers must be as `query` shows them"
        )
    return np.array(list(pairs), np.int64).reshape(-1, 2), n_unknown


def _check_labels(path: Path) -> None:
    """Refuse a catalogue of several kinds of pairs, of which some are known to be wrong."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = csv.DictReader(file, delimiter="\t").fieldnames or ()
    if "category" in header:
        raise SettingsError(
            f"{path} has a column 'category': every row of labels counts as right, so leave only "
            "the rows that are, without that column"
        )


def _read_columns(path: Path, *columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The columns of a tab-separated file, each under the first of its names that is there.

    Raises:
        SettingsError: a column is missing, or there is no row.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        header = reader.fieldnames or ()
        found = [next((name for name in names if name in header), "") for names in columns]
        for name, names in zip(found, columns, strict=True):
            if not name:
                raise SettingsError(
                    f"{path} has no column {names[0]!r} (or {names[1]!r}); "
                    f"its columns are {', '.join(header) or 'none'}, divided by tabs"
                )
        rows = [tuple((row[name] or "").strip() for name in found) for row in reader]
    if not rows:
        raise SettingsError(f"{path} has no rows below its heading")
    return rows
