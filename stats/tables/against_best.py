"""One allocator against the best of the others, case by case.

This shows what a program loses with one allocator in place of the best one for its work. How that
is tested without picking the best by the same data is explained in estimates/best_other.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.best_other import against_others, geometric_mean_to_pick
from stats.estimates.verdict import AHEAD, BEHIND, EQUIVALENT, MIN_PAIRS, UNDECIDED, Limits
from stats.frames import each
from stats.tables.table import Table
from stats.tidy.labels import Case
from stats.tidy.metrics import Metric
from stats.tidy.run import CASE

METRICS = (
    "wall_s",
    "cpu_s",
    "footprint_peak_bytes",
    "kernel_memory_calls",
    "minor_faults",
    "malloc_ns_p99.9",
    "request_ns_p99.9",
)


def _notes(limits: Limits) -> list[str]:
    return [
        f"Ratios above 1 are losses. Ahead: by more than {limits.delta_text} ahead of every other "
        f"contestant. Behind: as much behind at least one. Equivalent: surely less than "
        f"{limits.margin_text} behind or ahead of the best. Fewer than {MIN_PAIRS} pairs: not compared.",
        "No verdict and no interval (95 %) rests on which other looks best in this run. A geometric mean "
        "is over the compared cases, with the best other picked in one half of the replicates and "
        "compared in the other.",
    ]


def own_allocator(analysis: Analysis) -> str | None:
    """The project's own allocator, or None where it did not take part."""
    return next((a.name for a in analysis.allocators.values() if a.role == "own"), None)


def against_best(analysis: Analysis, name: str, metric: Metric) -> pd.DataFrame:
    """The table of `against_others` in the order of cases: `name` against all other contestants.

    Raises DataError when `name` is not a contestant of this run.
    """
    others = _others(analysis, name)
    found = against_others(analysis.compared, name, others, metric, analysis.limits)
    place = {case: i for i, case in enumerate(analysis.cases)}
    order = [place[case] for case in found[CASE].itertuples(index=False, name=None)]
    return found.iloc[np.argsort(order)]


def _others(analysis: Analysis, name: str) -> list[str]:
    """The other contestants. Raises DataError when `name` is not a contestant."""
    contestants = [a.name for a in analysis.allocators.values() if a.is_contestant]
    if name not in contestants:
        raise DataError(
            f"the run has no contestant '{name}'; help: pick one of {', '.join(contestants)}"
        )
    return [other for other in contestants if other != name]


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """How many of the rows of `against_best` are compared, and how many have each verdict."""
    found = {"cases": int((rows["others"] > 0).sum())}
    words = (AHEAD, EQUIVALENT, BEHIND, UNDECIDED)
    return found | {word: int((rows["verdict"] == word).sum()) for word in words}


def compared_metrics(analysis: Analysis) -> list[Metric]:
    """The metrics of this comparison that the run has."""
    return [analysis.metrics[name] for name in METRICS if analysis.has(name)]


def summary_table(analysis: Analysis, name: str, metrics: list[Metric]) -> Table:
    """One row per metric: counts of verdicts, geometric mean, worst row."""
    lines, raw = [], []
    pairs = []
    others = _others(analysis, name)
    for metric in metrics:
        rows = against_best(analysis, name, metric)
        if rows.empty:
            continue
        counted = counts(rows)
        mean = geometric_mean_to_pick(analysis.compared, name, others, metric)
        pairs.append(f"{metric.name} {units.span(rows['n'].astype(int))}")
        texts = list(map(str, counted.values()))
        texts[0] += f" of {len(rows)}"
        lines.append([metric.name, *texts, *_headline(analysis, rows, mean)])
        ends = dict(zip(("geomean", "low", "high"), mean, strict=True))
        raw.append({"metric": metric.name, **counted, **ends})
    head = ["metric", "compared cases", AHEAD, EQUIVALENT, BEHIND, UNDECIDED]
    head += ["geometric mean", "95 % interval", "worst row"]
    title = f"{name} / the best other of each case"
    frame = pd.DataFrame(lines, columns=head)
    pairs = [f"Pairs in a case: {', '.join(pairs)}."] if pairs else []
    return Table(
        "against_best", title, frame, pd.DataFrame(raw), [*_notes(analysis.limits), *pairs]
    )


def _headline(
    analysis: Analysis, rows: pd.DataFrame, mean: tuple[float, float, float]
) -> list[str]:
    compared = rows[rows["others"] > 0]
    if compared.empty:
        pairs = int(rows["n"].max())
        return ["–", "–", f"not compared: {pairs} pair{'' if pairs == 1 else 's'}"]
    worst = compared.iloc[int(compared["ratio"].argmax())]
    case: Case = tuple(worst[CASE])
    ends = units.interval(worst["low"], worst["high"])
    text = f"{units.ratio(worst['ratio'])} {ends} {analysis.cases[case]}, {worst['best']}"
    return [units.ratio(mean[0]), units.interval(*mean[1:]), text]


def rows_table(analysis: Analysis, name: str, metrics: list[Metric]) -> Table:
    """Every row behind `summary_table`."""
    parts = [(m, against_best(analysis, name, m)) for m in metrics]
    raw = pd.concat([rows.assign(metric=m.name) for m, rows in parts], ignore_index=True)
    raw = raw[["metric", *raw.columns[:-1]]]
    frame = pd.DataFrame(
        [_row(analysis, row) for row in each(raw)],
        columns=[
            *("metric", "workload · threads", "looks best", name, "the other’s"),
            *("ratio", "95 % interval", "verdict", "pairs"),
        ],
    )
    title = f"{name} / the best other, every case"
    return Table("against_best_rows", title, frame, raw, [], text_columns=3)


def _row(analysis: Analysis, row: Any) -> list[str]:
    return [
        row.metric,
        analysis.cases[row.workload, row.params, row.threads],
        row.best,
        analysis.text(row.metric, row.value),
        analysis.text(row.metric, row.base),
        units.ratio(row.ratio) if row.n >= MIN_PAIRS else "–",
        units.interval(row.low, row.high) if row.n >= MIN_PAIRS else "–",
        row.verdict,
        str(row.n),
    ]
