"""Small cohorts: one written down entry by entry, and one of many patients with planted habits."""

from collections.abc import Iterable

import numpy as np

from recommend.cohorts.cohort import OPEN, Cohort, words_digest
from recommend.cohorts.combination import GraphPart, graph_part

N_DRUGS, N_DISEASES = 8, 5
RARE_CODE = 6  # a condition without a node that few have
WORDS = ("asthma", "gout", "migraine", "a cold", "a sprain", "a fall", "a rare thing")
CODE_ROWS = ((0, 0), (1, 1), (2, 2))  # the others have no node

Condition = tuple[int, int, int, int]  # patient, code, start, end
Order = tuple[int, int, int, int]  # patient, drug, day, encounter


def a_cohort(
    conditions: Iterable[Condition],
    orders: Iterable[Order],
    encounters: Iterable[int],
    *,
    n_patients: int = 2,
    sex: Iterable[int] | None = None,
    born: Iterable[int] | None = None,
    known: Iterable[int] | None = None,
    names_drug: Iterable[tuple[int, int]] = (),
    is_synthetic: bool = True,
) -> Cohort:
    """The cohort of these entries; conditions are on record since they began unless ``known``."""
    c = np.array(list(conditions), np.int64).reshape(-1, 4)
    o = np.array(list(orders), np.int64).reshape(-1, 4)
    return Cohort(
        name="a test",
        n_drugs=N_DRUGS,
        n_diseases=N_DISEASES,
        sex=np.array(list(sex) if sex is not None else [1] * n_patients, np.int64),
        born=np.array(list(born) if born is not None else [-20_000] * n_patients, np.int64),
        condition_patient=c[:, 0],
        condition_code=c[:, 1],
        condition_start=c[:, 2],
        condition_known=np.array(list(known), np.int64) if known is not None else c[:, 2].copy(),
        condition_end=c[:, 3],
        code_words=np.array([words_digest(word) for word in WORDS], np.int64),
        code_rows=np.array(CODE_ROWS, np.int64),
        code_names_drug=np.array(list(names_drug), np.int64).reshape(-1, 2),
        order_patient=o[:, 0],
        order_drug=o[:, 1],
        order_day=o[:, 2],
        order_encounter=o[:, 3],
        encounter_start=np.array(list(encounters), np.int64),
        is_synthetic=is_synthetic,
    )


def planted_cohort(n_patients: int = 240, seed: int = 0) -> Cohort:
    """Patients who get what their condition calls for, nearly always.

    Asthma leads to drug 0, gout to drug 1 (in women) or 2 (in men), a cold, which has no node, to
    drug 3; who was given drug 0 is given drug 4 later. One patient alone gets drug 7, for something
    that nobody else has.
    """
    rng = np.random.default_rng(seed)
    sex = rng.integers(1, 3, n_patients)
    born = -rng.integers(2_000, 30_000, n_patients)
    conditions: list[Condition] = []
    orders: list[Order] = []
    encounters: list[int] = []

    def visit(patient: int, day: int, drug: int) -> None:
        orders.append((patient, drug, day, len(encounters)))
        encounters.append(day)

    for patient in range(n_patients):
        day = int(rng.integers(0, 1_000))
        for _ in range(3):
            code = int(rng.choice([0, 1, 3]))
            conditions.append((patient, code, day, day + 30 if code == 3 else OPEN))
            drug = {0: 0, 1: int(sex[patient]), 3: 3}[code]
            visit(patient, day, drug if rng.random() < 0.95 else int(rng.integers(0, 6)))
            if drug == 0:
                visit(patient, day + 100, 4)
            day += int(rng.integers(200, 400))
    conditions.append((0, RARE_CODE, 5_000, OPEN))
    visit(0, 5_000, 7)
    return a_cohort(
        conditions, orders, encounters, n_patients=n_patients, sex=sex.tolist(), born=born.tolist()
    )


def no_graph() -> GraphPart:
    """A graph that says the same of every pair."""
    scores = np.full((N_DRUGS, N_DISEASES), 0.01)
    return graph_part(scores, np.zeros(scores.shape, np.bool_))


def telling_graph() -> GraphPart:
    """A graph that records migraine's drug, which no patient of the cohorts here ever got."""
    scores, recorded = np.full((N_DRUGS, N_DISEASES), 0.01), np.zeros((N_DRUGS, N_DISEASES))
    scores[5, 2], recorded[5, 2] = 0.9, 1
    return graph_part(scores, recorded > 0)
