"""The graph network: what passes messages, what the convolution is, and a killed training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import PALLIATES, TREATS, Pairs, training_data
from recommend.models import gnn
from recommend.models.gnn import GraphNetwork, resolve_device, supervision_split
from tests.recommend.planted import HELD_OUT, N, planted_graph

torch = pytest.importorskip("torch")
network = gnn._import_network()


@pytest.mark.parametrize("whole_diseases", [False, True])
def test_no_predicted_edge_passes_messages_in_either_direction(whole_diseases: bool) -> None:
    data = training_data(planted_graph(palliates=[*HELD_OUT, (HELD_OUT[0][0], HELD_OUT[2][1])]))

    for draw in range(20):
        pairs, rest = supervision_split(
            data, np.random.default_rng(draw), whole_diseases=whole_diseases
        )
        adjacencies = network.adjacencies_of(rest.matrices, "cpu")

        assert 0 < len(pairs) < len(data.positives)
        for relation in ("treats", "palliates"):
            for key, towards in (
                (("Drug", relation, "Disease"), True),
                (("Disease", f"inverse_{relation}", "Drug"), False),
            ):
                if key not in adjacencies:
                    continue
                for matrix, is_towards in zip(
                    adjacencies[key], (towards, not towards), strict=True
                ):
                    dense = matrix.to_dense().numpy()
                    dense = dense.T if is_towards else dense
                    assert dense.shape == (N, N)
                    assert not dense[pairs[:, 0], pairs[:, 1]].any()


def test_the_training_loop_hides_in_each_step_what_it_predicts_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))
    passing: list[Mapping[EdgeType, sp.csr_matrix]] = []
    predicted: list[Pairs] = []
    adjacencies_of, treats_loss = network.adjacencies_of, network._treats_loss

    def spy_passing(matrices: Mapping[EdgeType, sp.csr_matrix], device: str) -> object:
        passing.append(matrices)
        return adjacencies_of(matrices, device)

    def spy_predicted(net: object, x: object, pairs: Pairs, *rest: object) -> object:
        predicted.append(pairs)
        return treats_loss(net, x, pairs, *rest)

    monkeypatch.setattr(network, "adjacencies_of", spy_passing)
    monkeypatch.setattr(network, "_treats_loss", spy_predicted)

    GraphNetwork(dim=4, epochs=6, device="cpu").fit(data)

    fixed, *steps, last = passing
    assert not {TREATS, PALLIATES} & set(fixed)
    assert set(last) == set(data.matrices)
    assert len(steps) == len(predicted) == 6
    for matrices, pairs in zip(steps, predicted, strict=True):
        assert matrices[TREATS].nnz <= data.treats.nnz - len(pairs)
        for matrix in matrices.values():
            assert not matrix.toarray()[pairs[:, 0], pairs[:, 1]].any()


def test_a_split_by_disease_hides_all_that_helps_in_it() -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))

    pairs, rest = supervision_split(data, np.random.default_rng(0), whole_diseases=True)

    diseases = np.unique(pairs[:, 1])
    assert len(diseases) == N / 3
    assert rest.treats[:, diseases].nnz == rest.palliates[:, diseases].nnz == 0
    assert rest.treats.nnz + len(pairs) == data.treats.nnz


def test_a_convolution_is_the_linear_map_of_the_neighbours_mean_and_so_is_its_gradient() -> None:
    matrix = sp.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], np.float32))  # 2 heads, 3 tails
    key = ("Drug", "binds", "Gene")
    adjacency = network.adjacencies_of({EdgeType(*key): matrix}, "cpu")[key]
    conv = network.MeanConv(2)
    heads = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)

    result = conv(heads, adjacency)
    (gradient,) = torch.autograd.grad(result.square().sum(), heads)

    means = torch.stack([heads[0], (heads[0] + heads[1]) / 2, torch.zeros(2)])
    expected = means @ conv.linear.weight.T
    (expected_gradient,) = torch.autograd.grad(expected.square().sum(), heads)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(gradient, expected_gradient)


def test_the_layer_agrees_with_torch_geometrics_own_mean_convolution() -> None:
    from torch_geometric.nn import SAGEConv

    rng = np.random.default_rng(0)
    matrix = sp.csr_matrix((rng.random((5, 7)) < 0.4).astype(np.float32))
    key = ("Drug", "binds", "Gene")
    adjacency = network.adjacencies_of({EdgeType(*key): matrix}, "cpu")[key]
    ours, reference = network.MeanConv(3), SAGEConv((3, 3), 3, root_weight=False, bias=False)
    reference.lin_l.weight.data = ours.linear.weight.data
    heads, tails = torch.randn(5, 3), torch.randn(7, 3)

    result = ours((heads, tails), adjacency)

    edges = torch.as_tensor(np.array(matrix.nonzero()), dtype=torch.int64)
    torch.testing.assert_close(result, reference((heads, tails), edges))


def test_a_symmetric_edge_type_passes_messages_once() -> None:
    matrices = training_data(planted_graph()).matrices

    keys = list(network.adjacencies_of(matrices, "cpu"))

    assert ("Gene", "interacts", "Gene") in keys
    assert ("Gene", "inverse_interacts", "Gene") not in keys
    assert ("Gene", "inverse_binds", "Drug") in keys


class KilledError(Exception):
    """Stands for a kill in the middle of the training."""


def test_a_killed_training_goes_on_and_ends_with_the_same_arrays(tmp_path: Path) -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))  # never decoded: no gradient
    checkpoint = tmp_path / "gnn.checkpoint"
    steps: list[int] = []

    def kill(_: str, done: int, _total: int) -> None:
        steps.append(done)
        if done == 17:
            raise KilledError

    def make(path: Path | None) -> GraphNetwork:
        return GraphNetwork(dim=8, epochs=25, device="cpu", checkpoint=path, checkpoint_every=5)

    with pytest.raises(KilledError):
        make(checkpoint).fit(data, seed=1, progress=kill)
    resumed = make(checkpoint).fit(data, seed=1, progress=lambda _, done, __: steps.append(done))
    whole = make(None).fit(data, seed=1)

    assert steps == [*range(1, 18), *range(16, 26)]
    np.testing.assert_array_equal(resumed.score(), whole.score())
    np.testing.assert_array_equal(resumed.embeddings(), whole.embeddings())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x08" + b"\0" * 7 + b"{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    checkpoint = tmp_path / "gnn.checkpoint"
    checkpoint.write_bytes(content)

    with pytest.raises(ModelError, match="not a checkpoint"):
        GraphNetwork(dim=8, epochs=5, checkpoint=checkpoint).fit(training_data(planted_graph()))


def test_a_checkpoint_of_another_size_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "gnn.checkpoint"
    data = training_data(planted_graph())
    GraphNetwork(dim=8, epochs=5, checkpoint=checkpoint, checkpoint_every=4).fit(data)

    with pytest.raises(ModelError, match="not a checkpoint"):
        GraphNetwork(dim=4, epochs=5, checkpoint=checkpoint).fit(data)


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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_gives_the_scores_of_the_cpu_up_to_rounding() -> None:
    data = training_data(planted_graph())

    cpu, cuda = (
        GraphNetwork(dim=8, epochs=10, device=device).fit(data).score()
        for device in ("cpu", "cuda")
    )

    np.testing.assert_allclose(cpu, cuda, rtol=1e-2, atol=1e-2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="choose --device auto or cpu"):
        resolve_device("cuda")
