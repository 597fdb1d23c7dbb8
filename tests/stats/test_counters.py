"""The table and the sentences of a workload, and the counters that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stats.estimates.analysis import Analysis, analyse
from stats.report.descriptions import Description, descriptions
from stats.tables.counters import CaseText, leaders_in_time
from stats.tables.counters import case_texts as texts_with
from stats.tables.workload import workload
from stats.tidy.run import Run
from tests.stats.synthetic import base_record

REPLICATES = 18
Levels = dict[str, dict[str, float]]


def case_texts(analysis: Analysis) -> list[CaseText]:
    return texts_with(analysis, leaders_in_time(analysis))


def only_case(path: Path, time: Levels, calls: dict[str, float]) -> Analysis:
    """A run of one workload on one thread with these metrics in the time pass, and these kernel
    calls in the syscalls pass.
    """
    records = []
    for replicate in range(REPLICATES):
        wobble = 1 + 0.002 * (replicate % 3)
        for name, metrics in time.items():
            record = base_record(f"t{replicate}{name}", replicate, name, "w", "", 1, "time")
            records.append(record | {"metrics": {k: v * wobble for k, v in metrics.items()}})
    for name, count in calls.items():
        record = base_record(f"s{name}", 0, name, "w", "", 1, "syscalls")
        records.append(record | {"metrics": {"kernel_memory_calls": count}})
    analysis = analyse(Run(path, {"allocators": [{"name": "mine", "role": "own"}]}, {}, records))
    return analysis.only(("w", ""))


def test_the_counters_that_grow_with_time_are_named_the_largest_ratio_first(tmp_path: Path) -> None:
    times: Levels = {
        "ptmalloc": {"wall_s": 0.2, "sys_s": 0.02, "user_s": 0.1, "minor_faults": 9000},
        "mine": {"wall_s": 0.1, "sys_s": 0.01, "user_s": 0.09, "minor_faults": 9000},
        "slow": {"wall_s": 1.5, "sys_s": 1.1, "user_s": 0.1, "minor_faults": 150},
    }
    (case,) = case_texts(only_case(tmp_path, times, {"ptmalloc": 50, "mine": 1, "slow": 2700}))
    assert (case.threads, case.fastest) == ("1 thread", "mine ahead (above 2 %)")
    assert case.sentences == [
        "mine is ahead of all others (above 2 %): 0.50 [0.50, 0.50] (95 %) times the wall time of the best other (ptmalloc).",
        "slow takes 15.0 [15.0, 15.0] (95 %) times the wall time of mine (1.50 s against 100 ms); this goes with "
        "2700 kernel memory calls against 1 and 1.10 s of system time against 10.0 ms.",
    ]


def test_where_no_counter_grows_that_is_case_texts(tmp_path: Path) -> None:
    times: Levels = {
        "ptmalloc": {"wall_s": 0.1, "sys_s": 0.01, "minor_faults": 9000},
        "slow": {"wall_s": 0.2, "sys_s": 0.01, "minor_faults": 9100},
    }
    (case,) = case_texts(only_case(tmp_path, times, {}))
    assert case.sentences[1].endswith("no counter of this run is also 1.25 times larger.")


def test_a_counter_that_ranks_against_time_is_not_named(tmp_path: Path) -> None:
    faults = {"ptmalloc": 1000.0, "b": 90_000.0, "c": 80_000.0, "d": 2000.0}
    walls = {"ptmalloc": 0.1, "b": 0.11, "c": 0.12, "d": 0.3}
    times: Levels = {n: {"wall_s": walls[n], "minor_faults": faults[n]} for n in walls}
    analysis = only_case(tmp_path, times, {})
    assert (
        "page faults" in case_texts(analysis)[0].sentences[1]
    )  # ranks 1 4 3 2 against 1 2 3 4: rising
    times["ptmalloc"]["minor_faults"] = 1900.0
    times["e"] = {"wall_s": 0.2, "minor_faults": 10.0}
    times["f"] = {"wall_s": 0.25, "minor_faults": 5.0}
    assert "no counter" in case_texts(only_case(tmp_path, times, {}))[0].sentences[1]


def test_equivalent_allocators_share_the_heading(tmp_path: Path) -> None:
    times: Levels = {"ptmalloc": {"wall_s": 0.1}, "b": {"wall_s": 0.1}}
    (case,) = case_texts(only_case(tmp_path, times, {}))
    assert "is equivalent to the best other" in case.sentences[0]
    assert case.fastest in ("ptmalloc = b (within 5 %)", "b = ptmalloc (within 5 %)")
    assert len(case.sentences) == 1


def test_no_heading_names_a_winner_without_a_verdict(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (2, REPLICATES))
    records = [
        base_record(f"{name}{i}", i, name, "w", "", 1, "time")
        | {"metrics": {"wall_s": float(np.exp(noise[row, i]))}}
        for row, name in enumerate(("ptmalloc", "b"))
        for i in range(REPLICATES)
    ]
    for kept, heading in ((REPLICATES, "undecided ("), (14, "not compared")):
        some = [r for r in records if r["block"] < kept]
        analysis = analyse(Run(tmp_path, {}, {}, some)).only(("w", ""))
        (case,) = case_texts(analysis)
        assert case.fastest.startswith(heading)


def test_the_projects_own_allocator_is_explained_where_it_is_slower(tmp_path: Path) -> None:
    times: Levels = {
        "ptmalloc": {"wall_s": 0.1, "sys_s": 0.01},
        "mine": {"wall_s": 0.2, "sys_s": 0.1},
        "slow": {"wall_s": 0.3, "sys_s": 0.1},
    }
    (case,) = case_texts(only_case(tmp_path, times, {}))
    assert case.sentences[2].startswith(
        "mine takes 2.00 [2.00, 2.00] (95 %) times the wall time of ptmalloc"
    )


def test_the_table_shows_time_ratio_interval_and_counters(planted: Analysis) -> None:
    (setting, *_) = planted.settings
    frame = workload(planted.only(setting)).frame
    one_thread = frame[frame["threads"] == "1"].set_index("allocator")
    row = one_thread.loc["slotmalloc"].to_dict()
    assert row["ratio"].startswith(("0.59 ✓", "0.60 ✓", "0.61 ✓"))
    assert row["95 % interval"].startswith("[0.")
    assert row["peak footprint"] == "114 MiB"  # three replicates are not compared
    assert row["page faults"] == "600 (0.60 ✓)"
    assert one_thread["ratio"]["ptmalloc"] == "–"
    assert {"user", "system", "kernel calls", "page faults"} <= set(frame.columns)


@pytest.mark.parametrize("kind", ["workload", "command"])
def test_a_summary_in_the_experiment_takes_precedence_over_memtests(kind: str) -> None:
    told = {"name": "w", "summary": "memtest's", "source": "S", "stresses": "X"}
    manifest: dict[str, Any] = {"workloads": [told, told | {"name": "v"}]}
    manifest["definition"] = {kind: [{"name": "w", "summary": "Ours."}, {"name": "u"}]}
    found = descriptions(manifest)
    assert found["w"] == Description("Ours.", "S", "X")
    assert found["v"].summary == "memtest's"
    assert "u" not in found
    assert descriptions({}) == {}
