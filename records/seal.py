"""The seal of a run: SHA-256 of its plan, records and series, kept in manifest.json.

The harness seals a run whenever a session ends. Hashes are of texts, so packing keeps them. They
detect changes made by mistake (lines deleted, a value edited, a copy cut short), not a forger, who
would write new hashes.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from records.record import RecordError
from records.series import all_series
from records.store import RUNS, read_text, write_whole

MANIFEST = "manifest.json"
PLAN = "plan.json"
KEY = "seal"  # in manifest.json
BY_HARNESS = "harness.sh"
BY_HAND = "stats.py seal, after the run"


class Seal(TypedDict):
    """`files` holds name -> hexadecimal SHA-256. `whole` is false while a session goes on (and after
    it was killed): then the first `records` lines have a hash, and more may follow. `changed` says what
    had been changed before the run was packed in spite of it.
    """

    by: str
    at: str
    whole: bool
    records: int
    files: dict[str, str]
    changed: NotRequired[str]


def make(plan: str, runs: str, series: Mapping[str, str], by: str) -> Seal:
    """The seal of these texts. Of the series only those that a record names: a process without a
    record is measured again, and so is its series.
    """
    lines = _lines(runs)
    named = {json.loads(line).get("series") for line in lines}
    texts = {PLAN: plan, RUNS: "".join(lines)}
    texts |= {name: text for name, text in sorted(series.items()) if name in named}
    return {
        "by": by,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "whole": True,
        "records": len(lines),
        "files": {name: _digest(text) for name, text in texts.items()},
    }


def of_folder(run: Path, by: str) -> Seal:
    """The seal of a run's folder as it is now. Raises RecordError."""
    return make(read_text(run / PLAN), read_text(run / RUNS), all_series(run), by)


def of_manifest(manifest: Mapping[str, Any]) -> Seal | None:
    """The seal that a manifest holds, None where the run was stored before there were seals."""
    seal: Seal | None = manifest.get(KEY)
    return seal


def seal_by_hand(run: Path) -> int:
    """Adds hashes to the manifest of a run without any; returns of how many files. Raises RecordError
    where there are some: those of the harness are older and tell more.
    """
    manifest = json.loads(read_text(run / MANIFEST))
    if of_manifest(manifest) is not None:
        raise RecordError(f"{run / MANIFEST} has hashes already; help: nothing is to be done")
    seal = of_folder(run, BY_HAND)
    write_whole(run / MANIFEST, json.dumps(manifest | {KEY: seal}, indent=1) + "\n")
    return len(seal["files"])


def change(run: Path, seal: Seal, runs: str) -> str:
    """What was changed in a run's folder since it was sealed, one clause without the help, or "".
    `runs` is the text of runs.jsonl. Raises RecordError.
    """
    plan = _text(run / PLAN)
    lines = _lines(runs)
    if not seal["whole"]:
        lines = lines[: seal["records"]]
    texts = {PLAN: plan, RUNS: "".join(lines), **all_series(run)}
    found = [f"{run / name} {how}" for name, how in _differences(seal, texts)]
    if not found:
        return ""
    more = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
    lost, planned = _missing(plan, lines)
    short = f"; {lost} of {planned} planned processes have no record" if lost else ""
    return f"{found[0]}{more}: its SHA-256 is not the one in {MANIFEST}{short}"


def _differences(seal: Seal, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    lost = [(name, "is missing") for name in seal["files"] if not texts.get(name)]
    changed = [
        (name, "was changed after the run")
        for name, expected in seal["files"].items()
        if texts.get(name) and _digest(texts[name]) != expected
    ]
    return changed + lost


def _missing(plan: str, lines: list[str]) -> tuple[int, int]:
    """How many planned processes have no record, and how many are planned; (0, 0) where the plan
    does not say.
    """
    try:
        planned = [entry["run"] for entry in json.loads(plan)["runs"]]
    except (ValueError, KeyError, TypeError):
        return 0, 0
    recorded = {_name(line) for line in lines}
    return sum(name not in recorded for name in planned), len(planned)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _lines(runs: str) -> list[str]:
    """The complete lines; what a crash left of another is no record."""
    return runs[: runs.rfind("\n") + 1].splitlines(keepends=True)


def _name(line: str) -> str:
    try:
        return str(json.loads(line)["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def _text(path: Path) -> str:
    """The text, "" where the file is missing."""
    there = path.exists() or path.with_name(path.name + ".xz").exists()
    return read_text(path) if there else ""
