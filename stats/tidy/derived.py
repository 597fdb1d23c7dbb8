"""Metrics that are computed from others of the same record whenever a run is read.

So a changed definition applies to stored runs too. Where a stored run did not record a summand, the
sum leaves it out and the record's `unavailable` says so.
"""

from __future__ import annotations

from records.record import Record

# What a compute blade of MIND forwards to its switch: include/disagg/network_disagg.h and the calls
# around it in the published sources (github.com/shsym/mind at 00802e129). madvise and mprotect stay
# on the blade. Page fetches are messages as well, of the data plane; minor_faults counts them.
MIND_CALLS = ("mmap_calls", "munmap_calls", "mremap_calls", "brk_calls")
PROCESS_CALLS = "process_calls"
NOT_RECORDED = (
    "counts memory calls alone; these records hold no process calls (fork, exec, exit), which MIND "
    "forwards too"
)


def derived(record: Record) -> Record:
    """The record with its derived metrics; the record itself where it has none."""
    metrics = record["metrics"]
    if record["status"] != "ok" or any(name not in metrics for name in MIND_CALLS):
        return record
    messages = sum(metrics[name] for name in MIND_CALLS)
    unavailable = dict(record.get("unavailable") or {})
    if PROCESS_CALLS in metrics:
        messages += metrics[PROCESS_CALLS]
    else:
        unavailable["mind_messages"] = NOT_RECORDED
    return {
        **record,
        "metrics": {**metrics, "mind_messages": messages},
        "unavailable": unavailable,
    }
