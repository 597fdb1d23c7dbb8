"""Simulated differences in the form that the estimator takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.estimates.pairing import Pairs


def pairs_of(d: np.ndarray, allocators: int = 1) -> Pairs:
    """Differences (rows x replicates) as pairs: each `allocators` rows are a workload of their own,
    and the n-th of them is allocator `x<n>`.
    """
    names = [(f"w{i // allocators}", f"x{i % allocators}") for i in range(len(d))]
    rows = pd.DataFrame(names, columns=["workload", "allocator"])
    rows = rows.assign(metric="wall_s", params="", threads=1)
    order = ["metric", "workload", "params", "threads", "allocator"]
    return Pairs(rows[order], np.exp(d), np.where(np.isnan(d), np.nan, 1.0))
