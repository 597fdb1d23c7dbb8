"""The record of one process: its fields, the list of statuses, and what makes a record valid.

schema.json holds the definition: types, ranges and the meaning of each field. `Record` repeats the
names and types for mypy; a test compares the two.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_bytes())
VERSION: int = SCHEMA["properties"]["schema"]["const"]
STATUSES: tuple[str, ...] = tuple(SCHEMA["properties"]["status"]["enum"])  # the good one first
OK = STATUSES[0]

# The workload that does nothing: the price of a process, to be subtracted from that of its work.
EMPTY = "empty"


class RecordError(Exception):
    """A file of a run's folder that cannot be read or written; what was recorded before is intact.

    The message is complete: it names the file, the fault and what helps.
    """


class Provider(TypedDict):
    """The object that served malloc, the one that should have, and whether they are the same."""

    path: str
    expected: str
    proven: bool
    front: NotRequired[str]


class Tally(TypedDict):
    """The calls of one kernel function: how many, failed ones, bytes, seconds."""

    calls: int
    failed: int
    bytes: int
    seconds: float


class Disturbance(TypedDict):
    """What else the machine did while the process ran; None with its reason in `unavailable`."""

    wall_s: float
    processors: int
    steal_s: float | None
    others_s: float | None
    involuntary_switches: int | None
    voluntary_switches: int | None
    pressure_cpu_s: float | None
    pressure_memory_s: float | None
    pressure_io_s: float | None
    load: float | None
    unavailable: dict[str, str]


# The functional form, because "pass" is a word of Python. `block` is the number of the replicate.
Record = TypedDict(
    "Record",
    {
        "schema": int,
        "run": str,
        "block": int,
        "order": int,
        "allocator": str,
        "workload": str,
        "params": str,
        "threads": int,
        "pass": str,
        "seed": int,
        "padding": int,
        "layout": NotRequired[int],
        "argv": list[str],
        "env": dict[str, str],
        "warmed_bytes": NotRequired[int],
        "started": str,
        "disturbance": NotRequired[Disturbance],
        "disturbed": NotRequired[str],
        "status": str,
        "why": str,
        "exit_code": int | None,
        "signal": str | None,
        "provider": Provider,
        "checksum": str,
        "metrics": dict[str, float],
        "unavailable": dict[str, str],
        "rounds": list[dict[str, float]],
        "latency": dict[str, Any] | None,
        "series": str | None,
        "syscalls": dict[str, Tally] | None,
    },
)


def case_of(record: Record) -> tuple[str, str, int]:
    """The case of a process: workload, parameters, threads."""
    return record["workload"], record["params"], record["threads"]


def not_started(planned: Mapping[str, Any], expected: str, status: str, why: str) -> Record:
    """The record of a process that has not been started; `why` says for which reason it will not.

    `planned` holds the fields of plan.json (run to padding); `expected` is the object that should
    have served malloc.
    """
    return Record(
        **planned,  # type: ignore[typeddict-item]
        schema=VERSION,
        argv=[],
        env={},
        warmed_bytes=0,
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        status=status,
        why=why,
        exit_code=None,
        signal=None,
        provider={"path": "", "expected": expected, "proven": False},
        checksum="",
        metrics={},
        unavailable={},
        rounds=[],
        latency=None,
        series=None,
        syscalls=None,
    )


@cache
def _validator() -> Any:
    # Imported late: --help must work before the packages of requirements.lock are installed.
    import jsonschema

    return jsonschema.Draft202012Validator(SCHEMA)


def violation(record: object) -> str:
    """Where and how `record` differs from schema.json, or "". Takes milliseconds: for writing."""
    from jsonschema.exceptions import best_match

    fault = best_match(_validator().iter_errors(record))
    return f"{fault.json_path}: {fault.message}" if fault else ""


_PYTHON_TYPES = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


@cache
def _types() -> dict[str, tuple[type, ...]]:
    """Required field -> the Python types of the JSON types that schema.json gives it."""
    found = {}
    for name in SCHEMA["required"]:
        names = SCHEMA["properties"][name]["type"]
        found[name] = tuple(
            _PYTHON_TYPES[n] for n in ([names] if isinstance(names, str) else names)
        )
    return found


def problem(record: object) -> str:
    """Why a decoded line cannot be used as a record, or "". A quick check, for reading: the version,
    the presence and type of each field, the status, and that each metric is a number.
    """
    if not isinstance(record, dict):
        return "it is not a JSON object"
    if record.get("schema") != VERSION:
        return f"its schema is {record.get('schema')!r}, and this program reads schema {VERSION}"
    for field, types in _types().items():
        if field not in record:
            return f"the field '{field}' is missing"
        if not isinstance(record[field], types) or isinstance(record[field], bool):
            return f"the field '{field}' is {record[field]!r:.40}"
    if record["status"] not in STATUSES:
        return f"the status '{record['status']:.40}' is none of {', '.join(STATUSES)}"
    for name, value in record["metrics"].items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return f"the metric '{name}' has the value {value!r:.40}"
    return ""
