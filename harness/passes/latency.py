"""latency: memtest times operations sampled at random gaps and keeps them in histograms."""

from __future__ import annotations

from typing import Any

from harness.memtest import Output
from harness.passes.instruments import instrument
from harness.passes.instruments.instrument import Readings
from harness.process import Outcome

NAME = "latency"
PATIENCE = 3.0

_PERCENTILES = ("p50", "p90", "p99", "p99.9", "max")
_BATCH = "_batch"  # histograms of means over consecutive operations; their tails mean nothing


def missing() -> str:
    """Always there."""
    return ""


class Instrument(instrument.Instrument):
    """Adds --latency and spreads the percentiles out into metrics."""

    def memtest_options(self) -> list[str]:
        return ["--latency"]

    def read(self, outcome: Outcome, output: Output) -> Readings:
        metrics = instrument.only(
            instrument.process_metrics(outcome, output), ["wall_s", "mallocs"]
        )
        latency: dict[str, Any] = output.end.get("latency") or {}
        metrics |= instrument.only(output.end, ["clock_quantum_ns"])
        for operation, histogram in latency.items():
            for percentile in _PERCENTILES[:1] if operation.endswith(_BATCH) else _PERCENTILES:
                if histogram and percentile in histogram:
                    metrics[f"{operation}_{percentile}"] = histogram[percentile]
        missing = {} if latency else {"malloc_ns_p50": "this program does not time its operations"}
        return Readings(metrics=metrics, latency=latency or None, unavailable=missing)
