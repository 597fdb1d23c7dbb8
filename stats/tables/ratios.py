"""The tables of one metric: ratios to the baseline in a matrix, and one row per estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS, NOT_COMPARED
from stats.frames import each
from stats.tables.brackets import columns, note
from stats.tables.table import Table, legend, mark
from stats.tidy.metrics import NET_SUFFIX, Metric
from stats.tidy.reasons import merged
from stats.tidy.run import CASE


def measured(analysis: Analysis, name: str) -> Metric:
    """The metric `name`, if this run compares it. Raises DataError naming the metrics that it does."""
    metric = analysis.metrics[name]
    if not len(analysis.metric_table(name)):
        present = ", ".join(dict.fromkeys(analysis.estimates["metric"]))
        if not present:
            raise DataError(
                f"the run compares nothing with {analysis.baseline}; "
                "help: measure a second allocator, or see in the report which processes failed"
            )
        raise DataError(f"the run has no comparison of '{name}'; help: pick one of {present}")
    return metric


def headline_metrics(analysis: Analysis) -> list[Metric]:
    """The metrics whose tables open the report, those that this run compares."""
    return [m for m in analysis.metrics.headline() if len(analysis.metric_table(m.name))]


def case_column(analysis: Analysis, rows: pd.DataFrame) -> list[str]:
    return [analysis.cases[case] for case in rows[CASE].itertuples(index=False, name=None)]


def ratio_text(analysis: Analysis, row: Any) -> str:
    """A ratio with the mark of its verdict; with too few pairs the value in its place."""
    if row.n < MIN_PAIRS:
        sign = mark(NOT_COMPARED) if row.verdict == NOT_COMPARED else ""
        return f"{analysis.text(row.metric, row.value)} {sign}".strip()
    return f"{units.ratio(row.ratio)} {mark(row.verdict)}".strip()


def overall(analysis: Analysis, metric: Metric) -> Table:
    """Every row of one metric: ratios to the baseline with their marks, then the headlines. Where
    nothing has enough pairs, the values of all allocators.
    """
    rows = analysis.metric_table(metric.name)
    compared = bool((rows["n"] >= MIN_PAIRS).any())
    cells = pd.DataFrame(
        {
            "case": case_column(analysis, rows),
            "allocator": rows["allocator"].to_numpy(),
            "text": [ratio_text(analysis, row) for row in each(rows)],
        }
    )
    if not compared:
        cells = pd.concat([cells, _values_of_baseline(analysis, rows, metric)])
    matrix = cells.pivot(index="case", columns="allocator", values="text")
    order = [a for a in analysis.allocators if a in matrix]
    matrix = matrix.reindex(index=list(dict.fromkeys(cells["case"])), columns=order).fillna("–")
    footer = _headline_rows(analysis, metric) if compared else pd.DataFrame()
    frame = pd.concat([matrix, footer.reindex(columns=order)]).reset_index(
        names="workload · threads"
    )
    better = "less" if metric.direction == "lower" else "more"
    what = f"ratio to {analysis.baseline}" if compared else "values"
    title = f"{metric.name}: {what} ({better} is better)"
    notes = [
        legend(analysis.limits),
        f"{metric.name}: {power_note(analysis, metric)}",
        pairs_note(rows),
        *value_notes(analysis, metric),
    ]
    raw = rows.drop(columns="metric")
    return Table(f"overall_{metric.name}", title, frame, raw, notes, footer=len(footer))


def pairs_note(rows: pd.DataFrame) -> str:
    """How many pairs stand behind the ratios; where they differ, how many rows have fewer."""
    numbers = rows["n"].astype(int)
    most = int(numbers.max()) if len(numbers) else 0
    fewer = int((numbers < most).sum())
    less = f", in {fewer} of {len(numbers)} rows {units.span(numbers[numbers < most])}"
    return f"Pairs in a row: {most}{less if fewer else ''}. Intervals: 95 %."


def _values_of_baseline(analysis: Analysis, rows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The baseline's column in a table of values."""
    first = rows.drop_duplicates(CASE)
    texts = [f"{analysis.text(metric.name, v)} {mark(NOT_COMPARED)}" for v in first["base"]]
    cases = case_column(analysis, first)
    return pd.DataFrame({"case": cases, "allocator": analysis.baseline, "text": texts})


def _headline_rows(analysis: Analysis, metric: Metric) -> pd.DataFrame:
    """The rows under the ratios, one column per allocator."""
    columns = {
        row.allocator: _headline_column(row, analysis.allocators[row.allocator].is_contestant)
        for row in each(analysis.headline_table(metric.name))
    }
    return pd.DataFrame(columns)


def _headline_column(row: Any, is_contestant: bool) -> dict[str, str]:
    lacking = [(row.missing, "missing"), (row.left_out, "left out")]
    counts = [row.ahead, row.equivalent, row.behind, row.undecided]
    return {
        "geometric mean": " ".join(filter(None, [units.ratio(row.ratio), mark(row.verdict)]))
        + "".join(f" ({count} {word})" for count, word in lacking if count),
        "over replicates": units.interval(row.low, row.high),
        "over workloads": units.interval(row.workload_low, row.workload_high),
        "without one workload": _range(row.without_low, row.without_high),
        "worst row": units.ratio(row.worst),
        "ahead : equivalent : behind : undecided": (
            " : ".join(f"{count:.0f}" for count in counts) if is_contestant else ""
        ),
    }


def _range(low: float, high: float) -> str:
    return "–" if np.isnan(low) else f"{units.ratio(low)} to {units.ratio(high)}"


def value_notes(analysis: Analysis, metric: Metric) -> list[str]:
    """Notes on this metric's values: rows that are ratios of means, and what the records lack."""
    notes = note(analysis, metric.name)
    rows = analysis.metric_table(metric.name)
    rows = rows[rows["n"] >= MIN_PAIRS]
    if concerned := int(rows["of_means"].sum()):
        notes.append(
            f"In {concerned} of {len(rows)} rows values are zero (or below, if net) or mostly equal: "
            "their ratio is that of the means over all pairs; – where a mean is below zero."
        )
    outside = (rows["untrimmed"] < rows["low"]) | (rows["untrimmed"] > rows["high"])
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.abs(np.log(rows["untrimmed"] / rows["ratio"]))
    apart = between > np.log1p(analysis.limits.delta)
    if tails := int((outside & apart).sum()):
        notes.append(
            f"In {tails} of {len(rows)} rows the untrimmed ratio lies outside the interval: some "
            "processes differ much from the typical one."
        )
    if metric.is_single_time and analysis.clock_step_ns:
        step = units.quantity(analysis.clock_step_ns, "ns")
        notes.append(
            f"The clock moves in steps of {step}, and so do these values and their ratios; the medians "
            "over batches (malloc_ns_batch_p50, free_ns_batch_p50) resolve less."
        )
    name = metric.name.removesuffix(NET_SUFFIX)
    reasons = {
        r["unavailable"][name]
        for r in analysis.run.ok()
        if name in r["metrics"] and name in (r.get("unavailable") or {})
    }
    return [
        *notes,
        *(f"{metric.name} {reason}." for reason in sorted(reasons)),
        *missing_notes(analysis, metric.name),
    ]


def missing_notes(analysis: Analysis, metric: str) -> list[str]:
    """Why processes that ended well have no value of the metric, which a table shows as – or leaves out."""
    name = metric.removesuffix(NET_SUFFIX)
    reasons = [
        r["unavailable"][name]
        for r in analysis.run.ok()
        if name not in r["metrics"] and name in (r.get("unavailable") or {})
    ]
    told = "; ".join(merged(reasons))
    return [f"Without {metric}: {len(reasons)} processes ({told})."] if reasons else []


def power_note(analysis: Analysis, metric: Metric) -> str:
    """One sentence on the effects that this run could find in `metric`."""
    rows = analysis.contestants(analysis.metric_table(metric.name))
    if rows.empty:
        return f"no contestant is compared with {analysis.baseline}."
    most = int(rows["n"].max())
    if most < MIN_PAIRS:
        return (
            f"not compared, since that takes {MIN_PAIRS} pairs of processes, and there are {most}."
        )
    low, middle, high = rows["detectable"].quantile([0.25, 0.5, 0.75])
    return (
        f"the smallest effect found with power 0.8 is {units.percent(middle)} in the median row "
        f"(quartiles {units.percent(low)} and {units.percent(high)})."
    )


def details(analysis: Analysis, metric: Metric) -> Table:
    """One row per case and allocator: values, ratio, interval, verdict, p values."""
    rows = analysis.metric_table(metric.name)
    compared = (rows["n"] >= MIN_PAIRS).to_numpy()
    intervals = zip(rows["low"], rows["high"], strict=True)
    shown = {
        "workload · threads": case_column(analysis, rows),
        "allocator": rows["allocator"],
        "value": [analysis.text(metric.name, v) for v in rows["value"]],
        analysis.baseline: [analysis.text(metric.name, v) for v in rows["base"]],
        **columns(analysis, metric.name, rows),
        "ratio": _only(compared, rows["ratio"].map(units.ratio)),
        "95 % interval": _only(compared, [units.interval(*ends) for ends in intervals]),
        "verdict": [
            v + (f"; {c} disagrees" if c else "")
            for v, c in zip(rows["verdict"], rows["checks"], strict=True)
        ],
        "detectable": rows["detectable"].map(units.percent),
        "pairs": rows["n"].astype(str),
        "p (BH)": rows["p_adj"].map(units.p_value),
        "p equivalent": rows["p_same"].map(units.p_value),
        "p untrimmed t": _only(compared, rows["p_mean"].map(units.p_value)),
        "p Wilcoxon": _only(compared, rows["p_wilcoxon"].map(units.p_value)),
    }
    if "adjusted" in rows and rows["adjusted"].notna().any():
        shown |= _without_driver(rows)
    title = f"{metric.name}: {metric.meaning}"
    notes = [power_note(analysis, metric), pairs_note(rows), *value_notes(analysis, metric)]
    return Table(f"details_{metric.name}", title, pd.DataFrame(shown), rows, notes, text_columns=2)


def _without_driver(rows: pd.DataFrame) -> dict[str, Any]:
    ends = zip(rows["adjusted_low"], rows["adjusted_high"], strict=True)
    return {
        "without driver": rows["adjusted"].map(units.ratio),
        "its interval": [units.interval(*pair) for pair in ends],
        "driver’s share": rows["driver_share"].map(units.percent),
    }


def _only(chosen: np.ndarray, texts: Any) -> list[str]:
    return [text if one else "–" for one, text in zip(chosen, texts, strict=True)]
