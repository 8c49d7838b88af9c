"""Why a model scores a pair as it does: each feature's own part of the log-odds, kept sparsely.

A pair has hundreds of features and a reader has time for three. So of every pair the parts that
say most are kept one by one and all others as their sum.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError

N_PARTS = 12  # kept of a pair; three become reasons, and some have no path or speak against it


@dataclass(frozen=True, eq=False)
class Contributions:
    """The parts that add up to a model's log-odds, for every pair.

    The log-odds of a pair are ``base[disease] + part[drug, disease].sum() + rest[drug, disease]``,
    up to the rounding of ``rest`` to float16: what the rounding of the parts loses is in it.

    Attributes:
        features: metapaths in short form, such as ``CbGiGaD``, or names with a space in them, such
            as ``"Drug-binds-Gene degree"``.
        feature: (n_drugs, n_diseases, k) uint16 rows of ``features``, of the largest part first.
        part: (n_drugs, n_diseases, k) float16, positive where it speaks for the pair.
        rest: (n_drugs, n_diseases) float16, the sum of all other parts.
        base: (n_diseases,) float32, log-odds where no feature says anything.
    """

    features: tuple[str, ...]
    feature: NDArray[np.uint16]
    part: NDArray[np.float16]
    rest: NDArray[np.float16]
    base: NDArray[np.float32]

    def of(self, drug: int, disease: int) -> list[tuple[str, float]]:
        """Feature names and their parts of one pair, the largest by amount first; none that is 0.

        Args:
            drug: row.
            disease: row.
        """
        rows, parts = self.feature[drug, disease].tolist(), self.part[drug, disease].tolist()
        return [(self.features[row], part) for row, part in zip(rows, parts, strict=True) if part]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its fields by name; the features as UTF-8 bytes, one a line."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**arrays, "features": np.frombuffer("\n".join(self.features).encode(), np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`to_arrays` was called on; the arrays are not copied."""
        values = {field.name: arrays[field.name] for field in fields(cls)}
        names = bytes(values.pop("features")).decode()
        return cls(features=tuple(names.split("\n")) if names else (), **values)


def is_metapath(feature: str) -> bool:
    """Whether a feature's name is a metapath, so that paths can show what it means."""
    return " " not in feature


def top_contributions(
    features: Sequence[str],
    blocks: Iterable[NDArray[Any]],
    *,
    base: NDArray[Any],
    shape: tuple[int, int],
) -> Contributions:
    """The sparse form of dense parts, which need not be in memory all at once.

    Args:
        features: names, see :class:`Contributions`.
        blocks: (m, n_features) floats each: the parts of the next m pairs, by drug, then disease.
        base: (n_diseases,) log-odds where no feature says anything.
        shape: how many drugs and diseases there are.

    Raises:
        ModelError: the blocks have another number of features or of pairs, or a part that is not
            finite.
    """
    n_pairs, n_kept = shape[0] * shape[1], min(N_PARTS, len(features))
    feature = np.zeros((n_pairs, n_kept), np.uint16)
    part = np.zeros((n_pairs, n_kept), np.float16)
    rest = np.zeros(n_pairs, np.float16)
    done = 0
    for block in blocks:
        if block.shape[1] != len(features) or done + len(block) > n_pairs:
            raise ModelError(
                f"pairs {done:,} to {done + len(block):,} have {block.shape[1]} parts each; "
                f"expected {len(features)}, of {n_pairs:,} pairs"
            )
        here = slice(done, done + len(block))
        feature[here], part[here], rest[here] = _largest(block, n_kept)
        done += len(block)
    if done != n_pairs:
        raise ModelError(f"{done:,} pairs have parts, not {n_pairs:,}")
    if not (np.isfinite(part).all() and np.isfinite(rest).all()):
        raise ModelError("a contribution is not finite")
    return Contributions(
        tuple(features),
        feature.reshape(*shape, n_kept),
        part.reshape(*shape, n_kept),
        rest.reshape(shape),
        np.asarray(base, np.float32),
    )


def _largest(
    block: NDArray[Any], n_kept: int
) -> tuple[NDArray[np.intp], NDArray[np.float16], NDArray[np.float16]]:
    """(m, n_kept) columns and parts that are largest by amount, and (m,) the sum of the others."""
    amounts = -np.abs(block)
    if n_kept < block.shape[1]:
        columns = np.argpartition(amounts, n_kept - 1, axis=1)[:, :n_kept]
        columns.sort(axis=1)  # equal parts stay in the order of the features
    else:
        columns = np.broadcast_to(np.arange(n_kept), block.shape).copy()
    order = np.argsort(np.take_along_axis(amounts, columns, axis=1), axis=1, kind="stable")
    columns = np.take_along_axis(columns, order, axis=1)
    parts = np.take_along_axis(block, columns, axis=1).astype(np.float16)
    columns[parts == 0] = 0  # which of many zeros was kept is chance
    rest = block.sum(axis=1, dtype=np.float64) - parts.sum(axis=1, dtype=np.float64)
    return columns, parts, rest.astype(np.float16)
