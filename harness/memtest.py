"""memtest as the harness sees it: its catalogue of workloads, its command line, and the JSON lines
it prints.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError, unknown_name
from harness.experiment import Case, Value, text

EXIT_USAGE = 2
EXIT_FAILED = 3  # the allocator returned NULL
EXIT_WRONG = 4  # the allocator handed out overlapping, misaligned or changed memory

# Common options that only the harness sets.
_SET_BY_HARNESS = {"threads", "seed"}


@dataclass(frozen=True)
class Catalogue:
    """The keys of memtest's options: those that every workload has, and by workload its own; and
    the workloads that keep data in their blocks.
    """

    common: frozenset[str]
    own: Mapping[str, frozenset[str]]
    keeping: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Output:
    """What one memtest process printed. end and fault are {} when there was no such line."""

    rounds: list[dict[str, Any]] = field(default_factory=list)
    end: Mapping[str, Any] = field(default_factory=dict)
    fault: Mapping[str, Any] = field(default_factory=dict)


def catalogue(binary: Path) -> Catalogue:
    """The options that an experiment may set. Raises HarnessError when memtest cannot be run."""
    listed = _listed(binary)
    return Catalogue(
        common=_keys(listed["options"]) - _SET_BY_HARNESS,
        own={entry["name"]: _keys(entry["options"]) for entry in listed["workloads"]},
        keeping=frozenset(w["name"] for w in listed["workloads"] if w["keeps_data"]),
    )


def _keys(options: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(option["key"] for option in options)


def descriptions(binary: Path, names: Collection[str]) -> list[dict[str, str]]:
    """Of the workloads `names` the summary, source and stressed parts that memtest gives. Raises
    HarnessError when memtest cannot be run.
    """
    kept = ("name", "summary", "source", "stresses")
    return [
        {key: entry[key] for key in kept}
        for entry in _listed(binary)["workloads"]
        if entry["name"] in names
    ]


def _listed(binary: Path) -> dict[str, Any]:
    """What `memtest --list --json` prints. Raises HarnessError when it is not as expected."""
    try:
        done = subprocess.run(
            [binary, "--list", "--json"], capture_output=True, text=True, check=True, timeout=30
        )
        listed: dict[str, Any] = json.loads(done.stdout)
        needed = {"name", "summary", "source", "stresses", "options", "keeps_data"}
        if any(not needed <= set(entry) for entry in listed["workloads"]):
            raise ValueError(f"an entry without {', '.join(sorted(needed))}")
        _keys(listed["options"])
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError) as error:
        raise HarnessError(f"{binary} --list does not work: {error}; run: make all") from error
    return listed


def check_cases(cases: Sequence[Case], known: Catalogue, where: str) -> None:
    """Refuses, with the nearest name, cases of workloads or options that memtest does not have
    (UsageError).
    """
    for case in cases:
        if case.kind != "memtest":
            continue
        if case.workload not in known.own:
            raise UsageError(f"{where}: {unknown_name('workload', case.workload, known.own)}")
        keys = known.own[case.workload] | known.common
        for options in (case.options, *case.overrides.values()):
            for key in options:
                if key not in keys and key.replace("_", "-") not in keys:
                    raise UsageError(
                        f"{where}: workload '{case.workload}': {unknown_name('option', key, keys)}"
                    )


def command_line(
    binary: str, workload: str, threads: int, seed: int, options: Mapping[str, Value]
) -> list[str]:
    """The argv of one memtest process."""
    argv = [binary, workload, "--threads", str(threads), "--seed", str(seed)]
    for key, value in options.items():
        argv += [f"--{key}", text(value)]
    return argv


def parse(stdout: bytes) -> Output:
    """Sorts memtest's JSON lines by kind. A line that a crash left half written is passed over."""
    rounds: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for line in stdout.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        kind = entry.pop("record", "")
        if kind == "round":
            rounds.append(entry)
        else:
            last[kind] = entry
    return Output(rounds, last.get("end", {}), last.get("fault", {}))


def work_metrics(end: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of the measured region that every pass can read from memtest's end record."""
    if not end:
        return {}
    names = ("wall_s", "user_s", "sys_s", "ops", "mallocs", "frees", "reallocs", "requested_bytes")
    metrics = {name: end[name] for name in (*names, "minor_faults", "major_faults") if name in end}
    if "cpu_s" in end:
        metrics["cpu_s"] = end["cpu_s"]
    if end.get("wall_s", 0) > 0 and end.get("ops", 0) > 0:
        metrics["ops_per_s"] = end["ops"] / end["wall_s"]
    return metrics
