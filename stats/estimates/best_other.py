"""One allocator against the best of the others, case by case, without picking the best by the data.

The smallest of several noisy values is on average too small, so a comparison with the allocator
that looks best in a run is biased. Three questions about all others at once need no pick:

- ahead of the best: ahead of every other. The largest of the single p values tests this (an
  intersection-union test; Berger, Technometrics 24, 1982), with no correction.
- behind the best: behind some other. The smallest p, times the number of others (Bonferroni).
- equivalent to the best: less than the margin behind every other, and less than the margin ahead of
  some other; the two p values as above, and the larger of them counts.

The interval of the ratio to the best follows likewise: its upper end is the largest upper end, its
lower end the largest lower end of intervals that hold for all others together.

A geometric mean needs a pick: the best of each case is picked in one half of the replicates and
compared in the other, and the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from stats.estimates.influence import Influence, Matrix, influence, standard_error
from stats.estimates.paired_ratio import CONFIDENCE, estimate
from stats.estimates.pairing import Pairs, pair, with_baseline
from stats.estimates.procedure import ROWS
from stats.estimates.student import p_above, p_below, quantile
from stats.estimates.verdict import (
    AHEAD,
    BEHIND,
    EQUIVALENT,
    MIN_PAIRS,
    NOT_COMPARED,
    UNDECIDED,
    Limits,
    conclude,
)
from stats.tidy.labels import Case
from stats.tidy.metrics import Metric
from stats.tidy.run import CASE


def against_others(
    work: pd.DataFrame, name: str, others: Sequence[str], metric: Metric, limits: Limits
) -> pd.DataFrame:
    """One row per case in which `name` and some other ran, in `work` (values of own passes).

    best     the other that looks best;  n: the pairs with it
    value, base    of `name` and of that other, as in `Ratios`
    ratio    cost of `name` over that of the best: above 1 is a loss, also where more is better
    low, high      its 95 % interval, which allows for not knowing the best
    others   the number of others with enough pairs
    p, p_adj, p_same, verdict    as in other tables; the family is all cases of the metric
    """
    table = _others_over(work, name, others, metric)
    found = [
        dict(zip(CASE, case, strict=True)) | _against_best(part)
        for case, part in table.groupby(CASE, sort=False)
    ]
    return _with_verdicts(pd.DataFrame(found, columns=[*CASE, *_COLUMNS]), limits)


@dataclass(frozen=True)
class Leader:
    """Who looks fastest in a case: its row of `against_others`, of which the verdict says whether it
    is so, and the estimates of each other over it.
    """

    allocator: str
    row: pd.Series
    others: pd.DataFrame


def leaders(
    work: pd.DataFrame, contestants: Sequence[str], metric: Metric, limits: Limits
) -> dict[Case, Leader]:
    """For each case the contestant with the best ratio to the best other. The family is all cases, and
    the tests are two-sided, so that it does not matter which one was picked.
    """
    rows: dict[Case, dict[str, Any]] = {}
    tables: dict[Case, pd.DataFrame] = {}
    for name in contestants:
        others = [other for other in contestants if other != name]
        for key, part in _others_over(work, name, others, metric).groupby(CASE, sort=False):
            case = cast(Case, key)
            found = {"allocator": name} | _against_best(part)
            if case not in rows or found.get("ratio", np.inf) < rows[case].get("ratio", np.inf):
                rows[case], tables[case] = found, part
    columns = [*CASE, "allocator", *_COLUMNS]
    listed = [dict(zip(CASE, case, strict=True)) | row for case, row in rows.items()]
    judged = _with_verdicts(pd.DataFrame(listed, columns=columns), limits)
    return {
        case: Leader(row["allocator"], row, tables[case])
        for case, (_, row) in zip(rows, judged.iterrows(), strict=True)
    }


def _others_over(
    work: pd.DataFrame, name: str, others: Sequence[str], metric: Metric
) -> pd.DataFrame:
    """The estimates of each other over `name`, with `cost`: the log of the cost of `name` over its."""
    rows = work[(work["metric"] == metric.name) & work["allocator"].isin([name, *others])]
    table = estimate(pair(rows, with_baseline(name))).table
    sign = -1.0 if metric.direction == "lower" else 1.0
    return table.assign(cost=sign * table["effect"])


_COLUMNS = ["best", "n", "value", "base", "ratio", "low", "high", "others", "p", "p_outside"]


def _against_best(rows: pd.DataFrame) -> dict[str, Any]:
    """The row of one case; the margin's p are made for the usual margins in `_with_verdicts`."""
    compared = rows[rows["n"] >= MIN_PAIRS]
    looks_best = (compared if len(compared) else rows).sort_values("cost").iloc[-1]
    found: dict[str, Any] = {
        "best": looks_best["allocator"],
        "n": int(looks_best["n"]),
        "value": looks_best["base"],
        "base": looks_best["value"],
        "others": len(compared),
    }
    return found if compared.empty else found | _tests(compared)


def _tests(rows: pd.DataFrame) -> dict[str, Any]:
    cost, error, freedom = (rows[c].to_numpy(float) for c in ("cost", "error", "freedom"))
    ends = _interval(cost, error, freedom)
    numbers = (cost, error, freedom)
    p = 2 * min(_p_below_all(*numbers), _p_above_some(*numbers))
    return {
        "ratio": float(np.exp(cost.max())),
        "low": float(np.exp(ends[0])),
        "high": float(np.exp(ends[1])),
        "p": min(1.0, p),
        "p_outside": lambda bound: max(
            _p_below_all(*numbers, bound), _p_above_some(*numbers, -bound)
        ),
    }


def _interval(cost: Matrix, error: Matrix, freedom: Matrix) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low = cost - quantile(1 - tail / len(cost), freedom) * error
    high = cost + quantile(1 - tail, freedom) * error
    return float(low.max()), float(high.max())


def _p_below_all(cost: Matrix, error: Matrix, freedom: Matrix, bound: float = 0.0) -> float:
    return float(np.nan_to_num(p_below(cost, error, freedom, bound), nan=1.0).max())


def _p_above_some(cost: Matrix, error: Matrix, freedom: Matrix, bound: float = 0.0) -> float:
    smallest = np.nan_to_num(p_above(cost, error, freedom, bound), nan=1.0).min()
    return min(1.0, float(smallest) * len(cost))


def _with_verdicts(table: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    bound = float(np.log1p(limits.margin))
    outside = [f(bound) if callable(f) else np.nan for f in table["p_outside"]]
    with np.errstate(divide="ignore"):
        effect = np.log(table["ratio"].to_numpy(float))
    found = conclude(effect, table["p"].to_numpy(float), np.array(outside), ROWS, limits)
    words = np.where(found.equivalent, EQUIVALENT, UNDECIDED).astype(object)
    words = np.where(found.claimed, np.where(effect < 0, AHEAD, BEHIND), words)
    words = np.where(table["others"] > 0, words, NOT_COMPARED)
    columns = {"p_adj": found.p_adj, "p_same": found.p_same, "verdict": words.astype(object)}
    return table.drop(columns="p_outside").assign(**columns)


def geometric_mean_to_pick(
    work: pd.DataFrame, name: str, others: Sequence[str], metric: Metric
) -> tuple[float, float, float]:
    """The geometric mean over cases of the ratio to the best other, with its 95 % interval; the best
    is picked in one half of the replicates and compared in the other. NaN where no case has
    MIN_PAIRS pairs with every other.
    """
    rows = work[(work["metric"] == metric.name) & work["allocator"].isin([name, *others])]
    pairs = pair(rows, with_baseline(name))
    sign = -1.0 if metric.direction == "lower" else 1.0
    groups = _compared_cases(pairs)
    if not groups:
        return float("nan"), float("nan"), float("nan")
    columns = np.arange(pairs.value.shape[1])
    halves = [_half(pairs, columns % 2 == parity) for parity in (0, 1)]
    means, variances = [], []
    for pick, test in (halves, halves[::-1]):
        chosen = [g[int(np.nanargmax(sign * pick.effect[g]))] for g in groups]
        deviation = sign * (test.values[chosen] - test.effect[chosen][:, None])
        means.append(float(np.mean(sign * test.effect[chosen])))
        variances.append(float(standard_error(np.nanmean(deviation, axis=0)[None, :])[0]) ** 2)
    mean, error = float(np.mean(means)), float(np.sqrt(sum(variances)) / 2)
    half = float(quantile(0.5 + CONFIDENCE / 2, np.array([len(columns) - 2.0]))[0]) * error
    return float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half))


def _half(pairs: Pairs, chosen: np.ndarray) -> Influence:
    return influence(pairs.value[:, chosen], pairs.base[:, chosen])


def _compared_cases(pairs: Pairs) -> list[np.ndarray]:
    """The rows of each case in which every pair of allocators has enough finite ratios."""
    n = np.sum(~np.isnan(pairs.value), axis=1)
    zero = np.any((pairs.value <= 0) | (pairs.base <= 0), axis=1)
    usable = (n >= MIN_PAIRS) & ~zero
    groups = pairs.rows.groupby(CASE, sort=False).indices.values()
    return [np.asarray(places) for places in groups if usable[np.asarray(places)].all()]
