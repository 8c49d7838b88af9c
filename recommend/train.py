"""Graph and histories in, bundle out. What is finished is kept, so a killed training goes on.

Every finished member and the evaluation lie in a work folder beside the bundle, whose name is a
digest of all that the result depends on. The bundle that was there before stays whole until the new
one is complete.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from kg.folder import only_writer, replace_file
from kg.graph import Graph
from recommend.bundle import (
    STACK,
    Bundle,
    check_target,
    read_arrays,
    tensor_bytes,
    write_bundle,
)
from recommend.errors import BundleError
from recommend.evaluate.holdout import FLOOR, evaluate_holdout
from recommend.interactions import TrainingData, digest, training_data
from recommend.models import create_model
from recommend.models.base import Progress, RankingModel, Scores
from recommend.models.gnn import Device, resolve_device
from recommend.models.metapath import SIX
from recommend.models.stack import WEIGHTS, combine

EPOCHS = 120
_NO_REPORT = {"rows": [], "skipped": "the training was asked to leave it out"}
_LIBRARIES = ("implicit", "numpy", "scikit-learn", "scipy", "torch", "torch-geometric")


def train(
    graph: Graph,
    out: Path,
    *,
    histories: sp.csr_matrix | None = None,
    device: Device = "auto",
    seed: int = 0,
    hide_pairs: Iterable[tuple[str, str]] = (),
    hide_diseases: Iterable[str] = (),
    epochs: int = EPOCHS,
    progress: Progress | None = None,
    evaluate: bool = True,
) -> Bundle:
    """Fit every model, evaluate them on hidden diseases, and write the bundle.

    Called again with the same arguments after a kill, it goes on where it was; on one CPU the
    result is the same as if nothing had happened.

    Args:
        graph: what to learn from.
        out: the bundle's folder; created, or an earlier bundle, which is replaced at the end.
        histories: (n_patients, n_drugs) of the graph's drug rows, without identifiers; None
            declares the collaborative part absent.
        device: for the gnn; ``auto`` takes CUDA where there is one.
        seed: of everything that is drawn.
        hide_pairs: (drug, disease) identifiers kept out of everything; see :func:`training_data`.
        hide_diseases: diseases whose treatments are kept out of everything.
        epochs: of the gnn.
        progress: called with what is being done, steps done, steps in all.
        evaluate: False leaves the hold-out report out, and the bundle says so.

    Raises:
        ModelError: there is nothing to learn from, or the extra ``train`` is not installed.
        UnknownNodeError: a hidden identifier that the graph does not have.
        FolderError: ``out`` holds something that is not a bundle, or another process does the same
            training now.
    """
    hidden_pairs, hidden_diseases = sorted(set(hide_pairs)), sorted(set(hide_diseases))
    data = training_data(
        graph, hide_pairs=hidden_pairs, hide_diseases=hidden_diseases, histories=histories
    )
    settings = _settings(resolve_device(device), epochs)
    check_target(out)
    versions = _versions()
    key = _key(graph, data, {"seed": seed, "settings": settings, "versions": versions})
    work = out.parent / f".{out.name}.work-{key}"
    work.mkdir(parents=True, exist_ok=True)
    card = {
        "seed": seed,
        "versions": versions,
        "hidden_pairs": len(hidden_pairs),
        "hidden_diseases": len(hidden_diseases),
    }
    with only_writer(work, wait=False):
        return _train(
            graph, data, out, _Run(work, settings, seed, progress), card=card, evaluate=evaluate
        )


def _train(
    graph: Graph,
    data: TrainingData,
    out: Path,
    run: "_Run",
    *,
    card: Mapping[str, Any],
    evaluate: bool,
) -> Bundle:
    """What :func:`train` does once it is alone in its work folder."""
    settings = run.settings
    report = run.evaluation(graph, data) if evaluate else _NO_REPORT
    members = {name: run.member(name, data) for name in sorted(WEIGHTS)}
    why_absent, cohort_size = _cohort(data)
    als = None if why_absent else run.member("als", data).save()
    scores = {name: model.score() for name, model in members.items()}
    metapath = members["metapath"].save()
    bundle = write_bundle(
        out,
        graph,
        card={
            "members": {name: settings[name] for name in members},
            "weights": dict(WEIGHTS),
            "absent": {"als": why_absent} if why_absent else {},
            "als": settings["als"] if als else None,
            "cohort_size": cohort_size,
            **card,
        },
        scores={**scores, STACK: combine(scores)},
        metapath={name: values for name, values in metapath.items() if name != "scores"},
        embeddings=members["gnn"].save()["embeddings"],
        als=als,
        evaluation=report,
    )
    for left in out.parent.glob(f".{out.name}.work-*"):  # also what was never finished
        shutil.rmtree(left)
    return bundle


@dataclass(frozen=True)
class _Run:
    """One training: where its finished parts lie and what it was asked for."""

    work: Path
    settings: Mapping[str, Mapping[str, Any]]
    seed: int
    progress: Progress | None

    def member(
        self, name: str, data: TrainingData, *, label: str = "", **options: Any
    ) -> RankingModel:
        """The fitted model, from the work folder if it is there already."""
        label = label or name
        file = self.work / f"{label}.safetensors"
        checkpoint = self.work / f"{label}.checkpoint"
        if name == "gnn":
            options["checkpoint"] = checkpoint
        model = create_model(name, **self.settings[name], **options)
        if file.exists():
            try:
                return model.load(read_arrays(file))
            except (BundleError, KeyError):
                file.unlink()  # damaged: fitted again

        def report(_: str, done: int, total: int) -> None:
            if self.progress:
                self.progress(label, done, total)

        model.fit(data, seed=self.seed, progress=report)
        replace_file(file, tensor_bytes(model.save()))
        checkpoint.unlink(missing_ok=True)
        return model

    def evaluation(self, graph: Graph, data: TrainingData) -> dict[str, Any]:
        """The hold-out report as JSON values, diseases by CURIE."""
        file = self.work / "evaluation.json"
        if not file.exists():
            report = evaluate_holdout(data, self._score_holdout, seed=self.seed).to_json()
            report["diseases"] = [graph.ids["Disease"][row].as_py() for row in report["diseases"]]
            replace_file(file, json.dumps(report).encode())
        return json.loads(file.read_bytes())  # type: ignore[no-any-return]

    def _score_holdout(self, data: TrainingData) -> dict[str, Scores]:
        def score(name: str, **options: Any) -> Scores:
            return self.member(name, data, label=f"hold-out {name}", **options).score()

        scores = {name: score(name) for name in ("popularity", "degree-product")}
        floor = self.member("metapath", data, label=f"hold-out {FLOOR}", metapaths=SIX)
        scores |= {FLOOR: floor.score(), "metapath": score("metapath"), "gnn": score("gnn")}
        return {**scores, STACK: combine(scores)}


def _settings(device: str, epochs: int) -> dict[str, dict[str, Any]]:
    """Model name -> the options that it is made with."""
    return {
        "als": {"factors": 32, "regularization": 0.1, "alpha": 10.0, "iterations": 20},
        "degree-product": {},
        "gnn": {"dim": 32, "epochs": epochs, "learning_rate": 0.01, "device": device},
        "metapath": {},
        "popularity": {},
    }


def _cohort(data: TrainingData) -> tuple[str, int]:
    """Why no histories can be learnt from, or empty; the number of patients with a drug."""
    if data.histories is None:
        return "no patient histories were given", 0
    size = int((data.histories.getnnz(axis=1) > 0).sum())
    return ("" if size else "no patient in the histories has a drug that the graph knows"), size


def _key(graph: Graph, data: TrainingData, chosen: Mapping[str, Any]) -> str:
    """A digest of everything that the result depends on."""
    what = {
        "graph": graph.fingerprint,
        "treats": digest(data.treats),
        "palliates": digest(data.palliates),
        "histories": digest(data.histories),
        "weights": dict(WEIGHTS),
        **chosen,
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def _versions() -> dict[str, str]:
    found = {}
    for name in (*_LIBRARIES, "pharmakon"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # pharmakon runs from its source folder as well
            continue
    return found
