"""The main job on embedded data: graph, keys, store, patients, training, suggestions."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.graph import Graph
from recommend.bundle import Bundle
from service.building import EMBEDDED, build_graph
from service.coverage import Coverage
from service.patients import import_patients, open_store
from service.settings import Settings
from service.suggest import Recorded, open_service, suggest_for_all
from service.training import train_bundle
from storage import KeyRing

PATIENTS = Path(__file__).parent / "demo_patients"


@dataclass(frozen=True)
class DemoReport:
    """Everything that a demo run made and said.

    Attributes:
        home: the folder where it lies.
        graph: the starter graph.
        bundle: the models trained on it.
        answers: patient id and recorded answer, in the order of import.
        coverage: sums over the patients.
        entries: length of the audit log, verified at the end.
    """

    home: Path
    graph: Graph
    bundle: Bundle
    answers: tuple[tuple[str, Recorded], ...]
    coverage: Coverage
    entries: int

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "home": str(self.home),
            "graph": self.graph.fingerprint,
            "bundle": self.bundle.fingerprint,
            "patients": [{"patient": p, **answer.to_json()} for p, answer in self.answers],
            "coverage": self.coverage.to_json(),
            "audit_entries": self.entries,
        }


def run_demo(
    settings: Settings, *, progress: Callable[[str, int, int], None] | None = None
) -> DemoReport:
    """Do everything once, in a fresh folder inside the home that is named in the report.

    Raises:
        StorageError, ModelError: as the steps; what other homes hold is never touched.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=settings.home))
    own = Settings(home, settings.actor)
    graph = build_graph([EMBEDDED], {}, own.graph).graph
    KeyRing.create(own.keys)
    import_patients(own, sorted(PATIENTS.glob("*.json")))
    bundle = train_bundle(own, graph, own.bundle, patients="store", progress=progress)
    answers: list[tuple[str, Recorded]] = []
    with open_service(own, graph, own.bundle) as service:
        coverage = suggest_for_all(service, k=3, each=lambda p, a: answers.append((p, a)))
    with open_store(own) as store:
        entries = store.verify_audit().head.n_entries
    return DemoReport(home, graph, bundle, tuple(answers), coverage, entries)
