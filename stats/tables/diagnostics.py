"""The tables that say how far a run can be trusted: failures, noise, the cost of instruments."""

from __future__ import annotations

import pandas as pd

from stats import units
from stats.estimates.analysis import Study
from stats.estimates.noise_floor import differences
from stats.estimates.pass_costs import pass_costs, sentence
from stats.tables.ratios import case_column
from stats.tables.table import Table


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
            "workload · threads": case_column(study, rows),
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
