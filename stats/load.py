"""A run directory as Python objects, and its records as the long tidy table."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stats.errors import DataError
from stats.packing import ARCHIVE, series_texts
from stats.records import Record, open_packed, parse_records
from stats.tidy.derived import derived
from stats.tidy.metrics import Registry, registry

TIDY_COLUMNS = [
    "run",
    "block",
    "allocator",
    "workload",
    "params",
    "threads",
    "pass",
    "metric",
    "value",
    "unit",
]
# What names one measured situation; a cell of the design is this and an allocator.
CELL = ["workload", "params", "threads"]


@dataclass(frozen=True)
class Run:
    """One run directory: its path, manifest and records (a record is a dict as in
    harness/record.schema.json).
    """

    path: Path
    manifest: dict[str, Any]
    plan: dict[str, Any]
    records: list[Record]

    def ok(self, pass_name: str | None = None) -> list[Record]:
        """The records that count: status ok, of one pass or of all."""
        return [r for r in self.records if r["status"] == "ok" and pass_name in (None, r["pass"])]

    def series(self, record: Record) -> pd.DataFrame | None:
        """The sampled series of one process (columns as the harness wrote them), None where there
        is none.
        """
        name = record.get("series")
        if not name:
            return None
        path = self.path / name
        text = series_texts(self.path / ARCHIVE).get(name)
        if text is None:
            if not path.exists():
                return None
            text = open_packed(path)
        try:
            table = pd.read_csv(io.StringIO(text), comment="#")
        except (pd.errors.ParserError, pd.errors.EmptyDataError):
            raise DataError(
                f"{path} is not a CSV table. Cure: delete it, the report does without it"
            ) from None
        return table if len(table) else None


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists() and not path.with_name(path.name + ".xz").exists():
        return {}
    try:
        content = json.loads(open_packed(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} line {error.lineno}: not valid JSON. Cure: restore the file, or measure again"
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a JSON object. Cure: restore the file, or measure again")
    return content


def read_run(path: Path) -> Run:
    """Read a run directory, packed (.xz) or not. Raises DataError with one sentence when it cannot
    be used.
    """
    try:
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise DataError(f"{path} {what}. Cure: name a run directory, as under results/local/")
        any(path.iterdir())
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Cure: give yourself the right to read it"
        ) from None
    records = parse_records(open_packed(path / "runs.jsonl"), str(path / "runs.jsonl"))
    manifest, plan = _read_json(path / "manifest.json"), _read_json(path / "plan.json")
    return Run(path, manifest, plan, [derived(record) for record in records])


def tidy(records: list[Record], metrics: Registry | None = None) -> pd.DataFrame:
    """The metrics of all ok records in long form: one row per process and metric, columns
    TIDY_COLUMNS.

    Raises DataError for a metric without an entry in metrics.toml, since its unit and direction
    would be guesses.
    """
    known = metrics or registry()
    rows = [
        (*(r[c] for c in TIDY_COLUMNS[:7]), name, float(value), known[name].unit)
        for r in records
        if r["status"] == "ok"
        for name, value in r["metrics"].items()
    ]
    table = pd.DataFrame(rows, columns=TIDY_COLUMNS)
    return table.astype({"block": "int64", "threads": "int64", "value": "float64"})


def read_tidy(path: Path) -> pd.DataFrame:
    """Read a tidy.csv back. Raises DataError when its columns are not exactly TIDY_COLUMNS."""
    table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
    if list(table.columns) != TIDY_COLUMNS:
        raise DataError(
            f"{path}: the columns are not {','.join(TIDY_COLUMNS)}. "
            "Cure: write it anew with stats.py report"
        )
    return table
