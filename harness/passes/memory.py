"""memory: a sampler looks at the process from outside; see instruments/sampler.py for what and how
often.
"""

from __future__ import annotations

import resource
from dataclasses import astuple

from harness.memtest import Output
from harness.passes.instruments import footprint, instrument
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.passes.instruments.live_file import LiveFile
from harness.passes.instruments.sampler import Sample, Sampler
from harness.process import Outcome

NAME = "memory"
PATIENCE = 1.5

# memtest stays this long after its last free, outside the measured region, so that the sampler is
# sure to see it.
SHORTEST_LINGER_S = 0.1
ROW_LIMIT = 2000  # rows of a series file; a longer series is thinned
COLUMNS = "t_s,phase,rss_bytes,lazyfree_bytes,vmas,anon_huge_bytes,live_bytes"


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
        return [*instrument.with_live_file(self.live), "--linger", f"{linger:g}"]

    def read(self, outcome: Outcome, output: Output) -> Readings:
        measured = instrument.process_metrics(outcome, output)
        metrics = instrument.only(measured, ["wall_s", "mallocs", "minor_faults", "major_faults"])
        found, unavailable = footprint.metrics(
            self.observer.samples,
            metrics.get("wall_s", outcome.wall_s),
            output.end.get("live_peak_bytes"),
            output.end.get("own_bytes", 0),
        )
        metrics |= instrument.only(output.end, ["own_bytes"])
        metrics |= found
        for after, size in self.observer.after_free_bytes.items():
            metrics[f"rss_after_free_{after:g}s_bytes"] = size
        metrics["rss_peak_bytes"] = self._peak(outcome)
        metrics["sampler_s"] = self.observer.spent_s
        series = series_csv(self.observer.samples, self.live.read().start_ns)
        return Readings(metrics=metrics, unavailable=unavailable, series=series)

    def _peak(self, outcome: Outcome) -> int:
        """The kernel's high-water mark.

        wait4 reports that of the forked harness where the program stayed below it, so it counts
        only when it is higher.
        """
        sampled = max((s.rss_bytes for s in self.observer.samples), default=0)
        peak = max(self.observer.hwm_bytes, sampled)
        return max(peak, outcome.max_rss_bytes) if outcome.max_rss_bytes > self._own_peak else peak


def series_csv(samples: list[Sample], start_ns: int) -> str:
    """The series as CSV. t_s counts from the start of the measured region; a field that was not
    measured at that moment is empty.
    """
    origin = start_ns or (samples[0].at_ns if samples else 0)
    lines = [COLUMNS]
    for sample in thin(samples, ROW_LIMIT):
        cells = ["" if value is None else str(value) for value in astuple(sample)[1:]]
        lines.append(",".join([f"{(sample.at_ns - origin) / 1e9:.6f}", *cells]))
    return "\n".join(lines) + "\n"


def thin(samples: list[Sample], limit: int) -> list[Sample]:
    """About `limit` samples: the full ones all stay, of those with Rss alone every n-th does."""
    stride = -(-len(samples) // limit)
    return [s for i, s in enumerate(samples) if i % stride == 0 or s.lazyfree_bytes is not None]
