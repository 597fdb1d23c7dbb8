"""A run's folder as Python objects, and its records as the tidy table."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from records.record import OK, Record, case_of
from records.seal import BY_HAND, MANIFEST, PLAN, change, of_manifest
from records.series import ARCHIVE, series_texts
from records.store import RUNS, parse_records, read_json, read_text
from stats.errors import DataError
from stats.tidy.derived import derived
from stats.tidy.marks import marks_of
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


CHANGED = "Records were changed after the run:"


@dataclass(frozen=True)
class Run:
    """A run: its folder, manifest, plan and records.

    disturbed   the records of replicates that were measured again; they enter no estimate
    marks       what a reader of any of its tables must know of it, a sentence each
    remarks     what a reader of the report may want to know
    """

    path: Path
    manifest: dict[str, Any]
    plan: dict[str, Any]
    records: list[Record]
    disturbed: list[Record] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

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


def read_run(path: Path, accept_changed: bool = False) -> Run:
    """Reads a run's folder, packed (.xz) or not. Raises RecordError for one that cannot be used, or
    whose plan, records or series are not what its manifest has hashes of; `accept_changed` turns that
    into a mark.
    """
    try:
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise DataError(f"{path} {what}; help: name a run folder, as under results/local/")
        any(path.iterdir())
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); help: check the folder's permissions"
        ) from None
    text = read_text(path / RUNS)
    manifest, plan = read_json(path / MANIFEST), read_json(path / PLAN)
    marks, remarks = _check_seal(path, manifest, text, accept_changed)
    records = [
        derived(record, partial(_series_text, path, record))
        for record in parse_records(text, str(path / RUNS))
    ]
    kept = [record for record in records if "disturbed" not in record]
    disturbed = [record for record in records if "disturbed" in record]
    if disturbed:
        remarks.append(
            f"{len(disturbed)} processes were measured again, since the machine was disturbed; "
            "their first records enter no estimate."
        )
    return Run(path, manifest, plan, kept, disturbed, [*marks, *marks_of(manifest)], remarks)


def _check_seal(
    path: Path, manifest: dict[str, Any], runs: str, accept_changed: bool
) -> tuple[list[str], list[str]]:
    """The marks and remarks that the hashes of a run's files give. Raises DataError for other files."""
    seal = of_manifest(manifest)
    if seal is None:
        return [], ["The run has no hashes: whether its records were changed cannot be told."]
    if what := change(path, seal, runs):
        if not accept_changed:
            raise DataError(
                f"{what}; help: restore the files, or measure again; with --accept-changed-records "
                "stats.py goes on, and its tables say so"
            )
        return [f"{CHANGED} {what}."], []
    if "changed" in seal:
        return [f"{CHANGED} {seal['changed']}."], []
    if not seal["whole"]:
        return [], [f"The run's last session did not end: {seal['records']} records have hashes."]
    if seal["by"] == BY_HAND:
        return [], [f"The hashes of the records were made after the run ({seal['at']})."]
    return [], []


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
