"""What a workload is, in the words that the run itself keeps: no binary is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class About:
    """What a workload does, whose work it is, and what it stresses; an empty text is not known."""

    summary: str = ""
    source: str = ""
    stresses: str = ""


def about(manifest: dict[str, Any]) -> dict[str, About]:
    """Workload or program name -> its description, from a run's manifest.

    memtest's words stand under `workloads`; an experiment's `summary` (the only text that a program
    has) goes before them.
    """
    found = {
        str(w["name"]): About(*(str(w.get(k) or "") for k in ("summary", "source", "stresses")))
        for w in manifest.get("workloads") or []
        if isinstance(w, dict) and "name" in w
    }
    definition = manifest.get("definition") or {}
    for entry in [*definition.get("workload", []), *definition.get("command", [])]:
        name = str(entry.get("name"))
        if entry.get("summary"):
            known = found.get(name, About())
            found[name] = About(str(entry["summary"]), known.source, known.stresses)
    return found
