"""The starter graph's safety rules, and a bundle trained on it: made once for all tests here."""

import pytest

from kg.graph import Graph
from recommend.bundle import Bundle
from recommend.recommender import Recommender
from recommend.safety import SafetyRules
from tests.recommend.small import train_lightly


@pytest.fixture(scope="session")
def rules(starter: Graph) -> SafetyRules:
    return SafetyRules.read(starter)


@pytest.fixture(scope="session")
def starter_bundle(starter: Graph, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """All models on the starter graph, hardly trained and weighing the same."""
    pytest.importorskip("torch_geometric", reason="the extra train is not installed")
    from recommend.train import train

    folder = tmp_path_factory.mktemp("bundles") / "starter"
    with pytest.MonkeyPatch.context() as patch:
        train_lightly(patch)
        return train(starter, folder, device="cpu", epochs=2, validate=False)


@pytest.fixture(scope="session")
def recommender(starter: Graph, starter_bundle: Bundle) -> Recommender:
    return Recommender.load(starter_bundle, graph=starter)
