"""The documents as the tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def table_after(page: str, heading: str) -> list[tuple[str, ...]]:
    """The rows of the first Markdown table below a heading, without its head."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines[lines.index(heading) + 1 :]:
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])))
        elif rows or line.startswith("#"):
            break
    return rows[2:]
