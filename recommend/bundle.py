"""The trained models on disk: arrays under a manifest, read with numpy alone (``docs/formats.md``).

A bundle belongs to one graph, named by its fingerprint: its rows are that graph's rows. It holds no
patient and no code, and opens without the libraries that trained it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from kg.errors import FolderError, SchemaError
from kg.folder import MANIFEST, Folder, Writer, open_folder, write_folder
from kg.graph import Graph
from kg.schema import parse_metapath
from recommend.contributions import Contributions, is_metapath
from recommend.errors import BundleError
from recommend.stale import read_mark

if TYPE_CHECKING:
    from recommend.answers.conformal import Abstention
    from recommend.cohorts.collaborative import Collaborative

KIND = "pharmakon-bundle"
VERSION = 3
_OLD = (1, 2)  # known, and no longer read

STACK = "stack"

Arrays = Mapping[str, NDArray[Any]]

_STEMS = (
    "als.",  # of versions 1 and 2
    "card.",
    "collaborative.",
    "contributions.",
    "embeddings.",
    "evaluation.",
    "ids.",
    "linear.",
    "manifest.",
    "scores.",
    "stale.",
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle. Arrays are read from the disk when they are first asked for.

    Attributes:
        folder: where it lies.
        card: how it was made: ``graph`` (fingerprint), ``members`` (name -> settings), ``weights``
            and ``calibration`` (how scores became probabilities) of the stack, ``explained_by``
            (the member that :attr:`contributions` add up to), ``absent`` (part -> why it is not
            there), ``gnn`` (settings of what embeds), ``cohort`` (what the patients learnt from are
            called, or null), ``cohort_size``, ``epsilon`` (of the privacy of their factors, or
            null), ``seed``, ``versions`` of the libraries,
            ``abstention`` (thresholds, or null), ``hidden_pairs`` and ``hidden_diseases`` (how many
            were listed).
        drug_ids: CURIEs of the rows, in the graph's order.
        disease_ids: CURIEs of the columns, in the graph's order.
        evaluation: how good the models were on what they had not seen.
    """

    folder: Folder = field(repr=False)
    card: Mapping[str, Any]
    drug_ids: tuple[str, ...] = field(repr=False)
    disease_ids: tuple[str, ...] = field(repr=False)
    evaluation: Mapping[str, Any] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of the content."""
        return self.folder.fingerprint

    @property
    def graph_fingerprint(self) -> str:
        """The fingerprint of the graph that it was trained on."""
        return str(self.card["graph"])

    @property
    def members(self) -> tuple[str, ...]:
        """The models that score drugs for diseases, sorted."""
        return tuple(sorted(self.card["members"]))

    @property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        """``"new"`` (diseases without a recorded use) and ``"known"`` -> member -> its share."""
        return self.card["weights"]  # type: ignore[no-any-return]

    @property
    def is_calibrated(self) -> bool:
        """Whether the stack's scores are probabilities, learnt on pairs that were hidden."""
        return "none" not in self.card["calibration"].values()

    @property
    def explained_by(self) -> str:
        """The member whose log-odds the contributions add up to."""
        return str(self.card["explained_by"])

    @cached_property
    def abstention(self) -> "Abstention | None":
        """Thresholds on hypotheses by miss rate; None where nothing was validated."""
        from recommend.answers.conformal import Abstention

        stored = self.card.get("abstention")
        return Abstention.from_json(stored) if stored else None

    @property
    def read_from(self) -> Mapping[str, Any] | None:
        """The store that the patients were read from, and when in its log; None for no store.

        ``store`` is its id, ``first`` and ``stop`` number the audit entries of the reads, ``root``
        is the log's root behind them. Not content: the fingerprint of equal trainings is equal.
        """
        return self.folder.manifest.get("read_from")

    @property
    def stale(self) -> str | None:
        """Why it should be trained again: a patient was erased, e.g.; None if nothing says so."""
        return read_mark(self.folder.path, self.fingerprint)

    @property
    def absent(self) -> Mapping[str, str]:
        """Parts that this bundle does not have, and why."""
        return self.card["absent"]  # type: ignore[no-any-return]

    def scores(self) -> NDArray[np.float32]:
        """(n_drugs, n_diseases) the stack: calibrated probabilities, 0 to 1.

        Where :attr:`is_calibrated`, they are shares: of pairs with such a score, so many are
        recorded as *treats* when each record in turn is hidden.
        """
        return self._stack

    def member_scores(self, name: str) -> NDArray[np.float32]:
        """(n_drugs, n_diseases) of one member, on its own scale; higher is better.

        Raises:
            BundleError: it has no such member.
        """
        if name not in self.card["members"]:
            raise BundleError(f"no member {name!r}; the bundle has {', '.join(self.members)}")
        return self._read("scores.safetensors", name)

    def member_percentiles(self, name: str, disease: int) -> NDArray[np.float32]:
        """(n_drugs,) the share of drugs that each beats for one disease row, by one member."""
        from recommend.answers.degrees import percentiles

        return percentiles(self._members[name][:, disease])

    @cached_property
    def contributions(self) -> Contributions:
        """What speaks for every pair and against it, by the member :attr:`explained_by`."""
        names = [field.name for field in fields(Contributions)]
        file = self.folder.file("contributions.safetensors")
        return Contributions.from_arrays(read_arrays(file, names))

    @cached_property
    def linear(self) -> Arrays:
        """The linear metapath part without its scores, as :meth:`MetapathRegression.load` reads."""
        return self._read_all("linear.safetensors")

    @cached_property
    def embeddings(self) -> NDArray[np.float16]:
        """(n_nodes, dim) of all nodes by global number, from the gnn."""
        return self._read("embeddings.safetensors", "embeddings")

    @cached_property
    def collaborative(self) -> "Collaborative | None":
        """What was learnt from patients; None where :attr:`absent` says why."""
        from recommend.cohorts.collaborative import Collaborative

        if "collaborative" in self.absent:
            return None
        return Collaborative.load(self._read_all("collaborative.safetensors"))

    @cached_property
    def _stack(self) -> NDArray[np.float32]:
        return self._read("scores.safetensors", STACK)

    @cached_property
    def _members(self) -> dict[str, NDArray[np.float32]]:
        return {name: self.member_scores(name) for name in self.members}

    def _read(self, file: str, name: str) -> NDArray[Any]:
        return read_arrays(self.folder.file(file), (name,))[name]

    def _read_all(self, file: str) -> dict[str, NDArray[Any]]:
        return read_arrays(self.folder.file(file))


def write_bundle(
    path: Path,
    graph: Graph,
    *,
    card: Mapping[str, Any],
    scores: Arrays,
    contributions: Contributions,
    linear: Arrays,
    embeddings: NDArray[np.float16],
    collaborative: Arrays | None,
    evaluation: Mapping[str, Any],
    read_from: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a bundle to the folder ``path`` and return it as opened from there.

    Args:
        path: created, or an earlier bundle, which is replaced as a whole.
        graph: what the models were trained on.
        card: see :class:`Bundle`; the graph's fingerprint is added.
        scores: member name, and ``"stack"`` -> (n_drugs, n_diseases) float32.
        contributions: of the member that ``card`` names as ``explained_by``.
        linear: what the metapath model saves, without its scores.
        embeddings: (n_nodes, dim) float16.
        collaborative: what :class:`Collaborative` saves, or None where ``card`` says why not.
        evaluation: JSON values.
        read_from: see :attr:`Bundle.read_from`.

    Raises:
        BundleError: ``card`` says that a member explains the scores that is none, an array has not
            a row for each drug and a column for each disease (or each node), or a feature with the
            name of a metapath is none from Drug to Disease.
        FolderError: ``path`` holds something that is not a bundle.
    """
    full = {"graph": graph.fingerprint, **card}
    _check_content(graph, full, scores, contributions, embeddings)
    ids = {"drugs": graph.ids["Drug"].to_pylist(), "diseases": graph.ids["Disease"].to_pylist()}
    files: dict[str, Writer] = {
        "card.json": _json(full),
        "ids.json": _json(ids),
        "evaluation.json": _json(evaluation),
        "scores.safetensors": _tensors(scores),
        "contributions.safetensors": _tensors(contributions.to_arrays()),
        "linear.safetensors": _tensors(linear),
        "embeddings.safetensors": _tensors({"embeddings": embeddings}),
    }
    if collaborative is not None:
        files["collaborative.safetensors"] = _tensors(collaborative)
    header = {**full, "read_from": dict(read_from) if read_from else None}
    write_folder(path, kind=KIND, version=VERSION, files=files, header=header)
    return open_bundle(path, graph)


def open_bundle(path: Path, graph: Graph, *, verify: bool = False) -> Bundle:
    """Open the bundle in the folder ``path``, for use with ``graph``.

    Args:
        path: a folder written by :func:`write_bundle`.
        graph: the graph that it was trained on.
        verify: also read every file and compare its SHA-256.

    Raises:
        BundleError: not a bundle, of an unknown version, damaged, or of another graph.
    """
    try:
        folder = open_folder(path, kind=KIND, versions=(*_OLD, VERSION))
        if folder.manifest["version"] in _OLD:
            raise FolderError(
                f"{path} is a bundle of format version {folder.manifest['version']}; this program "
                f"reads version {VERSION}: train again"
            )
        if verify:
            folder.verify()
        card, ids, evaluation = (
            json.loads(folder.file(name).read_bytes())
            for name in ("card.json", "ids.json", "evaluation.json")
        )
        bundle = Bundle(folder, card, tuple(ids["drugs"]), tuple(ids["diseases"]), evaluation)
        trained_on = bundle.graph_fingerprint
    except FolderError as error:
        raise BundleError(str(error)) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{path} is damaged: {type(error).__name__} while reading it") from error
    if trained_on != graph.fingerprint:
        raise BundleError(
            f"{path} was trained on graph {trained_on[:12]}, this is graph "
            f"{graph.fingerprint[:12]}; train again on this graph"
        )
    return bundle


def check_target(path: Path) -> None:
    """Refuse a folder in which no bundle may be written, before hours go into one.

    Raises:
        FolderError: ``path`` holds something that is not a bundle.
    """
    if not path.exists():
        return
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    if MANIFEST in names:
        try:
            kind = json.loads((path / MANIFEST).read_bytes())["kind"]
        except (ValueError, KeyError, TypeError):
            kind = None
        foreign = kind != KIND
    else:  # what a killed write left behind is ours
        foreign = any(not name.lstrip(".").startswith(_STEMS) for name in names)
    if foreign:
        raise FolderError(f"{path} holds something that is not a {KIND}; choose another folder")


def _check_content(
    graph: Graph,
    card: Mapping[str, Any],
    scores: Arrays,
    contributions: Contributions,
    embeddings: NDArray[np.float16],
) -> None:
    """Refuse to write what could not be read back as what it claims to be."""
    if card.get("explained_by") not in card["members"]:
        raise BundleError(
            f"explained_by is {card.get('explained_by')!r}; "
            f"it must be one of the members {', '.join(sorted(card['members']))}"
        )
    shape = graph.n_nodes("Drug"), graph.n_nodes("Disease")
    for name, values in {**scores, "contributions": contributions.rest}.items():
        if values.shape != shape:
            raise BundleError(f"{name} has shape {values.shape}; the graph asks for {shape}")
    if len(embeddings) != graph.n_nodes():
        raise BundleError(
            f"{len(embeddings):,} embeddings; the graph has {graph.n_nodes():,} nodes"
        )
    for feature in filter(is_metapath, contributions.features):
        try:
            steps = parse_metapath(feature, graph.edge_types)
        except SchemaError as error:
            raise BundleError(f"feature {feature!r}: {error}") from error
        if (steps[0].source, steps[-1].target) != ("Drug", "Disease"):
            raise BundleError(f"feature {feature!r} does not lead from Drug to Disease")


def read_arrays(file: Path, names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, all or those called ``names``.

    Raises:
        BundleError: not such a file, or an array is not in it.
    """
    try:
        with safetensors.safe_open(file, framework="numpy") as tensors:
            wanted = tensors.keys() if names is None else names
            return {name: tensors.get_tensor(name) for name in wanted}
    except (safetensors.SafetensorError, OSError) as error:
        raise BundleError(f"{file} is damaged or has no such array: {error}") from error


def tensor_bytes(arrays: Arrays, metadata: Mapping[str, str] | None = None) -> bytes:
    """``arrays`` in the safetensors format, rows in C order."""
    contiguous = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    return safetensors.numpy.save(contiguous, metadata=dict(metadata or {}) or None)


def _tensors(arrays: Arrays) -> Writer:
    return _content(lambda: tensor_bytes(arrays))


def _json(value: object) -> Writer:
    return _content(lambda: json.dumps(value, ensure_ascii=False, sort_keys=True).encode())


def _content(make: Callable[[], bytes]) -> Writer:
    def write(file: BinaryIO) -> None:
        file.write(make())

    return write
