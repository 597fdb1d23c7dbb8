"""The folder of one run: its place, whether it can be written, what an interrupted run left in it."""

from __future__ import annotations

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

from harness.allocators import Allocator, from_manifest
from harness.errors import UsageError
from harness.plan import load_plan, next_attempt
from records.record import RecordError
from records.seal import BY_HARNESS, KEY, change, of_folder, of_manifest
from records.store import RUNS, read_records, write_whole

LOCAL = Path("results") / "local"


def new_folder(root: Path, out: str | None, experiment: str) -> Path:
    """Makes the folder of a new run and checks that it can be written. UsageError when it already
    holds a run or cannot be used.
    """
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    folder = Path(out) if out else root / LOCAL / f"{experiment}-{stamp}"
    if (folder / "plan.json").exists():
        raise UsageError(
            f"{folder} already holds a run; add --resume to go on with it, or name another --out"
        )
    try:
        (folder / "series").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the results folder {folder} cannot be made: {error.strerror}") from error
    _check_writable(folder)
    return folder


def old_folder(root: Path, out: str | None, experiment: str) -> Path:
    """The folder of the run to resume: --out, or the newest unfinished run of the experiment."""
    if out:
        if not (Path(out) / "plan.json").exists():
            raise UsageError(f"{out} holds no run that could be resumed (there is no plan.json)")
        _check_writable(Path(out))
        return Path(out)
    found = sorted((root / LOCAL).glob(f"{experiment}-*/plan.json"), reverse=True)
    for plan in found:
        if is_unfinished(plan.parent):
            _check_writable(plan.parent)
            return plan.parent
    raise UsageError(
        f"there is no unfinished run of {experiment} under {LOCAL}; start one without --resume"
    )


def is_unfinished(folder: Path) -> bool:
    """Whether processes of the folder's plan, or those of a repeated replicate, have no record yet."""
    plan, _ = load_plan(folder / "plan.json")
    records = read_records(folder / RUNS)
    recorded = {record["run"] for record in records}
    due = [planned.id for planned in plan]
    due += [next_attempt(record["run"]) for record in records if "disturbed" in record]
    return any(run not in recorded for run in due)


def _check_writable(folder: Path) -> None:
    probe = folder / ".write-test"
    try:
        probe.write_bytes(b"1")
        probe.unlink()
        list(folder.iterdir())
    except OSError as error:
        raise UsageError(f"the results folder {folder} cannot be used: {error.strerror}") from error


def load_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json of a run. Raises RecordError when it is missing or damaged."""
    try:
        content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{folder / 'manifest.json'}: cannot be read: {error}") from error
    assert isinstance(content, dict)
    return content


def save_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes manifest.json whole or not at all."""
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def update_manifest(folder: Path, **fields: Any) -> None:
    """Sets fields of a run's manifest."""
    save_manifest(folder, load_manifest(folder) | fields)


def open_session(folder: Path, manifest: dict[str, Any], changes: dict[str, Any]) -> None:
    """Notes that a session begins, with what is different from the machine of the earlier ones, and
    that records may come which the hashes do not cover yet.
    """
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    sessions = [*manifest.get("sessions", []), {"started": stamp, "host_changes": changes}]
    seal = of_manifest(manifest)
    opened = {KEY: {**seal, "whole": False}} if seal else {}
    save_manifest(folder, manifest | {"sessions": sessions} | opened)


def seal_run(folder: Path) -> None:
    """Puts the hashes of plan, records and series into the manifest. Where even that finds no room,
    the run stays as readable as it was.
    """
    with contextlib.suppress(RecordError):
        update_manifest(folder, **{KEY: of_folder(folder, BY_HARNESS)})


def check_seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Refuses to go on with a run whose records were changed since its last session (UsageError)."""
    seal = of_manifest(manifest)
    runs = folder / RUNS
    text = runs.read_text(encoding="utf-8") if runs.exists() else ""
    if seal and (what := change(folder, seal, text)):
        raise UsageError(f"{what}; restore the files, or start a new run without --resume")


def allocators_of(manifest: dict[str, Any], root: Path) -> list[Allocator]:
    """The allocators of an earlier session as they were then, hashes included."""
    return [from_manifest(entry, root) for entry in manifest["allocators"]]


def check_unchanged(before: Allocator, now: Allocator, root: Path) -> None:
    """Refuses to go on with a library or a memtest that is not the one measured so far
    (UsageError).
    """
    numbers = range(len(before.layouts) + 1)
    old_files = [file for n in numbers for file in before.in_layout(n).files(root)]
    new_files = [file for n in numbers for file in now.in_layout(n).files(root)]
    for (what, _, old), (_, _, new) in zip(old_files, new_files, strict=True):
        if old != new:
            raise UsageError(
                f"{what} {before.name} is not the file that this run has measured so far; "
                "two builds must not be mixed in one run: start a new one without --resume"
            )
