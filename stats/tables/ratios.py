"""The tables of one metric: ratios to the baseline in a matrix, and one row per estimate."""

from __future__ import annotations

import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Study
from stats.estimates.geometric_mean import summarise
from stats.estimates.verdict import MIN_BLOCKS
from stats.load import CELL
from stats.tables.table import LEGEND, Table, mark
from stats.tidy.metrics import NET_SUFFIX, Metric


def measured(study: Study, name: str) -> Metric:
    """The metric `name`, if this run can compare it. Raises DataError naming what can be compared
    instead.
    """
    metric = study.metrics[name]
    if not len(study.metric_table(name)):
        present = ", ".join(dict.fromkeys(study.judged["metric"]))
        if not present:
            raise DataError(
                f"the run compares nothing with {study.baseline}. "
                "Cure: measure a second allocator, or see in its report which processes failed"
            )
        raise DataError(f"the run has no comparison of '{name}'. Cure: pick one of {present}")
    return metric


def headline_metrics(study: Study) -> list[Metric]:
    """The metrics whose tables open the report, those of them that this run compares."""
    return [m for m in study.metrics.headline() if len(study.metric_table(m.name))]


def case_column(study: Study, rows: pd.DataFrame) -> list[str]:
    return [study.cells[cell] for cell in rows[CELL].itertuples(index=False, name=None)]


def overall(study: Study, metric: Metric) -> Table:
    """Every row of one metric: ratios to the baseline with their marks, then geometric mean, worst
    row, losses.
    """
    rows = study.metric_table(metric.name)
    texts = [
        f"{units.ratio(r)} {mark(v, g)}".strip()
        for r, v, g in zip(rows["ratio"], rows["verdict"], rows["good"], strict=True)
    ]
    cells = pd.DataFrame(
        {
            "cell": case_column(study, rows),
            "allocator": rows["allocator"].to_numpy(),
            "text": texts,
        }
    )
    matrix = cells.pivot(index="cell", columns="allocator", values="text")
    order = [a for a in study.cast if a in matrix]
    matrix = matrix.reindex(index=list(dict.fromkeys(cells["cell"])), columns=order).fillna("–")
    summary = summarise(rows, metric.direction == "lower").set_index("allocator").loc[order]
    matrix.loc["geometric mean"] = [
        units.ratio(g) + (f" ({m} missing)" if m else "") + (f" ({i} left out)" if i else "")
        for g, m, i in summary[["geomean", "missing", "left_out"]].itertuples(index=False)
    ]
    matrix.loc["worst row"] = [units.ratio(w) for w in summary["worst"]]
    matrix.loc["wins : losses"] = [
        f"{w} : {n}" if study.cast[a].is_contestant else ""
        for a, w, n in zip(order, summary["wins"], summary["losses"], strict=True)
    ]
    better = "less" if metric.direction == "lower" else "more"
    title = f"{metric.name}: ratio to {study.baseline} ({better} is better)"
    frame = matrix.reset_index(names="workload · threads")
    notes = [LEGEND, f"{metric.name}: {floor_note(study, metric)}", *value_notes(study, metric)]
    raw = rows.drop(columns="metric")
    return Table(f"overall_{metric.name}", title, frame, raw, notes, footer=3)


def value_notes(study: Study, metric: Metric) -> list[str]:
    """What a reader of this metric's values must know: what records lack, one sentence each."""
    notes = []
    rows = study.metric_table(metric.name)
    if concerned := int((rows["zeros"] > 0).sum()):
        notes.append(
            f"In {concerned} of {len(rows)} rows some values are zero (or, net, below): their ratio "
            "is that of the means over all blocks, with the delta method's interval; "
            "– where a mean is below zero."
        )
    name = metric.name.removesuffix(NET_SUFFIX)
    reasons = {
        r["unavailable"][name]
        for r in study.run.ok()
        if name in r["metrics"] and name in (r.get("unavailable") or {})
    }
    return notes + [f"{metric.name} {reason}." for reason in sorted(reasons)]


def floor_note(study: Study, metric: Metric) -> str:
    """One sentence on the smallest effect that this run may claim in `metric`."""
    nominal = units.percent(study.delta)
    blocks = study.twins.loc[study.twins["metric"] == metric.name, "n"].max()
    if blocks < MIN_BLOCKS:
        return f"too few blocks ({blocks:.0f}): a claim about {metric.name} takes {MIN_BLOCKS}."
    floors = study.floors[study.floors.index.get_level_values("metric") == metric.name]
    if floors.empty:
        return f"delta is {nominal}; without an A/A cell the noise floor is unknown."
    span = " to ".join(dict.fromkeys(units.percent(f) for f in (floors.min(), floors.max())))
    text = f"the A/A copy differs by up to {span}, by the case (larger end of its interval)"
    raised = int((floors > study.delta).sum())
    if raised:
        return (
            f"{text}: in {raised} of {len(floors)} this noise floor raises delta above {nominal}."
        )
    return f"{text}; delta is {nominal}."


def details(study: Study, metric: Metric) -> Table:
    """One row per cell and allocator: medians, ratio, interval, p values, verdict."""
    rows = study.metric_table(metric.name)
    frame = pd.DataFrame(
        {
            "workload · threads": case_column(study, rows),
            "allocator": rows["allocator"],
            "median": [units.quantity(v, metric.unit) for v in rows["value"]],
            study.baseline: [units.quantity(v, metric.unit) for v in rows["base"]],
            "ratio": rows["ratio"].map(units.ratio),
            "95 % interval": [
                units.interval(*ends) for ends in zip(rows["low"], rows["high"], strict=True)
            ],
            "verdict": [
                v + (f"; {c} disagrees" if c else "")
                for v, c in zip(rows["verdict"], rows["checks"], strict=True)
            ],
            "blocks": rows["n"].astype(str),
            "p (Holm)": rows["p_adj"].map(units.p_value),
            "p Yuen": rows["p_yuen"].map(units.p_value),
            "p Wilcoxon": rows["p_wilcoxon"].map(units.p_value),
        }
    )
    title = f"{metric.name}: {metric.meaning}"
    notes = [floor_note(study, metric), *value_notes(study, metric)]
    return Table(f"details_{metric.name}", title, frame, rows, notes, text_columns=2)
