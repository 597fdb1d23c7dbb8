"""A valid record for tests."""

from __future__ import annotations

import json
from typing import cast

from records.record import Record, not_started

PLANNED = {
    "run": "time-000-000",
    "block": 0,
    "order": 0,
    "allocator": "ptmalloc",
    "workload": "rounds",
    "params": "",
    "threads": 1,
    "pass": "time",
    "seed": 1,
    "padding": 0,
}


def sample(number: int = 0, **changes: object) -> Record:
    """The good record of a process of the time pass, with these fields changed."""
    record = not_started(PLANNED, "/lib/libc.so.6", "ok", "")
    record["provider"] = {"path": "/lib/libc.so.6", "expected": "/lib/libc.so.6", "proven": True}
    record["argv"], record["exit_code"] = ["memtest", "rounds"], 0
    record["metrics"] = {"wall_s": 1.0}
    return cast(Record, {**record, "run": f"time-000-{number:03}", **changes})


def line(number: int = 0, **changes: object) -> str:
    """The same as a line of runs.jsonl, whether valid or not."""
    return json.dumps(sample(number, **changes)) + "\n"
