"""Models behind one contract, :class:`RankingModel`, by name.

``popularity``, ``degree-product`` and ``six-metapath`` are what every figure is compared with;
``metapath``, ``trees`` and ``similarity`` make the ``stack``, and ``trees`` explain; ``gnn`` embeds
every node; ``embedding`` and ``factors`` are there to be compared with; ``als`` reads histories,
and so do ``bpr`` and ``item-item``, to be compared with it; ``prescribing`` reads situations.
:mod:`~recommend.models.features` are the columns that several learn from, by way of
:mod:`~recommend.models.lessons`. Importing this package imports no library that only training
needs.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from recommend.errors import UnknownModelError
from recommend.models.als import AlternatingLeastSquares
from recommend.models.base import RankingModel
from recommend.models.degree_product import DegreeProduct
from recommend.models.embedding import Embedding
from recommend.models.factors import Factors
from recommend.models.gnn import GraphNetwork
from recommend.models.histories import ItemItem, PersonalisedRanking
from recommend.models.metapath import MetapathRegression, SixMetapaths
from recommend.models.popularity import Popularity
from recommend.models.similarity import Similarity
from recommend.models.stack import Stack
from recommend.models.trees import Trees

MODELS: Mapping[str, type[RankingModel]] = {
    model.name: model
    for model in (
        AlternatingLeastSquares,
        DegreeProduct,
        Embedding,
        Factors,
        GraphNetwork,
        ItemItem,
        MetapathRegression,
        PersonalisedRanking,
        Popularity,
        Similarity,
        SixMetapaths,
        Stack,
        Trees,
    )
}


def create_model(name: str, **options: Any) -> RankingModel:
    """A model that is not fitted yet.

    Args:
        name: as registered; there are no aliases.
        options: keyword arguments of its class.

    Raises:
        UnknownModelError: no model of this name; the message lists what there is.
    """
    return model_class(name)(**options)


def model_class(name: str) -> type[RankingModel]:
    """The class registered under ``name``.

    Raises:
        UnknownModelError: there is none.
    """
    if name not in MODELS:
        near = get_close_matches(name, MODELS, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UnknownModelError(f"no model {name!r}{hint}; choose from {', '.join(MODELS)}")
    return MODELS[name]


__all__ = ["MODELS", "RankingModel", "create_model", "model_class"]
