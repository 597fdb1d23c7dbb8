"""The descriptions of workloads that a run's manifest holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Description:
    """What a workload does, where it comes from, and what it stresses; "" where not known."""

    summary: str = ""
    source: str = ""
    stresses: str = ""


def descriptions(manifest: dict[str, Any]) -> dict[str, Description]:
    """The description of each workload and program by name.

    memtest's texts are under `workloads`; an experiment's `summary`, the only text of a program,
    takes precedence.
    """
    found = {
        str(w["name"]): Description(
            *(str(w.get(k) or "") for k in ("summary", "source", "stresses"))
        )
        for w in manifest.get("workloads") or []
        if isinstance(w, dict) and "name" in w
    }
    definition = manifest.get("definition") or {}
    for entry in [*definition.get("workload", []), *definition.get("command", [])]:
        name = str(entry.get("name"))
        if entry.get("summary"):
            known = found.get(name, Description())
            found[name] = Description(str(entry["summary"]), known.source, known.stresses)
    return found
