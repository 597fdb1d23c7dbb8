"""What else the machine did: read, recorded with its gaps, and judged by a rule fixed beforehand."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import cast

import pytest

from harness import disturbance
from harness.disturbance import OFF, TICKS_PER_S, Rule
from records.record import Disturbance, Record, violation
from tests.records.sample import sample

USAGE = cast(
    resource.struct_rusage,
    type("Usage", (), {"ru_utime": 0.5, "ru_stime": 0.1, "ru_nivcsw": 7, "ru_nvcsw": 2})(),
)


def machine(folder: Path, busy: int, steal: int, pressure_us: int | None) -> Path:
    """A /proc of two processors whose counters stand so."""
    (folder / "pressure").mkdir(parents=True)
    rows = [f"cpu{n} {busy} 0 0 999 9 0 0 {steal} 0 0" for n in (0, 1)]
    (folder / "stat").write_text(f"cpu  0 0 0 0 0 0 0 {2 * steal} 0 0\n" + "\n".join(rows) + "\n")
    (folder / "loadavg").write_text("0.75 0.6 0.5 1/100 1\n")
    if pressure_us is not None:
        for name in disturbance.PRESSURES:
            line = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={pressure_us}\nfull total=1\n"
            (folder / "pressure" / name).write_text(line)
    return folder


def seen(folder: Path, pressure: bool = True, steal: int = 5) -> Disturbance:
    """What a process of one second on processor 1 saw: 90 busy ticks, 3 stolen, 0.25 s of pressure."""
    told = (1000, 251000) if pressure else (None, None)
    before = machine(folder / "before", 1000, steal, told[0])
    after = machine(folder / "after", 1090, steal and steal + 3, told[1])
    first, second = (disturbance.read({1}, path) for path in (before, after))
    return disturbance.between(first, second, 1.0, USAGE)


def test_differences_of_counters_are_recorded(tmp_path: Path) -> None:
    found = seen(tmp_path)
    assert found["steal_s"] == 3 / TICKS_PER_S
    assert found["others_s"] == pytest.approx(90 / TICKS_PER_S - 0.6)
    assert found["pressure_cpu_s"] == found["pressure_io_s"] == 0.25
    assert (found["involuntary_switches"], found["voluntary_switches"]) == (7, 2)
    assert (found["load"], found["processors"], found["unavailable"]) == (0.75, 1, {})
    assert violation(sample(disturbance=found)) == ""


def test_what_the_machine_lacks_is_null_with_a_reason_and_never_0(tmp_path: Path) -> None:
    found = seen(tmp_path, pressure=False, steal=0)
    assert found["steal_s"] is found["pressure_cpu_s"] is None
    assert "no steal since boot" in found["unavailable"]["steal_s"]
    assert "/proc/pressure/cpu" in found["unavailable"]["pressure_cpu_s"]
    assert violation(sample(disturbance=found)) == ""


def test_nothing_to_read_is_nothing_told(tmp_path: Path) -> None:
    reading = disturbance.read({0}, tmp_path)
    found = disturbance.between(reading, reading, 1.0, USAGE)
    names = ("steal_s", "others_s", "load", "pressure_memory_s")
    assert [dict(found)[name] for name in names] == [None] * 4
    assert set(names) <= set(found["unavailable"])


def process(threads: int = 1, **changes: object) -> Record:
    """A good record of a process of one second that was left in peace, but for `changes`."""
    calm: dict[str, object] = {
        "wall_s": 1.0,
        "processors": 1 if threads == 1 else 2,
        "steal_s": 0.0,
        "others_s": 0.0,
        "involuntary_switches": 0,
        "voluntary_switches": 0,
        "pressure_cpu_s": 0.0,
        "pressure_memory_s": 0.0,
        "pressure_io_s": 0.0,
        "load": 0.0,
        "unavailable": {},
    }
    return sample(threads=threads, disturbance={**calm, **changes})


@pytest.mark.parametrize(
    ("changes", "threads", "words"),
    [
        ({}, 1, ""),
        ({"steal_s": 0.06}, 1, "steal 6%"),
        ({"steal_s": 0.06}, 2, ""),  # of two processors
        ({"steal_s": None}, 1, ""),
        ({"others_s": 0.3}, 1, "others 29%"),
        ({"others_s": 0.205}, 1, ""),  # a tick is in doubt
        ({"pressure_cpu_s": 0.3}, 1, "pressure_cpu 30%"),
        ({"pressure_cpu_s": 0.9}, 2, ""),  # waits for itself
        ({"pressure_cpu_s": 0.9, "processors": 4}, 2, "pressure_cpu 90%"),
    ],
)
def test_the_rule_compares_shares(changes: dict[str, object], threads: int, words: str) -> None:
    why = Rule().why([process(threads), process(threads, **changes)])
    assert why.startswith(words) if words else why == ""


def test_a_failure_is_a_result_and_is_not_measured_away() -> None:
    disturbed = process(steal_s=0.9)
    assert Rule().why([disturbed])
    assert Rule().why([disturbed, sample(1, status="crash", why="x")]) == ""


def test_only_passes_that_compare_times_are_repeated_and_old_runs_never() -> None:
    disturbed = process(steal_s=0.9)
    assert Rule().why([cast(Record, {**disturbed, "pass": "syscalls"})]) == ""
    assert OFF.repeats == 0
