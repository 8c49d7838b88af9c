"""What a suggestion says of its drug and disease, whoever the patient is."""

from collections.abc import Mapping
from typing import Any

from recommend.answers.histories import Histories
from recommend.answers.offers import Offer, Offers
from recommend.answers.records import line_of_therapy, phase, records
from recommend.bundle import STACK
from recommend.explain import reasons
from recommend.suggestion import Kind, Record

N_REASONS = 3

_LINE_NAMES = {"1": "first line", "2": "second line", "3": "third line", "adjunct": "an adjunct"}


def describe(
    known: tuple[Offers, Histories], offer: Offer, kind: Kind, drug: int, recorded_for: int
) -> Mapping[str, Any]:
    """The fields of a :class:`Suggestion` that do not depend on the patient.

    Args:
        known: the offers and the cohort of the bundle.
        offer: of the patient's disease.
        kind: of the suggestion.
        drug: row.
        recorded_for: row of the disease for which the use is recorded; the patient's own or a
            broader one.
    """
    offers, histories = known
    rules, bundle = offers.rules, offers.bundle
    drug_id, node = bundle.drug_ids[drug], offer.node
    percentiles_of = offers.percentiles_of(recorded_for)
    found = records(offers.graph, offers.years, kind, drug, recorded_for)
    is_hypothesis = kind is Kind.HYPOTHESIS
    borrowed = bundle.disease_ids[recorded_for] if recorded_for != offer.disease else ""
    line = "" if is_hypothesis else line_of_therapy(offers.graph, kind, drug, recorded_for)
    share = None
    if is_hypothesis and bundle.is_calibrated:
        share = float(bundle.scores()[drug, recorded_for])
    fields: dict[str, Any] = {
        "drug": drug_id,
        "drug_name": rules.name(drug_id),
        "condition": node,
        "condition_name": rules.name(node),
        "kind": kind,
        "score": round(float(percentiles_of[STACK][drug]), 4),
        "parts": {n: round(float(percentiles_of[n][drug]), 4) for n in bundle.members},
        "reasons": reasons(offers.graph, bundle.contributions, drug, recorded_for, limit=N_REASONS),
        "line": line,
        "records": found,
        "broader": borrowed,
        "broader_name": rules.name(borrowed) if borrowed else "",
        "share": share,
        "similar": histories.similar(offer.disease, drug),
        "degree_rank": round(float(offer.degree_ranks[drug]), 4) if is_hypothesis else None,
    }
    fields["certainty"] = _certainty(offers, fields, drug, recorded_for)
    return fields


def _certainty(offers: Offers, fields: Mapping[str, Any], drug: int, disease: int) -> str:
    scores = offers.percentiles_of(disease)[STACK]
    position = int((scores > scores[drug]).sum()) + 1
    place = f"rank {position} of {len(scores)} drugs for this disease by the models"
    kind, found = fields["kind"], fields["records"]
    if kind is Kind.HYPOTHESIS:
        return _hypothesis(fields["degree_rank"], fields["share"], place)
    if kind is Kind.UNDER_STUDY:
        stage = f"phase {phase(found)}" if phase(found) else "phase not stated"
        return f"under study, {stage}: a trial is no indication; {place}"
    name = _LINE_NAMES.get(fields["line"], "line of therapy not stated")
    text = f"a recorded use, {name}; {_age(found)}"
    if fields["broader"]:
        text += (
            f"; BROADER MATCH: recorded for {fields['broader_name']}, of which "
            f"{fields['condition_name']} is a kind, and not for it"
        )
    return f"{text}; {place}, which only orders it and is no probability"


def _hypothesis(rank: float, share: float | None, place: str) -> str:
    text = (
        f"a hypothesis: no loaded source records this use; ahead of {rank:.1%} of the drugs that "
        f"are recorded about as often; {place}"
    )
    if share is not None:
        text += (
            f"; of pairs with such a score, {share:.2%} are recorded treatments when each "
            "record in turn is hidden, which is no chance that it helps"
        )
    return text


def _age(found: tuple[Record, ...]) -> str:
    years = [record.year for record in found if record.year]
    if not years:
        return "its source states no year, and a record is no licence of today"
    return f"as of {max(years)}, which is no licence of today"
