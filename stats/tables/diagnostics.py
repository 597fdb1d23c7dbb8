"""The tables about the measurement itself: failed processes, noise, the cost of the passes."""

from __future__ import annotations

import pandas as pd

from records.record import case_of
from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.checks import DOUBT
from stats.estimates.pass_costs import pass_costs, sentence
from stats.estimates.verdict import MIN_PAIRS
from stats.tables.ratios import case_column
from stats.tables.table import Table


def status(analysis: Analysis) -> Table:
    """The processes with a status other than ok, which enter no estimate; one row per cell, pass and
    reason.
    """
    bad = [r for r in analysis.run.records if r["status"] != "ok"]
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
    total = len(analysis.run.records)
    note = f"{total - len(bad)} of {total} processes are ok; the others enter no estimate."
    return Table("status", "Failed processes", frame, raw, [note], text_columns=5)


def disturbed(analysis: Analysis) -> Table:
    """The replicates that were measured again by the run's rule; their first records enter no
    estimate. One row per replicate of a case.
    """
    columns = ["case", "pass", "replicate", "why"]
    rows = [
        [analysis.cases.get(case_of(r), r["workload"]), r["pass"], r["block"], r["disturbed"]]
        for r in analysis.run.disturbed
    ]
    raw = pd.DataFrame(rows, columns=columns)
    raw = raw.groupby(columns, sort=False).size().rename("processes").reset_index()
    kept = analysis.run.manifest.get("kept_disturbed")
    notes = [f"{kept} replicates were disturbed again and count."] if kept else []
    title = "Disturbed replicates, measured again"
    return Table("disturbed", title, raw.astype(str), raw, notes, text_columns=2)


def selftest(analysis: Analysis) -> Table:
    """The judgements on the A/A copy and on the positive control."""
    raw = pd.DataFrame([vars(finding) for finding in analysis.findings], columns=_FINDING)
    frame = raw[_FINDING[:5]].rename(columns={"text": "why"})
    return Table("selftest", "Self-test", frame, raw, text_columns=5)


_FINDING = ["kind", "allocator", "metric", "outcome", "text", "is_alarm"]


_NOISE_NOTES = [f"Fewer than {MIN_PAIRS} pairs: no ratio, which the CSV file holds with its pairs."]


def noise(analysis: Analysis) -> Table:
    """The A/A pairs, one library under two names, and the positive control."""
    place = {metric.name: i for i, metric in enumerate(analysis.metrics)}
    both = pd.concat([analysis.copies.rows, analysis.controls.rows], ignore_index=True)
    rows = analysis.in_order(both)
    rows = rows.sort_values("metric", key=lambda names: names.map(place), kind="stable")
    enough = rows["n"] >= MIN_PAIRS
    frame = pd.DataFrame(
        {
            "metric": rows["metric"],
            "workload · threads": case_column(analysis, rows),
            "allocator": rows["allocator"],
            "pairs": rows["n"].astype(str),
            "ratio": rows["ratio"].map(units.ratio3).where(enough, "–"),
            "95 % interval": [
                units.interval(low, high, units.ratio3) if compared else "–"
                for low, high, compared in zip(rows["low"], rows["high"], enough, strict=True)
            ],
            "p": rows["p"].map(units.p_value).where(enough, "–"),
            f"p below {DOUBT:g}": [
                ("yes" if p < DOUBT else "no") if compared else "–"
                for p, compared in zip(rows["p"], enough, strict=True)
            ],
            "verdict": rows["verdict"],
        }
    )
    return Table("noise", "A/A and positive control", frame, rows, _NOISE_NOTES, text_columns=3)


def passes(analysis: Analysis) -> Table:
    """How much each pass slowed the measured programs."""
    raw = pass_costs(analysis.run.records)
    frame = pd.DataFrame({"cost of each pass": [sentence(row) for _, row in raw.iterrows()]})
    return Table("passes", "Cost of the passes", frame, raw)
