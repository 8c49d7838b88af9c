"""What the tracks and their figures mean, in words for the reader of a report."""

CONTROL = "negative-control"

TRACKS = {
    "external": (
        "Models learn from every recorded treatment of the graph and rank pairs of drug and "
        "disease that it does not record. What counts as right comes from a labels file that no "
        "model has seen. Pairs that are recorded already are neither ranked nor counted, so a "
        "model gains nothing by repeating what it was told."
    ),
    "transductive": (
        "The recorded treatments are drawn at random into 64 % to learn from, 16 % to choose by "
        "and 20 % to test on, anew for every seed. Each tested pair is ranked among all drugs of "
        "its disease and among all diseases of its drug; other pairs that are known to be true do "
        "not count against it, and equal scores get the mean of the best and the worst rank. Most "
        "test diseases keep other treatments in view, which makes this the easiest of the tracks."
    ),
    "zero-shot": (
        "Every treats and palliates edge of the test diseases is hidden, then all drugs are "
        "ranked for each of them: the question of a disease for which nothing is known yet. "
        "Diseases that recorded edges make near twins share a fold; the notes say how many groups "
        "that makes. The strict form hides what the test diseases resemble as well; random folds "
        "are given up to such twins and are shown only for comparison."
    ),
    "cold-drug": (
        "Every treats and palliates edge of the test drugs is hidden, and which drugs they "
        "resemble; then diseases are ranked for each of them, and they are ranked among all drugs "
        "for each disease: the question of a drug that was never used. Its own fame cannot help a "
        "drug here; the fame of a disease can."
    ),
    "calibration": (
        "Scores are turned into probabilities on some diseases and judged on others, over all "
        "pairs and so at their true prevalence. A forecast of 1 % is calibrated if one in a "
        "hundred such pairs is recorded. The terciles show whether that holds for obscure and for "
        "famous drugs alike."
    ),
    "patients": (
        "For each encounter in which a patient newly starts a drug, all drugs are ranked by what "
        "was on record when the encounter started. Nothing was learnt from that patient (first "
        "table), or from that time and later (second table). The row to beat counts what was "
        "started under conditions that began within 14 days, in the same sex and age band."
    ),
    CONTROL: (
        "The whole pipeline runs on the graph as it is, and on graphs whose edges were swapped at "
        "random so that every node keeps its degree in every relation (XSwap). Nothing of "
        "medicine is left in those: what a model still reaches there is the part of its figure "
        "that is degree alone. More is not better here, and no value is marked as best."
    ),
}

LIMITS = (
    (
        "Pairs that are not recorded count as wrong, although some of them may be good medicine: "
        "the figures compare models and say little of how often a suggestion would help."
    ),
    (
        "Intervals are 95 % percentile intervals of a bootstrap over diseases, or over drugs where "
        "a note says so. A difference is in bold where its interval leaves out 0; among many "
        "models and figures some will by chance."
    ),
    "The best value of a figure is marked whether or not it is better by more than chance.",
    "No figure here says that a drug is safe or suits a patient.",
)

# The first whose words begin the name of a figure, or end it, explains it.
FIGURES = {
    "degree-matched AUROC": (
        "the same chance, but within strata of one disease and of drugs with like numbers of "
        "known uses and of bound genes, weighted by positives: what is left when fame is held "
        "equal. 0.5 is chance."
    ),
    "macro AUROC": "the mean over diseases of the AUROC of one disease.",
    "AUROC above main effects": (
        "AUROC of what is left of the scores without the mean of each drug and of each disease, "
        "so without fame. 0.5 is chance."
    ),
    "AUROC": "the chance that a positive scores above a negative, ties half. 0.5 is chance.",
    "AUPRC": "average precision over all pairs in one ranking. Chance is the prevalence.",
    "AP": "average precision of a ranking. Chance is about the prevalence.",
    "Recall@": "the share of the positives among the first so many.",
    "Hits@": "the share of positives whose filtered rank is at most this.",
    "NDCG@": (
        "gains of 1 for each drug that was started, discounted by the logarithm of its place, as a "
        "share of what the best order gets; over the first so many places."
    ),
    "MAP": "the mean over encounters of the average precision of the whole ranking.",
    "Jaccard@": "of the drugs that are among the first so many or started, the share that is both.",
    "F1@": "the harmonic mean of precision and recall of the first so many as a set.",
    "PR-AUC": (
        "average precision over all pairs of encounter and drug in one ranking of their shares."
    ),
    "interacting": "the share of drugs that interact with another. Less is better.",
    "MRR": "the mean of 1 / rank of the positives.",
    "ECE": (
        "expected calibration error over bins of equal mass: by how much forecast and record "
        "differ. Less is better."
    ),
    "Brier skill": (
        "by how much the squared error is less than that of always forecasting the prevalence. "
        "More than 0 is useful."
    ),
    "Brier": "the mean squared error of the forecast. Less is better.",
    "drug entropy": (
        "how varied the lists are, in bits: 0 if every disease gets the same drugs. Neither more "
        "nor less is better by itself."
    ),
}
LESS_IS_BETTER = ("ECE", "Brier", "interacting")
NEITHER = ("drug entropy",)


def explain_figure(name: str) -> str:
    """What the figure called ``name`` says; empty for one that is not known here."""
    found = _family(name)
    return FIGURES[found] if found else ""


def direction(name: str) -> int:
    """1 if more of this figure is better, -1 if less is, 0 if neither."""
    found = _family(name)
    if found in NEITHER:
        return 0
    return -1 if found in LESS_IS_BETTER else 1


def _family(name: str) -> str:
    folded = name.casefold()
    for family in FIGURES:
        if folded.startswith(family.casefold()) or folded.endswith(family.casefold()):
            return family
    return ""
