"""Tidy tables made of matrices of values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.tidy.run import TIDY_COLUMNS


def tidy_of(values: dict[str, np.ndarray], metric: str = "wall_s") -> pd.DataFrame:
    """One allocator per entry, one workload per row, one replicate per column; NaN is left out."""
    parts = []
    for allocator, matrix in values.items():
        cases, replicates = matrix.shape
        parts.append(
            pd.DataFrame(
                {
                    "run": "r", "allocator": allocator, "params": "", "threads": 1, "pass": "time",
                    "block": np.tile(np.arange(replicates), cases),
                    "workload": np.repeat([f"w{i}" for i in range(cases)], replicates),
                    "metric": metric, "value": matrix.ravel(), "unit": "s",
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)[TIDY_COLUMNS].dropna(subset=["value"])
