"""DWPC of all pairs by hetmatpy beside ours, on the same matrices: the values, seconds and memory.

    python benchmarks/compare_hetmatpy.py GRAPH PYTHON

GRAPH is a stored graph, PYTHON an interpreter that has hetmatpy: it needs an environment of its
own. The edges are written as hetmatpy's folder of matrices, which both then hold in memory.

First each metapath alone: a fresh process a side, its fourth to last call a warm one, in float64;
hetmatpy as it is fastest here, with sparse products. Then hetmatpy computes each metapath column of
up to three steps, and the columns that models learn from, made all at once in float32, must agree.
A difference of values ends the program.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from record import ROOT, record

from kg.schema import NODES, EdgeType, edge_spec, parse_metapath
from kg.store import open_graph
from recommend.interactions import TrainingData, training_data
from recommend.models.features import EVIDENCE, feature_columns, feature_names

METAPATHS = (
    "CbGaD", "CtDaGaD", "CbGiGaD", "CbGbCtD", "CcSEcCtD", "CtDtCtD", "CbGpPWpGaD", "CbGpBPpGaD",
)  # fmt: skip

SAME = 1e-9  # relative, float64
ALIKE = 1e-4  # relative, float32 after differences

TIMES = """
import json, resource, statistics, sys, time
from pathlib import Path

def say(call, runs=4):
    taken = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    s, cpu_s = (statistics.median(values) for values in zip(*taken[1:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sp.save_npz(sys.argv[3], sp.csr_matrix(found))
    print(json.dumps({"s": s, "cpu_s": cpu_s, "peak": peak, "base": base}))
"""

OURS = """
import scipy.sparse as sp
from kg.paths import metapath_matrix
from kg.schema import edge_spec, parse_metapath

def load(edge_type):
    spec = edge_spec(edge_type)
    return sp.load_npz(Path(sys.argv[1], "ours", f"{edge_type}.npz"))

metapath = parse_metapath(sys.argv[2])
matrices = {step.edge_type: load(step.edge_type) for step in metapath}
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
say(lambda: metapath_matrix(metapath, matrices))
"""

THEIRS = """
import functools
import scipy.sparse as sp
import hetmatpy.hetmat
from hetmatpy.degree_weight import dwpc

hetmatpy.hetmat.read_matrix = functools.cache(hetmatpy.hetmat.read_matrix)
hetmat = hetmatpy.hetmat.HetMat(sys.argv[1])

def compute(name):
    metapath = hetmat.metagraph.metapath_from_abbrev(name)
    return dwpc(hetmat, metapath, damping=0.4, dense_threshold=1)[2]

base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""
