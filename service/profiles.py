"""Profiles in files: read, and answered without a store."""

from collections.abc import Collection
from pathlib import Path

from intake.codes import Resolver
from intake.profile_file import read_profile
from kg.graph import Graph
from recommend.bundle import open_bundle
from recommend.profile import PatientProfile
from recommend.recommender import Recommender
from recommend.suggestion import Recommendation
from service.errors import SettingsError


def read_profile_file(path: Path, graph: Graph | Resolver) -> PatientProfile:
    """The profile in a JSON file, whose entries may be names, codes or CURIEs.

    Raises:
        ProfileError: not JSON, a key that is given twice, or not a profile.
        SettingsError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    return read_profile(content, graph)


def suggest_for_profile(
    graph: Graph,
    bundle: Path,
    path: Path,
    *,
    k: int,
    miss_rate: float | None = None,
    confirmed: Collection[str] = (),
) -> Recommendation:
    """Recommend for a profile in a JSON file; nothing is stored.

    Raises:
        ProfileError: the file is not a profile, or names a node that the graph does not have.
    """
    profile = read_profile_file(path, graph).confirm(confirmed)
    recommender = Recommender.load(open_bundle(bundle, graph, verify=True), graph=graph)
    return recommender.recommend(profile, k=k, miss_rate=miss_rate)
