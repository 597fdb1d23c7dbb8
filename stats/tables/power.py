"""What a run like this one would find with other numbers of replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.power import MOST, detectable_with, replicates_needed
from stats.estimates.verdict import MIN_PAIRS, POWER
from stats.tables.table import Table

REPLICATES = (15, 20, 30, 40, 60, 80, 120, 200)
SHARES = (0.5, 0.8)  # of the rows, in the sentences under the table


def power_table(analysis: Analysis, metric: str, size: float) -> Table:
    """Quartiles over rows of the detectable effect by number of replicates, and the replicates that a
    difference of `size` needs. Raises DataError where no row is compared.
    """
    rows = analysis.contestants(analysis.metric_table(metric))
    rows = rows[(rows["n"] >= MIN_PAIRS) & (rows["error"] > 0)]
    if rows.empty:
        raise DataError(
            f"the run has no rows of {metric} with {MIN_PAIRS} pairs; help: name another metric"
        )
    heads = analysis.contestants(analysis.headline_table(metric))
    lines, raw = [], []
    for replicates in REPLICATES:
        found = detectable_with(rows, replicates, analysis.limits)
        quartiles = np.quantile(found, [0.25, 0.5, 0.75])
        headline = float(np.median(detectable_with(heads, replicates, analysis.limits)))
        within = float(np.mean(found <= size))
        numbers = [*quartiles, headline]
        lines.append([str(replicates), *map(units.percent, numbers), units.percent(within)])
        raw.append([replicates, *numbers, within])
    head = ["replicates", "first quartile", "median row", "third quartile", "median headline"]
    head += [f"rows that find {units.percent(size)}"]
    needed = [(share, replicates_needed(rows, size, share, analysis.limits)) for share in SHARES]
    notes = [
        f"Smallest difference found with power {POWER:g}, from the noise of {len(rows)} rows.",
        *(
            f"To find {units.percent(size)} in {share:.0%} of the rows takes ".replace(
                "%", " %"
            ).replace("  %", " %")
            + (
                f"{count:.0f} replicates."
                if np.isfinite(count)
                else f"more than {MOST} replicates."
            )
            for share, count in needed
        ),
    ]
    title = f"{metric}: detectable difference by number of replicates"
    frames = pd.DataFrame(lines, columns=head), pd.DataFrame(raw, columns=head)
    return Table(f"power_{metric}", title, *frames, notes)
