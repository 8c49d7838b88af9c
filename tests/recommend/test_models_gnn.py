"""The graph network: what passes messages when, and what it gives."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import PALLIATES, TREATS, Pairs, training_data
from recommend.models import gnn
from recommend.models.gnn import GraphNetwork, hold_out, resolve_device, supervision_split
from tests.recommend.planted import HELD_OUT, N, planted_graph

torch = pytest.importorskip("torch")
loop = gnn.import_loop()


@pytest.mark.parametrize("whole_diseases", [False, True])
def test_no_predicted_edge_passes_messages_in_either_direction(whole_diseases: bool) -> None:
    data = training_data(planted_graph(palliates=[*HELD_OUT, (HELD_OUT[0][0], HELD_OUT[2][1])]))

    for draw in range(20):
        pairs, rest = supervision_split(
            data, np.random.default_rng(draw), whole_diseases=whole_diseases
        )
        helping = {e: m for e, m in rest.matrices.items() if e in (TREATS, PALLIATES)}

        assert 0 < len(pairs) < len(data.positives)
        passed = drug_disease_messages(loop.messages_of(helping, "cpu"))
        assert len(passed) == 2 * len(helping)
        for dense in passed.values():
            assert dense.shape == (N, N)
            assert not dense[pairs[:, 0], pairs[:, 1]].any()


def drug_disease_messages(messages: Any) -> dict[tuple[str, str, str], Any]:
    """Direction -> (n_drugs, n_diseases) what passes, the same by both orientations."""
    found = {}
    for blocks, axis in ((messages.into, 1), (messages.out_of, 0)):
        for block in blocks:
            towards, back = (matrix.to_dense() for matrix in block.product)
            assert torch.equal(towards, back.T)
            parts = torch.split(towards, block.sizes, dim=axis)
            for key, part in zip(block.keys, parts, strict=True):
                found[key] = (part.T if key[0] == "Drug" else part).numpy()
    return found


def test_the_training_loop_hides_in_each_step_what_it_predicts_and_always_the_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))
    passing: list[Mapping[EdgeType, sp.csr_matrix]] = []
    predicted: list[Pairs] = []
    messages_of, treats_loss = loop.messages_of, loop._treats_loss

    def spy_passing(matrices: Mapping[EdgeType, sp.csr_matrix], device: str) -> object:
        passing.append(matrices)
        return messages_of(matrices, device)

    def spy_predicted(net: object, x: object, pairs: Pairs, seen: object) -> object:
        predicted.append(pairs)
        return treats_loss(net, x, pairs, seen)

    monkeypatch.setattr(loop, "messages_of", spy_passing)
    monkeypatch.setattr(loop, "_treats_loss", spy_predicted)

    GraphNetwork(dim=4, epochs=4, device="cpu").fit(data)

    fixed, *steps, last = passing
    validation = hold_out(data, np.random.default_rng([0]))
    assert not {TREATS, PALLIATES} & set(fixed)
    assert set(last) == {TREATS, PALLIATES}
    assert all(last[e].nnz == data.matrices[e].nnz for e in last)
    assert len(validation) == 2
    assert len(steps) == len(predicted) == 4
    for matrices, pairs in zip(steps, predicted, strict=True):
        assert not np.isin(pairs[:, 1], validation).any()
        assert matrices[TREATS].nnz <= data.treats.nnz - len(pairs)
        for matrix in matrices.values():
            assert not matrix.toarray()[pairs[:, 0], pairs[:, 1]].any()
            assert not matrix.toarray()[:, validation].any()


def test_a_split_by_disease_hides_all_that_helps_in_it() -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))

    pairs, rest = supervision_split(data, np.random.default_rng(0), whole_diseases=True)

    diseases = np.unique(pairs[:, 1])
    assert len(diseases) == N / 3
    assert rest.treats[:, diseases].nnz == rest.palliates[:, diseases].nnz == 0
    assert rest.treats.nnz + len(pairs) == data.treats.nnz


def test_every_node_has_an_embedding_in_the_graphs_order() -> None:
    graph = planted_graph()

    embeddings = GraphNetwork(dim=8, epochs=3).fit(training_data(graph)).embeddings()

    assert embeddings.shape == (graph.n_nodes(), 8)
    assert embeddings.dtype == np.float16
    assert np.isfinite(embeddings).all()


def test_the_seed_changes_the_result_and_torchs_own_state_stays() -> None:
    data = training_data(planted_graph())
    torch.manual_seed(5)
    before = torch.random.get_rng_state()

    one, other = (GraphNetwork(dim=8, epochs=3).fit(data, seed=s).score() for s in (1, 2))

    assert not np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="choose --device auto or cpu"):
        resolve_device("cuda")
