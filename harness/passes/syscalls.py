"""syscalls: strace with a seccomp filter stops the process at the kernel's memory calls and where
processes begin, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from harness.memtest import Output
from harness.passes.instruments import instrument, strace_log
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.process import Outcome
from records.record import Tally

NAME = "syscalls"
PATIENCE = 20.0

STRACE = ("strace", "-f", "--seccomp-bpf", "-ttt", "-T", "-qq")
COLUMNS = "t_s,mapped_bytes,mapped_brk_bytes"


def missing() -> str:
    """Needs strace, and the right to trace."""
    return instrument.reason_it_fails(*STRACE, "--trace=brk", "-o", "/dev/null", "true")


class Instrument(instrument.Instrument):
    """Runs the program under strace, whose log goes to a memory file."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._fd = os.memfd_create("alloclab-strace")

    def __exit__(self, *error: object) -> None:
        os.close(self._fd)

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        outer = dict(env)
        inner = [f"--env=LD_PRELOAD={outer.pop('LD_PRELOAD')}"] if "LD_PRELOAD" in outer else []
        log = f"/proc/{os.getpid()}/fd/{self._fd}"
        others = (*strace_log.COUNTED_AS, *strace_log.PROCESS_CALLS)  # not on every machine
        calls = ",".join((*strace_log.CALLS, *(f"?{name}" for name in others)))
        return [*STRACE, f"--trace={calls}", "-o", log, *inner, *argv], outer

    def read(self, outcome: Outcome, output: Output) -> Readings:
        measured = instrument.process_metrics(outcome, output)
        metrics = instrument.only(measured, ["wall_s", "mallocs", "requested_bytes"])
        metrics |= instrument.only(output.end, ["live_peak_bytes"])
        with open(self._fd, encoding="utf-8", errors="replace", closefd=False) as file:
            file.seek(0)
            log = strace_log.parse(file)
        summary = strace_log.summarise(log)
        metrics |= strace_log.metrics(summary, output.end.get("mallocs"))
        metrics["process_calls"] = strace_log.process_calls(log)
        unavailable = {}
        if log.unread_lines:
            unavailable["syscalls"] = f"{log.unread_lines} lines of strace's log could not be read"
        by_name: dict[str, Tally] = {
            name: {"calls": t.calls, "failed": t.failed, "bytes": t.bytes, "seconds": t.seconds}
            for name, t in summary.by_name.items()
        }
        series = series_csv(strace_log.thin(summary.mapped))
        return Readings(metrics, unavailable, syscalls=by_name, series=series)


def series_csv(curve: Sequence[strace_log.MappedPoint]) -> str:
    """The curve of mapped bytes as CSV."""
    rows = [f"{p.t_s:.6f},{p.mapped_bytes},{p.mapped_brk_bytes}" for p in curve]
    return "\n".join([COLUMNS, *rows]) + "\n"
