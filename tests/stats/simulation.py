"""Simulated differences in the form that the estimator takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.estimates.pairing import PAIR_COLUMNS


def pairs_of(d: np.ndarray) -> pd.DataFrame:
    """Differences (cases x replicates) in the form of `Pairing`, each case a workload of its own."""
    cases, replicates = d.shape
    replicate = np.tile(np.arange(replicates), cases)
    workload = np.repeat([f"w{i}" for i in range(cases)], replicates)
    flat = d.ravel()
    constant = {"metric": "wall_s", "params": "", "threads": 1, "allocator": "x", "base": 1.0}
    return pd.DataFrame(
        {**constant, "workload": workload, "block": replicate, "value": np.exp(flat), "d": flat}
    )[PAIR_COLUMNS]
