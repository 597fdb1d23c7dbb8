"""memory: memtest reads its memory at fixed counts of operations, and the kernel's high-water mark;
a sampler looks at every program from outside (instruments/sampler.py says what and how often).
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import astuple

from harness.memtest import Output
from harness.passes.instruments import footprint, instrument
from harness.passes.instruments.footprint import Point
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.passes.instruments.live_file import MEASURED, LiveFile
from harness.passes.instruments.sampler import Sample, Sampler
from harness.process import Outcome

NAME = "memory"
PATIENCE = 1.5

# memtest stays this long after its last free, outside the measured region, so that the sampler
# looks once more; what is resident then memtest has read itself.
SHORTEST_LINGER_S = 0.03
ROW_LIMIT = 2000  # rows of a series file; a longer series is thinned
COLUMNS = "t_s,phase,rss_bytes,lazyfree_bytes,vmas,anon_huge_bytes,live_bytes,ops"
MARK_HIDDEN = (
    "is the largest that the sampler saw; the kernel's mark is hidden, as the harness, from which the "
    "program was forked, is larger"
)


def missing() -> str:
    """Needs only /proc."""
    return ""


class Instrument(instrument.Instrument):
    """Attaches the sampler; memtest shares its live bytes with it."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.live = LiveFile()
        is_memtest = surroundings.case.kind == "memtest"
        self.observer: Sampler = Sampler(live=self.live if is_memtest else None)
        self._own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def __exit__(self, *error: object) -> None:
        self.observer.close()
        self.live.__exit__(None, None, None)

    def memtest_options(self) -> list[str]:
        linger = max(self.surroundings.linger_s, SHORTEST_LINGER_S)
        live = instrument.with_live_file(self.live)
        return [*live, "--footprint", "--linger", f"{linger:g}"]

    def read(self, outcome: Outcome, output: Output) -> Readings:
        measured = instrument.process_metrics(outcome, output)
        metrics = instrument.only(measured, ["wall_s", "mallocs", "minor_faults", "major_faults"])
        samples, start_ns = self.observer.samples, self.live.read().start_ns
        whole, hidden = self._whole_process_mark(outcome)
        if output.end:
            found, unavailable = footprint.of_memtest(samples, start_ns, output.end)
        else:
            found, unavailable = footprint.of_program(samples, outcome.wall_s, whole, hidden)
        for after, size in self.observer.after_free_bytes.items():
            metrics[f"rss_after_free_{after:g}s_bytes"] = size
        metrics |= found
        metrics["rss_peak_bytes"] = whole
        metrics["sampler_s"] = self.observer.spent_s
        series = series_csv(samples, start_ns, footprint.over_work(output.end))
        return Readings(metrics=metrics, unavailable=unavailable, series=series)

    def _whole_process_mark(self, outcome: Outcome) -> tuple[int, str]:
        """The kernel's high-water mark from exec to exit, and "" or why it may be too low.

        wait4 reports that of the forked harness where the program stayed below it, so it counts
        only when it is higher.
        """
        if outcome.max_rss_bytes > self._own_peak:
            return outcome.max_rss_bytes, ""
        sampled = max((s.rss_bytes for s in self.observer.samples), default=0)
        return max(self.observer.hwm_bytes, sampled), MARK_HIDDEN


def series_csv(samples: list[Sample], start_ns: int, work: Sequence[Point] = ()) -> str:
    """The series as CSV, the sampler's rows and those of memtest (with `ops`) in order of time.

    t_s counts from the start of the measured region; a field that was not measured at that moment is
    empty.
    """
    origin = start_ns or (samples[0].at_ns if samples else 0)
    rows: list[tuple[float, Sequence[int | None]]] = [
        ((s.at_ns - origin) / 1e9, [*astuple(s)[1:], None]) for s in thin(samples, ROW_LIMIT)
    ]
    rows += [(p.t_s, [MEASURED, p.rss, p.lazyfree, None, None, p.live, p.ops]) for p in work]
    lines = [COLUMNS]
    for t_s, values in sorted(rows, key=lambda row: row[0]):
        cells = ["" if value is None else str(value) for value in values]
        lines.append(",".join([f"{t_s:.6f}", *cells]))
    return "\n".join(lines) + "\n"


def thin(samples: list[Sample], limit: int) -> list[Sample]:
    """About `limit` samples: the full ones all stay, of those with Rss alone every n-th does."""
    stride = -(-len(samples) // limit)
    return [s for i, s in enumerate(samples) if i % stride == 0 or s.lazyfree_bytes is not None]
