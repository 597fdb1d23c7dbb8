"""What was chosen after a run, and so with its results in sight: a sentence each, for every table."""

from __future__ import annotations

from typing import Any

from stats.units import percent


def chosen_afterwards(
    manifest: dict[str, Any], planned: dict[str, Any], chosen: dict[str, Any]
) -> list[str]:
    """A mark for each option of `chosen` (name -> value, None where it was not given) that differs
    from `planned`, what the run's file says or implies.
    """
    marks = []
    for name, value in chosen.items():
        if value is None or value == planned[name]:
            continue
        says, was = (percent(v) if isinstance(v, float) else v for v in (planned[name], value))
        text = f"{name} {was} was chosen after the run (--{name}); the run's file says {says}"
        twin = manifest.get("aa")
        if name == "baseline" and twin and twin != value:
            text += f", and its A/A copy is one of {twin}"
        marks.append(f"{text}.")
    return marks


def marks_of(manifest: dict[str, Any]) -> list[str]:
    """The marks that a run's own manifest gives: sessions on different machines, and a library in
    every process.
    """
    marks = []
    for session in manifest.get("sessions") or []:
        if changes := session.get("host_changes"):
            told = ", ".join(f"{name} {old} → {new}" for name, (old, new) in changes.items())
            marks.append(f"The run was continued although its host had changed: {told}.")
    files = (manifest.get("host") or {}).get("system_files") or {}
    if preload := files.get("/etc/ld.so.preload"):
        what = " ".join(preload.get("content", "").split()) or "an unknown library"
        marks.append(f"Every process had {what} loaded by /etc/ld.so.preload.")
    return marks
