"""A table: text for readers with the raw numbers beside it, and the marks of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pandas as pd

from stats.estimates.verdict import (
    AHEAD,
    BEHIND,
    EQUIVALENT,
    MIN_PAIRS,
    NOT_COMPARED,
    UNDECIDED,
    Limits,
)

MARKS = {AHEAD: "✓", BEHIND: "✗", EQUIVALENT: "=", UNDECIDED: "?", NOT_COMPARED: "·"}


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


def with_marks(table: Table, marks: Iterable[str]) -> Table:
    """The table with the marks of its run as the first notes."""
    return replace(table, notes=[*marks, *table.notes])


def mark(verdict: str) -> str:
    """The sign of a verdict in a table of ratios; empty for what gets no verdict."""
    return MARKS.get(verdict, "")


def legend(limits: Limits) -> str:
    """What the signs mean, with the limits of this run."""
    return (
        f"✓ ahead, ✗ behind: surely different, by an estimate above {limits.delta_text}; "
        f"= equivalent: surely less than {limits.margin_text} apart; ? undecided; "
        f"· not compared: fewer than {MIN_PAIRS} pairs, the value is shown in place of a ratio; "
        "unmarked: no verdict is made (reference allocators, the A/A copy)"
    )


def file_name(label: str) -> str:
    """A label as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")
