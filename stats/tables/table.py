"""A table: text for readers with the raw numbers beside it, and the marks of verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from stats.estimates.verdict import MIN_REPLICATES, SAME, TOO_FEW

MARKS = {1: "✓", -1: "✗"}
LEGEND = (
    "✓ better, ✗ worse: adjusted p below 0.05, 95 % interval excludes 1, effect larger than delta; "
    f"= same within delta; ? inconclusive; · fewer than {MIN_REPLICATES} replicates; "
    "unmarked: no verdict is made (reference allocators, the A/A copy)"
)


@dataclass(frozen=True)
class Table:
    """`frame` holds text to print, `raw` the numbers behind it (`frame` again where there are none)."""

    name: str
    title: str
    frame: pd.DataFrame
    raw: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    text_columns: int = 1  # columns from the left that are aligned to the left
    footer: int = 0  # rows at the end that are summaries and stay there when the table is sorted


def mark(verdict: str, good: int) -> str:
    """The sign of a verdict in a table of ratios."""
    if good:
        return MARKS[good]
    return {SAME: "=", TOO_FEW: "·", "inconclusive": "?"}.get(verdict, "")


def file_name(label: str) -> str:
    """A label as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")
