"""The machine and the C library as the manifest keeps them, and whether a later session runs on the
same.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.cgroup import ControlGroup

CPU = "/sys/devices/system/cpu"
# Files that change an allocator or every process of the machine, whatever the environment says.
SYSTEM_FILES = ("/etc/malloc.conf", "/etc/ld.so.preload")
# What must be equal in all sessions of a run: two machines, or one before and after a boot, must not
# be averaged. `load` and `cgroup` may change; what an older manifest lacks is not compared.
FIXED = (
    *("hostname", "machine_id", "boot_id", "kernel", "machine", "libc", "cpu", "cpu_model"),
    *("microcode", "cpus", "cpus_allowed", "memory_bytes", "page_bytes", "governor", "boost"),
    *("thp", "thp_defrag", "aslr", "overcommit", "max_map_count", "tunables", "system_files"),
)


def describe() -> dict[str, Any]:
    """What the machine is and how its settings stand. What cannot be read on this machine is null."""
    return {
        "hostname": platform.node(),
        "machine_id": _machine_id(),
        "boot_id": read("/proc/sys/kernel/random/boot_id"),
        "system": _os_release(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cpu_model": _cpu_model(),
        "microcode": _field("/proc/cpuinfo", "microcode"),
        "cpus": os.cpu_count(),
        "cpus_allowed": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "virtual": "hypervisor" in (_field("/proc/cpuinfo", "flags") or ""),
        "governor": read(f"{CPU}/cpu0/cpufreq/scaling_governor"),
        "boost": read(f"{CPU}/cpufreq/boost"),
        "thp": _chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
        "thp_defrag": _chosen("/sys/kernel/mm/transparent_hugepage/defrag"),
        "aslr": read("/proc/sys/kernel/randomize_va_space"),
        "overcommit": read("/proc/sys/vm/overcommit_memory"),
        "max_map_count": read("/proc/sys/vm/max_map_count"),
        "perf_event_paranoid": read("/proc/sys/kernel/perf_event_paranoid"),
        "load": read("/proc/loadavg"),
        "cgroup": cgroup_limits(),
        "tunables": tunables(),
        "system_files": {path: system_file(Path(path)) for path in SYSTEM_FILES},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What of FIXED differs between two descriptions, name -> [before, now]; files and tunables by
    their own names.
    """
    found: dict[str, list[Any]] = {}
    for name in FIXED:
        if name not in before or name not in now:
            continue
        old, new = before[name], now[name]
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed = (k for k in sorted({*old, *new}) if old.get(k) != new.get(k))
            found |= {key: [old.get(key), new.get(key)] for key in changed}
        elif old != new:
            found[name] = [old, new]
    return found


def cgroup_limits() -> dict[str, float | None]:
    """Memory in bytes and processors that our control groups grant us; null: no limit to be seen."""
    group = ControlGroup()
    return {"memory": group.memory_bytes(), "cpu": group.processors()}


def tunables() -> dict[str, str] | None:
    """The C library's tunables of malloc as the loader sees them without our environment: compiled-in
    values, or those that this system's administrator set. Null where the loader cannot say.
    """
    for loader in sorted(Path("/lib64").glob("ld-linux*")) + sorted(Path("/lib").glob("ld-linux*")):
        text = output([str(loader), "--list-tunables"], env={}) or ""
        pairs = (line.partition(": ") for line in text.splitlines())
        found = {k: v.partition(" (")[0] for k, _, v in pairs if k.startswith("glibc.malloc.")}
        if found:
            return dict(sorted(found.items()))
    return None


def system_file(path: Path) -> dict[str, str] | None:
    """What a file of the system holds, with its SHA-256; null where there is none. jemalloc takes the
    target of a symbolic link as its options, so a link's target is its content.
    """
    try:
        content = str(path.readlink()) if path.is_symlink() else path.read_text(errors="replace")
    except OSError as error:
        return {"unreadable": error.strerror or str(error)} if os.path.lexists(path) else None
    return {"content": content, "sha256": hashlib.sha256(content.encode()).hexdigest()}


def warnings(host: Mapping[str, Any]) -> list[str]:
    """What the files of the system do to every measured process, a line each."""
    files = host.get("system_files") or {}
    lines = []
    if preload := files.get("/etc/ld.so.preload"):
        lines.append(
            "/etc/ld.so.preload exists: EVERY process of this machine, each measured one included, "
            f"loads {' '.join(preload.get('content', 'what it names').split()) or 'nothing'}; "
            "empty that file before you measure"
        )
    if options := files.get("/etc/malloc.conf"):
        lines.append(
            f"/etc/malloc.conf sets options of jemalloc: {options.get('content', 'unreadable')}; "
            "remove it before you measure"
        )
    return lines


def output(command: list[str], env: Mapping[str, str] | None = None) -> str | None:
    """What a command prints, None where it cannot be run; its exit code does not matter (a doctor
    may use it).
    """
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, env=env)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip() or None


def read(path: str) -> str | None:
    """The text of a file of the kernel, None where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _machine_id() -> str | None:
    """A hash of the machine's id: machine-id(5) asks that the id itself be kept confidential."""
    text = read("/etc/machine-id")
    return hashlib.sha256(f"alloclab {text}".encode()).hexdigest()[:16] if text else None


def _cpu_model() -> str | None:
    numbers = [_field("/proc/cpuinfo", name) for name in ("cpu family", "model", "stepping")]
    return "/".join(map(str, numbers)) if any(numbers) else None


def _chosen(path: str) -> str | None:
    """The word in brackets of a kernel switch such as `always [madvise] never`."""
    content = read(path) or ""
    return content.partition("[")[2].partition("]")[0] or None


def _field(path: str, name: str) -> str | None:
    for line in (read(path) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _os_release() -> str | None:
    name = read("/etc/os-release") or ""
    for line in name.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return None
