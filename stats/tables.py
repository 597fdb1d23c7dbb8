"""The tables: a Study in, text for readers out, with the raw numbers beside it for CSV."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from stats import seedstudy, units
from stats.errors import DataError
from stats.geomean import summarise
from stats.load import CELL
from stats.metrics import NET_SUFFIX, Metric
from stats.noise import differences
from stats.passes import pass_costs, sentence
from stats.study import Study
from stats.verdict import MIN_BLOCKS, SAME, TOO_FEW

MARKS = {1: "✓", -1: "✗"}
LEGEND = (
    "✓ better, ✗ worse: adjusted p below 0.05, 95 % interval without 1, effect beyond delta; "
    f"= same within delta; ? inconclusive; · no verdict under {MIN_BLOCKS} blocks; "
    "unmarked: not judged (the A/A copy, limits)"
)


@dataclass(frozen=True)
class Table:
    """`frame` is all text, ready to print; `raw` holds the numbers (the same as `frame` where it
    has none).
    """

    name: str
    title: str
    frame: pd.DataFrame
    raw: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    text_columns: int = 1  # so many columns from the left are aligned to the left
    footer: int = 0  # so many rows at the end are summaries and stay there when the table is sorted


def mark(verdict: str, good: int) -> str:
    """The sign of a verdict in a matrix."""
    if good:
        return MARKS[good]
    return {SAME: "=", TOO_FEW: "·", "inconclusive": "?"}.get(verdict, "")


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


def _cell_column(study: Study, rows: pd.DataFrame) -> list[str]:
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
            "cell": _cell_column(study, rows),
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
            "workload · threads": _cell_column(study, rows),
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


def status(study: Study) -> Table:
    """Every process that did not end well, which no estimate contains; one row per cell, allocator,
    pass and reason.
    """
    bad = [r for r in study.run.records if r["status"] != "ok"]
    columns = ["status", "allocator", "workload", "params", "threads", "pass", "why"]
    raw = pd.DataFrame(
        [
            [
                r["status"],
                r["allocator"],
                r["workload"],
                r["params"],
                r["threads"],
                r["pass"],
                r.get("why", ""),
            ]
            for r in bad
        ],
        columns=columns,
    )
    raw = raw.groupby(columns, sort=False).size().rename("processes").reset_index()
    shown = ["status", "allocator", "workload", "pass", "why", "threads", "processes"]
    frame = raw[shown].astype(str)
    total = len(study.run.records)
    note = f"{total - len(bad)} of {total} processes ended well; the others are in no estimate."
    return Table("status", "Processes that did not end well", frame, raw, [note], text_columns=5)


def noise(study: Study) -> Table:
    """The A/A cells: one library under two names."""
    place = {metric.name: i for i, metric in enumerate(study.metrics)}
    rows = study.in_order(differences(study.twins, study.delta))
    rows = rows.sort_values("metric", key=lambda names: names.map(place), kind="stable")
    frame = pd.DataFrame(
        {
            "metric": rows["metric"],
            "workload · threads": _cell_column(study, rows),
            "copy": rows["allocator"],
            "blocks": rows["n"].astype(str),
            "ratio": rows["ratio"].map(units.ratio3),
            "95 % interval": [
                units.interval(low, high, units.ratio3)
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "p": rows["p"].map(units.p_value),
            "difference seen": ["yes" if seen else "no" for seen in rows["differs"]],
        }
    )
    return Table("noise", "A/A: one library under two names", frame, rows, [], text_columns=3)


def passes(study: Study) -> Table:
    """How much each instrument slowed the run."""
    raw = pass_costs(study.run.records)
    frame = pd.DataFrame({"what each pass cost": [sentence(row) for _, row in raw.iterrows()]})
    return Table("passes", "What the instruments cost", frame, raw)


def seed(study: Study) -> Table:
    """The seed study's numbers beside what it left out (docs/seed-study.md)."""
    raw = study.in_order(
        seedstudy.seed_table(study.table[study.table["workload"].isin({c[0] for c in study.cells})])
    )
    frame = pd.DataFrame({"workload · threads": _cell_column(study, raw)})
    frame["allocator"] = raw["allocator"].to_numpy()
    for column in seedstudy.COLUMNS:
        unit = "s" if column == "kernel_s_per_malloc" else "ratio"
        frame[column] = [units.quantity(v, unit) for v in raw[column]]
    notes = [
        f"{', '.join(seedstudy.STUDY)} are the seed study's measures; the columns after them are "
        "what it left out (docs/seed-study.md)."
    ]
    return Table("seed_study", "The seed study's numbers", frame, raw, notes, text_columns=2)


def seed_or_fail(study: Study) -> Table:
    """`seed`, or DataError where the run holds nothing that it can be made of."""
    table = seed(study)
    if table.frame.empty:
        raise DataError(
            "the run has no syscalls pass of a workload that counts its mallocs. "
            "Cure: run ./harness.sh mind"
        )
    return table


def file_name(label: str) -> str:
    """A label as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")


def all_tables(study: Study) -> list[Table]:
    """Everything that a report writes to tables/ about the whole run."""
    shown = [
        m
        for m in study.metrics
        if m.headline and study.has(m.name) and len(study.metric_table(m.name))
    ]
    made = [overall(study, m) for m in shown] + [details(study, m) for m in shown]
    made += [seed(study), noise(study), passes(study), status(study)]
    return [table for table in made if len(table.frame) or table.name == "status"]
