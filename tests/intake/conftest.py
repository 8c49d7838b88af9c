"""A small graph for everyone here."""

import pytest

from intake.codes import Resolver
from tests.intake.samples import small_graph


@pytest.fixture(scope="session")
def resolver() -> Resolver:
    """Names of :func:`small_graph`."""
    return Resolver(small_graph())
