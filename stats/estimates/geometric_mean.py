"""Geometric means, which may stand only beside all their rows, the worst row and the count of
losses.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.load import CELL


def summarise(judged: pd.DataFrame, lower_is_better: bool) -> pd.DataFrame:
    """One row per allocator of one metric's judged table: geomean, cells, left_out, missing, best, worst,
    worst_cell, wins, losses.

    `missing` counts the cells that other allocators have and this one lacks (crashed, refused): a
    mean over fewer rows is another mean, and callers print it with that number. `left_out` counts
    the rows whose ratio is 0, infinite or none. `worst` is the
    least favourable ratio.
    """
    all_cells = judged[CELL].drop_duplicates()
    rows = []
    for allocator, group in judged.groupby("allocator", sort=False):
        finite = group["effect"][np.isfinite(group["effect"])]
        ordered = group.sort_values("ratio", ascending=lower_is_better)
        best, worst = ordered.iloc[0], ordered.iloc[-1]
        rows.append(
            {
                "allocator": allocator,
                "geomean": float(np.exp(finite.mean())) if len(finite) else np.nan,
                "cells": len(group),
                "left_out": len(group) - len(finite),
                "missing": len(all_cells) - len(group),
                "best": best["ratio"],
                "worst": worst["ratio"],
                "worst_cell": tuple(worst[CELL]),
                "wins": int((group["good"] > 0).sum()),
                "losses": int((group["good"] < 0).sum()),
            }
        )
    return pd.DataFrame(rows)
