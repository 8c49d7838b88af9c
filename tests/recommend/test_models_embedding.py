"""The embedding: against torch-geometric's own ComplEx, an edge at a time."""

from typing import Any

import numpy as np
import pytest

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import TREATS, TrainingData, training_data
from recommend.models import embedding
from recommend.models.embedding import Embedding
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph, same_block

torch = pytest.importorskip("torch")
pytest.importorskip("torch_geometric")
kge = embedding._import_training()


def planted() -> TrainingData:
    return training_data(planted_graph())


def small_model(data: TrainingData) -> tuple[Any, list[Any]]:
    relations = kge.relations_of(data)
    torch.manual_seed(0)
    return kge.Bilinear(sum(data.n_nodes.values()), len(relations), 4), relations


def start_of(data: TrainingData, node_type: str) -> int:
    names = list(data.n_nodes)
    return sum(data.n_nodes[name] for name in names[: names.index(node_type)])


def test_a_query_times_a_point_is_the_score_of_torch_geometrics_complex() -> None:
    model, _ = small_model(planted())
    heads, tails, number = torch.tensor([0, 3, 5]), torch.tensor([1, 2]), torch.tensor(2)

    ours = model.queries(heads, number) @ model.points(tails).T

    expected = [[model(h[None], number[None], t[None]).item() for t in tails] for h in heads]
    torch.testing.assert_close(ours, torch.tensor(expected))


def test_every_edge_type_is_learnt_in_both_directions_and_a_symmetric_one_once() -> None:
    data = planted()

    relations = kge.relations_of(data)

    kinds = [(r.edge_type.relation, r.inverse) for r in relations]
    assert sorted(kinds) == [
        ("associates", False),
        ("associates", True),
        ("binds", False),
        ("binds", True),
        ("includes", False),
        ("includes", True),
        ("interacts", False),
        ("treats", False),
        ("treats", True),
    ]
    for relation in relations:
        head, tail = relation.edge_type.head, relation.edge_type.tail
        rows, columns = relation.edges.T[::-1] if relation.inverse else relation.edges.T
        rows, columns = rows - start_of(data, head), columns - start_of(data, tail)
        dense = np.zeros((data.n_nodes[head], data.n_nodes[tail]))
        dense[rows, columns] = 1
        np.testing.assert_array_equal(dense, data.matrix(relation.edge_type).toarray())


def test_recorded_tails_are_found_among_the_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kge, "CANDIDATES", 5)
    for relation in kge.relations_of(planted()):
        edges = set(map(tuple, relation.edges.tolist()))
        heads = np.concatenate([relation.edges[:, 0], relation.edges[:3, 0]])  # some repeated

        tails, rows, columns = kge.draw_candidates(relation, heads, np.random.default_rng(1))

        found = set(zip(rows.tolist(), columns.tolist(), strict=True))
        assert found == {
            (row, column)
            for row, head in enumerate(heads.tolist())
            for column, tail in enumerate(tails.tolist())
            if (head, tail) in edges
        }
        assert 0 < len(tails) <= 5


def test_a_disease_without_treatment_is_never_scored_down_for_it() -> None:
    data = training_data(planted_graph(), hide_diseases=[list(DISEASES)[4]])
    treats = next(r for r in kge.relations_of(data) if r.edge_type == TREATS and not r.inverse)

    tails, *_ = kge.draw_candidates(treats, treats.edges[:, 0], np.random.default_rng(0))

    start = start_of(data, "Disease")
    assert sorted((tails - start).tolist()) == [j for j in range(N) if j != 4]


def test_the_loss_is_the_cross_entropy_among_other_tails_and_the_cubed_norm() -> None:
    data = planted()
    model, relations = small_model(data)
    number, relation = next((n, r) for n, r in enumerate(relations) if r.edge_type == TREATS)
    heads, tails = torch.from_numpy(relation.edges[:7].T.copy())
    numbers = torch.full_like(heads, number)

    loss = kge.loss_of(model, (heads, numbers, tails), relation, np.random.default_rng(0))

    edges = set(map(tuple, relation.edges.tolist()))
    entropies, norms = [], []
    for head, tail in zip(heads.tolist(), tails.tolist(), strict=True):
        others = [t for t in relation.tails.tolist() if (head, t) not in edges]
        scores = [
            model(*(torch.tensor([x]) for x in (head, number, t))).item() for t in [tail, *others]
        ]
        entropies.append(-scores[0] + np.log(np.exp(scores).sum()))
        for real, imaginary, row in (
            (model.node_emb, model.node_emb_im, head),
            (model.node_emb, model.node_emb_im, tail),
            (model.rel_emb, model.rel_emb_im, number),
        ):
            z = real.weight[row].detach().numpy() + 1j * imaginary.weight[row].detach().numpy()
            norms.append((abs(z) ** 3).sum())
    expected = np.mean(entropies) + kge.NORM * np.mean(norms)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_all_edges_are_seen_before_one_is_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kge, "BATCH", 7)
    data = planted()
    model, relations = small_model(data)
    treats = next(n for n, r in enumerate(relations) if r.edge_type == TREATS)
    batches = kge._batches(model, treats, relations[treats], seed=0)

    rounds = []
    for _ in range(2):
        n_batches = -(-len(relations[treats].edges) // 7)
        seen = [torch.stack(next(batches)) for _ in range(n_batches)]
        rounds.append(torch.cat(seen, dim=1).numpy())

    for heads, numbers, tails in rounds:
        pairs = sorted(zip(heads.tolist(), tails.tolist(), strict=True))
        assert pairs == list(map(tuple, relations[treats].edges.tolist()))
        assert set(numbers.tolist()) == {treats}
    assert not np.array_equal(*rounds)


def test_a_large_edge_type_is_not_seen_more_often_than_allowed() -> None:
    edge_type = EdgeType("Gene", "interacts", "Gene")
    relation = next(r for r in kge.relations_of(planted()) if r.edge_type == edge_type)
    large = kge.Relation(
        edge_type,
        False,
        np.zeros((kge.BATCH * 9, 2), np.int64),
        relation.heads_of,
        relation.tails,
    )

    assert kge._turns([relation, large]).tolist() == [0] + [1] * kge.SEEN


def test_the_scores_are_the_mean_of_both_directions_of_treats() -> None:
    data = planted()
    model, relations = small_model(data)
    ahead, back = (
        next(n for n, r in enumerate(relations) if r.edge_type == TREATS and r.inverse == inverse)
        for inverse in (False, True)
    )

    scores = kge.treats_scores(model, relations, data)

    drugs, diseases = start_of(data, "Drug"), start_of(data, "Disease")
    for i, j in ((0, 0), (3, 7), (11, 2)):
        drug, disease = torch.tensor([drugs + i]), torch.tensor([diseases + j])
        forward = model(drug, torch.tensor([ahead]), disease)
        backward = model(disease, torch.tensor([back]), drug)
        assert scores[i, j] == pytest.approx(((forward + backward) / 2).item(), rel=1e-5)


def test_held_out_drugs_of_the_right_block_come_before_all_of_the_wrong_one() -> None:
    scores = Embedding(dim=8, epochs=10).fit(planted()).score()

    for j in range(N):
        assert scores[j, j] > max(scores[i, j] for i in range(N) if not same_block(i, j))


def test_hidden_edges_change_no_bit_of_the_scores() -> None:
    hidden = training_data(planted_graph(HELD_OUT, palliates=HELD_OUT), hide_pairs=HELD_OUT)
    never_there = planted()

    one, other = (Embedding(dim=4, epochs=3).fit(data).score() for data in (hidden, never_there))

    np.testing.assert_array_equal(one, other)


def test_the_seed_decides_every_bit_and_torchs_own_state_stays() -> None:
    torch.manual_seed(5)
    state, n_threads = torch.random.get_rng_state(), torch.get_num_threads()

    one, again, other = (
        Embedding(dim=4, epochs=2).fit(planted(), seed=seed).score() for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == n_threads


def test_one_treatment_is_enough() -> None:
    data = planted()

    scores = Embedding(dim=4, epochs=2).fit(data.without(pairs=data.positives[1:])).score()

    assert scores.shape == (N, N)
    assert np.isfinite(scores).all()


def test_a_saved_model_has_the_scores_it_was_saved_with() -> None:
    model = Embedding(dim=4, epochs=1).fit(planted())

    again = Embedding.load(model.save())

    np.testing.assert_array_equal(again.score(), model.score(), strict=True)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ModelError, match="treats"):
        Embedding().fit(training_data(planted_graph(), hide_diseases=DISEASES))
