"""The report that every bundle carries: each treated disease as if nothing of it were known.

The stack is learnt on views that hide whole diseases (:mod:`recommend.models.stack`). The same
scores, of the members, of the baselines, and of combinations learnt on the other views only, say
how well each does for diseases that it did not see. Test diseases are dealt one by one and may
resemble diseases that were trained on, which flatters; ``evaluate zero-shot`` is stricter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recommend.evaluate.tracks.base import truth_of
from recommend.evaluate.tracks.tally import Case, Tally
from recommend.interactions import TrainingData
from recommend.models.base import Scores
from recommend.models.stack import Hidden


def validation_report(
    training: TrainingData,
    views: Sequence[Hidden],
    held_out: Mapping[str, Scores],
    *,
    disease_ids: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """The table of all rows of ``held_out``, as JSON values.

    Args:
        training: what the stack was fitted on.
        views: what hides the diseases.
        held_out: see :class:`recommend.models.stack.Stack`; the baselines must be among them.
        disease_ids: CURIE of each disease row.
        seed: of the bootstrap.

    Returns:
        ``table``, or None with the reason in ``skipped``; ``diseases`` that were judged.
    """
    truth, drugs = truth_of(training), np.arange(training.shape[0])
    tally, judged = Tally(), []
    for hidden in views:
        asked = np.broadcast_to(hidden.diseases, truth.shape)
        case = Case(hidden.view, held_out, truth, asked, drugs)
        judged += tally.add_diseases(case, np.flatnonzero(hidden.diseases), draw=0).tolist()
    if not judged:
        return {"table": None, "diseases": [], "skipped": "too few diseases have a treatment"}
    title = (
        f"Each of {len(judged)} treated diseases as if nothing of it were known, dealt one by one "
        "(a twin may have been trained on; `evaluate zero-shot --strict` is stricter)"
    )
    return {
        "table": tally.table(title, seed=seed).to_json(),
        "diseases": [disease_ids[row] for row in sorted(judged)],
        "skipped": "",
    }
