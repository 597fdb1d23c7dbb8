"""The tables of one metric: ratios to the baseline in a matrix, and one row per estimate."""

from __future__ import annotations

import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.geometric_mean import summarise
from stats.estimates.verdict import MIN_REPLICATES
from stats.tables.table import LEGEND, Table, mark
from stats.tidy.metrics import NET_SUFFIX, Metric
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


def overall(analysis: Analysis, metric: Metric) -> Table:
    """Every row of one metric: ratios to the baseline with their marks, then geometric mean, worst
    row, losses.
    """
    rows = analysis.metric_table(metric.name)
    texts = [
        f"{units.ratio(r)} {mark(v, g)}".strip()
        for r, v, g in zip(rows["ratio"], rows["verdict"], rows["good"], strict=True)
    ]
    cases = pd.DataFrame(
        {
            "case": case_column(analysis, rows),
            "allocator": rows["allocator"].to_numpy(),
            "text": texts,
        }
    )
    matrix = cases.pivot(index="case", columns="allocator", values="text")
    order = [a for a in analysis.allocators if a in matrix]
    matrix = matrix.reindex(index=list(dict.fromkeys(cases["case"])), columns=order).fillna("–")
    summary = summarise(rows, metric.direction == "lower").set_index("allocator").loc[order]
    matrix.loc["geometric mean"] = [
        units.ratio(g) + (f" ({m} missing)" if m else "") + (f" ({i} left out)" if i else "")
        for g, m, i in summary[["geomean", "missing", "left_out"]].itertuples(index=False)
    ]
    matrix.loc["worst row"] = [units.ratio(w) for w in summary["worst"]]
    matrix.loc["wins : losses"] = [
        f"{w} : {n}" if analysis.allocators[a].is_contestant else ""
        for a, w, n in zip(order, summary["wins"], summary["losses"], strict=True)
    ]
    better = "less" if metric.direction == "lower" else "more"
    title = f"{metric.name}: ratio to {analysis.baseline} ({better} is better)"
    frame = matrix.reset_index(names="workload · threads")
    notes = [
        LEGEND,
        f"{metric.name}: {floor_note(analysis, metric)}",
        *value_notes(analysis, metric),
    ]
    raw = rows.drop(columns="metric")
    return Table(f"overall_{metric.name}", title, frame, raw, notes, footer=3)


def value_notes(analysis: Analysis, metric: Metric) -> list[str]:
    """Notes on this metric's values: rows with zeros, and what the records lack."""
    notes = []
    rows = analysis.metric_table(metric.name)
    if concerned := int((rows["zeros"] > 0).sum()):
        notes.append(
            f"In {concerned} of {len(rows)} rows some values are zero (or below, if net): their ratio is "
            "that of the means over all replicates, with the delta method's interval; – where a mean "
            "is below zero."
        )
    name = metric.name.removesuffix(NET_SUFFIX)
    reasons = {
        r["unavailable"][name]
        for r in analysis.run.ok()
        if name in r["metrics"] and name in (r.get("unavailable") or {})
    }
    return notes + [f"{metric.name} {reason}." for reason in sorted(reasons)]


def floor_note(analysis: Analysis, metric: Metric) -> str:
    """One sentence on the smallest effect that a verdict on `metric` may claim in this run."""
    nominal = units.percent(analysis.delta)
    replicates = analysis.aa_pairs.loc[analysis.aa_pairs["metric"] == metric.name, "n"].max()
    if replicates < MIN_REPLICATES:
        return f"{replicates:.0f} replicates are too few: a claim takes {MIN_REPLICATES}."
    floors = analysis.floors[analysis.floors.index.get_level_values("metric") == metric.name]
    if floors.empty:
        return f"delta is {nominal}; there is no A/A pair, so the noise floor is unknown."
    span = " to ".join(dict.fromkeys(units.percent(f) for f in (floors.min(), floors.max())))
    text = f"the A/A copy differs by up to {span}, depending on the case (larger interval end)"
    raised = int((floors > analysis.delta).sum())
    if raised:
        return f"{text}; in {raised} of {len(floors)} cases this noise floor raises delta above {nominal}."
    return f"{text}; delta is {nominal}."


def details(analysis: Analysis, metric: Metric) -> Table:
    """One row per case and allocator: medians, ratio, interval, p values, verdict."""
    rows = analysis.metric_table(metric.name)
    frame = pd.DataFrame(
        {
            "workload · threads": case_column(analysis, rows),
            "allocator": rows["allocator"],
            "median": [units.quantity(v, metric.unit) for v in rows["value"]],
            analysis.baseline: [units.quantity(v, metric.unit) for v in rows["base"]],
            "ratio": rows["ratio"].map(units.ratio),
            "95 % interval": [
                units.interval(*ends) for ends in zip(rows["low"], rows["high"], strict=True)
            ],
            "verdict": [
                v + (f"; {c} disagrees" if c else "")
                for v, c in zip(rows["verdict"], rows["checks"], strict=True)
            ],
            "replicates": rows["n"].astype(str),
            "p (Holm)": rows["p_adj"].map(units.p_value),
            "p Yuen": rows["p_yuen"].map(units.p_value),
            "p Wilcoxon": rows["p_wilcoxon"].map(units.p_value),
        }
    )
    title = f"{metric.name}: {metric.meaning}"
    notes = [floor_note(analysis, metric), *value_notes(analysis, metric)]
    return Table(f"details_{metric.name}", title, frame, rows, notes, text_columns=2)
