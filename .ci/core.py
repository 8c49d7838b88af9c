"""Recommend from a bundle with the core install alone: no training library is needed."""

import importlib.util
import sys
from pathlib import Path

from recommend import PatientProfile, Recommender

home = Path(sys.argv[1])
for name in ("torch", "torch_geometric", "implicit", "sklearn"):
    if importlib.util.find_spec(name) is not None:
        sys.exit(f"{name} is installed: this is not the core install")
recommender = Recommender.load(home / "bundle", graph=home / "graph")
profile = PatientProfile.from_json({"conditions": ["DOID:9352"], "drugs": [], "allergies": []})
answer = recommender.recommend(profile, k=3)
if not answer.suggestions:
    sys.exit("nothing was suggested")
print(f"{len(answer.suggestions)} suggestions, first {answer.suggestions[0].drug_name}")
