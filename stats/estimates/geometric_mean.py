"""Geometric means, each with its worst row and its counts of wins, losses and missing cases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.tidy.run import CASE


def summarise(estimates: pd.DataFrame, lower_is_better: bool) -> pd.DataFrame:
    """One row per allocator of one metric's estimates: geomean, cases, left_out, missing, best,
    worst, worst_case, wins, losses.

    `missing` counts the cases that other allocators have and this one lacks (crashed, refused);
    callers print it beside the mean, which is then one over fewer cases. `left_out` counts the
    ratios that are 0, infinite or unknown, which no geometric mean can hold. `worst` is the least
    favourable ratio.
    """
    all_cases = estimates[CASE].drop_duplicates()
    rows = []
    for allocator, group in estimates.groupby("allocator", sort=False):
        finite = group["effect"][np.isfinite(group["effect"])]
        ordered = group.sort_values("ratio", ascending=lower_is_better)
        best, worst = ordered.iloc[0], ordered.iloc[-1]
        rows.append(
            {
                "allocator": allocator,
                "geomean": float(np.exp(finite.mean())) if len(finite) else np.nan,
                "cases": len(group),
                "left_out": len(group) - len(finite),
                "missing": len(all_cases) - len(group),
                "best": best["ratio"],
                "worst": worst["ratio"],
                "worst_case": tuple(worst[CASE]),
                "wins": int((group["good"] > 0).sum()),
                "losses": int((group["good"] < 0).sum()),
            }
        )
    return pd.DataFrame(rows)
