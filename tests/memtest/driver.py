"""Runs memtest for the tests and reads what it prints."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEMTEST = ROOT / "build" / "memtest-ptmalloc"
PLANTED = ROOT / "build" / "tests" / "memtest" / "libplanted.so"

Record = dict[str, Any]


def run(
    *arguments: str,
    binary: Path = MEMTEST,
    environment: dict[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Runs memtest with `arguments`, behind the command `prefix`; `environment` is added."""
    return subprocess.run(
        [*prefix, str(binary), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def records(done: subprocess.CompletedProcess[str]) -> list[Record]:
    """The JSON lines of a run that ended well."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def end_record(*arguments: str, binary: Path = MEMTEST) -> Record:
    """The last line of a run that ended well."""
    return records(run(*arguments, binary=binary))[-1]


def listed(binary: Path = MEMTEST) -> Record:
    """What `memtest --list --json` says."""
    answer: Record = json.loads(run("--list", "--json", binary=binary).stdout)
    return answer


def workloads() -> list[Record]:
    """The workloads that there are."""
    found: list[Record] = listed()["workloads"]
    return found


def runnable_workloads() -> list[Record]:
    """The workloads that need no input file."""
    return [w for w in workloads() if not any(o["default"] is None for o in w["options"])]


def caught_faults(names: Sequence[str]) -> list[tuple[str, Record]]:
    """Each planted fault of these names that a workload must catch, with the workload's name."""
    return [
        (workload["name"], caught)
        for workload in workloads()
        for caught in workload["catches"]
        if caught["fault"] in names
    ]
