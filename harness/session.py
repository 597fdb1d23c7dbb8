"""One session: plans a run or resumes one, measures what has no record yet, starts the report."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import experiment as experiments
from harness import host, layouts, memtest, messages, rundir, validity
from harness import manifest as manifests
from harness.allocators import (
    DERIVED,
    Allocator,
    choose,
    from_makefile,
    from_option,
    with_aa,
    with_hashes,
    with_variants,
)
from harness.bench import Bench
from harness.control import controls_of
from harness.disturbance import OFF, Rule
from harness.errors import Interrupted, UsageError
from harness.experiment import EMPTY_CASE, Case, Experiment
from harness.interrupt import StopRequest
from harness.pinning import processors
from harness.plan import PlannedProcess, layouts_of, load_plan, make_plan, replicates_of, save_plan
from harness.progress import Progress
from harness.runner import Runner, count_statuses
from records.pack import is_reference
from records.record import Record, RecordError
from records.store import RUNS, RecordFile, read_records

PLAIN_BINARY = "build/memtest-ptmalloc"


@dataclass(frozen=True)
class Setup:
    """What a session measures: planned by this call, or read from the folder of an interrupted run."""

    experiment: Experiment
    cases: tuple[Case, ...]
    allocators: list[Allocator]
    plan: list[PlannedProcess]
    run_dir: Path


def run(root: Path, options: argparse.Namespace) -> int:
    """Does what the options ask for; returns the exit code. Raises HarnessError for what the user
    can correct.
    """
    setup = _resumed(root, options) if options.resume else _new(root, options)
    if setup is None:
        return 0
    try:
        records = _sealed(root, setup)
    except Interrupted:
        return _stopped(setup, options, 130, "interrupted; all records so far are kept")
    except RecordError as error:
        return _stopped(
            setup,
            options,
            1,
            f"{error}; all earlier records are intact; free some disk space, then resume",
        )
    return _finish(root, setup, records, with_report=not options.no_report)


def _new(root: Path, options: argparse.Namespace) -> Setup | None:
    _check_reference(root, options)
    experiment = experiments.load(experiments.find(options.experiment, root / "experiments"))
    replicates = replicates_of(experiment, options.replicates, options.passes)
    if not replicates:
        raise UsageError(f"{experiment.name} has none of the passes {', '.join(options.passes)}")
    cases = _installed(_cases(root, experiment, list(replicates)))
    chosen, skipped = _allocators(root, experiment, options)
    experiment = _with_baseline(experiment, chosen)
    controls = controls_of(chosen, experiment.baseline, experiment.control, root)
    measured = [*with_aa(chosen, experiment.aa), *controls]
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    plan = make_plan(experiment, cases, measured, replicates, seed)
    planned = {process.allocator for process in plan}
    measured = [a for a in measured if a.name in planned]
    for allocator in skipped:
        _say(f"{allocator.name} is left out: {allocator.why_not}")
    if options.dry_run:
        print(messages.plan_table(experiment, plan, seed))
        return None
    run_dir = rundir.new_folder(root, options.out, experiment.name)
    _say(messages.plan_line(experiment, plan, run_dir))
    count = layouts_of(plan)
    layouts.build(root, measured, count)
    hashed = [with_hashes(a, root, count) for a in measured]
    described = memtest.descriptions(
        root / PLAIN_BINARY, {c.workload for c in cases if c.kind == "memtest"}
    )
    manifest = manifests.collect(
        root, experiment, hashed, skipped, replicates, seed, processors(), described
    )
    for warning in manifests.warnings(manifest):
        _say(f"warning: {warning}")
    manifest["reference"] = options.reference or is_reference(run_dir)
    save_plan(run_dir / "plan.json", plan, seed, experiment)
    rundir.open_session(run_dir, manifest, {})
    return Setup(experiment, cases, hashed, plan, run_dir)


def _resumed(root: Path, options: argparse.Namespace) -> Setup | None:
    run_dir = rundir.old_folder(root, options.out, options.experiment)
    plan, rest = load_plan(run_dir / "plan.json")
    where = str(run_dir / "plan.json")
    manifest = rundir.load_manifest(run_dir)
    rundir.check_seal(run_dir, manifest)
    if manifest.get("reference"):
        _check_reference(root, options)
    experiment = experiments.parse(rest["definition"], rest["experiment"], where)
    experiment = replace(experiment, disturbed=_rule_of(manifest))
    before = rundir.allocators_of(manifest, root)
    count = layouts_of(plan)
    layouts.build(root, before, count)
    for allocator in before:
        rundir.check_unchanged(allocator, with_hashes(allocator, root, count), root)
    cases = _cases(root, experiment, ["syscalls"])
    if options.dry_run:
        print(messages.plan_table(experiment, plan, rest["seed"]))
        return None
    rundir.open_session(run_dir, manifest, _changes_of_host(manifest, options))
    return Setup(experiment, cases, before, plan, run_dir)


def _rule_of(manifest: dict[str, Any]) -> Rule:
    """The rule that the run began with: none where it is older than the rule."""
    stored = manifest.get("disturbed")
    return experiments.rule_of(stored, "manifest.json") if stored else OFF


def _changes_of_host(manifest: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """What is different from the machine and boot of the earlier sessions. Raises UsageError unless
    the user accepts it.
    """
    if "boot_id" not in manifest["host"]:
        _say("the run is older than boot ids in manifests: a boot since its start cannot be seen")
    found = host.differences(manifest["host"], host.describe())
    if found and not options.accept_changed_host:
        told = "; ".join(f"{name} was {old}, is {new}" for name, (old, new) in found.items())
        raise UsageError(
            f"this machine or its boot is not that of the run so far: {told}. Start a new run, or add "
            "--accept-changed-host: every table of the run will say so"
        )
    return found


def _cases(root: Path, experiment: Experiment, passes: Sequence[str]) -> tuple[Case, ...]:
    known = memtest.catalogue(root / PLAIN_BINARY)
    memtest.check_cases(experiment.cases, known, f"experiment {experiment.name}")
    cases = tuple(replace(c, keeps_data=c.workload in known.keeping) for c in experiment.cases)
    return (*cases, EMPTY_CASE) if "syscalls" in passes else cases


def _installed(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases whose programs are installed. Prints a line for each of the others."""
    kept = []
    for case in cases:
        missing = [program for program in case.needs if not shutil.which(program)]
        if missing:
            _say(f"{case.workload} is left out: {', '.join(missing)} not installed")
        else:
            kept.append(case)
    if not any(case != EMPTY_CASE for case in kept):
        raise UsageError(
            "none of the experiment's programs is installed; ./install.sh fetches them"
        )
    return tuple(kept)


def _allocators(
    root: Path, experiment: Experiment, options: argparse.Namespace
) -> tuple[list[Allocator], list[Allocator]]:
    """The allocators to measure, and those of the Makefile's table that are not installed."""
    known = from_makefile(root)
    named = [from_option(option, PLAIN_BINARY) for option in options.allocator]
    named += with_variants([*known, *named], options.variant)
    chosen = choose(known, experiment.allocators, options.allocators)
    skipped = [a for a in chosen if not a.available]
    measured = [a for a in chosen if a.available]
    names = [a.name for a in (*measured, *named)]
    for name in names:
        if names.count(name) > 1 or DERIVED in name:
            raise UsageError(f"the name {name} is taken by another allocator, choose another")
    if not names:
        raise UsageError("none of the chosen allocators is installed; ./harness.sh --list says why")
    return [*measured, *named], skipped


def _with_baseline(experiment: Experiment, chosen: Sequence[Allocator]) -> Experiment:
    """The experiment with the baseline and the A/A copy of this run: where the baseline of its file
    does not take part, the first contestant; copied is what the file says, or the baseline.
    """
    names = [a.name for a in chosen]
    baseline = experiment.baseline
    if baseline not in names:
        baseline = next((a.name for a in chosen if a.role != "reference"), names[0])
        _say(f"{experiment.baseline} does not take part: ratios are to {baseline}")
    wanted = experiment.raw.get("aa", baseline)
    aa = wanted if not wanted or wanted in names else baseline
    return replace(experiment, baseline=baseline, aa=aa)


def _check_reference(root: Path, options: argparse.Namespace) -> None:
    """Refuses a reference run of a tree whose revision does not tell what is measured (UsageError)."""
    if options.dry_run or not (options.reference or is_reference(Path(options.out or "."))):
        return
    if why := manifests.reference_problem(manifests.source(root)):
        raise UsageError(
            f"a reference run needs a known source, but {why}; commit or `git stash -u` first"
        )


def _sealed(root: Path, setup: Setup) -> list[Record]:
    """Measures; however that ends, the manifest then holds the hashes of what there is."""
    try:
        return _measure(root, setup)
    finally:
        if (setup.run_dir / RUNS).exists():
            rundir.seal_run(setup.run_dir)


def _measure(root: Path, setup: Setup) -> list[Record]:
    cpus = processors()
    with StopRequest() as stop:
        bench = Bench(
            root=root,
            run_dir=setup.run_dir,
            experiment=setup.experiment,
            cases={case.key: case for case in setup.cases},
            allocators={a.name: a for a in setup.allocators},
            processors=cpus,
            should_stop=stop,
        )
        os.sched_setaffinity(0, cpus.rest)
        try:
            return _run_plan(bench, setup)
        finally:
            os.sched_setaffinity(0, cpus.everything)


def _run_plan(bench: Bench, setup: Setup) -> list[Record]:
    path = setup.run_dir / RUNS
    file = RecordFile(path)
    known = {record["run"]: record for record in read_records(path)}
    checks = validity.start_checks(bench)
    _note_checks(bench.root, setup, checks)
    todo = [planned for planned in setup.plan if planned.id not in known]
    progress = Progress(todo, len(known))
    for line in validity.start_messages(checks):
        progress.say(f"harness: {line}")
    runner = Runner(bench, setup.plan, file, checks, progress, known)
    try:
        runner.run()
    finally:
        progress.close()
        file.close()
    rundir.update_manifest(setup.run_dir, kept_disturbed=runner.kept_disturbed)
    return list(runner.records.values())


def _note_checks(root: Path, setup: Setup, checks: dict[str, validity.StartCheck]) -> None:
    found = {name: check.as_manifest(root) for name, check in checks.items()}
    rundir.update_manifest(setup.run_dir, start_checks=found)


def _finish(root: Path, setup: Setup, records: list[Record], with_report: bool) -> int:
    rundir.update_manifest(setup.run_dir, finished=manifests.now())
    counts = count_statuses(records)
    _say(messages.count_line(counts))
    for line in messages.disturbed_lines(records, rundir.load_manifest(setup.run_dir)):
        _say(line)
    status = messages.make(root, setup.run_dir) if with_report else 0
    if status == messages.REPORT_WITH_ALARM:
        _say(f"this run contradicts what is known of it; see ./stats.py selftest {setup.run_dir}")
    elif status:
        _say(f"the records are kept, but the report failed; try: ./stats.py report {setup.run_dir}")
    return 0 if status == 0 and set(counts) <= {"ok"} else 1


def _stopped(setup: Setup, options: argparse.Namespace, code: int, message: str) -> int:
    words = ["./harness.sh", options.experiment, "--out", str(setup.run_dir), "--resume"]
    _say(message)
    _say(f"to resume: {shlex.join(words)}")
    return code


def _say(line: str) -> None:
    print(f"harness: {line}", file=sys.stderr, flush=True)
