"""A Table as text for a terminal, Markdown, CSV or LaTeX."""

from __future__ import annotations

import io
import shutil

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from stats.tables.table import Table

FORMATS = ("term", "md", "csv", "latex")
SUFFIX = {"md": ".md", "csv": ".csv", "latex": ".tex"}
_COLOURS = {"✓": "green", "✗": "red"}
_LATEX = {
    "✓": r"\(+\)",
    "✗": r"\(-\)",
    "·": r"\(\cdot\)",
    "–": "--",
    "−": r"\(-\)",
    "×": r"\(\times\)",
    "∞": r"\(\infty\)",
    "µ": r"\(\mu\)",
    "<": r"\(<\)",
    ">": r"\(>\)",
    "~": r"\(\sim\)",
    **{c: "\\" + c for c in "&%_#${}"},
    "^": r"\^{}",
    "\\": r"\(\backslash\)",
}


def render(table: Table, form: str) -> str:
    """`table` in one of FORMATS; CSV holds the raw numbers, the others the rounded ones."""
    makers = {"term": terminal, "md": markdown, "csv": csv, "latex": latex}
    return makers[form](table)


def csv(table: Table) -> str:
    """Raw numbers, comma-separated."""
    return table.raw.to_csv(index=False)


def markdown(table: Table) -> str:
    """A title, a pipe table and the notes."""
    head = [str(c) for c in table.frame.columns]
    rule = [":--" if i < table.text_columns else "--:" for i in range(len(head))]
    rows = [
        [str(v).replace("|", "\\|") for v in row] for row in table.frame.itertuples(index=False)
    ]
    lines = ["| " + " | ".join(texts) + " |" for texts in (head, rule, *rows)]
    return "\n".join([f"**{table.title}**", "", *lines, "", *(note + "\n" for note in table.notes)])


def latex_text(text: object) -> str:
    """`text` with LaTeX's special characters made safe."""
    return "".join(_LATEX.get(c, c) for c in str(text))


def latex(table: Table) -> str:
    """A booktabs tabular without float or caption, to be \\input where it is wanted; the notes are
    comments.
    """
    width = len(table.frame.columns)
    spec = "l" * table.text_columns + "r" * (width - table.text_columns)
    rows = [
        " & ".join(map(latex_text, row)) + r" \\" for row in table.frame.itertuples(index=False)
    ]
    head = " & ".join(map(latex_text, table.frame.columns)) + r" \\"
    comments = [f"% {line}" for line in (table.title, *table.notes)]
    body = [
        rf"\begin{{tabular}}{{{spec}}}",
        r"\toprule",
        head,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([*comments, *body]) + "\n"


def _styled(text: str) -> Text:
    return Text(text, style=next((c for sign, c in _COLOURS.items() if sign in text), ""))


def _column_groups(frame: pd.DataFrame, fixed: int, width: int) -> list[list[int]]:
    """Columns that fit side by side in `width` characters; the first `fixed` ones repeat in each
    group.
    """
    sizes = [
        max(map(len, [str(c), *frame.iloc[:, i].astype(str)])) + 2
        for i, c in enumerate(frame.columns)
    ]
    start = sum(sizes[:fixed])
    groups, used = [list(range(fixed))], start
    for i in range(fixed, len(sizes)):
        if used + sizes[i] > width and len(groups[-1]) > fixed:
            groups.append(list(range(fixed)))
            used = start
        groups[-1].append(i)
        used += sizes[i]
    return groups


def terminal(table: Table, width: int | None = None, colour: bool = False) -> str:
    """A table for people, broken into several side-by-side parts where the terminal is too narrow."""
    width = width or shutil.get_terminal_size((120, 40)).columns
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False
    )
    console.print(Text(table.title, style="bold"))
    for columns in _column_groups(table.frame, table.text_columns, width):
        console.print(_rich_table(table, columns))
    for note in table.notes:
        console.print(Text(note, style="dim"))
    return console.file.getvalue()  # type: ignore[attr-defined]


def _rich_table(table: Table, columns: list[int]) -> RichTable:
    rich = RichTable(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    for i in columns:
        left = i < table.text_columns
        rich.add_column(
            str(table.frame.columns[i]), justify="left" if left else "right", overflow="fold"
        )
    for row in table.frame.itertuples(index=False):
        rich.add_row(*(_styled(str(row[i])) for i in columns))
    return rich
