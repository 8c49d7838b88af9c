"""A bundle from a graph, with patients to learn from if asked; and the scores as a file."""

import csv
import io
from pathlib import Path
from typing import cast

import numpy as np

from kg.errors import UnknownNodeError
from kg.folder import replace_file
from kg.graph import Graph
from recommend.bundle import Bundle, open_bundle
from recommend.models.base import Progress
from recommend.models.gnn import Device
from recommend.train import train
from service.cohorts import read_cohort
from service.errors import SettingsError
from service.patients import Failed
from service.settings import Settings
from service.staleness import noted_reads


def train_bundle(
    settings: Settings,
    graph: Graph,
    out: Path,
    *,
    patients: str | None = None,
    epsilon: float | None = None,
    device: str = "auto",
    seed: int = 0,
    hide: Path | None = None,
    hide_diseases: Path | None = None,
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> Bundle:
    """Train every model into the folder ``out``; after a kill, the same call goes on where it was.

    Args:
        settings: where the store is.
        graph: what to train on.
        out: the bundle's folder.
        patients: ``"store"``, or a folder of FHIR or OMOP files, to learn from these patients; None
            for none.
        epsilon: of differential privacy, for the factors learnt from patients; None for none.
        device: auto, cpu or cuda.
        seed: for everything random.
        hide: TSV with ``drug_id`` and ``disease_id`` to keep out of everything.
        hide_diseases: TSV with ``disease_id`` whose treatment edges to keep out.
        progress: called with what is being done, steps done and steps in all.
        failed: called for a stored record that cannot be used, which is then left out.

    Raises:
        SettingsError: ``patients``, ``device`` or a file of what to hide is not what it should be.
        ModelError: training cannot be done, e.g. because the extra ``train`` is not installed.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"--device must be auto, cpu or cuda, not {device!r}")
    pairs = _read_ids(hide, ("drug_id", "disease_id"), graph) if hide else []
    diseases = _read_ids(hide_diseases, ("disease_id",), graph) if hide_diseases else []
    if epsilon is not None and not (patients and epsilon > 0):
        raise SettingsError("--epsilon is more than 0, and is about the patients of --patients")
    cohort, reads = None, None
    if patients == "store":
        with noted_reads(settings) as reads:
            cohort = read_cohort(settings, graph, patients, failed=failed)
    elif patients:
        cohort = read_cohort(settings, graph, patients, failed=failed)
    return train(
        graph,
        out,
        cohort=cohort,
        epsilon=epsilon,
        device=cast(Device, device),
        seed=seed,
        hide_pairs=[(pair[0], pair[1]) for pair in pairs],
        hide_diseases=[row[0] for row in diseases],
        progress=progress,
        read_from=reads,
    )


def write_scores(graph: Graph, bundle: Path, out: Path) -> tuple[int, int]:
    """Write ``drug_ids``, ``disease_ids`` and ``scores`` to an .npz file; returns the shape.

    Raises:
        BundleError: the bundle cannot be opened, or is of another graph.
    """
    opened = open_bundle(bundle, graph)
    matrix = opened.scores()
    content = io.BytesIO()
    np.savez_compressed(
        content,
        drug_ids=np.array(opened.drug_ids),
        disease_ids=np.array(opened.disease_ids),
        scores=matrix.astype(np.float32),
    )
    replace_file(out, content.getvalue())
    return matrix.shape[0], matrix.shape[1]


def _read_ids(path: Path, columns: tuple[str, ...], graph: Graph) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        missing = set(columns) - set(rows.fieldnames or ())
        if missing:
            raise SettingsError(f"{path} has no column {sorted(missing)[0]!r}; it needs {columns}")
        result = [tuple((row[column] or "").strip() for column in columns) for row in rows]
    for ids in result:
        for node_id in ids:
            if graph.find(node_id) is None:
                raise UnknownNodeError(node_id)
    return result
