"""manifest.json: everything about machine, libraries and source that a reader needs to judge or
repeat a run.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import environment
from harness.allocators import Allocator, as_manifest, no_deepbind, sha256_of
from harness.cgroup import ControlGroup
from harness.experiment import Experiment
from harness.pinning import Processors


def collect(
    root: Path,
    experiment: Experiment,
    allocators: Sequence[Allocator],
    skipped: Sequence[Allocator],
    replicates: Mapping[str, int],
    seed: int,
    processors: Processors,
    workloads: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The manifest of a run that is about to start. What cannot be read on this machine is null.

    `workloads` are memtest's descriptions of its work, so that a report needs no binary.
    """
    return {
        "schema": 1,
        "experiment": experiment.name,
        "title": experiment.title,
        "question": experiment.question,
        "definition": experiment.raw,
        "baseline": experiment.baseline,
        "aa": experiment.aa,
        "blocks": dict(replicates),
        "seed": seed,
        "started": now(),
        "finished": None,
        "source": source(root),
        "host": host(),
        "environment": environment.as_manifest(),
        "processors": {
            "single_threaded_on": sorted(processors.single),
            "multi_threaded_on": sorted(processors.everything),
            "harness_on": sorted(processors.rest),
        },
        "tools": {name: version_of(name) for name in ("strace", "perf", "valgrind", "gcc")},
        "allocators": [as_manifest(a, root) for a in allocators],
        "rtld_deepbind": deepbind(root),
        "workloads": [dict(w) for w in workloads],
        "skipped": [{"name": a.name, "why_not": a.why_not} for a in skipped],
        "doctor": doctor(root),
    }


def deepbind(root: Path) -> dict[str, str]:
    """What happens to dlopen's flag RTLD_DEEPBIND in real programs, and the library that does it."""
    digest = sha256_of(no_deepbind(root))
    if not digest:
        return {"under_preloaded_allocators": "kept: build/libnodeepbind.so is not built"}
    return {
        "under_preloaded_allocators": "dropped",
        "library": "build/libnodeepbind.so",
        "sha256": digest,
    }


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def source(root: Path) -> dict[str, Any]:
    """The revision of the tree and whether files differ from it, new files included (the Makefile
    finds sources by their names); null, with `why`, where git cannot tell.

    GIT_DIR and the like, and a repository around the tree, must not answer in its place.
    """
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}  # a checkout that cannot be written
    git = ["git", "-C", str(root)]
    top, why = _answer([*git, "rev-parse", "--show-toplevel"], environ)
    if top is not None and Path(top).resolve() != root.resolve():
        top, why = None, "the tree is no git checkout of its own, but lies inside another one"
    revision, why = _answer([*git, "rev-parse", "HEAD"], environ) if top else (None, why)
    changes, why = _answer([*git, "status", "--porcelain"], environ) if revision else (None, why)
    if changes is None:
        return {"revision": None, "dirty": None, "why": why}
    return {"revision": revision, "dirty": bool(changes)}


def _answer(command: list[str], environ: Mapping[str, str]) -> tuple[str | None, str]:
    """What a command prints, or None and the first line of its complaint."""
    try:
        done = subprocess.run(command, capture_output=True, env=environ, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{command[0]} cannot be run: {error}"
    if done.returncode != 0:
        words = os.fsdecode(done.stderr).strip().splitlines()
        return None, words[0] if words else f"{command[0]} ended with {done.returncode}"
    return os.fsdecode(done.stdout).rstrip("\n"), ""


def host() -> dict[str, Any]:
    """The machine, its kernel and the settings that affect timings."""
    cpu = "/sys/devices/system/cpu"
    return {
        "hostname": platform.node(),
        "system": _os_release(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "cpus_allowed": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "virtual": "hypervisor" in (_field("/proc/cpuinfo", "flags") or ""),
        "governor": _read(f"{cpu}/cpu0/cpufreq/scaling_governor"),
        "boost": _read(f"{cpu}/cpufreq/boost"),
        "thp": _chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
        "thp_defrag": _chosen("/sys/kernel/mm/transparent_hugepage/defrag"),
        "aslr": _read("/proc/sys/kernel/randomize_va_space"),
        "overcommit": _read("/proc/sys/vm/overcommit_memory"),
        "max_map_count": _read("/proc/sys/vm/max_map_count"),
        "perf_event_paranoid": _read("/proc/sys/kernel/perf_event_paranoid"),
        "load": _read("/proc/loadavg"),
        "cgroup": cgroup_limits(),
    }


def cgroup_limits() -> dict[str, float | None]:
    """Memory in bytes and processors that our control groups allow; null: no limit is visible."""
    group = ControlGroup()
    return {"memory": group.memory_bytes(), "cpu": group.processors()}


def doctor(root: Path) -> Any:
    """The findings of `./install.sh --check --json`; null if it cannot be run."""
    text = _output([str(root / "install.sh"), "--check", "--json"])
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def warnings(manifest: Mapping[str, Any]) -> list[str]:
    """What may bias the results, one line each: findings of the doctor, an unknown or changed source."""
    found = (manifest["doctor"] or {}).get("findings", [])
    lines = [f"{f['check']}: {f['value']} ({f['effect']})" for f in found if f["status"] == "warn"]
    source = manifest["source"]
    if source.get("revision", "") is None:
        why = source.get("why") or "no git checkout"
        lines.append(f"the manifest holds no revision of the tree: {why}")
    kept_out = (manifest.get("environment") or {}).get("kept_out") or {}
    if kept_out:
        lines.append(environment.sentence(kept_out))
    if source["dirty"]:
        lines.append(
            "the tree has uncommitted changes: the revision does not identify the measured source"
        )
    return lines


def version_of(program: str) -> str | None:
    """The first line of a program's --version, null where it is not installed."""
    text = _output([program, "--version"])
    return text.splitlines()[0] if text else None


def _output(command: list[str]) -> str | None:
    """What a command prints, None where it cannot be run; its exit code does not matter."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip() or None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _chosen(path: str) -> str | None:
    """The word in brackets of a kernel switch such as `always [madvise] never`."""
    content = _read(path) or ""
    return content.partition("[")[2].partition("]")[0] or None


def _field(path: str, name: str) -> str | None:
    for line in (_read(path) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _os_release() -> str | None:
    name = _read("/etc/os-release") or ""
    for line in name.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return None
