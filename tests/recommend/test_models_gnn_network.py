"""The graph network's convolution, checked against torch-geometric's own on a small graph."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from kg.schema import EdgeType
from recommend.interactions import TrainingData, training_data
from recommend.models.gnn import import_loop
from tests.recommend.planted import planted_graph

torch = pytest.importorskip("torch")
pyg = pytest.importorskip("torch_geometric.nn")
import_loop()  # hides a warning of torch-geometric's import
from recommend.models import gnn_network as network  # noqa: E402

SIZES = {"Drug": 5, "Gene": 9, "Disease": 4}
EDGES = ("Drug-binds-Gene", "Gene-interacts-Gene", "Disease-associates-Gene", "Drug-treats-Disease")
DIM = 3


def random_data(seed: int = 0) -> TrainingData:
    """Of every relation some edges; some nodes have no neighbour."""
    rng = np.random.default_rng(seed)
    matrices = {}
    for name in EDGES:
        head, relation, tail = name.split("-")
        dense = rng.random((SIZES[head], SIZES[tail])) < 0.3
        if head == tail:
            dense |= dense.T
        matrices[EdgeType(head, relation, tail)] = sp.csr_matrix(dense, dtype=np.float32)
    return TrainingData(SIZES, matrices)


def keys_of(data: TrainingData) -> list[tuple[str, str, str]]:
    return [key for edge_type in data.matrices for key in network.directions(edge_type)]


def edges_of(data: TrainingData, key: tuple[str, str, str]) -> Any:
    """(2, n) rows of the sources and the targets, found without the code under test."""
    inverse = key[1].startswith("inverse_")
    relation = key[1].removeprefix("inverse_")
    edge_type = EdgeType(key[2], relation, key[0]) if inverse else EdgeType(*key)
    heads, tails = data.matrices[edge_type].nonzero()
    pair = (tails, heads) if inverse else (heads, tails)
    return torch.as_tensor(np.stack(pair), dtype=torch.int64)


def gradients(out: dict[str, Any], inputs: list[Any]) -> Any:
    """Of a sum in which every value of ``out`` counts differently."""
    total = sum((x * torch.arange(1.0, x.numel() + 1).view_as(x)).sum() for x in out.values())
    return torch.autograd.grad(total, inputs)


def our_conv(data: TrainingData) -> tuple[Any, dict[str, Any]]:
    torch.manual_seed(1)
    conv = network.RelationalConv(keys_of(data), list(SIZES), DIM)
    x = {t: torch.randn(n, DIM, requires_grad=True) for t, n in SIZES.items()}
    return conv, x


@pytest.mark.parametrize("seed", range(3))
def test_output_and_gradients_are_those_of_rgcnconv_with_the_same_weights(seed: int) -> None:
    data = random_data(seed)
    conv, x = our_conv(data)
    for linear in conv.own.lins.values():  # RGCNConv has one for all
        linear.load_state_dict(conv.own.lins["Gene"].state_dict())
    starts = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]).tolist(), strict=False))
    keys = keys_of(data)
    rgcn = pyg.RGCNConv(DIM, DIM, len(keys), aggr="mean")
    rgcn.weight.data = conv.weights.detach().clone()
    rgcn.root.data = conv.own.lins["Gene"].weight.detach().T.clone()
    rgcn.bias.data = conv.own.lins["Gene"].bias.detach().clone()
    parts = [edges_of(data, k) + torch.tensor([[starts[k[0]]], [starts[k[2]]]]) for k in keys]
    types = torch.cat([torch.full((p.shape[1],), i) for i, p in enumerate(parts)])
    flat = torch.cat(list(x.values())).detach().requires_grad_()

    out = conv(x, [network.messages_of(data.matrices, "cpu")])
    expected = rgcn(flat, torch.cat(parts, dim=1), types)

    torch.testing.assert_close(torch.cat(list(out.values())), expected, rtol=1e-5, atol=1e-5)
    ours = gradients(out, [*x.values(), conv.weights])
    split = dict(zip(SIZES, expected.split(list(SIZES.values())), strict=True))
    theirs = gradients(split, [flat, rgcn.weight])
    torch.testing.assert_close(torch.cat(ours[:-1]), theirs[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours[-1], theirs[1], rtol=1e-5, atol=1e-5)


def test_output_is_that_of_heteroconv_over_sageconv_with_a_map_for_each_type() -> None:
    data = random_data()
    conv, x = our_conv(data)
    sages = {}
    for number, key in enumerate(keys_of(data)):
        sages[key] = pyg.SAGEConv((DIM, DIM), DIM, root_weight=False, bias=False)
        sages[key].lin_l.weight.data = conv.weights[number].detach().T.clone()
    messages = pyg.HeteroConv(sages, aggr="sum")(x, {key: edges_of(data, key) for key in sages})

    out = conv(x, [network.messages_of(data.matrices, "cpu")])

    own = conv.own(x)
    for node_type in SIZES:
        torch.testing.assert_close(out[node_type], own[node_type] + messages[node_type])


def test_messages_given_in_parts_add_up_to_those_given_at_once() -> None:
    data = random_data()
    conv, x = our_conv(data)
    parts = [network.messages_of({e: m}, "cpu") for e, m in data.matrices.items()]

    together = conv(x, [network.messages_of(data.matrices, "cpu")])

    for node_type, values in conv(x, parts).items():
        torch.testing.assert_close(together[node_type], values)


def test_half_the_bits_change_little_and_leave_the_sparse_products_whole() -> None:
    data = random_data()
    conv, x = our_conv(data)
    messages = [network.messages_of(data.matrices, "cpu")]

    with torch.autocast("cpu", torch.bfloat16):
        half = conv(x, messages)
        product = messages[0].into[0].product
        assert (product @ torch.randn(product.forward.shape[1], DIM)).dtype == torch.float32

    for node_type, values in conv(x, messages).items():
        torch.testing.assert_close(half[node_type].float(), values, rtol=0.05, atol=0.05)
    assert all(torch.isfinite(gradient).all() for gradient in gradients(half, list(x.values())))


def test_a_symmetric_edge_type_passes_messages_once() -> None:
    matrices = training_data(planted_graph()).matrices

    into, out_of = network.messages_of(matrices, "cpu")

    keys = [key for block in [*into, *out_of] for key in block.keys]
    assert len(set(keys)) == len(keys)
    assert ("Gene", "interacts", "Gene") in keys
    assert ("Gene", "inverse_interacts", "Gene") not in keys
    assert ("Gene", "inverse_binds", "Drug") in keys


def test_no_drug_and_no_disease_has_an_embedding_unless_there_is_nothing_else() -> None:
    data = random_data()
    only = TrainingData(
        {"Drug": 5, "Disease": 4},
        {e: m for e, m in data.matrices.items() if e.relation == "treats"},
    )

    assert network.Network(data, DIM).embedded == ["Gene"]
    assert network.Network(only, DIM).embedded == ["Drug", "Disease"]


def test_what_a_step_does_without_is_half_and_the_rest_counts_double() -> None:
    dropped = network.Dropped.draw(np.random.default_rng(0), 1000, 7, "cpu")

    for values in dropped:
        assert set(values.flatten().tolist()) == {0.0, 2.0}
        assert abs(values.mean().item() - 1) < 0.1
    assert dropped.hidden.shape == (1000, 7)
