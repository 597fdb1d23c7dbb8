"""Headlines: an allocator's geometric mean over its cases, with what it rests on.

A headline has two intervals. The one over replicates says how well this run knows the mean of
these workloads, and decides the verdict. The one over workloads says how far the mean would move
with other workloads of the kind, if these were a sample of them.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from stats.estimates.influence import Matrix, standard_error
from stats.estimates.paired_ratio import CONFIDENCE, Ratios
from stats.estimates.student import p_different, quantile
from stats.estimates.verdict import MIN_PAIRS, VERDICTS
from stats.tidy.run import CASE


def over_replicates(effects: Matrix, values: Matrix) -> tuple[float, float, float, int]:
    """(mean effect, its standard error, degrees of freedom, replicates) of rows with these effects and
    influence values.

    In each replicate the deviations of all its rows are averaged, so that what a replicate does to
    all of them at once is in the error. A missing pair counts as the mean of those present.
    """
    deviation = values - effects[:, None]
    present = ~np.isnan(deviation)
    number = present.sum(axis=0)
    some = number > 0
    shared = np.where(present, deviation, 0.0).sum(axis=0)[some] / number[some]
    error = float(standard_error(shared[None, :])[0])
    return float(effects.mean()), error, len(shared) - 1.0, len(shared)


def over_workloads(effects: Matrix, workloads: np.ndarray) -> tuple[float, float]:
    """The interval, as logs, of the mean effect over workloads: Student's t over the workloads' sums,
    linearised where they have different numbers of cases. NaN for one workload.
    """
    names, place = np.unique(workloads, return_inverse=True)
    mean, count = effects.mean(), len(names)
    deviation = np.bincount(place, weights=effects - mean, minlength=count)
    if count < 2:
        return float("nan"), float("nan")
    error = np.sqrt(count / (count - 1) * np.sum(deviation**2)) / len(effects)
    half = quantile(0.5 + CONFIDENCE / 2, np.array([count - 1.0]))[0] * error
    return float(mean - half), float(mean + half)


def without_one(effects: Matrix, workloads: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest mean effect that leaving out one workload gives."""
    names = np.unique(workloads)
    if len(names) < 2:
        return float("nan"), float("nan")
    means = [float(effects[workloads != name].mean()) for name in names]
    return min(means), max(means)


def headlines(ratios: Ratios, lower_is_better: dict[str, bool]) -> pd.DataFrame:
    """One row per metric and allocator, without verdicts.

    cases, missing, left_out   rows, cases that others have and this allocator lacks, and rows that
                               the mean leaves out: fewer than MIN_PAIRS pairs, or a ratio of 0,
                               infinity or none
    n, effect, error, freedom, ratio, low, high, p    as in `Ratios`, over replicates
    workloads, workload_low, workload_high            their number, and the interval over them
    without_low, without_high                         the range of means without one workload
    best, worst, worst_case                           the best and the worst ratio of the mean's rows
    """
    table = ratios.table
    cases = table.groupby("metric", sort=False)[CASE].apply(lambda c: len(c.drop_duplicates()))
    rows = []
    for key, found in table.groupby(["metric", "allocator"], sort=False).indices.items():
        metric, allocator = cast(tuple[str, str], key)
        places = np.asarray(found)
        numbers = _headline(ratios, places, lower_is_better[metric])
        missing = int(cases[metric]) - len(places)
        rows.append({"metric": metric, "allocator": allocator, "missing": missing} | numbers)
    return pd.DataFrame(rows, columns=["metric", "allocator", *_COLUMNS])


_COLUMNS = [
    *("cases", "missing", "left_out", "n", "effect", "error", "freedom", "ratio", "low", "high"),
    *("p", "workloads", "workload_low", "workload_high", "without_low", "without_high"),
    *("best", "worst", "worst_case"),
]


def _headline(ratios: Ratios, places: np.ndarray, lower_is_better: bool) -> dict[str, Any]:
    rows = ratios.table.iloc[places]
    used = ((rows["n"] >= MIN_PAIRS) & np.isfinite(rows["effect"])).to_numpy()
    found: dict[str, Any] = {"cases": len(rows), "left_out": int((~used).sum()), "n": 0}
    if not used.any():
        return found
    rows = rows[used]
    effects = rows["effect"].to_numpy(float)
    mean, error, freedom, n = over_replicates(effects, ratios.influence.values[places[used]])
    half = quantile(0.5 + CONFIDENCE / 2, np.array([freedom]))[0] * error
    one = (np.array([x]) for x in (mean, error, freedom))
    names = rows["workload"].to_numpy(str)
    ends = [mean, mean - half, mean + half]
    ends += [*over_workloads(effects, names), *without_one(effects, names)]
    logs = ("ratio", "low", "high", "workload_low", "workload_high", "without_low", "without_high")
    ordered = np.argsort(effects if lower_is_better else -effects, kind="stable")
    best, worst = rows.iloc[ordered[0]], rows.iloc[ordered[-1]]
    return (
        found
        | {"n": n, "effect": mean, "error": error, "freedom": freedom}
        | {name: float(np.exp(end)) for name, end in zip(logs, ends, strict=True)}
        | {"p": float(p_different(*one)[0]), "workloads": len(np.unique(names))}
        | {"best": best["ratio"], "worst": worst["ratio"], "worst_case": tuple(worst[CASE])}
    )


def counts_of_verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """How many rows of each metric and allocator have each verdict: columns VERDICTS."""
    keys = [rows["metric"], rows["allocator"]]
    return pd.DataFrame(
        {w: (rows["verdict"] == w).groupby(keys, sort=False).sum() for w in VERDICTS}
    )
