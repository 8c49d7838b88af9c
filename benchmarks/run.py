"""Every figure of ``docs/benchmarks.md``, one JSON line a result.

    python benchmarks/run.py            (PHARMAKON_DATA names the folder of data)

Builds Hetionet and the starter into one graph, imports the synthetic patients, trains, and runs the
other programs of this folder on what that made. Minutes; run it on a quiet machine. A figure that
needs data which are not there is left out, and said so.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import ROOT, record

PATIENTS = "fhir/synthea-r4-bundles-150.tar.gz"


def run(*command: str) -> float:
    """Run a program to its end and return the wall seconds; its output is passed on."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    return time.perf_counter() - start


def main() -> None:
    data = os.environ.get("PHARMAKON_DATA")
    if not data or not Path(data, "hetionet").is_dir():
        sys.exit("PHARMAKON_DATA must name the folder that holds hetionet/ and fhir/")
    here = Path(__file__).parent.relative_to(ROOT)
    for program in ("time_graph", "time_export", "time_names", "score_names", "time_sparql"):
        run(f"{here}/{program}.py", data)
    with tempfile.TemporaryDirectory() as home:
        cli = ("cli.py",)
        at_home = ("--home", home)
        record("build.starter_and_hetionet", run(
            *cli, "build", "starter", "hetionet", "--from", f"{data}/hetionet", *at_home
        ), "s")  # fmt: skip
        run(*cli, "keys", "init", *at_home)
        record(
            "import.patients", run(*cli, "patient", "import", f"{data}/{PATIENTS}", *at_home), "s"
        )
        record("train.everything", run(*cli, "train", "--patients", "store", *at_home), "s")
        with Path(home, "answers.txt").open("w", encoding="utf-8") as answers:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *cli, "recommend", "--all", "-k", "3", *at_home],
                cwd=ROOT, check=True, stdout=answers,
            )  # fmt: skip
            record("recommend.all_patients", time.perf_counter() - start, "s")
        print(Path(home, "answers.txt").read_text(encoding="utf-8").splitlines()[-1], flush=True)
        run(f"{here}/time_commands.py", f"{home}/graph")
        run(f"{here}/time_ranking.py", f"{home}/graph", home)
        suggest = (
            f"{here}/time_suggest.py",
            "--graph",
            f"{home}/graph",
            "--bundle",
            f"{home}/bundle",
        )
        run(*suggest)
        run(*suggest, "--fhir", f"{data}/{PATIENTS}")


if __name__ == "__main__":
    main()
