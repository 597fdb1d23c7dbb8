from __future__ import annotations

import math
import os
import struct
import sys
import time
from pathlib import Path

import pytest

from harness import procfs
from harness.passes.instruments.footprint import Point
from harness.passes.instruments.live_file import FREED, LiveFile
from harness.passes.instruments.sampler import FIRST_LOOK_S, Probe, Sample, Sampler
from harness.passes.memory import COLUMNS, series_csv, thin
from harness.process import Job, run

ALL = frozenset(os.sched_getaffinity(0))
MIB = 1 << 20


def memtest(root: Path, live: LiveFile, *words: str) -> Job:
    argv = ["build/memtest-ptmalloc", *words, "--live-file", live.path]
    return Job(argv, {}, ALL, 30, 4 << 30, root)


def test_a_probe_keeps_its_share_of_the_time() -> None:
    probe = Probe(lambda: time.sleep(0.01), share=0.1)
    probe.begin()
    probe.take()
    assert probe.due() - time.monotonic() >= 0.09


def test_a_cheap_probe_still_waits_a_little() -> None:
    probe = Probe(lambda: None, share=1.0)
    probe.begin()
    assert probe.due() - time.monotonic() > FIRST_LOOK_S / 2


def test_resident_memory_is_seen_as_it_is(root: Path) -> None:
    with LiveFile() as live:
        sampler = Sampler(live)
        words = ["rounds", "--rounds", "20", "--touch", "all", "--slots", "64", "--linger", "1"]
        sizes = ["--min_bytes", "1M", "--max_bytes", "1M"]
        outcome = run(memtest(root, live, *words, *sizes), sampler)
        sampler.close()
    assert outcome.status == "ok"
    assert 64 * MIB < sampler.hwm_bytes < 80 * MIB
    assert 48 * MIB < max(s.live_bytes or 0 for s in sampler.samples) <= 64 * MIB
    assert 0.0 in sampler.after_free_bytes
    assert any(s.vmas for s in sampler.samples)


def test_a_peak_that_was_gone_before_the_reading_is_in_the_mark() -> None:
    code = "a = bytearray(b'x') * (96 << 20); del a; import time; time.sleep(0.2)"
    sampler = Sampler()
    run(Job([sys.executable, "-S", "-c", code], {}, ALL, 30, 1 << 30), sampler)
    sampler.close()
    assert sampler.hwm_bytes > 96 * MIB
    assert sampler.samples[-1].rss_bytes < 64 * MIB


def test_a_program_that_execs_another_is_followed() -> None:
    sampler = Sampler()
    argv = ["sh", "-c", "sleep 0.05; exec sleep 0.3"]
    run(Job(argv, {"PATH": os.environ["PATH"]}, ALL, 30, 1 << 30), sampler)
    sampler.close()
    span = sampler.samples[-1].at_ns - sampler.samples[0].at_ns
    assert span > 0.2e9


def test_a_process_that_has_ended_is_not_sampled() -> None:
    sampler = Sampler()
    run(Job(["true"], {"PATH": os.environ["PATH"]}, ALL, 30, 1 << 30), sampler)
    seen = len(sampler.samples)
    if sampler.due_s() < math.inf:  # a reading that was slow on a busy machine defers the next
        time.sleep(max(sampler.due_s() - time.monotonic(), 0) + FIRST_LOOK_S)
        sampler.look()
    assert sampler.due_s() == math.inf
    assert len(sampler.samples) == seen


def test_the_live_page_is_read_as_memtest_writes_it() -> None:
    with LiveFile() as live:
        assert not live.read().valid
        words = struct.pack("<2Qq2Qq", 0x616C6C6F636C6976, FREED, 1000, 5, 7, 2000)
        Path(live.path).write_bytes(words)
        state = live.read()
    assert (state.valid, state.phase, state.live_bytes, state.peak_bytes) == (True, 2, 1000, 2000)


def test_own_numbers_agree_with_the_kernels() -> None:
    files = procfs.ProcessFiles(os.getpid())
    rollup = files.rollup()
    assert files.high_water_mark() >= rollup.rss * 0.9
    assert rollup.rss == pytest.approx(files.rss(), rel=0.1)
    assert files.mappings() == len(Path("/proc/self/maps").read_text().splitlines())
    files.close()


def test_a_process_that_is_gone_has_no_files() -> None:
    with pytest.raises(OSError, match="2"):
        procfs.ProcessFiles(2**22 + 1)


def test_sizes_are_read_in_bytes_and_other_lines_passed_over() -> None:
    content = "5500-7ff0 ---p 0 00:00 0 [rollup]\nRss:    12 kB\nLazyFree:  4 kB\n"
    assert procfs.parse_sizes(content) == {"Rss": 12288, "LazyFree": 4096}


def test_a_series_leaves_empty_what_was_not_measured() -> None:
    rows = [Sample(10**9, 1, 100), Sample(2 * 10**9, 1, 200, 5, 6, 7, 8)]
    lines = series_csv(rows, start_ns=10**9).splitlines()
    assert lines == [COLUMNS, "0.000000,1,100,,,,,", "1.000000,1,200,5,6,7,8,"]


def test_a_series_has_memtests_own_readings_with_their_operations() -> None:
    rows = [Sample(2 * 10**9, 1, 100)]
    work = [Point(0.5, 0, 90, None, 4), Point(1.5, 64, 95, 3, 5)]
    lines = series_csv(rows, 10**9, work).splitlines()[1:]
    assert lines == ["0.500000,1,90,,,,4,0", "1.000000,1,100,,,,,", "1.500000,1,95,3,,,5,64"]


def test_a_long_series_is_thinned_but_keeps_its_full_samples() -> None:
    rows = [Sample(i, 1, 100, 0 if i % 100 == 1 else None) for i in range(10_000)]
    kept = thin(rows, 1000)
    assert len(kept) <= 1200
    assert sum(s.lazyfree_bytes is not None for s in kept) == 100
