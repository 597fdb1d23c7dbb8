"""Headlines: an allocator's geometric mean over its cases, with what it rests on.

A headline has two intervals. The one over replicates says how well this run knows the mean of
these workloads, and decides the verdict. The one over workloads says how far the mean would move
with other workloads of the kind, if these were a sample of them.
"""

from __future__ import annotations

from dataclasses import replace
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


def over_workloads(effects: Matrix, workloads: np.ndarray) -> tuple[float, float, int]:
    """(mean effect, its standard error, number of workloads): the error over workloads of their sums,
    linearised where they have different numbers of cases. `workloads` are numbers from 0 on. NaN
    for one workload.
    """
    mean = float(effects.mean())
    cases = np.bincount(workloads)
    count = int(np.count_nonzero(cases))
    deviation = np.bincount(workloads, weights=effects - mean)
    if count < 2:
        return mean, float("nan"), count
    error = np.sqrt(count / (count - 1) * np.sum(deviation**2)) / len(effects)
    return mean, float(error), count


def without_one(effects: Matrix, workloads: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest mean effect that leaving out one workload gives."""
    cases = np.bincount(workloads)
    sums = np.bincount(workloads, weights=effects)
    some = cases > 0
    if np.count_nonzero(some) < 2:
        return float("nan"), float("nan")
    means = (effects.sum() - sums[some]) / (len(effects) - cases[some])
    return float(means.min()), float(means.max())


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
    ratios = replace(ratios, table=table.assign(place=pd.factorize(table["workload"])[0]))
    used = ((table["n"] >= MIN_PAIRS) & np.isfinite(table["effect"])).to_numpy()
    cases = _distinct_cases(table)
    rows = []
    for key, found in table.groupby(["metric", "allocator"], sort=False).indices.items():
        metric, allocator = cast(tuple[str, str], key)
        places = np.asarray(found)
        kept = places[used[places]]
        row: dict[str, Any] = {
            "metric": metric,
            "allocator": allocator,
            "cases": len(places),
            "n": 0,
        }
        row |= {"missing": cases[metric] - len(places), "left_out": len(places) - len(kept)}
        rows.append(row | (_headline(ratios, kept, lower_is_better[metric]) if len(kept) else {}))
    columns = ["metric", "allocator", *_COLUMNS, "workload_error"]
    return _with_intervals(pd.DataFrame(rows, columns=columns))


def _distinct_cases(table: pd.DataFrame) -> dict[str, int]:
    distinct = table[["metric", *CASE]].drop_duplicates()["metric"].value_counts()
    return {str(metric): int(count) for metric, count in distinct.items()}


_COLUMNS = [
    *("cases", "missing", "left_out", "n", "effect", "error", "freedom", "ratio", "low", "high"),
    *("p", "workloads", "workload_low", "workload_high", "without_low", "without_high"),
    *("best", "worst", "worst_case"),
]


def _headline(ratios: Ratios, places: np.ndarray, lower_is_better: bool) -> dict[str, Any]:
    """The numbers of one headline, from the rows at `places`; effects and ends as logs."""
    effects = ratios.table["effect"].to_numpy(float)[places]
    workloads = ratios.table["place"].to_numpy()[places]
    mean, error, freedom, n = over_replicates(effects, ratios.influence.values[places])
    _, workload_error, number = over_workloads(effects, workloads)
    low, high = without_one(effects, workloads)
    cost = effects if lower_is_better else -effects
    best, worst = int(np.argmin(cost)), int(np.argmax(cost))
    return {
        "n": n,
        "effect": mean,
        "error": error,
        "freedom": freedom,
        "workloads": number,
        "workload_error": workload_error,
        "without_low": np.exp(low),
        "without_high": np.exp(high),
        "best": np.exp(effects[best]),
        "worst": np.exp(effects[worst]),
        "worst_case": tuple(ratios.table[name].iat[places[worst]] for name in CASE),
    }


def _with_intervals(heads: pd.DataFrame) -> pd.DataFrame:
    columns = ("effect", "error", "freedom", "workloads", "workload_error")
    effect, error, freedom, workloads, apart = (heads[c].to_numpy(float) for c in columns)
    level = 0.5 + CONFIDENCE / 2
    half, wide = quantile(level, freedom) * error, quantile(level, workloads - 1) * apart
    logs = {"ratio": effect, "low": effect - half, "high": effect + half}
    logs |= {"workload_low": effect - wide, "workload_high": effect + wide}
    ends = {name: np.exp(log) for name, log in logs.items()}
    found = heads.drop(columns="workload_error")
    return found.assign(**ends, p=p_different(effect, error, freedom))


def counts_of_verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """How many rows of each metric and allocator have each verdict: columns VERDICTS."""
    marks = pd.DataFrame({word: rows["verdict"] == word for word in VERDICTS})
    return marks.groupby([rows["metric"], rows["allocator"]], sort=False).sum()
