"""A table: text for readers with the raw numbers beside it, and the marks of verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from stats.estimates.verdict import MIN_BLOCKS, SAME, TOO_FEW

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


def file_name(label: str) -> str:
    """A label as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")
