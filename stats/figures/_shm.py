"""The measurements of shm-bench in a run's records: each round of it measures all ways of doing the
same work in turn and gives one number per way.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats as distributions

from stats.estimates.analysis import Analysis

FEWEST_JOINED = 3  # marks that a line joins
BEFORE = "per_allocation"
AFTER = "arena"
WAYS = {
    "per_allocation": ("a segment per buffer", "#D55E00", "o"),
    "arena": ("shm_arena", "#0072B2", "s"),
    "overcommit": ("shm_arena, overcommit", "#56B4E9", "P"),
    "first_fit": ("first fit, one mutex", "#8a8f98", "^"),
    "boost": ("Boost.Interprocess", "#CC79A7", "D"),
    "scan": ("scan of an array", "#A33A6A", "X"),
    "list": ("scan of a list", "#E69F00", "v"),
    "tree": ("std::map", "#009E73", "<"),
}
_COUNTED = ("ns", "free_ns", "ns_write", "ns_read", "ops_per_s", "cpu_ns")
_COLUMNS = ["bench", "mode", "x", "block", "what", "way", "value"]


def measurements(analysis: Analysis) -> pd.DataFrame:
    """One row per process, quantity and way: the median over the process's rounds.

    bench  allocation, lookup, concurrent, transfer
    mode   untouched, touched, reuse; threads, processes; "" where there is only one
    x      bytes of a block, segments, threads or processes, buffers
    what   ns, free_ns, ns_write, ns_read, ops_per_s, cpu_ns
    """
    rows = []
    for record in analysis.records("time"):
        place = _place(record["workload"])
        if not place or not record["argv"] or not record["argv"][0].endswith("shm-bench"):
            continue
        for name, value in pd.DataFrame(record["rounds"]).median().items():
            named = _named(str(name))
            if named:
                rows.append([*place, record["block"], *named, float(value)])
    return pd.DataFrame(rows, columns=_COLUMNS)


def _place(workload: str) -> tuple[str, str, int] | None:
    """(bench, mode, x) of a case's name such as 'allocation touched 16K'."""
    words = workload.split()
    if len(words) < 2:
        return None
    bench, *mode, size = words
    number = size.rstrip("KM")
    if not number.isdigit():
        return None
    scale = {"K": 1 << 10, "M": 1 << 20}.get(size[len(number) :], 1)
    return bench, " ".join(mode), int(number) * scale


def _named(column: str) -> tuple[str, str] | None:
    """(what, way) of a column such as 'ns_write_arena'."""
    for way in WAYS:
        what = column.removesuffix(f"_{way}")
        if what != column and what in _COUNTED:
            return what, way
    return None


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """How many times better the arena is than a segment per buffer, per case and quantity: the mean of
    the log ratios of each process, and its 95 % t interval. Columns bench, mode, x, what, gain,
    low, high, processes.
    """
    rows = []
    kept = table[table["what"].isin(["ns", "ns_write", "ns_read", "ops_per_s"])]
    for key, group in kept.groupby(["bench", "mode", "x", "what"], sort=False):
        wide = group.pivot_table(index="block", columns="way", values="value")
        before = "scan" if key[0] == "lookup" else BEFORE
        if before not in wide or AFTER not in wide:
            continue
        pairs = wide[[before, AFTER]].dropna().to_numpy(float)
        logs = np.log(pairs[:, 0] / pairs[:, 1]) * (-1 if key[3] == "ops_per_s" else 1)
        mean, half = float(logs.mean()), _half_width(logs)
        rows.append([*key, *(math.exp(x) for x in (mean, mean - half, mean + half)), len(logs)])
    return pd.DataFrame(
        rows, columns=["bench", "mode", "x", "what", "gain", "low", "high", "processes"]
    )


def _half_width(logs: NDArray[np.float64]) -> float:
    """Half of the 95 % interval of a mean: Student's t."""
    if len(logs) < 2:
        return math.nan
    error = float(logs.std(ddof=1)) / math.sqrt(len(logs))
    return float(distributions.t.ppf(0.975, len(logs) - 1)) * error
