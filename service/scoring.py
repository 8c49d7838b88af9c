"""All models fitted on one view after another, their scores kept on disk.

What is kept is found again by everything that it depends on: the view, the model, its options, the
seed, the code and the libraries. So a run that was killed goes on where it was, and judging the
same models by other labels fits nothing.
"""

import hashlib
import inspect
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import recommend
from kg.folder import replace_file
from recommend.interactions import TrainingData, view_digest
from recommend.models import create_model, model_class
from recommend.models.base import Progress, Scores

_LIBRARIES = ("implicit", "lightgbm", "numpy", "scikit-learn", "scipy", "torch", "torch-geometric")


@dataclass(frozen=True)
class Scoring:
    """Fits every model on a view, unless its scores are kept already.

    Attributes:
        models: names of the rows, the baselines first.
        device: for the models that can choose one.
        seed: of everything that they draw.
        cache: the folder of the scores that are kept.
        progress: called with the name of the model, steps done, steps in all.
    """

    models: tuple[str, ...]
    device: str
    seed: int
    cache: Path
    progress: Progress | None = None

    def __call__(self, view: TrainingData) -> Mapping[str, Scores]:
        """Model -> (n_drugs, n_diseases) its scores."""
        content = view_digest(view)
        return {name: self._scores(name, view, content) for name in self.models}

    def _scores(self, name: str, view: TrainingData, content: str) -> Scores:
        takes = inspect.signature(model_class(name)).parameters
        options: dict[str, Any] = {"device": self.device} if "device" in takes else {}
        key = json.dumps([name, options, self.seed, content], sort_keys=True)
        file = self.cache / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
        kept = _read_scores(file)
        if kept is not None:
            return kept
        if "score_member" in takes:  # its members are rows of their own, or soon will be
            options["score_member"] = lambda member, part: self._scores(
                member, part, view_digest(part)
            )
        model = create_model(name, **options)

        def report(_: str, done: int, total: int) -> None:
            if self.progress:
                self.progress(name, done, total)

        scores = model.fit(view, seed=self.seed, progress=report).score()
        packed = io.BytesIO()
        np.savez_compressed(packed, scores=scores)
        replace_file(file, packed.getvalue())
        return scores


def _read_scores(file: Path) -> Scores | None:
    """What is kept in ``file``; None where nothing is, or nothing that can be read."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            return np.asarray(kept["scores"], np.float32)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def open_cache(root: Path) -> Path:
    """The folder below ``root`` for the program as it is; what another state of it left goes."""
    folder = root / _program_digest()
    folder.mkdir(parents=True, exist_ok=True)
    for other in root.iterdir():
        if other != folder and other.is_dir():
            shutil.rmtree(other)
    return folder


def _program_digest() -> str:
    """A digest of the code that scores depend on: a changed model must not find its old scores."""
    content = hashlib.sha256()
    for name in _LIBRARIES:
        try:
            content.update(f"{name} {version(name)}".encode())
        except PackageNotFoundError:
            continue
    root = Path(recommend.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if not path.is_relative_to(root / "evaluate"):
            content.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return content.hexdigest()[:12]
