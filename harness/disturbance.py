"""What else the machine did while a process ran: time that its hypervisor or other processes took
from the process's processors, switches, pressure and load; and the rule that says from when on a
replicate is measured again.

Read right before the start and right after the end, never between. What this machine does not tell
is None, with the reason: a machine that hides a disturbance must not pass for a quiet one.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from records.record import OK, Disturbance, Record

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PRESSURES = ("cpu", "memory", "io")

# Fields of a cpuN line of /proc/stat (proc_stat(5)), counted from the first number.
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
_STEAL = 7


@dataclass(frozen=True)
class Rule:
    """When all allocators of a case are measured again in a replicate: fixed before the run, and by
    the machine's counters alone, never by a measured value.

    steal         share of its processors' time that the hypervisor took from one of the processes
    others        share of its processors' time that other processes took, less a tick for each
                  processor, since the kernel counts in ticks
    pressure_cpu  share of its life in which some task of the machine waited for a processor; not
                  asked of a process with as many threads as processors, which waits for itself
    repeats       how often at most; the last repetition counts, disturbed or not
    passes        those in which times are compared; elsewhere nothing is repeated
    """

    steal: float = 0.05
    others: float = 0.2
    pressure_cpu: float = 0.2
    repeats: int = 1
    passes: tuple[str, ...] = ("time",)

    def why(self, records: Iterable[Record]) -> str:
        """Why the replicate of a case that gave these records is disturbed, or "". One in which a
        process failed never is: a failure is a result, and must not be measured away.
        """
        records = list(records)
        if not all(r["status"] == OK and r["pass"] in self.passes for r in records):
            return ""
        return next(filter(None, map(self._why, records)), "")

    def _why(self, record: Record) -> str:
        seen = record.get("disturbance")
        if not seen or not seen["wall_s"]:
            return ""
        for name, share in _shares(seen, record["threads"]).items():
            limit = getattr(self, name)
            if share > limit:
                return f"{name} {share:.0%} under {record['allocator']}, above {limit:.0%}"
        return ""


def _shares(seen: Disturbance, threads: int) -> dict[str, float]:
    """What a rule compares with its limits; what the machine does not tell is left out."""
    time = seen["wall_s"] * seen["processors"]
    shares = {}
    if seen["steal_s"] is not None:
        shares["steal"] = seen["steal_s"] / time
    if seen["others_s"] is not None:
        shares["others"] = seen["others_s"] / time - 1 / (TICKS_PER_S * seen["wall_s"])
    alone = threads == 1 or threads < seen["processors"]
    if seen["pressure_cpu_s"] is not None and alone:
        shares["pressure_cpu"] = seen["pressure_cpu_s"] / seen["wall_s"]
    return shares


OFF = Rule(repeats=0)  # runs that began before there was a rule go on without one


@dataclass(frozen=True)
class Counters:
    """The counters of the whole machine at one instant. None: this machine does not have it."""

    processors: int
    busy_ticks: int | None
    steal_ticks: int | None
    pressure_us: dict[str, int | None]
    load: float | None
    unavailable: dict[str, str] = field(default_factory=dict)


def read(processors: Collection[int], proc: Path = Path("/proc")) -> Counters:
    """The counters now; ticks are summed over `processors`."""
    why: dict[str, str] = {}
    busy, steal = _ticks(_text(proc / "stat"), processors, why)
    pressure = {name: _stalled_us(_text(proc / "pressure" / name)) for name in PRESSURES}
    for name, value in pressure.items():
        if value is None:
            why[f"pressure_{name}_s"] = f"the kernel tells no pressure (/proc/pressure/{name})"
    words = _text(proc / "loadavg").split()
    if not words:
        why["load"] = "/proc/loadavg cannot be read"
    return Counters(len(processors), busy, steal, pressure, float(words[0]) if words else None, why)


def between(
    before: Counters, after: Counters, wall_s: float, usage: resource.struct_rusage
) -> Disturbance:
    """What a record says of a process that lived for `wall_s` between the two readings; `usage` is
    that of wait4.
    """
    others_s = _seconds(before.busy_ticks, after.busy_ticks, TICKS_PER_S)
    if others_s is not None:
        others_s = round(max(others_s - usage.ru_utime - usage.ru_stime, 0.0), 6)
    stalled = {
        name: _seconds(before.pressure_us[name], after.pressure_us[name], 1_000_000)
        for name in PRESSURES
    }
    return {
        "wall_s": round(wall_s, 6),
        "processors": before.processors,
        "steal_s": _seconds(before.steal_ticks, after.steal_ticks, TICKS_PER_S),
        "others_s": others_s,
        "involuntary_switches": usage.ru_nivcsw,
        "voluntary_switches": usage.ru_nvcsw,
        "pressure_cpu_s": stalled["cpu"],
        "pressure_memory_s": stalled["memory"],
        "pressure_io_s": stalled["io"],
        "load": before.load,
        "unavailable": {**before.unavailable, **after.unavailable},
    }


def _ticks(
    stat: str, processors: Collection[int], why: dict[str, str]
) -> tuple[int | None, int | None]:
    """Busy and stolen ticks of the processors in the text of /proc/stat."""
    lines = {line.split()[0]: line.split()[1:] for line in stat.splitlines() if line}
    ours = [lines.get(f"cpu{number}") for number in processors]
    rows = [[int(word) for word in row] for row in ours if row and len(row) > _STEAL]
    if not rows or len(rows) != len(ours):
        why["steal_s"] = why["others_s"] = "/proc/stat does not list the process's processors"
        return None, None
    busy = sum(row[place] for row in rows for place in _BUSY)
    if not any(int(word) for word in lines["cpu"][_STEAL : _STEAL + 1]):
        why["steal_s"] = "no steal since boot: no hypervisor, or one that does not report it"
        return busy, None
    return busy, sum(row[_STEAL] for row in rows)


def _stalled_us(pressure: str) -> int | None:
    """The microseconds since boot in which some task waited: `some avg10=... total=N`."""
    for line in pressure.splitlines():
        if line.startswith("some "):
            return int(line.rpartition("total=")[2])
    return None


def _seconds(before: int | None, after: int | None, per_s: int) -> float | None:
    return None if before is None or after is None else (after - before) / per_s


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # also EOPNOTSUPP, where pressure is built in and switched off
        return ""
