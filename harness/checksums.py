"""Did all allocators of a group do the same work? Those that did other work than most are refused
after the fact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from records.record import Record


def odd_ones(records: Iterable[Record]) -> dict[str, str]:
    """run -> why it is refused, for one group: one cell in one block of one pass, so the same seed.

    The checksum that most allocators have is taken for right. Without a majority nobody can tell,
    and all are refused. Runs without a checksum (time-bound ones) are not judged.
    """
    good = [r for r in records if r["status"] == "ok" and r["checksum"]]
    counts = Counter(record["checksum"] for record in good)
    if len(counts) < 2:
        return {}
    (common, most), (_, second) = counts.most_common(2)
    if most == second:
        why = "the allocators of this cell did different work and no checksum has a majority"
        return {record["run"]: why for record in good}
    return {
        record[
            "run"
        ]: f"did different work: checksum {record['checksum']}, while {most} others have {common}"
        for record in good
        if record["checksum"] != common
    }
