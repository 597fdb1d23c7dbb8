"""Reads runs.jsonl line by line; a line that cannot be used ends the reading with its number and a
cure.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

from stats.errors import DataError

SCHEMA = 1
STATUSES = ("ok", "crash", "timeout", "oom", "refused")

# What the analysis relies on; the full schema is the harness's, which checks each record before it
# writes it.
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "run": str,
    "block": int,
    "allocator": str,
    "workload": str,
    "params": str,
    "threads": int,
    "pass": str,
    "status": str,
    "metrics": dict,
}

Record = dict[str, Any]


def open_packed(path: Path) -> str:
    """The text of `path`, or of `path`.xz where only that exists. Raises DataError when neither can
    be read.
    """
    packed = path.with_name(path.name + ".xz")
    try:
        if path.exists() or not packed.exists():
            return path.read_text(encoding="utf-8")
        return lzma.decompress(packed.read_bytes()).decode("utf-8")
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing. Cure: name a folder that harness.sh wrote, as under results/local/"
        ) from None
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"{path} cannot be read ({reason}). Cure: check its permissions, or copy it anew"
        ) from None


def _problem(record: object) -> str:
    """Why this decoded line is no record, or an empty string."""
    if not isinstance(record, dict):
        return "it is not a JSON object"
    if record.get("schema") != SCHEMA:
        return f"its schema is {record.get('schema')!r}, and this program reads schema {SCHEMA}"
    for field, kind in _FIELDS.items():
        if field not in record:
            return f"the field '{field}' is missing"
        if not isinstance(record[field], kind) or isinstance(record[field], bool):
            return f"the field '{field}' is {record[field]!r:.40}"
    if record["status"] not in STATUSES:
        return f"the status '{record['status']:.40}' is none of {', '.join(STATUSES)}"
    for name, value in record["metrics"].items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return f"the metric '{name}' has the value {value!r:.40}"
    return ""


def _decode(line: str, where: str, is_last: bool, ends_torn: bool) -> Record:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        if is_last and ends_torn:
            raise DataError(
                f"{where}: the last line is torn, the run was cut off while writing it. "
                "Cure: go on with ./harness.sh EXPERIMENT --resume --out DIR, or delete that line"
            ) from None
        raise DataError(
            f"{where}: not valid JSON. Cure: delete that line, or measure again"
        ) from None
    problem = _problem(record)
    if problem:
        raise DataError(
            f"{where}: malformed record, {problem}. Cure: delete that line, or measure again"
        )
    assert isinstance(record, dict)
    return record


def parse_records(text: str, name: str = "runs.jsonl") -> list[Record]:
    """Every record in `text`, one JSON object per line.

    A process that was measured twice under one run id (a resumed run) counts once, by its last
    record. Raises DataError with the line number when a line is no record or when there is none.
    """
    lines = text.split("\n")
    ends_torn = lines[-1] != ""
    records: dict[str, Record] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            is_last = number == len(lines)
            record = _decode(line, f"{name} line {number}", is_last, ends_torn)
            records[record["run"]] = record
    if not records:
        raise DataError(
            f"{name} holds no record: nothing has been measured. "
            "Cure: run ./harness.sh EXPERIMENT --resume --out DIR"
        )
    return list(records.values())
