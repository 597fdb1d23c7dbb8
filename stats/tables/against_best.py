"""One allocator against the best of the others, case by case.

This shows what a program loses with one allocator in place of the best one for its work. The best
is known only from this run's data, and the smallest of several noisy values is on average too
small: the comparison is biased against the chosen allocator, more so with more peers and noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.paired_ratio import PairedLogRatio
from stats.estimates.pairing import Pairing
from stats.frames import each
from stats.tables.table import Table
from stats.tidy.labels import Case
from stats.tidy.metrics import Metric
from stats.tidy.run import CASE

METRICS = (
    "wall_s",
    "footprint_peak_bytes",
    "kernel_memory_calls",
    "minor_faults",
    "malloc_ns_p99.9",
    "request_ns_p99.9",
)
CLOSE = 1.05  # a ratio between 1 / CLOSE and CLOSE is neither a win nor a loss
CAVEAT = (
    "The best other is chosen by this run's own values, and the smallest of several noisy values is "
    "on average too small: these ratios are biased against {name}. The 95 % intervals are paired "
    "inside replicates; they are adjusted neither for their number nor for that choice. Verdicts are "
    "in the overall tables."
)


def own_allocator(analysis: Analysis) -> str | None:
    """The project's own allocator, or None where it did not take part."""
    return next((a.name for a in analysis.allocators.values() if a.role == "own"), None)


def against_best(analysis: Analysis, name: str, metric: Metric) -> pd.DataFrame:
    """One row per case: `best` (the other contestant whose paired mean is best), value and base
    (medians of `name` and of it), n replicates, ratio = `name` / best with its 95 % interval low, high.

    Above 1 is a loss, also where more is better: the ratio is then inverted. Where the best other's
    median is zero, the ratio is infinite, or 1 if that of `name` is zero too, and has no interval. Cells in which `name` or all others failed are absent.
    Raises DataError when `name` is not a contestant of this run.
    """
    others = _others(analysis, name)
    rows = analysis.work[
        (analysis.work["metric"] == metric.name) & analysis.work["allocator"].isin([name, *others])
    ]
    estimates = PairedLogRatio()(Pairing(name)(rows))
    sign = 1.0 if metric.direction == "lower" else -1.0
    estimates = estimates.assign(cost=sign * estimates["effect"])
    by_case = dict(list(estimates.groupby(CASE, sort=False)))
    medians = rows.groupby([*CASE, "allocator"], sort=False)["value"].median()
    levels = {case: part.droplevel([*CASE]) for case, part in medians.groupby(CASE, sort=False)}
    found = [_row(case, name, by_case.get(case), levels.get(case), sign) for case in analysis.cases]
    columns = [*CASE, "best", "n", "value", "base", "ratio", "low", "high"]
    return pd.DataFrame([row for row in found if row], columns=columns)


def _others(analysis: Analysis, name: str) -> list[str]:
    """The other contestants. Raises DataError when `name` is not a contestant."""
    contestants = [a.name for a in analysis.allocators.values() if a.is_contestant]
    if name not in contestants:
        raise DataError(
            f"the run has no contestant '{name}'; help: pick one of {', '.join(contestants)}"
        )
    return [other for other in contestants if other != name]


def _row(
    case: Case, name: str, estimates: pd.DataFrame | None, medians: pd.Series | None, sign: float
) -> tuple[Any, ...] | None:
    """The row of one case; `estimates` are those of the others against `name`."""
    if medians is None or name not in medians.index or len(medians) < 2:
        return None
    own, others = float(medians[name]), medians.drop(name)
    if sign > 0 and min(own, others.min()) <= 0:
        ratio = 1.0 if own <= 0 and others.min() <= 0 else np.inf if own > 0 else 0.0
        return (*case, others.idxmin(), 0, own, float(others.min()), ratio, np.nan, np.nan)
    if estimates is None or estimates.empty:
        return None
    best = estimates.sort_values("cost").iloc[0]
    low, high = sorted(best[["low", "high"]] ** -sign)
    ratio = float(np.exp(-best["cost"]))
    numbers = (int(best["n"]), best["base"], best["value"], ratio, low, high)
    return (*case, best["allocator"], *numbers)


def counts(rows: pd.DataFrame) -> dict[str, Any]:
    """Counts over the rows of `against_best`: cases, wins, close and losses (by the ratio and CLOSE),
    sure_wins and sure_losses (those whose interval excludes 1), geomean over the finite ratios, and
    the worst row.
    """
    ratios = rows["ratio"]
    won, lost = ratios < 1 / CLOSE, ratios > CLOSE
    finite = ratios[(ratios > 0) & np.isfinite(ratios)]
    return {
        "cases": len(rows),
        "wins": int(won.sum()),
        "sure_wins": int((won & (rows["high"] < 1)).sum()),
        "close": int((~won & ~lost).sum()),
        "losses": int(lost.sum()),
        "sure_losses": int((lost & (rows["low"] > 1)).sum()),
        "geomean": float(np.exp(np.log(finite).mean())) if len(finite) else np.nan,
        "left_out": len(rows) - len(finite),
        "worst": rows.iloc[int(ratios.argmax())],
    }


def compared_metrics(analysis: Analysis) -> list[Metric]:
    """The metrics of this comparison that the run has."""
    return [analysis.metrics[name] for name in METRICS if analysis.has(name)]


def summary_table(analysis: Analysis, name: str, metrics: list[Metric]) -> Table:
    """One row per metric: counts of wins, rows within 5 % and losses; mean and worst row."""
    lines, raw = [], []
    for metric in metrics:
        rows = against_best(analysis, name, metric)
        if rows.empty:
            continue
        counted = counts(rows)
        worst = counted.pop("worst")
        label = analysis.cases[tuple(worst[CASE])]
        missing = f" ({counted['left_out']} left out)" if counted["left_out"] else ""
        lines.append(
            [
                metric.name,
                str(counted["cases"]),
                f"{counted['wins']} ({counted['sure_wins']})",
                str(counted["close"]),
                f"{counted['losses']} ({counted['sure_losses']})",
                units.ratio(counted["geomean"]) + missing,
                f"{units.ratio(worst['ratio'])} {label}, {worst['best']}",
            ]
        )
        raw.append({"metric": metric.name, **counted, "worst": worst["ratio"], "worst_case": label})
    head = ["metric", "cases", "wins", "within 5 %", "losses", "geometric mean", "worst row"]
    notes = [
        "Ratios above 1 are losses. In brackets: those whose interval excludes 1.",
        CAVEAT.format(name=name),
    ]
    title = f"{name} / the best other of each case"
    frame = pd.DataFrame(lines, columns=head)
    return Table("against_best", title, frame, pd.DataFrame(raw), notes)


def rows_table(analysis: Analysis, name: str, metrics: list[Metric]) -> Table:
    """Every row behind `summary_table`."""
    parts = [(m, against_best(analysis, name, m)) for m in metrics]
    raw = pd.concat([rows.assign(metric=m.name) for m, rows in parts], ignore_index=True)
    raw = raw[["metric", *raw.columns[:-1]]]
    units_of = {m.name: m.unit for m in metrics}
    frame = pd.DataFrame(
        [
            [
                row.metric,
                analysis.cases[row.workload, row.params, row.threads],
                row.best,
                units.quantity(row.value, units_of[row.metric]),
                units.quantity(row.base, units_of[row.metric]),
                units.ratio(row.ratio),
                units.interval(row.low, row.high),
                str(row.n),
            ]
            for row in each(raw)
        ],
        columns=[
            *("metric", "workload · threads", "best other", name, "the other’s"),
            *("ratio", "95 % interval", "replicates"),
        ],
    )
    title = f"{name} / the best other, every case"
    return Table("against_best_rows", title, frame, raw, [], text_columns=3)
