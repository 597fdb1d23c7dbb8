"""One allocator against the best of the others, case by case.

A geometric mean over allocators asks who is good on average; this asks what a user loses who picks
one allocator instead of the best one for his work. The best is known only from this run's data:
the smallest of several noisy numbers is on average too small, so the comparison leans against the
chosen allocator, the more so the more peers there are and the noisier the metric.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Study
from stats.estimates.paired_ratio import PairedLogRatio
from stats.estimates.pairing import Pairing
from stats.frames import each
from stats.load import CELL
from stats.tables.table import Table
from stats.tidy.labels import Cell
from stats.tidy.metrics import Metric

METRICS = (
    "wall_s",
    "footprint_peak_bytes",
    "kernel_memory_calls",
    "minor_faults",
    "malloc_ns_p99.9",
    "request_ns_p99.9",
)
CLOSE = 1.05  # a ratio within this factor either way is neither won nor lost
CAVEAT = (
    "The best other is picked by this run's own numbers, and the smallest of several noisy numbers "
    "is on average too small: these ratios lean against {name}. Intervals are paired inside blocks, "
    "at 95 %, not adjusted for their number and blind to that choice; verdicts stand in the overall "
    "tables."
)


def own_allocator(study: Study) -> str | None:
    """The project's own allocator, or None where it did not take part."""
    return next((a.name for a in study.cast.values() if a.role == "own"), None)


def against_best(study: Study, name: str, metric: Metric) -> pd.DataFrame:
    """One row per cell: `best` (the other contestant whose paired mean is best), value and base
    (medians of `name` and of it), n blocks, ratio = `name` / best with its 95 % interval low, high.

    Above 1 is a loss, also where more is better: the ratio is then turned over. A value of zero has
    no logarithm: an other that is at zero where `name` is not gives an infinite ratio without
    interval, both at zero give 1. Cells in which `name` or all others failed are absent.
    Raises DataError when `name` is not a contestant of this run.
    """
    rivals = _rivals(study, name)
    rows = study.work[
        (study.work["metric"] == metric.name) & study.work["allocator"].isin([name, *rivals])
    ]
    estimates = PairedLogRatio()(Pairing(name)(rows))
    sign = 1.0 if metric.direction == "lower" else -1.0
    estimates = estimates.assign(cost=sign * estimates["effect"])
    by_cell = dict(list(estimates.groupby(CELL, sort=False)))
    medians = rows.groupby([*CELL, "allocator"], sort=False)["value"].median()
    levels = {cell: part.droplevel([*CELL]) for cell, part in medians.groupby(CELL, sort=False)}
    found = [_row(cell, name, by_cell.get(cell), levels.get(cell), sign) for cell in study.cells]
    columns = [*CELL, "best", "n", "value", "base", "ratio", "low", "high"]
    return pd.DataFrame([row for row in found if row], columns=columns)


def _rivals(study: Study, name: str) -> list[str]:
    """The other contestants. Raises DataError when `name` is none itself or has no others."""
    contestants = [a.name for a in study.cast.values() if a.is_contestant]
    if name not in contestants:
        raise DataError(
            f"the run has no contestant '{name}'. Cure: pick one of {', '.join(contestants)}"
        )
    return [other for other in contestants if other != name]


def _row(
    cell: Cell, name: str, estimates: pd.DataFrame | None, medians: pd.Series | None, sign: float
) -> tuple[Any, ...] | None:
    """The row of one cell; `estimates` are those of the others against `name`."""
    if medians is None or name not in medians.index or len(medians) < 2:
        return None
    mine, others = float(medians[name]), medians.drop(name)
    if sign > 0 and min(mine, others.min()) <= 0:
        ratio = 1.0 if mine <= 0 and others.min() <= 0 else np.inf if mine > 0 else 0.0
        return (*cell, others.idxmin(), 0, mine, float(others.min()), ratio, np.nan, np.nan)
    if estimates is None or estimates.empty:
        return None
    best = estimates.sort_values("cost").iloc[0]
    low, high = sorted(best[["low", "high"]] ** -sign)
    ratio = float(np.exp(-best["cost"]))
    numbers = (int(best["n"]), best["base"], best["value"], ratio, low, high)
    return (*cell, best["allocator"], *numbers)


def standing(rows: pd.DataFrame) -> dict[str, Any]:
    """How the rows of `against_best` are spread: cases, wins, close and losses (by the ratio, with
    CLOSE between them), of these the sure ones (interval without 1), geomean over the finite
    ratios, and the worst row.
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


def compared_metrics(study: Study) -> list[Metric]:
    """What an allocator is held against the best other in, as far as the run has it."""
    return [study.metrics[name] for name in METRICS if study.has(name)]


def summary_table(study: Study, name: str, metrics: list[Metric]) -> Table:
    """One row per metric: how often `name` wins, comes within 5 % and loses; mean and worst row."""
    lines, raw = [], []
    for metric in metrics:
        rows = against_best(study, name, metric)
        if rows.empty:
            continue
        counted = standing(rows)
        worst = counted.pop("worst")
        label = study.cells[tuple(worst[CELL])]
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


def rows_table(study: Study, name: str, metrics: list[Metric]) -> Table:
    """Every row behind `summary_table`."""
    parts = [(m, against_best(study, name, m)) for m in metrics]
    raw = pd.concat([rows.assign(metric=m.name) for m, rows in parts], ignore_index=True)
    raw = raw[["metric", *raw.columns[:-1]]]
    units_of = {m.name: m.unit for m in metrics}
    frame = pd.DataFrame(
        [
            [
                row.metric,
                study.cells[row.workload, row.params, row.threads],
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
            *("ratio", "95 % interval", "blocks"),
        ],
    )
    title = f"{name} / the best other, every case"
    return Table("against_best_rows", title, frame, raw, [], text_columns=3)
