"""What of the user's environment may reach the tools and the measured processes, and what may not.

A measured process gets a new environment: PASSED_ON from the user, and what the harness, the
experiment and the allocator's row set. No other variable of the calling shell can change an
allocator or the C library. Those that would have are recorded, and printed at the start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

PASSED_ON = ("PATH", "HOME", "TMPDIR")

# Names, or beginnings of names ("X_*"), of variables that steer an allocator, the C library or the
# loader: a user may expect them to have an effect, so the manifest keeps those that were set.
STEERING = (
    *("LD_*", "GLIBC_TUNABLES", "MALLOC_*", "LIBC_FATAL_STDERR_", "GCONV_PATH", "LOCPATH"),
    *("SLOTMALLOC", "SLOTMALLOC_*", "SHM_ARENA_*", "MIMALLOC_*", "JE_MALLOC_*", "JEMALLOC_*"),
    *("_RJEM_*", "TCMALLOC_*", "PERFTOOLS_*", "HEAPPROFILE", "HEAP_PROFILE_*", "HEAPCHECK"),
    *("HEAP_CHECK_*", "CPUPROFILE", "CPUPROFILE_*", "TBB_*", "SCUDO_*", "RPMALLOC_*"),
    *("SNMALLOC_*", "HARDENED_MALLOC_*", "MESH_*", "G_SLICE", "OMP_*", "GOMP_*", "KMP_*"),
    *("PYTHONMALLOC", "PYTHONMALLOCSTATS", "ASAN_*", "LSAN_*", "TSAN_*", "UBSAN_*", "MSAN_*"),
)
# Variables that change what git, make, a shell or Python does, which the harness calls.
MISLEADING = (
    *("GIT_*", "MAKE*", "MFLAGS", "GNUMAKEFLAGS", "BASH_ENV", "ENV", "CDPATH", "SHELLOPTS"),
    *("BASHOPTS", "POSIXLY_CORRECT", "GREP_OPTIONS", "PYTHON*", "PERF_*", "STRACE_*", "VALGRIND_*"),
)

_CLEARED: dict[str, str] = {}


def passed_on() -> dict[str, str]:
    """What a started process inherits. A TMPDIR that is not a folder is left out."""
    found = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if "TMPDIR" in found and not Path(found["TMPDIR"]).is_dir():
        del found["TMPDIR"]
    return found


def steering(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that steer an allocator, the C library or the loader."""
    return {name: value for name, value in environ.items() if _fits(name, STEERING)}


def clear(environ: MutableMapping[str, str]) -> None:
    """Removes MISLEADING and STEERING variables from `environ`; remembers the latter."""
    _CLEARED.update(steering(environ))
    for name in [name for name in environ if _fits(name, STEERING + MISLEADING)]:
        del environ[name]


def as_manifest() -> dict[str, Any]:
    """What the manifest keeps: which of the user's variables reach the measured processes (by name;
    their values are the user's business), and those that steer an allocator and do not.
    """
    return {"passed_on": sorted(passed_on()), "kept_out": dict(sorted(_CLEARED.items()))}


def sentence(kept_out: Mapping[str, str]) -> str:
    """What a run says of variables that were set and have no effect; "" where there are none."""
    if not kept_out:
        return ""
    names = ", ".join(f"{name}={value}" for name, value in kept_out.items())
    return (
        f"set in the calling shell and kept from every measured process: {names} "
        "(--variant measures an allocator with a variable on purpose)"
    )


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
    )
