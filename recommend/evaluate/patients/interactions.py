"""Which pairs of drugs must not, or hardly, be taken together."""

import numpy as np

from kg.graph import Graph
from recommend.cohorts.cohort import Rows
from recommend.evaluate.patients.figures import Mask
from recommend.safety import SafetyRules

SERIOUS = ("contraindicated", "major")


def serious_pairs(graph: Graph, drugs: Rows) -> Mask:
    """(n_drugs, n_drugs) symmetric: whether a source calls the pair contraindicated or major.

    Args:
        graph: whose rules are read.
        drugs: rows whose pairs are looked up; of others nothing is said.
    """
    rules = SafetyRules.read(graph)
    ids = graph.ids["Drug"]
    row = {ids[drug].as_py(): drug for drug in np.unique(drugs).tolist()}
    result = np.zeros((graph.n_nodes("Drug"),) * 2, np.bool_)
    for drug_id, drug in row.items():
        for other_id, said in rules.interacts.of(drug_id).items():
            other = row.get(other_id)
            if other is not None and any(rule.severity in SERIOUS for rule in said):
                result[drug, other] = result[other, drug] = True
    return result
