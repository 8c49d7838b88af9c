"""Graph and patients in, bundle out. What is finished is kept, so a killed training goes on.

Every fitted member lies in a work folder beside the bundle, whose name is a digest of all that the
result depends on. The bundle that was there before stays whole until the new one is complete.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kg.folder import only_writer, replace_file
from kg.graph import Graph
from recommend.answers.conformal import calibrate
from recommend.bundle import (
    STACK,
    Bundle,
    check_target,
    read_arrays,
    tensor_bytes,
    write_bundle,
)
from recommend.cohorts.cohort import Cohort
from recommend.cohorts.collaborative import RELEASED_SHARE, Collaborative
from recommend.cohorts.combination import graph_part
from recommend.cohorts.privacy import DELTA, private_item_factors
from recommend.contributions import Contributions, top_contributions
from recommend.errors import BundleError, ModelError
from recommend.evaluate.table import BASELINES
from recommend.evaluate.validation import validation_report
from recommend.interactions import TrainingData, training_data, view_digest
from recommend.models import create_model
from recommend.models.base import Progress, RankingModel
from recommend.models.gnn import Device, resolve_device
from recommend.models.stack import MEMBERS, Stack
from recommend.models.trees import Trees

EPOCHS = 160
_SKIPPED = "the training was asked to leave the validation out: all members weigh the same"
_LIBRARIES = (
    "implicit", "lightgbm", "numpy", "scikit-learn", "scipy", "torch", "torch-geometric",
)  # fmt: skip


def train(
    graph: Graph,
    out: Path,
    *,
    cohort: Cohort | None = None,
    epsilon: float | None = None,
    device: Device = "auto",
    seed: int = 0,
    hide_pairs: Iterable[tuple[str, str]] = (),
    hide_diseases: Iterable[str] = (),
    epochs: int = EPOCHS,
    progress: Progress | None = None,
    validate: bool = True,
    read_from: Mapping[str, Any] | None = None,
) -> Bundle:
    """Fit every model, learn their combination on hidden diseases, and write the bundle.

    Called again with the same arguments after a kill, it goes on where it was; on one CPU the
    result is the same as if nothing had happened.

    Args:
        graph: what to learn from.
        out: the bundle's folder; created, or an earlier bundle, which is replaced at the end.
        cohort: patients to learn from, in the graph's rows; None declares the collaborative part
            absent. Of them :data:`RELEASED_SHARE` is learnt from.
        epsilon: of differential privacy, for the drugs' factors that are learnt from patients; see
            :mod:`recommend.cohorts.privacy`. None for least squares without a guarantee.
        device: for the gnn; ``auto`` takes CUDA where there is one.
        seed: of everything that is drawn.
        hide_pairs: (drug, disease) identifiers kept out of everything; see :func:`training_data`.
        hide_diseases: diseases whose treatments are kept out of everything.
        epochs: of the gnn, at most.
        progress: called with what is being done, steps done, steps in all.
        validate: False leaves out the views on which the combination is learnt and judged: all
            members weigh the same, nothing is calibrated, and the bundle says so.
        read_from: where ``cohort`` was read; see :attr:`Bundle.read_from`.

    Raises:
        ModelError: there is nothing to learn from, or the extra ``train`` is not installed.
        UnknownNodeError: a hidden identifier that the graph does not have.
        FolderError: ``out`` holds something that is not a bundle, or another process does the same
            training now.
    """
    hidden_pairs, hidden_diseases = sorted(set(hide_pairs)), sorted(set(hide_diseases))
    data = training_data(graph, hide_pairs=hidden_pairs, hide_diseases=hidden_diseases)
    settings = _settings(resolve_device(device), epochs)
    check_target(out)
    versions = _versions()
    chosen = {"seed": seed, "settings": settings, "versions": versions, "validate": validate}
    learnt_from = {
        "data": view_digest(data),
        "cohort": cohort.digest if cohort else None,
        "epsilon": epsilon,
    }
    key = _digest({"graph": graph.fingerprint, **learnt_from, **chosen})
    work = out.parent / f".{out.name}.work-{key}"
    work.mkdir(parents=True, exist_ok=True)
    card = {
        "seed": seed,
        "versions": versions,
        "hidden_pairs": len(hidden_pairs),
        "hidden_diseases": len(hidden_diseases),
    }
    with only_writer(work, wait=False):
        run = _Run(work, settings, seed, data, progress)
        patients = _Patients(cohort, epsilon, read_from)
        return _train(graph, data, patients, out, run, card=card, validate=validate)


def _train(
    graph: Graph,
    data: TrainingData,
    patients: "_Patients",
    out: Path,
    run: "_Run",
    *,
    card: Mapping[str, Any],
    validate: bool,
) -> Bundle:
    """What :func:`train` does once it is alone in its work folder."""
    settings = run.settings
    stack = Stack(
        members=MEMBERS,
        beside=BASELINES,
        score_member=lambda name, view: run.member(name, view).score(),
        views=None if validate else (),
    )
    stack.fit(data, seed=run.seed)
    report: dict[str, Any] = {"table": None, "diseases": [], "skipped": _SKIPPED}
    if validate:
        report = validation_report(
            data,
            stack.views,
            stack.held_out,
            disease_ids=graph.ids["Disease"].to_pylist(),
            seed=run.seed,
        )
    abstention = calibrate(
        data, stack.views, lambda name, view: run.member(name, view).score(), stack.weights()
    )
    members = {name: run.member(name, data) for name in MEMBERS}
    embeddings = run.member("gnn", data).save()["embeddings"]
    absent: dict[str, str] = {}
    collaborative = None  # last: a few seconds, and not kept
    try:
        collaborative = patients.learn(data, stack, run)
    except ModelError as error:
        absent["collaborative"] = str(error)
    bundle = write_bundle(
        out,
        graph,
        card={
            "members": {name: settings[name] for name in members},
            "gnn": settings["gnn"],
            "weights": stack.weights(),
            "calibration": stack.calibration(),
            "abstention": abstention.to_json() if abstention.strata else None,
            "explained_by": Trees.name,
            "absent": absent,
            **(patients.card() if collaborative else _Patients().card()),
            **card,
        },
        scores={**{n: model.score() for n, model in members.items()}, STACK: stack.score()},
        contributions=_contributions(cast(Trees, members[Trees.name]), data),
        linear={n: v for n, v in members["metapath"].save().items() if n != "scores"},
        embeddings=embeddings,
        collaborative=collaborative.save() if collaborative else None,
        evaluation=report,
        read_from=patients.read_from if collaborative else None,
    )
    for left in out.parent.glob(f".{out.name}.work-*"):  # also what was never finished
        shutil.rmtree(left)
    return bundle


@dataclass(frozen=True)
class _Patients:
    """Who is learnt from, and with which guarantee."""

    cohort: Cohort | None = None
    epsilon: float | None = None
    read_from: Mapping[str, Any] | None = None

    def card(self) -> dict[str, Any]:
        cohort = self.cohort
        return {
            "cohort": cohort.name if cohort else None,
            "cohort_size": cohort.n_patients if cohort else 0,
            "epsilon": self.epsilon,
        }

    def learn(self, data: TrainingData, stack: Stack, run: "_Run") -> Collaborative:
        """What is learnt from them.

        Raises:
            ModelError: there are none, or too few.
        """
        if self.cohort is None:
            raise ModelError("no patients were given")
        make_factors = None
        if self.epsilon is not None:
            make_factors = partial(private_item_factors, epsilon=self.epsilon, delta=DELTA)
        recorded = (data.treats + data.palliates).toarray() > 0
        return Collaborative.fit(
            self.cohort,
            graph_part(stack.score(), recorded),
            seed=run.seed,
            share=RELEASED_SHARE,
            make_factors=make_factors,
            progress=run.progress,
        )


def _contributions(trees: Trees, data: TrainingData) -> Contributions:
    base = np.empty(data.shape[1], np.float32)

    def blocks() -> Iterator[NDArray[Any]]:
        for values in trees.contributions(data):
            base[:] = values[:, -1]  # the same for every drug
            yield values[:, :-1]

    return top_contributions(trees.features, blocks(), base=base, shape=data.shape)


@dataclass(frozen=True)
class _Run:
    """One training: where its finished parts lie and what it was asked for."""

    work: Path
    settings: Mapping[str, Mapping[str, Any]]
    seed: int
    data: TrainingData
    progress: Progress | None
    _fitted: dict[str, RankingModel] = field(default_factory=dict)  # on everything

    def member(self, name: str, view: TrainingData) -> RankingModel:
        """The fitted model, from the work folder if it is there already."""
        if view is self.data:
            if name not in self._fitted:
                self._fitted[name] = self._member(name, view, name)
            return self._fitted[name]
        return self._member(name, view, f"{name} on view {view_digest(view)[:8]}")

    def _member(self, name: str, view: TrainingData, label: str) -> RankingModel:
        file = self.work / f"{label}.safetensors"
        checkpoint = self.work / f"{label}.checkpoint"
        options = {"checkpoint": checkpoint} if name == "gnn" else {}
        model = create_model(name, **self.settings[name], **options)
        if file.exists():
            try:
                return model.load(read_arrays(file))
            except (BundleError, KeyError):
                file.unlink()  # damaged: fitted again

        def report(_: str, done: int, total: int) -> None:
            if self.progress:
                self.progress(label, done, total)

        model.fit(view, seed=self.seed, progress=report)
        replace_file(file, tensor_bytes(model.save()))
        checkpoint.unlink(missing_ok=True)
        return model


def _settings(device: str, epochs: int) -> dict[str, dict[str, Any]]:
    """Model name -> the options that it is made with; the others are the model's own."""
    names = (*MEMBERS, *BASELINES, "gnn")
    own = {"gnn": {"epochs": epochs, "device": device}}
    return {name: own.get(name, {}) for name in names}


def _digest(what: Mapping[str, Any]) -> str:
    """A digest of everything that the result depends on."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def _versions() -> dict[str, str]:
    found = {}
    for name in (*_LIBRARIES, "pharmakon"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # pharmakon runs from its source folder as well
            continue
    return found
