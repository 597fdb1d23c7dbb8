from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.allocators import Allocator
from harness.experiment import Case, Experiment, parse
from harness.plan import PlannedProcess, load_plan, make_plan, replicates_of, save_plan
from records.record import RecordError

ALLOCATORS = [Allocator("a"), Allocator("b"), Allocator("c")]
NAMES = [allocator.name for allocator in ALLOCATORS]
RAW = {
    "title": "t",
    "question": "q",
    "replicates": {"time": 4, "memory": 2},
    "workload": [{"name": "rounds", "threads": [1, 2]}, {"name": "larson"}],
}


def experiment() -> Experiment:
    return parse(RAW, "x", "x.toml")


def plan(
    seed: int,
    cases: tuple[Case, ...] | None = None,
    allocators: Sequence[Allocator] = ALLOCATORS,
) -> list[PlannedProcess]:
    found = experiment()
    return make_plan(found, cases or found.cases, allocators, found.replicates, seed)


@given(seed=st.integers(0, 2**31))
def test_a_replicate_runs_every_allocator_once_in_every_case(seed: int) -> None:
    counts = Counter((process.group, process.allocator) for process in plan(seed))
    assert set(counts.values()) == {1}
    assert len(counts) == (4 + 2) * 3 * len(NAMES)


@given(seed=st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_plan(seed: int) -> None:
    assert plan(seed) == plan(seed)


def test_ids_are_unique() -> None:
    ids = [process.id for process in plan(1)]
    assert len(set(ids)) == len(ids)


def test_allocators_of_a_case_share_its_seed_in_all_passes_and_no_other() -> None:
    seeds: dict[object, set[int]] = {}
    for process in plan(1):
        seeds.setdefault((process.replicate, process.case_key), set()).add(process.seed)
    assert all(len(values) == 1 for values in seeds.values())
    assert len(set.union(*seeds.values())) == len(seeds)


def test_the_order_differs_between_replicates() -> None:
    orders: dict[int, list[str]] = {}
    for process in plan(1):
        if process.pass_name == "time" and process.case_key == ("larson", "", 1):
            orders.setdefault(process.replicate, []).append(process.allocator)
    assert len({tuple(order) for order in orders.values()}) > 1


def test_paddings_differ_between_processes() -> None:
    assert len({process.padding for process in plan(1)}) > len(plan(1)) / 2


def test_a_case_may_choose_allocators_and_passes() -> None:
    case = Case("memtest", "rounds", 1, allocators=("*", "!b"), passes=("memory",))
    processes = plan(1, cases=(case,))
    assert {process.allocator for process in processes} == {"a", "c"}
    assert {process.pass_name for process in processes} == {"memory"}


def test_what_is_derived_from_an_allocator_runs_the_cases_that_it_runs() -> None:
    case = Case("memtest", "rounds", 1, allocators=("a",))
    runs = plan(1, cases=(case,), allocators=[*ALLOCATORS, Allocator("a#2"), Allocator("b#2")])
    assert {run.allocator for run in runs} == {"a", "a#2"}


def test_an_allocator_may_be_bound_to_some_passes() -> None:
    runs = plan(1, allocators=[*ALLOCATORS, Allocator("a#slow5", passes=("time",))])
    assert {run.pass_name for run in runs if run.allocator == "a#slow5"} == {"time"}
    assert len([run for run in runs if run.allocator == "a#slow5"]) == 4 * 3


def test_null_runs_what_keeps_nothing_in_its_blocks_and_verifies_nothing() -> None:
    cases = (
        Case("memtest", "pairs", 1),
        Case("memtest", "tree", 1, keeps_data=True),
        Case("memtest", "rounds", 1, options={"verify": "stamp"}),
        Case("memtest", "larson", 1, overrides={"memory": {"verify": "full"}}),
        Case("command", "sort", 1, argv=("sort",)),
    )
    runs = plan(1, cases=cases, allocators=[Allocator("a"), Allocator("null")])
    null = {(run.workload, run.pass_name) for run in runs if run.allocator == "null"}
    assert null == {("pairs", "time"), ("pairs", "memory"), ("larson", "time")}
    assert {run.workload for run in runs if run.allocator == "a"} == {c.workload for c in cases}


def test_replicates_limit_the_other_passes_only_from_above() -> None:
    assert replicates_of(experiment(), 9, []) == {"time": 9, "memory": 2}
    assert replicates_of(experiment(), 1, []) == {"time": 1, "memory": 1}
    assert replicates_of(experiment(), None, ["memory"]) == {"memory": 2}


def test_a_saved_plan_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save_plan(path, plan(7), 7, experiment())
    processes, rest = load_plan(path)
    assert processes == plan(7)
    assert (rest["seed"], rest["definition"]) == (7, RAW)
    assert "pass" in json.loads(path.read_text())["runs"][0]


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"runs": [{}]}')
    with pytest.raises(RecordError, match=r"plan\.json"):
        load_plan(path)


def test_the_older_name_of_replicates_is_read() -> None:
    old = {key: value for key, value in RAW.items() if key != "replicates"}
    assert parse({**old, "passes": RAW["replicates"]}, "old", "old") == dataclasses.replace(
        parse(RAW, "old", "old"), raw={**old, "passes": RAW["replicates"]}
    )
