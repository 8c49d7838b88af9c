"""Drugs of DrugBank's short list that were taken off a market for their dangers, by hand.

Those of the starter graph are told there; these are the ones that other graphs bring. DrugBank's
own groups do not tell them: all 74 drugs that they call *withdrawn* they call *approved* as well;
potassium chloride, flecainide and cefadroxil are among them, rimonabant and sitaxentan are not.
"""

from collections.abc import Container, Iterator

from kg.sources.base import StatementBatch

_ROWS = """\
DB00409 remoxipride | worldwide | 1993 | onakpoya-2016
DB00914 phenformin | United States | 1977 | fda-21cfr216.24
DB01178 chlormezanone | worldwide | 1996 | onakpoya-2016
DB01228 encainide | United States | 1991 | fda-21cfr216.24
DB01424 aminophenazone | United States | | fda-21cfr216.24
DB08965 fusafungine | European Union | 2016 | ema-2016-fusafungine"""

_REFERENCES = """\
ema-2016-fusafungine | notice | Revocation of the marketing authorisations for fusafungine sprays \
| European Medicines Agency | 2016 | fusafungine |
fda-21cfr216.24 | regulation | Drug products withdrawn or removed from the market for reasons of \
safety or effectiveness | Food and Drug Administration | 2016 | 21 CFR 216.24 |
onakpoya-2016 | review | Post-marketing withdrawal of 462 medicinal products because of adverse \
drug reactions | BMC Medicine | 2016 | 14:10 |"""


def withdrawn(drugs: Container[str]) -> Iterator[StatementBatch]:
    """Where and when those of ``drugs`` (CURIEs) were withdrawn, and who says so."""
    rows = []
    for line in _ROWS.splitlines():
        named, where, year, reference = (cell.strip() for cell in line.split("|"))
        drug = f"DRUGBANK:{named.split()[0]}"
        if drug in drugs:
            rows.append({"drug": drug, "where": where, "year": year, "reference": reference})
    cited = {row["reference"] for row in rows}
    columns = ("key", "kind", "title", "publisher", "year", "locator", "pmid")
    references = [
        dict(zip(columns, (cell.strip() for cell in line.split("|")), strict=True))
        for line in _REFERENCES.splitlines()
    ]
    references = [row for row in references if row["key"] in cited]
    if rows:
        yield StatementBatch("withdrawn", "names", [0] * len(rows), rows, ("drug",))
        yield StatementBatch("references", "names", [0] * len(references), references)
