"""Writes synthetic run directories with known effects, for tests and for a look at the report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from records.record import Record
from stats.figures._shm import WAYS
from stats.tidy.metrics import NET_SUFFIX, registry

PASSES = {"time": 20, "latency": 3, "memory": 3, "syscalls": 1}
ALLOCATORS = ["ptmalloc", "ptmalloc#2", "jemalloc", "mimalloc", "slotmalloc", "bump"]
CALLS = ["mmap", "munmap", "mremap", "brk", "madvise", "mprotect"]


FINDING = ("check", "status", "value", "effect", "help")
FINDINGS = [
    ("frequency governor", "warn", "powersave", "the clock follows the load", "use performance"),
    ("swap", "ok", "off", "memory may leave for the disk", "swapoff --all"),
]


@dataclass(frozen=True)
class Plan:
    """What to plant: `speed` are true wall-time ratios to ptmalloc, `noise` is the log standard
    deviation of a process.
    """

    allocators: list[str] = field(default_factory=lambda: list(ALLOCATORS))
    workloads: list[tuple[str, str]] = field(
        default_factory=lambda: [("rounds", "rounds=16;touch=none"), ("larson", "touch=first")]
    )
    threads: list[int] = field(default_factory=lambda: [1, 2])
    passes: dict[str, int] = field(default_factory=lambda: dict(PASSES))
    speed: dict[str, float] = field(
        default_factory=lambda: {"jemalloc": 0.7, "mimalloc": 1.2, "slotmalloc": 0.6, "bump": 0.4}
    )
    noise: float = 0.01
    seed: int = 1
    failures: dict[str, str] = field(
        default_factory=dict
    )  # allocator -> status of its first process


def write_run(folder: Path, plan: Plan | None = None) -> Path:
    """Writes a whole run directory and returns its path."""
    plan = plan or Plan()
    rng = np.random.default_rng(plan.seed)
    (folder / "series").mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest(plan)))
    (folder / "plan.json").write_text(json.dumps({"schema": 1, "seed": plan.seed}))
    lines = [json.dumps(record) for record in records(folder, plan, rng)]
    (folder / "runs.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def manifest(plan: Plan) -> dict[str, Any]:
    names = [a for a in plan.allocators if "#" not in a]
    role = {**dict.fromkeys(("bump", "lifo", "null"), "reference"), "slotmalloc": "own"}
    findings = [dict(zip(FINDING, finding, strict=True)) for finding in FINDINGS]
    return {
        "schema": 1,
        "experiment": "synthetic",
        "title": "A planted run",
        "question": "Are the planted effects found?",
        "definition": {"workload": [{"name": name} for name, _ in plan.workloads]},
        "baseline": "ptmalloc",
        "aa": "ptmalloc",
        "started": "2026-01-01T00:00:00+00:00",
        "allocators": [
            {
                "name": n,
                "role": role.get(n, "contestant"),
                "version": "1.0",
                "note": f"note on {n}",
            }
            for n in names
        ],
        "host": {"cpu": "Synthetic CPU", "kernel": "6.1"},
        "doctor": {"ready": True, "findings": findings},
    }


def records(folder: Path, plan: Plan, rng: np.random.Generator) -> list[Record]:
    """Every record of the plan: passes x replicates x cases x allocators, plus `empty` in the syscalls
    pass.
    """
    out: list[Record] = []
    failing = dict(plan.failures)
    for pass_name, replicates in plan.passes.items():
        for replicate in range(replicates):
            for (workload, params), threads in cases(plan, pass_name):
                drift = rng.normal(0, 0.05)  # the same for the whole replicate: pairing removes it
                for allocator in rng.permutation(plan.allocators):
                    run = f"{pass_name}-{replicate:03d}-{len(out):05d}"
                    record = base_record(
                        run, replicate, str(allocator), workload, params, threads, pass_name
                    )
                    status = failing.pop(str(allocator), None)
                    if status:
                        record |= {"status": status, "why": f"planted {status}", "exit_code": None}
                    else:
                        fill(record, plan, rng, drift, folder)
                    out.append(record)
    return out


def cases(plan: Plan, pass_name: str) -> list[tuple[tuple[str, str], int]]:
    every = [(w, t) for w in plan.workloads for t in plan.threads]
    return [(("empty", ""), 1), *every] if pass_name == "syscalls" else every


def base_record(
    run: str,
    replicate: int,
    allocator: str,
    workload: str,
    params: str,
    threads: int,
    pass_name: str,
) -> Record:
    return {
        "schema": 1,
        "run": run,
        "block": replicate,
        "order": 0,
        "allocator": allocator,
        "workload": workload,
        "params": params,
        "threads": threads,
        "pass": pass_name,
        "seed": replicate,
        "padding": 0,
        "argv": ["memtest", workload],
        "env": {},
        "started": "2026-01-01T00:00:00Z",
        "status": "ok",
        "why": "",
        "exit_code": 0,
        "signal": None,
        "checksum": "00",
        "metrics": {},
        "unavailable": {},
        "rounds": [],
        "latency": None,
        "series": None,
        "syscalls": None,
        "provider": {"path": "/lib/x.so", "expected": "/lib/x.so", "proven": True},
    }


def fill(record: Record, plan: Plan, rng: np.random.Generator, drift: float, folder: Path) -> None:
    """Gives the record the metrics of its pass, all that metrics.toml lists."""
    factor = plan.speed.get(record["allocator"], 1.0)
    wall = 0.5 * factor * np.exp(drift + rng.normal(0, plan.noise)) / record["threads"] ** 0.5
    mallocs = 0 if record["workload"] == "empty" else 16384
    metrics = {"wall_s": wall, "cpu_s": wall, "user_s": wall * 0.8, "sys_s": wall * 0.2}
    metrics |= {"ops": 2 * mallocs, "mallocs": mallocs, "ops_per_s": 2 * mallocs / wall}
    metrics |= {"minor_faults": 1000 * factor, "requested_bytes": mallocs * 4096}
    if record["pass"] == "latency":
        metrics["clock_quantum_ns"] = 1.0
        record["latency"] = latency = {
            "malloc_ns": histogram(rng, 40 * factor),
            "free_ns": histogram(rng, 25 * factor),
        }
        for kind in ("malloc_ns", "free_ns"):
            metrics |= {
                f"{kind}_{q}": latency[kind][q] for q in ("p50", "p90", "p99", "p99.9", "max")
            }
    if record["pass"] == "memory":
        metrics |= {
            "rss_peak_bytes": 2e8 * factor,
            "footprint_mean_bytes": 1.5e8 * factor,
            "footprint_peak_bytes": 2e8 * factor,
            "rss_high_water_bytes": 2e8 * factor,
        }
        record["series"] = series(folder, record["run"], factor, wall)
    if record["pass"] == "syscalls":
        record["syscalls"] = calls = syscalls(rng, factor, mallocs)
        metrics |= syscall_metrics(calls)
        metrics["mallocs_per_mmap"] = mallocs / metrics["mmap_calls"]
        metrics |= {"mmap_peak_bytes": 1.3e8, "mapped_peak_bytes": 1.4e8, "live_peak_bytes": 1e8}
        record["series"] = mapped(folder, record["run"], wall)
    others = {
        m.name: 100 * factor
        for m in registry()
        if m.pass_name == record["pass"] and not m.name.endswith(NET_SUFFIX)
    }
    record["metrics"] = {k: float(v) for k, v in (others | metrics).items()}


def histogram(rng: np.random.Generator, median: float) -> dict[str, Any]:
    """A log-normal latency histogram of 20000 samples in 1 % buckets."""
    sample = median * np.exp(rng.normal(0, 0.6, 20000)) * np.where(rng.random(20000) < 0.002, 40, 1)
    upper = 1.01 ** np.ceil(np.log(sample) / np.log(1.01))
    values, counts = np.unique(upper, return_counts=True)
    q = dict(
        zip(
            ("p50", "p90", "p99", "p99.9"),
            np.quantile(sample, [0.5, 0.9, 0.99, 0.999]),
            strict=True,
        )
    )
    buckets = [[float(v), int(c)] for v, c in zip(values, counts, strict=True)]
    return {
        "count": len(sample),
        **{k: float(v) for k, v in q.items()},
        "max": float(sample.max()),
        "buckets": buckets,
    }


def series(folder: Path, run: str, factor: float, wall: float) -> str:
    """A grow-and-fall curve of footprint over live bytes."""
    t = np.linspace(0, wall, 60)
    live = 1e8 * np.abs(np.sin(np.pi * t / wall)) + 1e6
    rss = np.maximum.accumulate(live) * (1 + 0.5 * factor)
    lines = ["t_s,phase,rss_bytes,lazyfree_bytes,vmas,anon_huge_bytes,live_bytes"]
    for now, resident, alive in zip(t, rss, live, strict=True):
        lines.append(f"{now:.6f},1,{resident:.0f},{0.1 * resident:.0f},40,0,{alive:.0f}")
    name = f"series/{run}.csv"
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def mapped(folder: Path, run: str, wall: float) -> str:
    """Mapped bytes that grow in steps, with a constant heap of brk beside them."""
    steps = range(40)
    lines = ["t_s,mapped_bytes,mapped_brk_bytes"]
    lines += [f"{i * wall / 40:.6f},{i * 2**20},{i * 2**20 + 132 * 1024}" for i in steps]
    name = f"series/{run}.csv"
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def syscalls(rng: np.random.Generator, factor: float, mallocs: int) -> dict[str, Any]:
    base = {"mmap": 25, "munmap": 5, "mremap": 0, "brk": 3, "madvise": 0, "mprotect": 8}
    extra = {
        "mmap": 0.8,
        "munmap": 0.8,
        "mremap": 0.0,
        "brk": 0.01,
        "madvise": 0.1,
        "mprotect": 0.0,
    }
    calls = {c: int(base[c] + extra[c] * mallocs * factor**4) for c in CALLS}
    return {
        c: {"calls": n, "failed": 0, "bytes": n * 65536, "seconds": n * 2e-6}
        for c, n in calls.items()
    }


def syscall_metrics(table: dict[str, Any]) -> dict[str, float]:
    out = {
        f"{c}_{short}": table[c][long]
        for c in CALLS
        for short, long in (("calls", "calls"), ("bytes", "bytes"), ("s", "seconds"))
    }
    out["kernel_memory_calls"] = sum(table[c]["calls"] for c in CALLS)
    out["kernel_memory_s"] = sum(table[c]["seconds"] for c in CALLS)
    return out


def shm_records() -> list[Record]:
    """Fifteen processes of shm-bench per benchmark, with every way 10 % slower than the one before."""
    what = {
        "allocation touched 16K": "ns",
        "lookup 100": "ns",
        "concurrent threads 2": "ops_per_s",
        "transfer 16": "ns_write",
    }
    pools = {"live_bytes": 1e6, "reserved_bytes": 2e6, "peak_bytes": 3e6}
    rounds = {
        name: {f"{quantity}_{way}": 100 * 1.1**i for i, way in enumerate(WAYS)}
        for name, quantity in what.items()
    }
    return [
        base_record(f"{name}-{replicate}", replicate, "ptmalloc", name, "", 1, "time")
        | {"argv": ["build/shm-bench"], "rounds": [{"round": n} | values for n in range(3)]}
        | {"metrics": {"wall_s": 1.0}}
        for name, values in {**rounds, "steady": pools}.items()
        for replicate in range(15)
    ]
