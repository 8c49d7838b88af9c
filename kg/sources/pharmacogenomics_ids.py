"""Genes and drugs as the pharmacogenomic guidelines write them, and what activity scores mean.

The guidelines identify both by PharmGKB's own numbers and by names. Symbols are HGNC's, numbers of
genes NCBI's, identifiers of drugs DrugBank's.
"""

from collections.abc import Mapping

GENES: Mapping[str, str] = {
    "ABCG2": "NCBIGene:9429",
    "CACNA1S": "NCBIGene:779",
    "CFTR": "NCBIGene:1080",
    "CYP1A2": "NCBIGene:1544",
    "CYP2B6": "NCBIGene:1555",
    "CYP2C19": "NCBIGene:1557",
    "CYP2C9": "NCBIGene:1559",
    "CYP2D6": "NCBIGene:1565",
    "CYP3A4": "NCBIGene:1576",
    "CYP3A5": "NCBIGene:1577",
    "CYP4F2": "NCBIGene:8529",
    "DPYD": "NCBIGene:1806",
    "G6PD": "NCBIGene:2539",
    "HLA-A": "NCBIGene:3105",
    "HLA-B": "NCBIGene:3106",
    "IFNL3": "NCBIGene:282617",
    "MT-RNR1": "NCBIGene:4549",
    "NUDT15": "NCBIGene:55270",
    "RYR1": "NCBIGene:6261",
    "SLCO1B1": "NCBIGene:10599",
    "TPMT": "NCBIGene:7172",
    "UGT1A1": "NCBIGene:54658",
    "VKORC1": "NCBIGene:79001",
}
# Activity scores up to which a phenotype reaches; above the last: Ultrarapid.
_PHENOTYPES = ("Poor Metabolizer", "Intermediate Metabolizer", "Normal Metabolizer")
_LIMITS = {
    GENES["CYP2C9"]: (0.5, 1.5, 2.0),
    GENES["CYP2D6"]: (0.0, 1.0, 2.25),
    GENES["DPYD"]: (0.5, 1.5, 2.0),
}


def phenotype_of(gene: str, score: float) -> str | None:
    """The phenotype that CPIC gives an activity score; None for a gene (CURIE) without scores."""
    if gene not in _LIMITS:
        return None
    limits = zip(_LIMITS[gene], _PHENOTYPES, strict=True)
    return next((name for limit, name in limits if score <= limit), "Ultrarapid Metabolizer")


_DRUGS = """\
abacavir DB01048; acenocoumarol DB01418; allopurinol DB00437; amikacin DB00479;
amitriptyline DB00321; aripiprazole DB01238; aspirin DB00945; atazanavir DB01072;
atomoxetine DB00289; atorvastatin DB01076; azathioprine DB00993; brexpiprazole DB09128;
capecitabine DB01101; carbamazepine DB00564; celecoxib DB00482; citalopram DB00215;
clomipramine DB01242; clopidogrel DB00758; codeine DB00318; dapsone DB00250; desflurane DB01189;
desipramine DB01151; dexlansoprazole DB05351; doxepin DB01142; efavirenz DB00625;
eliglustat DB09039; enflurane DB00228; escitalopram DB01175; flecainide DB01195;
flucloxacillin DB00301; flucytosine DB01099; fluorouracil DB00544; flurbiprofen DB00712;
fluvastatin DB01095; fluvoxamine DB00176; fosphenytoin DB01320; gentamicin DB00798;
haloperidol DB00502; halothane DB01159; hydrocodone DB00956; ibuprofen DB01050;
imipramine DB00458; irinotecan DB00762; isoflurane DB00753; ivacaftor DB08820; kanamycin DB01172;
lamotrigine DB00555; lansoprazole DB00448; lornoxicam DB06725; lovastatin DB00227;
meloxicam DB00814; mercaptopurine DB01033; methoxyflurane DB01028; methylene blue DB09241;
metoprolol DB00264; nitrofurantoin DB00698; nortriptyline DB00540; omeprazole DB00338;
ondansetron DB00904; oxcarbazepine DB00776; pantoprazole DB00213; paromomycin DB01421;
paroxetine DB00715; peginterferon alfa-2a DB00008; peginterferon alfa-2b DB00022;
pegloticase DB09208; phenprocoumon DB00946; phenytoin DB00252; pimozide DB01100;
piroxicam DB00554; pitavastatin DB08860; plazomicin DB12615; pravastatin DB00175;
primaquine DB01087; propafenone DB01182; quetiapine DB01224; rasburicase DB00049;
ribavirin DB00811; risperidone DB00734; rosuvastatin DB01098; sertraline DB01104;
sevoflurane DB01236; simvastatin DB00641; siponimod DB12371; streptomycin DB01082;
succinylcholine DB00202; tacrolimus DB00864; tafenoquine DB06608; tamoxifen DB00675;
tegafur DB09256; tenoxicam DB00469; thioguanine DB00352; tobramycin DB00684; tramadol DB00193;
trimipramine DB00726; tropisetron DB11699; venlafaxine DB00285; voriconazole DB00582;
vortioxetine DB09068; warfarin DB00682; zuclopenthixol DB01624"""

DRUGS: Mapping[str, str] = {
    name: f"DRUGBANK:{number}"
    for name, _, number in (entry.strip().rpartition(" ") for entry in _DRUGS.split(";"))
}
