"""What is derived from records beside estimates: net counts, the MIND study's ratios, pass costs."""

from __future__ import annotations

import math
from typing import cast

import pandas as pd
import pytest

from records.record import Record
from stats.estimates.pass_costs import pass_costs, sentence
from stats.tables.mind_study import mind_measures
from stats.tidy.metrics import registry
from stats.tidy.net import net_rows
from stats.tidy.run import TIDY_COLUMNS
from tests.stats.synthetic import base_record


def syscall_rows(workload: str, allocator: str, **values: float) -> pd.DataFrame:
    rows = [
        ("r", 0, allocator, workload, "", 1, "syscalls", k, v, registry()[k].unit)
        for k, v in values.items()
    ]
    return pd.DataFrame(rows, columns=TIDY_COLUMNS)


def test_net_is_the_work_less_the_empty_program_of_the_same_allocator() -> None:
    table = pd.concat(
        [
            syscall_rows("empty", "a", mmap_calls=20, mallocs=0),
            syscall_rows("empty", "a", mmap_calls=24, mallocs=0),
            syscall_rows("rounds", "a", mmap_calls=100, mallocs=50),
            syscall_rows("rounds", "b", mmap_calls=100),
        ]
    )
    net = net_rows(table, registry())
    assert [(r.allocator, r.metric, r.value) for r in net.itertuples()] == [
        ("a", "mmap_calls_net", 78)
    ]
    assert list(net.columns) == TIDY_COLUMNS


def test_mind_ratios_follow_the_studys_definitions() -> None:
    values = {
        "mallocs": 1000,
        "mmap_calls": 10,
        "munmap_calls": 5,
        "brk_calls": 2,
        "madvise_calls": 33,
    }
    seconds = {
        "mmap_s": 0.003,
        "munmap_s": 0.002,
        "brk_s": 1.0,
        "madvise_s": 1.0,
        "kernel_memory_calls": 50,
    }
    peaks = {"mmap_peak_bytes": 3000, "mapped_peak_bytes": 4000, "live_peak_bytes": 2000}
    row = mind_measures(syscall_rows("rounds", "a", **values, **seconds, **peaks)).iloc[0]
    assert row["mallocs_per_mmap"] == 100
    assert row["kernel_s_per_malloc"] == pytest.approx(
        5e-6
    )  # without brk and madvise, as in the study
    assert row["mapped_fragmentation"] == 1.5
    assert row["mallocs_per_kernel_call"] == 20
    assert row["mapped_brk_fragmentation"] == 2
    assert row["madvise_calls"] == 33


def test_mallocs_without_any_mmap_give_infinity_and_real_programs_give_nothing() -> None:
    assert math.isinf(
        mind_measures(syscall_rows("rounds", "a", mallocs=10, mmap_calls=0)).iloc[0][
            "mallocs_per_mmap"
        ]
    )
    assert mind_measures(syscall_rows("sort", "a", mmap_calls=10)).empty


def process(pass_name: str, wall: float, checksum: str = "c", **changes: object) -> Record:
    metrics = {"metrics": {"wall_s": wall}, "checksum": checksum}
    record = base_record(pass_name, 0, "a", "w", "", 1, pass_name)
    return cast(Record, {**record, **metrics, **changes})


def test_a_pass_is_compared_with_the_time_pass_of_the_same_replicate_and_work() -> None:
    records = [
        process("time", 1.0),
        process("syscalls", 3.0),
        process("memory", 9.0, checksum="more work"),
    ]
    records.append(process("latency", 1.5, status="crash"))
    table = pass_costs(records).set_index("pass")
    assert next(iter(table.index)) == "time"
    assert table["slowdown_median"]["syscalls"] == 3.0
    assert (table["compared"]["memory"], table["processes"]["memory"]) == (0, 1)
    assert "latency" not in table.index
    texts = {row["pass"]: sentence(row) for _, row in table.reset_index().iterrows()}
    assert "3.0 times slower" in texts["syscalls"]
    assert "there is no comparison" in texts["memory"]


def test_without_a_time_pass_nothing_is_compared() -> None:
    assert pass_costs([process("memory", 1.0)])["compared"].tolist() == [0]
