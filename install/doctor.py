"""Reports what this machine lacks, and which of its settings disturb a measurement, and how.

Usage: install.sh --check [--json]; it passes what is missing as lines "need package purpose".

Exit code 1 when something required is missing. Nothing is changed. With --json one object:
`ready` (bool), `missing` [{need, package, purpose}] and `findings` [{check, status, value, effect,
cure}], where status is "ok", "warn", or "unknown" if the machine does not show the setting. Only
the standard library is used, because the doctor comes before .venv exists.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.cgroup import ControlGroup

CPU = "sys/devices/system/cpu"


@dataclass(frozen=True)
class Finding:
    """One setting: what it is, and what it does to results. `cure` says what to do about it."""

    check: str
    status: str
    value: str
    effect: str = ""
    cure: str = ""


def main(arguments: list[str]) -> int:
    missing = [parse_missing(line) for line in sys.stdin]
    findings = [check(Path("/")) for check in CHECKS]
    ready = not any(each["need"] == "required" for each in missing)
    if "--json" in arguments:
        rows = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"ready": ready, "missing": missing, "findings": rows}, indent=1))
    else:
        print("\n".join(report(missing, findings)))
    return 0 if ready else 1


def parse_missing(line: str) -> dict[str, str]:
    need, package, purpose = line.strip().split(None, 2)
    return {"need": need, "package": package, "purpose": purpose}


def report(missing: list[dict[str, str]], findings: list[Finding]) -> Iterator[str]:
    """The lines for a reader: what is missing, then each finding, its effect and what to do about it below."""
    for package in missing:
        yield "missing  {package} ({need}): {purpose}".format(**package)
    if not missing:
        yield "ok       every package is there"
    for finding in findings:
        yield f"{finding.status:8} {finding.check}: {finding.value}"
        if finding.status != "ok":
            yield from (f"         {text}" for text in (finding.effect, finding.cure) if text)


def read(root: Path, path: str) -> str:
    """A kernel file's text, '' when this machine does not have it."""
    try:
        return (root / path).read_text().strip()
    except OSError:
        return ""


def governor(root: Path) -> Finding:
    value = read(root, f"{CPU}/cpu0/cpufreq/scaling_governor")
    return Finding(
        "frequency governor",
        "unknown" if not value else "ok" if value == "performance" else "warn",
        value or "not shown (a virtual machine?)",
        "the clock follows the load: short runs are timed at a lower frequency than long ones",
        "cpupower frequency-set --governor performance" if value else "",
    )


def turbo(root: Path) -> Finding:
    boost, no_turbo = (
        read(root, f"{CPU}/cpufreq/boost"),
        read(root, f"{CPU}/intel_pstate/no_turbo"),
    )
    state = {"1": "on", "0": "off"}.get(boost) or {"0": "on", "1": "off"}.get(no_turbo)
    return Finding(
        "turbo",
        "unknown" if state is None else "warn" if state == "on" else "ok",
        state or "not shown",
        "the clock depends on temperature and on how many CPUs are busy",
        "echo 0 > /sys/devices/system/cpu/cpufreq/boost, or 1 > .../intel_pstate/no_turbo"
        if state
        else "",
    )


def huge_pages(root: Path) -> Finding:
    setting = read(root, "sys/kernel/mm/transparent_hugepage/enabled")
    mode = setting.partition("[")[2].partition("]")[0]
    return Finding(
        "transparent huge pages",
        "unknown" if not mode else "warn" if mode == "always" else "ok",
        mode or "not shown",
        "the kernel decides about huge pages for every allocator: faster, and with more memory",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled" if mode else "",
    )


def page_reporting(root: Path) -> Finding:
    order = read(root, "sys/module/page_reporting/parameters/page_reporting_order")
    # Until a device of the host asks for reports, newer kernels show -1 there, as unsigned.
    active = order.isdigit() and int(order) < 64
    return Finding(
        "free page reporting",
        "warn" if active else "ok",
        f"active, blocks of {4 << int(order)} KiB and more" if active else "not active",
        "the host takes free memory back within seconds, and the next to touch it waits; the "
        "harness touches memory right before each process (warm_mib)",
        "none needed inside the harness; warm memory yourself before timing by hand"
        if active
        else "",
    )


def address_randomisation(root: Path) -> Finding:
    value = read(root, "proc/sys/kernel/randomize_va_space")
    return Finding(
        "address space randomisation",
        "ok" if value == "2" else "warn" if value else "unknown",
        {"0": "off", "1": "partial", "2": "on"}.get(value, "not shown"),
        "every process gets the same layout, so that a lucky or unlucky one looks like an effect",
        "sysctl kernel.randomize_va_space=2",
    )


def load(root: Path) -> Finding:
    text = read(root, "proc/loadavg")
    cpus = len(os.sched_getaffinity(0))
    busy = float(text.split()[0]) > 0.25 * cpus if text else False
    return Finding(
        "load",
        "unknown" if not text else "warn" if busy else "ok",
        f"{text.split()[0]} on {cpus} CPUs" if text else "not shown",
        "other programs take CPU time, caches and memory bandwidth during a run",
        "stop them, or measure later",
    )


def counters(root: Path) -> Finding:
    has_pmu = any(
        (root / "sys/bus/event_source/devices" / name).exists()
        for name in ("cpu", "cpu_core", "armv8_pmuv3_0")
    )
    paranoid = read(root, "proc/sys/kernel/perf_event_paranoid")
    allowed = os.geteuid() == 0 or (paranoid.lstrip("-").isdigit() and int(paranoid) <= 2)
    if not has_pmu:
        value, cure = "none on this machine (virtual?)", ""
    elif not allowed:
        value, cure = (
            f"forbidden (perf_event_paranoid={paranoid})",
            "sysctl kernel.perf_event_paranoid=2",
        )
    else:
        value, cure = "readable", ""
    effect = "the counters pass has no cycles and cache misses; instructions come from valgrind"
    return Finding(
        "hardware counters", "ok" if value == "readable" else "warn", value, effect, cure
    )


def tracing(_root: Path) -> Finding:
    effect, cure = "the syscalls pass cannot run", ""
    if not shutil.which("strace"):
        value = "strace is not installed"
    else:
        done = subprocess.run(
            ["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
        )
        value = "allowed" if done.returncode == 0 else f"forbidden: {done.stderr.strip()[:100]}"
        cure = "allow ptrace in this container: --cap-add=SYS_PTRACE"
    return Finding("strace", "ok" if value == "allowed" else "warn", value, effect, cure)


def memory_limit(root: Path) -> Finding:
    limit = control_group(root).memory_bytes()
    return Finding(
        "cgroup memory limit",
        "ok" if limit is None else "warn",
        "none" if limit is None else f"{limit >> 20} MiB",
        "a run that needs more is killed, and near the limit the kernel reclaims pages meanwhile",
        "raise memory.max of this control group",
    )


def cpu_limit(root: Path) -> Finding:
    granted = control_group(root).processors()
    return Finding(
        "cgroup CPU limit",
        "ok" if granted is None else "warn",
        "none" if granted is None else f"{granted:.2g} CPUs",
        "the kernel stops the process for the rest of each period: long pauses in the latencies",
        "lift cpu.max of this control group",
    )


def control_group(root: Path) -> ControlGroup:
    """Our control groups on the machine whose files lie under `root`."""
    return ControlGroup(root / "proc/self/cgroup", root / "sys/fs/cgroup")


def clock(root: Path) -> Finding:
    source = read(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
    steady = source in ("tsc", "arch_sys_counter")
    return Finding(
        "clock source",
        "ok" if steady else "warn" if source else "unknown",
        source or "not shown",
        "reading the clock is a kernel call and takes longer than the operations that it times",
        "boot with clocksource=tsc" if source else "",
    )


def processors(root: Path) -> Finding:
    cpus = len(os.sched_getaffinity(0))
    smt = read(root, f"{CPU}/smt/active") == "1"
    return Finding(
        "processors",
        "warn" if cpus < 2 or smt else "ok",
        f"{cpus}{', two hardware threads a core' if smt else ''}",
        "threads of a run, or the harness beside it, share a core",
        "echo off > /sys/devices/system/cpu/smt/control" if smt else "",
    )


def swap(root: Path) -> Finding:
    used = len(read(root, "proc/swaps").splitlines()) > 1
    return Finding(
        "swap",
        "warn" if used else "ok",
        "on" if used else "off",
        "memory may leave for the disk in the middle of a run, and footprints miss what did",
        "swapoff --all",
    )


def disk_space(_root: Path) -> Finding:
    free = shutil.disk_usage(Path(__file__).parent).free
    return Finding(
        "disk space",
        "warn" if free < 2 << 30 else "ok",
        f"{free / (1 << 30):.1f} GiB free",
        "a long experiment may fill the disk with its records",
        "free some, or give --out a folder elsewhere",
    )


Check = Callable[[Path], Finding]  # takes the folder that stands for /

CHECKS: list[Check] = [
    processors,
    governor,
    turbo,
    clock,
    load,
    huge_pages,
    page_reporting,
    address_randomisation,
    swap,
    memory_limit,
    cpu_limit,
    disk_space,
    counters,
    tracing,
]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
