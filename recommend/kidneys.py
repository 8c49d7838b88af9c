"""Two estimates of kidney function from creatinine in serum. They are no substitutes of each other.

A rule names the one that its source used: the glomerular filtration rate per body surface
(:func:`ckd_epi_2021`) or the creatinine clearance of the person (:func:`cockcroft_gault`).
"""

from recommend.profile import Sex

_RATIO, _DIFFERENCE = 1.3, 15.0  # mL/min/1.73 m2: how far apart two estimates may lie
ADULT = 18  # years; neither equation was made for children

# Parameters of CKD-EPI 2021 by sex: kappa (mg/dL), alpha, and the factor.
_CKD_EPI = {"female": (0.7, -0.241, 1.012), "male": (0.9, -0.302, 1.0)}


def ckd_epi_2021(creatinine: float, age: float, sex: Sex) -> float | None:
    """Estimated GFR in mL/min/1.73 m2 by CKD-EPI 2021, without race.

    Inker et al., N Engl J Med 2021; 385: 1737-1749, the equation from creatinine alone.

    Args:
        creatinine: in serum, mg/dL, standardised.
        age: in years.
        sex: ``female`` or ``male``; for anything else there is no estimate.

    Returns:
        None for children, for another sex, and where creatinine is not positive.
    """
    if sex not in _CKD_EPI or not age >= ADULT or not creatinine > 0:
        return None
    kappa, alpha, factor = _CKD_EPI[sex]
    ratio = creatinine / kappa
    return float(142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age * factor)


def cockcroft_gault(creatinine: float, age: float, weight: float, sex: Sex) -> float | None:
    """Creatinine clearance in mL/min, not per body surface.

    Cockcroft and Gault, Nephron 1976; 16: 31-41; the factor for women is theirs, 0.85.

    Args:
        creatinine: in serum, mg/dL.
        age: in years.
        weight: of the body as it is, kg.
        sex: ``female`` or ``male``; for anything else there is no estimate.

    Returns:
        None for children, for another sex, and where creatinine or weight is not positive.
    """
    if sex not in _CKD_EPI or not age >= ADULT or not (creatinine > 0 and weight > 0):
        return None
    clearance = max(140 - age, 0) * weight / (72 * creatinine)
    return clearance * 0.85 if sex == "female" else clearance


def differ(one: float, other: float) -> bool:
    """Whether two estimates, in mL/min/1.73 m2, are too far apart for both to be right."""
    return max(one, other) > _RATIO * min(one, other) and abs(one - other) > _DIFFERENCE


def contradiction(egfr: float, creatinine: float, age: float, sex: Sex) -> str:
    """Why an eGFR and a creatinine of the same time cannot both be right; empty where they can.

    Args:
        egfr: mL/min/1.73 m2.
        creatinine: in serum, mg/dL.
        age: in years.
        sex: see :func:`ckd_epi_2021`; where that gives no estimate, nothing is said.
    """
    expected = ckd_epi_2021(creatinine, age, sex)
    if expected is None:
        return ""
    if not differ(egfr, expected):
        return ""
    return (
        f"an eGFR of {egfr:.3g} contradicts the creatinine, which gives {expected:.3g} "
        "mL/min/1.73 m² by CKD-EPI 2021"
    )
