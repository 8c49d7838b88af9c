"""Where the nodes of a picture go: forces between all pairs, then labels pushed apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]

_GOLDEN = np.pi * (3 - np.sqrt(5))
_FEW = 400  # nodes for which more rounds are affordable
_WIDER = 1.2  # screens are, and so are labels


def layout(
    n_nodes: int, pairs: NDArray[np.int32], boxes: Places, readable: Sequence[int] = ()
) -> Places:
    """A place for each node; the same every time.

    Args:
        n_nodes: how many, at most a few thousand: all pairs are looked at.
        pairs: (m, 2) rows of nodes that are joined. Earlier nodes begin nearer to the middle.
        boxes: (n_nodes, 2) width and height of each node with its label, in pixels.
        readable: rows of nodes whose boxes must not overlap each other, even if others move less.

    Returns:
        (n_nodes, 2) centres in pixels, about as far apart as the boxes ask for.
    """
    if n_nodes == 0:
        return np.empty((0, 2), np.float32)
    order = np.arange(n_nodes)
    angle, radius = order * _GOLDEN, np.sqrt(order + 0.5)
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    if n_nodes > 2:
        places = _forces(places, pairs, 150 if n_nodes <= _FEW else 80)
    places = _even(places) * np.sqrt(1.3 * (boxes[:, 0] * boxes[:, 1]).sum() / np.pi)
    places *= np.array([_WIDER, 1 / _WIDER])
    places = _apart(places.astype(np.float32), boxes, 80 if n_nodes <= _FEW else 40)
    chosen = np.array(readable, int)
    places[chosen] = _apart(places[chosen], boxes[chosen], 300)
    centred: Places = places - places.mean(0)
    return centred


def _forces(places: Places, pairs: NDArray[np.int32], n_rounds: int) -> Places:
    """Joined nodes pull each other together, all push each other away, hubs most."""
    n_nodes = len(places)
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0).reshape(-1, 2)
    head, tail = pairs.T
    degree = np.bincount(pairs.ravel(), minlength=n_nodes).astype(np.float32)
    mass = np.sqrt(degree + 1)
    pull_of = (1 / np.minimum(mass[head], mass[tail]))[:, None]
    heat = np.sqrt(n_nodes) / 3
    for i in range(n_rounds):
        x, y = places[:, 0], places[:, 1]
        dx, dy = x[:, None] - x[None, :], y[:, None] - y[None, :]
        push = mass[None, :] / (dx * dx + dy * dy + np.float32(0.05))
        move = np.stack([(dx * push).sum(1), (dy * push).sum(1)], 1) * mass[:, None]
        pull = (places[head] - places[tail]) * pull_of
        for axis in range(2):
            move[:, axis] -= np.bincount(head, pull[:, axis], n_nodes)
            move[:, axis] += np.bincount(tail, pull[:, axis], n_nodes)
        move -= places * mass[:, None] * np.float32(0.3)
        length = np.maximum(np.linalg.norm(move, axis=1)[:, None], 1e-6)
        step = heat * (1 - i / n_rounds) ** 1.5
        places = (places + move / length * np.minimum(length, step)).astype(np.float32)
    return places


def _even(places: Places) -> Places:
    """The same directions from the middle in a disc of radius 1, filled evenly outwards."""
    offset = places - np.median(places, axis=0)
    radius = np.linalg.norm(offset, axis=1)
    rank = np.empty(len(radius))
    rank[np.argsort(radius, kind="stable")] = np.arange(len(radius))
    wanted = np.sqrt((rank + 0.5) / len(radius))
    far = max(float(np.quantile(radius, 0.95)), 1e-6)
    mixed = 0.65 * wanted + 0.35 * np.minimum(radius / far, 1.1)
    even: Places = offset / np.maximum(radius, 1e-6)[:, None] * mixed[:, None]
    return even


def _apart(places: Places, boxes: Places, n_rounds: int) -> Places:
    """Push overlapping boxes apart along the way that is shorter, a part of it each round."""
    wide, high = ((boxes[:, None, i] + boxes[None, :, i]) / 2 for i in range(2))
    most = boxes.max(1, initial=0)[:, None] / 3
    before = np.triu(np.ones((len(places), len(places)), np.float32), 1) * 2 - 1
    for _ in range(n_rounds):
        dx = places[:, None, 0] - places[None, :, 0]
        dy = places[:, None, 1] - places[None, :, 1]
        over_x, over_y = wide - np.abs(dx), high - np.abs(dy)
        hit = (over_x > 0) & (over_y > 0)
        np.fill_diagonal(hit, val=False)
        if not hit.any():
            break
        sideways = hit & (over_x < over_y)
        right = np.where(dx == 0, before, np.sign(dx))
        down = np.where(dy == 0, before, np.sign(dy))
        move = np.stack(
            [(over_x * right * sideways).sum(1), (over_y * down * (hit & ~sideways)).sum(1)], 1
        )
        places = places + np.clip(move * np.float32(0.4), -most, most)
    return places
