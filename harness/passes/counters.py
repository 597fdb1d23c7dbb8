"""counters: the processor's event counters, through perf stat. A counter that the machine lacks is
unavailable, never 0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from harness.memtest import Output
from harness.passes.instruments import instrument
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.process import Outcome

NAME = "counters"
PATIENCE = 1.5

# perf's event -> metric. Counted in user mode only, as users without privileges may.
EVENTS = {
    "cycles": "cycles",
    "instructions": "hw_instructions",
    "cache-misses": "cache_misses",
    "dTLB-load-misses": "dtlb_misses",
}


def missing() -> str:
    """Always there: a machine without perf gets records that say so."""
    return ""


def lacking() -> str:
    """Why perf counts nothing here, or ""."""
    return instrument.reason_it_fails("perf", "stat", "-e", "task-clock:u", "true")


class Instrument(instrument.Instrument):
    """Runs the program under perf stat, whose JSON goes to a memory file."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._fd = os.memfd_create("alloclab-perf")

    def __exit__(self, *error: object) -> None:
        os.close(self._fd)

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        if lacking():
            return list(argv), dict(env)
        inner, outer = instrument.inner_environment(env)
        output = f"/proc/{os.getpid()}/fd/{self._fd}"
        perf = ["perf", "stat", "-j", "-e", ",".join(f"{e}:u" for e in EVENTS), "-o", output, "--"]
        return [*perf, *inner, *argv], outer

    def read(self, outcome: Outcome, output: Output) -> Readings:
        metrics = instrument.only(
            instrument.process_metrics(outcome, output), ["wall_s", "mallocs"]
        )
        if lacking():
            return Readings(metrics, dict.fromkeys(EVENTS.values(), lacking()))
        text = os.pread(self._fd, os.fstat(self._fd).st_size, 0).decode(errors="replace")
        counted, unavailable = parse(text)
        return Readings(metrics | counted, unavailable)


def parse(text: str) -> tuple[dict[str, float], dict[str, str]]:
    """perf's JSON lines as metrics, and a reason for each event that was not counted."""
    counted: dict[str, float] = {}
    reasons = dict.fromkeys(EVENTS.values(), "perf stat printed no value for it")
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        metric = EVENTS.get(entry.get("event", "").removesuffix(":u"))
        if metric is None:
            continue
        value = entry.get("counter-value", "")
        if value.startswith("<"):
            reasons[metric] = _REASONS.get(value, f"perf stat said {value}")
        else:
            counted[metric] = float(value)
            del reasons[metric]
    return counted, reasons


_REASONS = {
    "<not supported>": "this machine offers no such hardware counter (as most virtual machines)",
    "<not counted>": "the counter was never scheduled while the program ran",
}
