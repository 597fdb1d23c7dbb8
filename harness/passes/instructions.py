"""instructions: valgrind's callgrind simulates the program and counts; exact and repeatable on any
machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from harness.memtest import Output
from harness.passes.instruments import instrument
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.process import Outcome

NAME = "instructions"
PATIENCE = (
    20.0  # the simulation is some fifty times slower; an experiment should scale the work down
)

_COLLECTED = re.compile(r"Collected : (\d+)")


def missing() -> str:
    """Needs valgrind."""
    return instrument.reason_it_fails("valgrind", "--version")


class Instrument(instrument.Instrument):
    """Runs the program under callgrind, whose log goes to a memory file."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._fd = os.memfd_create("alloclab-callgrind")

    def __exit__(self, *error: object) -> None:
        os.close(self._fd)

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        log = f"--log-file=/proc/{os.getpid()}/fd/{self._fd}"
        return [*valgrind, log, *argv], dict(env)

    def read(self, outcome: Outcome, output: Output) -> Readings:
        metrics = instrument.only(
            instrument.process_metrics(outcome, output), ["wall_s", "mallocs"]
        )
        text = os.pread(self._fd, os.fstat(self._fd).st_size, 0).decode(errors="replace")
        collected = _COLLECTED.findall(text)
        if not collected:
            return Readings(metrics, {"instructions": "callgrind gave no count"})
        return Readings(metrics | {"instructions": sum(int(count) for count in collected)})
