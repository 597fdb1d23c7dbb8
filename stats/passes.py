"""What each instrument costs: the wall time of a pass beside that of the time pass, which has
nothing attached.
"""

from __future__ import annotations

import pandas as pd

from stats.load import CELL
from stats.net import EMPTY

UNDISTURBED = "time"


def pass_costs(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per pass: processes, and slowdown_median, slowdown_min, slowdown_max against the time
    pass.

    A slowdown is the ratio of median wall times of one allocator in one cell; the three numbers are
    over all of these. A pass that does other work than the time pass (an override) is compared by
    wall time per operation.
    """
    rows = tidy[(tidy["workload"] != EMPTY) & tidy["metric"].isin(["wall_s", "ops"])]
    index = [*CELL, "allocator", "pass"]
    wide = rows.pivot_table(index=index, columns="metric", values="value", aggfunc="median")
    if "wall_s" not in wide:
        return pd.DataFrame()
    work = wide["ops"].where(wide["ops"] > 0, 1).fillna(1) if "ops" in wide else 1
    per_operation = (wide["wall_s"] / work).unstack("pass")
    if UNDISTURBED not in per_operation:
        return pd.DataFrame()
    slowdown = per_operation.div(per_operation[UNDISTURBED], axis=0)
    table = slowdown.agg(["median", "min", "max"]).T.add_prefix("slowdown_")
    table.insert(0, "processes", rows[rows["metric"] == "wall_s"].groupby("pass")["run"].nunique())
    return table.reset_index(names="pass")


def sentence(row: pd.Series) -> str:
    """One line of `pass_costs` in words."""
    if row["pass"] == UNDISTURBED:
        return f"time: {row['processes']:.0f} processes with nothing attached; the others are measured against it."
    spread = f"{row['slowdown_min']:.2f} to {row['slowdown_max']:.2f}"
    return (
        f"{row['pass']}: {row['processes']:.0f} processes, {_change(row['slowdown_median'])} in the "
        f"median cell ({spread} times the wall time per operation)."
    )


def _change(factor: float) -> str:
    if factor >= 2:
        return f"{factor:.1f} times slower"
    return f"{abs(factor - 1):.1%} {'slower' if factor >= 1 else 'faster'}"
