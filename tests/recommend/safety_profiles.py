"""Random patients of the small world of medicines, for what holds for every one of them."""

from typing import Any

from hypothesis import strategies as st

from recommend.profile import (
    GRADES,
    ROUTES,
    Fact,
    GenePhenotype,
    Knowledge,
    PatientProfile,
    Unmapped,
)
from tests.recommend.pharmacy import (
    CIRRHOSIS,
    CLASSES,
    DISEASES,
    DRUGS,
    GENE,
    GUIDANCE,
    HEPATITIS,
    OTHER_GENE,
    PREECLAMPSIA,
)

LISTS = ("conditions", "drugs", "allergies")

drug_ids = st.sampled_from(sorted(DRUGS))
IDS = {
    "conditions": st.sampled_from([*DISEASES, PREECLAMPSIA, CIRRHOSIS, HEPATITIS]),
    "drugs": drug_ids,
    "allergies": st.sampled_from([*DRUGS, *CLASSES]),
}
routes = st.sampled_from(["", *ROUTES])  # twice as often none
_seldom = st.sampled_from([False, False, True])
_facts: dict[str, Any] = {
    name: st.builds(
        Fact,
        ids,
        st.sampled_from(GRADES),
        is_stale=_seldom,
        confirmed=_seldom,
        route=routes if name == "drugs" else st.just(""),
        reaction=st.sampled_from(["", "mild", "severe"]) if name == "allergies" else st.just(""),
        criticality=st.sampled_from(["", "low", "high"]) if name == "allergies" else st.just(""),
    )
    for name, ids in IDS.items()
}
phenotypes = st.builds(
    GenePhenotype,
    st.sampled_from([GENE, OTHER_GENE]),
    st.sampled_from([*(row["phenotype"] for row in GUIDANCE), "Indeterminate"]),
)
unread = st.builds(
    Unmapped,
    st.sampled_from(["condition", "drug", "allergy", "gene", "pregnancy"]),
    st.sampled_from(["this", "that"]),
    st.just("no node"),
)


def facts(name: str) -> st.SearchStrategy[Fact]:
    """Entries of the list ``name``."""
    return _facts[name]  # type: ignore[no-any-return]


@st.composite
def profiles(draw: st.DrawFn) -> PatientProfile:
    lists: dict[str, Any] = {name: tuple(draw(st.lists(facts(name), max_size=4))) for name in LISTS}
    known: dict[str, Any] = {
        f"{name}_known": draw(
            st.sampled_from([Knowledge.KNOWN, Knowledge.UNKNOWN])
            if lists[name]
            else st.sampled_from(list(Knowledge))
        )
        for name in LISTS
    }
    return PatientProfile(
        **lists,
        **known,
        genes=tuple(draw(st.lists(phenotypes, max_size=3))),
        age_years=draw(st.sampled_from([None, 0.0, 17.0, 30.0, 55.0, 80.0, 110.0])),
        sex=draw(st.sampled_from(["female", "male", "other", "unknown"])),
        pregnancy=draw(st.sampled_from(["pregnant", "not pregnant", "unknown"])),
        lactation=draw(st.sampled_from(["breastfeeding", "not breastfeeding", "unknown"])),
        egfr=draw(st.sampled_from([None, 10.0, 35.0, 90.0])),
        creatinine=draw(st.sampled_from([None, 0.8, 3.0])),
        weight_kg=draw(st.sampled_from([None, 70.0])),
        kidney_doubt=draw(st.sampled_from(["", "", "the figures contradict each other"])),
        child_pugh=draw(st.sampled_from([None, "A", "B", "C"])),
        unmapped=tuple(draw(st.lists(unread, max_size=2))),
    )
