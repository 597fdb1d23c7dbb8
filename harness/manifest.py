"""manifest.json: everything about machine, libraries and source that a reader needs to judge or
repeat a run.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import environment, host
from harness.allocators import Allocator, as_manifest, no_deepbind, sha256_of
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
        "host": host.describe(),
        "environment": environment.as_manifest(),
        "processors": {
            "single_threaded_on": sorted(processors.single),
            "multi_threaded_on": sorted(processors.everything),
            "harness_on": sorted(processors.rest),
        },
        "tools": {name: version_of(name) for name in ("strace", "perf", "valgrind", "gcc")},
        "build": build(root),
        "disturbed": dataclasses.asdict(experiment.disturbed),
        "sessions": [],
        "allocators": [as_manifest(a, root) for a in allocators],
        "rtld_deepbind": deepbind(root),
        "workloads": [dict(w) for w in workloads],
        "skipped": [{"name": a.name, "why_not": a.why_not} for a in skipped],
        "doctor": doctor(root),
    }


def build(root: Path) -> dict[str, str | None]:
    """The compiler of memtest and of this tree's allocators, as make used it: build/flags holds its
    name and every flag. Null where nothing is built.
    """
    flags = host.read(str(root / "build" / "flags"))
    compiler = flags.split()[0] if flags else None
    return {"compiler": version_of(compiler) if compiler else None, "flags": flags}


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


def doctor(root: Path) -> Any:
    """The findings of `./install.sh --check --json`; null if it cannot be run."""
    text = host.output([str(root / "install.sh"), "--check", "--json"])
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def reference_problem(source: Mapping[str, Any]) -> str:
    """Why a reference run must not be made of this tree, or ""."""
    if source["revision"] is None:
        return f"its revision is not known: {source.get('why') or 'no git checkout'}"
    return "the tree has uncommitted changes" if source["dirty"] else ""


def warnings(manifest: Mapping[str, Any]) -> list[str]:
    """What may bias the results, one line each: findings of the doctor, an unknown or changed source."""
    found = (manifest["doctor"] or {}).get("findings", [])
    lines = [f"{f['check']}: {f['value']} ({f['effect']})" for f in found if f["status"] == "warn"]
    lines += host.warnings(manifest.get("host") or {})
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
    text = host.output([program, "--version"])
    return text.splitlines()[0] if text else None
