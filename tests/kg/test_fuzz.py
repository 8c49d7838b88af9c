"""A few damaged files for every reader; ``benchmarks/fuzz_readers.py`` has more."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from kg.errors import KgError
from kg.sources import source_names
from tests.kg.fuzzing import TARGETS, damaged, good_files


@pytest.mark.parametrize("reader", TARGETS)
def test_its_good_files_are_read(reader: str, tmp_path: Path) -> None:
    target, _ = TARGETS[reader]

    for number, content in enumerate(good_files(reader)):
        folder = tmp_path / str(number)
        folder.mkdir()
        target(content, folder)


@pytest.mark.parametrize("reader", TARGETS)
def test_damaged_files_are_read_or_refused_and_nothing_else_happens(
    reader: str, tmp_path: Path
) -> None:
    target, _ = TARGETS[reader]
    chance = random.Random(f"suite {reader}")

    for number in range(5 if reader == "starter" else 40):
        folder = tmp_path / str(number)
        folder.mkdir()
        with suppress(KgError):
            target(damaged(good_files(reader), chance), folder)


def test_no_source_is_forgotten() -> None:
    readers = {reader.partition("-o")[0] for reader in TARGETS}

    assert set(source_names()) <= readers


def test_the_same_chance_gives_the_same_damage() -> None:
    files = good_files("kgx")

    first, second = (
        [damaged(files, chance) for _ in range(50)]
        for chance in (random.Random("1"), random.Random("1"))
    )

    assert first == second
    assert len(set(first)) > 40
    assert not set(first) <= set(files)
