"""One planned process, run under one instrument, gives one record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness import memtest, provider
from harness.allocators import Allocator
from harness.bench import Bench
from harness.environment import passed_on
from harness.experiment import Case
from harness.passes.instruments.instrument import Instrument, Readings, Surroundings
from harness.paths import portable
from harness.plan import PlannedProcess
from harness.process import Job, Outcome, run
from harness.validity import classify
from records import record
from records.record import Record
from records.store import write_whole

PADDING_NAME = "ALLOCLAB_PADDING"


def measure(bench: Bench, planned: PlannedProcess) -> Record:
    """Runs one planned process and returns its record. Raises Interrupted (nothing to record) and
    RecordError.
    """
    case = bench.cases[planned.case_key]
    allocator = bench.allocator_of(planned)
    module = bench.passes[planned.pass_name]
    surroundings = Surroundings(case, bench.experiment.linger_s)
    with module.Instrument(surroundings) as instrument:
        job, ours = _job(bench, planned, case, allocator, instrument, module.PATIENCE)
        found = not_started(bench, planned, allocator, "refused", "")
        found["argv"] = list(job.argv)
        found["env"] = {name: portable(bench.root, value) for name, value in ours.items()}
        if case.kind == "command":
            bare, _ = _bare(bench, planned, case, allocator)
            proof, probed = bench.command_proof(allocator, case, bare)
            if probed.status != "ok" or not proof.proven:
                found["status"] = probed.status if probed.status != "ok" else "refused"
                found["why"] = f"start check: {bench.plain(probed.why or proof.why)}"
                return found
        found["warmed_bytes"] = bench.warmer.before(case.key)
        outcome = run(job, instrument.observer, bench.should_stop)
        bench.warmer.after(case.key, outcome.max_rss_bytes)
        if outcome.disturbance:
            found["disturbance"] = outcome.disturbance
        output = memtest.parse(outcome.stdout)
        if case.kind == "memtest":
            proof = provider.from_memtest(allocator, output.end, outcome.stderr)
        found["status"], why = classify(case, outcome, output, proof)
        found["why"] = bench.plain(why)
        found["exit_code"], found["signal"] = outcome.exit_code, outcome.signal
        found["provider"] = proof.as_record(bench.root)
        found["checksum"] = _checksum(case, outcome, output)
        found["rounds"] = output.rounds
        if found["status"] == "ok":
            _add_readings(found, instrument.read(outcome, output), bench.run_dir)
        return found


def not_started(
    bench: Bench, planned: PlannedProcess, allocator: Allocator, status: str, why: str
) -> Record:
    """The record of a process that is not started, for the reason `why`."""
    expected = portable(bench.root, allocator.shared_object)
    return record.not_started(planned.as_entry(), expected, status, why)


def _bare(
    bench: Bench, planned: PlannedProcess, case: Case, allocator: Allocator
) -> tuple[Job, dict[str, str]]:
    """The job with nothing attached, and the part of its environment that we set."""
    options = case.options_for(planned.pass_name)
    if case.kind == "command":
        argv = list(case.argv)
        preload = allocator.command_env(bench.root, case.env.get("LD_PRELOAD", ""))
    else:
        argv = memtest.command_line(
            allocator.binary, case.workload, case.threads, planned.seed, options
        )
        preload = allocator.memtest_env(bench.root)
    ours = {"LC_ALL": "C", **case.env, **allocator.env, **preload}
    env = {**passed_on(), **ours, PADDING_NAME: "x" * planned.padding}
    experiment = bench.experiment
    pinned = bench.processors.for_threads(case.threads)
    timeout, cap = experiment.timeout_s, experiment.memory_cap_bytes
    return Job(argv, env, pinned, timeout, cap, bench.root), ours


def _job(
    bench: Bench,
    planned: PlannedProcess,
    case: Case,
    allocator: Allocator,
    instrument: Instrument,
    patience: float,
) -> tuple[Job, dict[str, str]]:
    bare, ours = _bare(bench, planned, case, allocator)
    extra = instrument.memtest_options() if case.kind == "memtest" else []
    argv, env = instrument.wrap([*bare.argv, *extra], bare.env)
    timeout = bare.timeout_s * patience + bench.experiment.linger_s
    return Job(argv, env, bare.processors, timeout, bare.memory_cap_bytes, bare.cwd), ours


def _checksum(case: Case, outcome: Outcome, output: memtest.Output) -> str:
    """What must agree between allocators: memtest's digest of its operations, or that of a
    program's output.
    """
    if case.kind == "command":
        return hashlib.sha256(outcome.stdout).hexdigest()[:16]
    return str(output.end.get("checksum", ""))


def _add_readings(record: Record, readings: Readings, run_dir: Path) -> None:
    record["metrics"] = readings.metrics
    record["unavailable"] = readings.unavailable
    record["latency"] = readings.latency
    record["syscalls"] = readings.syscalls
    if readings.series:
        record["series"] = name = f"series/{record['run']}.csv"
        write_whole(run_dir / name, readings.series)
