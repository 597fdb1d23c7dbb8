"""Runs the processes of a plan, one at a time; each ends in a record, whatever happens to it."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.allocators import Allocator, preload_problem
from harness.bench import Bench
from harness.errors import Interrupted
from harness.measure import measure, not_started
from harness.plan import PlannedProcess
from harness.progress import Progress
from harness.validity import BuildGuard, FailurePolicy, StartCheck, checksum_mismatches
from records.record import Record
from records.store import RecordFile


@dataclass
class Runner:
    """Runs what a plan still lacks. `records` holds all records of the run by process, earlier ones
    too.
    """

    bench: Bench
    plan: Sequence[PlannedProcess]
    file: RecordFile
    checks: Mapping[str, StartCheck]
    progress: Progress
    records: dict[str, Record]
    failures: FailurePolicy = field(default_factory=FailurePolicy)
    kept_disturbed: int = 0  # replicates of a case that count although they were disturbed
    _said: set[tuple[str, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._guard = BuildGuard(self.bench.root)

    def run(self) -> None:
        """Runs every process that has no record yet. Raises Interrupted and RecordError; all records
        so far are kept then.
        """
        self.failures.add_all(self.records.values())
        for group in _by_group(self.plan).values():
            self._measure(group)
            self._repeat_while_disturbed(group)

    def _measure(self, group: Sequence[PlannedProcess]) -> None:
        """Runs those processes of a group (one case in one replicate of one pass) that have no record
        yet. Once it is complete, those that did other work get a second record, which replaces the
        first.
        """
        todo = [planned for planned in group if planned.id not in self.records]
        for planned in todo:
            if self.bench.should_stop():
                raise Interrupted
            self.progress.starting(planned)
            record = self._record_of(planned)
            self._keep(record)
            self.failures.add(record)
            self.progress.finished(planned)
        self._refuse_mismatches(group)

    def _repeat_while_disturbed(self, group: Sequence[PlannedProcess]) -> None:
        """Measures a disturbed group again as often as the experiment's rule allows. Its records so
        far are kept with a mark, which is written first: an interrupted run must not count both.
        """
        rule = self.bench.experiment.disturbed
        for _ in range(rule.repeats):
            why = rule.why(self.records[planned.id] for planned in group)
            if not why:
                return
            for planned in group:
                if "disturbed" not in self.records[planned.id]:
                    self._keep({**self.records[planned.id], "disturbed": why})
            group = [planned.again() for planned in group]
            self.progress.expect(p for p in group if p.id not in self.records)
            self._measure(group)
        if rule.why(self.records[planned.id] for planned in group):
            self.kept_disturbed += 1

    def _record_of(self, planned: PlannedProcess) -> Record:
        allocator = self.bench.allocator_of(planned)
        status, why = self._reason_not_to_start(planned, allocator)
        if why:
            return not_started(self.bench, planned, allocator, status, why)
        return measure(self.bench, planned)

    def _reason_not_to_start(
        self, planned: PlannedProcess, allocator: Allocator
    ) -> tuple[str, str]:
        check = self.checks[allocator.name]
        if check.status != "ok":
            return check.status, check.why
        changed = self._guard.changed(allocator)
        if changed:
            return "refused", changed
        case = self.bench.cases[planned.case_key]
        if case.kind == "command":
            libraries = (allocator.front, *allocator.preload.split(":"))
            unfit = filter(None, map(preload_problem, libraries))
            if why := next(unfit, ""):
                return "refused", why
        missing = self.bench.passes[planned.pass_name].missing()
        if missing:
            return "refused", f"the {planned.pass_name} pass cannot run: {missing}"
        for program in case.needs:
            if not shutil.which(program):
                return "refused", f"the program {program} is not installed"
        unprepared = self.bench.prepare(case)
        if unprepared:
            return "refused", unprepared
        skip = self.failures.reason_to_skip(allocator.name, *planned.case_key)
        return "refused", skip

    def _keep(self, record: Record) -> None:
        self.file.append(record)
        self.records[record["run"]] = record
        if record["status"] == "ok":
            return
        kind = (record["allocator"], record["workload"], record["status"], record["why"])
        if kind not in self._said:  # printed once; the records have every case of it
            self._said.add(kind)
            where = f"{record['pass']} {record['workload']}"
            line = f"{record['allocator']}, {where}: {record['status']}: {record['why']}"
            self.progress.say(f"harness: {line}")

    def _refuse_mismatches(self, group: Sequence[PlannedProcess]) -> None:
        for name, why in checksum_mismatches(self.records[p.id] for p in group).items():
            self._keep({**self.records[name], "status": "refused", "why": why})


def _by_group(plan: Iterable[PlannedProcess]) -> dict[tuple[Any, ...], list[PlannedProcess]]:
    groups: dict[tuple[Any, ...], list[PlannedProcess]] = defaultdict(list)
    for planned in plan:
        groups[planned.group].append(planned)
    return groups


def count_statuses(records: Iterable[Record]) -> Counter[str]:
    """How many processes ended how; those that were measured again since do not count."""
    return Counter(record["status"] for record in records if "disturbed" not in record)
