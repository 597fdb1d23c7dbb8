from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.experiment import Case
from harness.memtest import Output, parse
from harness.passes import NAMES, counters, discover
from harness.passes.instruments import instrument
from harness.passes.instruments.instrument import Instrument, Surroundings
from harness.process import Job, Outcome, run

ALL = frozenset(os.sched_getaffinity(0))
CASE = Case("memtest", "random_mixed", 1)
LINE = '{{"counter-value" : "{value}", "event" : "{event}"}}\n'


def test_there_is_one_file_for_each_pass() -> None:
    assert list(discover()) == list(NAMES)
    assert {"time", "memory"} <= set(NAMES)


@pytest.mark.parametrize("name", ["time", "latency", "memory"])
def test_passes_without_a_program_start_the_process_itself(name: str) -> None:
    with discover()[name].Instrument(Surroundings(CASE)) as instrument:
        assert instrument.wrap(["memtest"], {"A": "1"}) == (["memtest"], {"A": "1"})


@pytest.mark.parametrize("name", ["syscalls", "counters"])
def test_strace_and_perf_do_not_get_the_allocator_themselves(name: str) -> None:
    with discover()[name].Instrument(Surroundings(CASE)) as instrument:
        argv, env = instrument.wrap(["memtest"], {"LD_PRELOAD": "/a.so", "A": "1"})
    assert env == {"A": "1"}
    assert any("LD_PRELOAD=/a.so" in word for word in argv)
    assert argv[-1] == "memtest"


def test_every_quantile_that_memtest_prints_is_a_metric(root: Path) -> None:
    """Those of one operation at a time; record.c is the list."""
    known = tomllib.loads((root / "stats/metrics.toml").read_text())["metric"]
    with discover()["latency"].Instrument(Surroundings(CASE)) as instrument:
        outcome = measured(root, instrument, "random_mixed", *instrument.memtest_options())
        output = parse(outcome.stdout)
        found = instrument.read(outcome, output).metrics
    for operation in ("malloc_ns", "free_ns"):
        printed = output.end["latency"][operation].keys() - {"count", "buckets"}
        read = {name.removeprefix(f"{operation}_") for name in found if name.startswith(operation)}
        assert read >= printed, "a quantile of record.c that passes/latency.py passes over"
        for quantile in printed:
            assert f"{operation}_{quantile}" in known


def test_nothing_is_attached_under_time() -> None:
    with discover()["time"].Instrument(Surroundings(CASE)) as instrument:
        assert instrument.observer is None
        assert instrument.memtest_options() == []


def test_of_batches_only_the_median_is_a_metric() -> None:
    histogram = {"p50": 1.5, "p90": 2.0, "max": 3.0}
    end = {"latency": {"malloc_ns": histogram, "malloc_ns_batch": histogram}}
    module = discover()["latency"]
    found = module.Instrument(Surroundings(CASE)).read(
        Outcome(), Output(end=end | {"clock_quantum_ns": 10.0})
    )
    assert found.metrics == {
        "malloc_ns_p50": 1.5,
        "malloc_ns_p90": 2.0,
        "malloc_ns_max": 3.0,
        "malloc_ns_batch_p50": 1.5,
        "clock_quantum_ns": 10.0,
    }


def test_processor_time_is_what_memtest_read_from_the_schedulers_clock() -> None:
    with discover()["time"].Instrument(Surroundings(CASE)) as instrument:
        end = {"cpu_s": 0.123456789, "user_s": 0.12, "sys_s": 0.004}
        assert instrument.read(Outcome(), Output(end=end)).metrics["cpu_s"] == 0.123456789


def test_a_counter_that_the_machine_lacks_is_unavailable_and_not_zero() -> None:
    text = LINE.format(value="<not supported>", event="cycles:u")
    text += LINE.format(value="12.0", event="instructions:u")
    counted, unavailable = counters.parse("# comment\n" + text)
    assert counted == {"hw_instructions": 12}
    assert "no such hardware counter" in unavailable["cycles"]
    assert set(unavailable) == {"cycles", "cache_misses", "dtlb_misses"}


def test_without_perf_the_process_runs_bare_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "lacking", lambda: "perf is forbidden here")
    with counters.Instrument(Surroundings(CASE)) as instrument:
        outcome = measured(root, instrument, "empty")
        readings = instrument.read(outcome, Output(end={"wall_s": 1.0}))
    assert outcome.status == "ok"
    assert readings.metrics == {"wall_s": 1.0}
    assert set(readings.unavailable.values()) == {"perf is forbidden here"}


def test_a_tool_that_fails_gives_its_own_words() -> None:
    assert instrument.reason_it_fails("true") == ""
    assert "is not installed" in instrument.reason_it_fails("no-such-tool")
    failing = instrument.reason_it_fails("sh", "-c", "echo not permitted >&2; exit 1")
    assert failing.endswith("not permitted")


def measured(root: Path, instrument: Instrument, *words: str) -> Outcome:
    argv, env = instrument.wrap(["build/memtest-ptmalloc", *words], {"PATH": os.environ["PATH"]})
    return run(Job(argv, env, ALL, 60, 4 << 30, root), instrument.observer)


def test_instructions_repeat_and_grow_with_the_work(root: Path) -> None:
    def count(iterations: int) -> float:
        module = discover()["instructions"]
        with module.Instrument(Surroundings(CASE)) as instrument:
            outcome = measured(root, instrument, "random_mixed", "--iterations", str(iterations))
            metrics: dict[str, float] = instrument.read(outcome, Output()).metrics
        return metrics["instructions"]

    few, again, many = count(1000), count(1000), count(50_000)
    assert few == pytest.approx(again, rel=0.02)
    assert many > 2 * few


def test_strace_sees_the_mmaps_of_large_blocks(root: Path) -> None:
    words = ["rounds", "--rounds", "1", "--slots", "50", "--min_bytes", "64M", "--max_bytes", "64M"]
    with discover()["syscalls"].Instrument(Surroundings(CASE)) as instrument:
        outcome = measured(root, instrument, *words)
        readings = instrument.read(outcome, Output(end={"mallocs": 50}))
    assert readings.metrics["munmap_calls"] >= 50
    assert readings.metrics["mmap_anon_calls"] >= 50
    assert readings.metrics["mmap_bytes"] > 50 * (64 << 20)
    assert readings.unavailable == {}
    assert len(readings.series.splitlines()) > 100


def test_every_metric_is_registered_under_its_name(root: Path) -> None:
    """A metric without an entry in the one list would reach no table."""
    known = tomllib.loads((root / "stats/metrics.toml").read_text())["metric"]
    end: dict[str, Any] = {"wall_s": 1.0, "user_s": 1.0, "sys_s": 0.0, "ops": 2, "mallocs": 1}
    end |= {"latency": {"malloc_ns": {"p50": 1, "max": 2}}, "live_peak_bytes": 10}
    for name, module in discover().items():
        if module.missing():
            continue
        with module.Instrument(Surroundings(CASE)) as instrument:
            outcome = measured(root, instrument, "random_mixed", "--iterations", "1000000")
            found = instrument.read(outcome, Output(end=end))
        unknown = {*found.metrics, *found.unavailable} - known.keys()
        assert not unknown, f"pass {name}"
        assert found.metrics
