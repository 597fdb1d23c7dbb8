"""A run's folder as Python objects, and its records as the tidy table."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from records.pack import ARCHIVE, series_texts
from records.record import OK, Record, case_of
from records.store import RUNS, parse_records, read_json, read_text
from stats.errors import DataError
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
# The columns that name a case.
CASE = ["workload", "params", "threads"]


@dataclass(frozen=True)
class Run:
    """A run: its folder, manifest, plan and records."""

    path: Path
    manifest: dict[str, Any]
    plan: dict[str, Any]
    records: list[Record]

    def ok(self, pass_name: str | None = None) -> list[Record]:
        """The records that count: status ok, of one pass or of all."""
        return [r for r in self.records if r["status"] == OK and pass_name in (None, r["pass"])]

    def series(self, record: Record) -> pd.DataFrame | None:
        """The series of one process, with the columns that its pass wrote; None where there is
        none.
        """
        text = _series_text(self.path, record)
        if not text:
            return None
        try:
            table = pd.read_csv(io.StringIO(text), comment="#")
        except (pd.errors.ParserError, pd.errors.EmptyDataError):
            raise DataError(
                f"{self.path / str(record['series'])} is not a CSV table; help: delete it, the report does without it"
            ) from None
        return table if len(table) else None


def _series_text(run: Path, record: Record) -> str:
    """The series of a record, packed or not; "" where there is none."""
    name = record.get("series")
    if not name:
        return ""
    packed = series_texts(run / ARCHIVE).get(name)
    if packed is not None:
        return packed
    return read_text(run / name) if (run / name).exists() else ""


def read_run(path: Path) -> Run:
    """Reads a run's folder, packed (.xz) or not. Raises RecordError for one that cannot be used."""
    try:
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise DataError(f"{path} {what}; help: name a run folder, as under results/local/")
        any(path.iterdir())
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); help: check the folder's permissions"
        ) from None
    records = parse_records(read_text(path / RUNS), str(path / RUNS))
    manifest, plan = read_json(path / "manifest.json"), read_json(path / "plan.json")
    return Run(path, manifest, plan, [derived(r, partial(_series_text, path, r)) for r in records])


def tidy(records: list[Record], metrics: Registry | None = None) -> pd.DataFrame:
    """The metrics of all ok records in long form: one row per process and metric, columns
    TIDY_COLUMNS. Raises DataError for a metric without an entry in metrics.toml.
    """
    known = metrics or registry()
    rows = [
        (
            r["run"],
            r["block"],
            r["allocator"],
            *case_of(r),
            r["pass"],
            name,
            float(value),
            known[name].unit,
        )
        for r in records
        if r["status"] == OK
        for name, value in r["metrics"].items()
    ]
    table = pd.DataFrame(rows, columns=TIDY_COLUMNS)
    return table.astype({"block": "int64", "threads": "int64", "value": "float64"})


def read_tidy(path: Path) -> pd.DataFrame:
    """Reads a tidy.csv back. Raises DataError when its columns are not exactly TIDY_COLUMNS."""
    table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
    if list(table.columns) != TIDY_COLUMNS:
        raise DataError(
            f"{path}: the columns are not {','.join(TIDY_COLUMNS)}; "
            "help: write it again with stats.py report"
        )
    return table
