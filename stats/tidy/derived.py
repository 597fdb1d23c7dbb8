"""Metrics that are computed from others of the same record whenever a run is read.

So a changed definition applies to stored runs too. What a stored run did not record is left out, and
the record's `unavailable` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean

from common.readings import FEWEST, too_few
from records.record import OK, Record

# What a compute blade of MIND forwards to its switch: include/disagg/network_disagg.h and the calls
# around it in the published sources (github.com/shsym/mind at 00802e129). madvise and mprotect stay
# on the blade. Page fetches are messages as well, of the data plane; minor_faults counts them.
MIND_CALLS = ("mmap_calls", "munmap_calls", "mremap_calls", "brk_calls")
PROCESS_CALLS = "process_calls"
NOT_RECORDED = (
    "counts memory calls alone; these records hold no process calls (fork, exec, exit), which MIND "
    "forwards too"
)

FEWEST_ROUNDS = 10
ROUNDS = ("first_round_s", "steady_round_s")

FEWEST_BEYOND = 10  # samples
SAMPLES_FOR = {
    "p50": 2 * FEWEST_BEYOND,
    "p90": 10 * FEWEST_BEYOND,
    "p99": 100 * FEWEST_BEYOND,
    "p99.9": 1000 * FEWEST_BEYOND,
}

MARK = "rss_high_water_bytes"
PEAK = "footprint_peak_bytes"
MEANS = ("footprint_mean_bytes", "footprint_byte_s", "live_mean_bytes", "fragmentation_mean")
NO_MARK = "these records hold no high-water mark of the measured region"
SAMPLED_PEAK = f"is the largest of the samples, and shorter peaks are missing: {NO_MARK}"
MEASURED = "1"  # the phase of samples in the measured region, as series hold it


def derived(record: Record, series: Callable[[], str] = str) -> Record:
    """The record with its derived metrics; the record itself where it has none. `series` gives the
    text of its series, "" where there is none.
    """
    if record["status"] != OK:
        return record
    for derive in (_messages, _rounds, _percentiles):
        record = derive(record)
    if record["pass"] == "memory" and MARK not in {*record["metrics"], *record["unavailable"]}:
        record = _of_samples(record, series())
    return record


def _with(record: Record, metrics: dict[str, float], unavailable: dict[str, str]) -> Record:
    return {
        **record,
        "metrics": record["metrics"] | metrics,
        "unavailable": record["unavailable"] | unavailable,
    }


def _messages(record: Record) -> Record:
    metrics = record["metrics"]
    if any(name not in metrics for name in MIND_CALLS):
        return record
    messages = sum(metrics[name] for name in MIND_CALLS)
    if PROCESS_CALLS in metrics:
        return _with(record, {"mind_messages": messages + metrics[PROCESS_CALLS]}, {})
    return _with(record, {"mind_messages": messages}, {"mind_messages": NOT_RECORDED})


def _rounds(record: Record) -> Record:
    """The first round, which builds the heap, and the mean of the second half of the rounds."""
    walls = [entry["wall_s"] for entry in record["rounds"] if "wall_s" in entry]
    if record["pass"] != "time" or not walls:
        return record
    if len(walls) < FEWEST_ROUNDS:
        reason = f"a steady state takes {FEWEST_ROUNDS} rounds, and there are {len(walls)}"
        return _with(record, {}, dict.fromkeys(ROUNDS, reason))
    steady = fmean(walls[len(walls) // 2 :])
    return _with(record, {"first_round_s": walls[0], "steady_round_s": steady}, {})


def _percentiles(record: Record) -> Record:
    """Without the percentiles beyond which lie fewer than FEWEST_BEYOND samples: they say what the
    slowest few happened to be.
    """
    absent = {
        f"{kind}_{name}": f"{name} takes {needed} samples, and there are {histogram['count']}"
        for kind, histogram in (record["latency"] or {}).items()
        if histogram
        for name, needed in SAMPLES_FOR.items()
        if histogram["count"] < needed and f"{kind}_{name}" in record["metrics"]
    }
    if not absent:
        return record
    kept = {name: value for name, value in record["metrics"].items() if name not in absent}
    return {**record, "metrics": kept, "unavailable": record["unavailable"] | absent}


def _of_samples(record: Record, series: str) -> Record:
    """A record from before memtest read its own memory: its peak and means are those of samples."""
    rows = [line.split(",") for line in series.splitlines() if line[:1].isdigit()]
    readings = sum(row[1] == MEASURED for row in rows)
    found = _with(record, {}, {MARK: NO_MARK})
    if PEAK in record["metrics"]:
        found["unavailable"][PEAK] = SAMPLED_PEAK
    if readings < FEWEST:
        absent = [name for name in MEANS if name in record["metrics"]]
        found["unavailable"] |= dict.fromkeys(absent, too_few(readings))
        for name in absent:
            del found["metrics"][name]
    return found
