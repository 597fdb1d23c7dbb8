"""Simulated differences in the form that the estimator takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.estimates.pairing import PAIR_COLUMNS


def pairs_of(d: np.ndarray) -> pd.DataFrame:
    """Differences (cells x blocks) in the form of `Pairing`, each cell a workload of its own."""
    cells, blocks = d.shape
    block = np.tile(np.arange(blocks), cells)
    workload = np.repeat([f"w{i}" for i in range(cells)], blocks)
    flat = d.ravel()
    constant = {"metric": "wall_s", "params": "", "threads": 1, "allocator": "x", "base": 1.0}
    return pd.DataFrame(
        {**constant, "workload": workload, "block": block, "value": np.exp(flat), "d": flat}
    )[PAIR_COLUMNS]
