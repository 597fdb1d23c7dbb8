"""The allocators of a run: roles, order, and one colour and marker for each in every figure.

The colours are from Okabe and Ito's palette and Paul Tol's 'muted' one, both made for colour-blind
readers; since nobody can tell a dozen hues apart, each allocator also has a marker of its own. An
allocator that is not named here gets a spare colour and marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REFERENCE_WORD = "(reference)"
COPY_WORD = "(A/A copy)"
REFERENCE_COLOUR = "#8a8f98"

# name -> (colour, matplotlib marker, plotly marker)
_KNOWN = {
    "slotmalloc": ("#D55E00", "*", "star"),
    "ptmalloc": ("#6B7280", "o", "circle"),
    "jemalloc": ("#0072B2", "s", "square"),
    "jemalloc531": ("#56B4E9", "D", "diamond"),
    "mimalloc": ("#009E73", "^", "triangle-up"),
    "mimalloc3": ("#44AA99", "v", "triangle-down"),
    "tcmalloc": ("#CC79A7", "P", "cross"),
    "tbbmalloc": ("#E69F00", "X", "x"),
    "scudo": ("#A33A6A", "h", "hexagon"),
}
_SPARE = [
    ("#999933", "<", "triangle-left"),
    ("#7B68C8", ">", "triangle-right"),
    ("#CC6677", "p", "pentagon"),
    ("#117733", "8", "octagon"),
    ("#A67C52", "d", "diamond-tall"),
    ("#3F7CAC", "H", "hexagon2"),
]
_REFERENCE_MARKERS = [
    ("D", "diamond"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("v", "triangle-down"),
]
_REFERENCES = ("bump", "lifo", "null")  # for records whose manifest is lost
_ROLES_OF_STORED_RUNS = {"limit": "reference"}
# 1 is the baseline
_ORDER_OF_ROLES = {"own": 0, "contestant": 2, "copy": 3, "control": 4, "reference": 5}


@dataclass(frozen=True)
class Allocator:
    """One allocator of a run: its name, role (contestant, own, reference, copy, control) and looks."""

    name: str
    role: str
    colour: str
    marker: str
    plotly_marker: str

    @property
    def label(self) -> str:
        """The name in a legend."""
        return f"{self.name} {REFERENCE_WORD}" if self.is_reference else self.name

    @property
    def is_contestant(self) -> bool:
        """Whether it takes part in verdicts."""
        return self.role in ("contestant", "own")

    @property
    def is_reference(self) -> bool:
        """Whether it shows what is possible and is not for use."""
        return self.role == "reference"

    @property
    def hollow(self) -> bool:
        """Whether its marker is open: that of a reference allocator or of the A/A copy."""
        return not self.is_contestant

    @property
    def dash(self) -> str:
        """Line style in matplotlib's notation: references dotted, the A/A copy dashed."""
        return {"reference": ":", "copy": "--"}.get(self.role, "-")


def _role(name: str, roles: dict[str, str]) -> str:
    if "#" in name:
        return "control" if "#slow" in name else "copy"
    return roles.get(name, "reference" if name in _REFERENCES else "contestant")


def _roles_in(manifest: dict[str, Any]) -> dict[str, str]:
    listed = manifest.get("allocators") or []
    roles = {
        a["name"]: a.get("role", "contestant")
        for a in listed
        if isinstance(a, dict) and "name" in a
    }
    return {name: _ROLES_OF_STORED_RUNS.get(role, role) for name, role in roles.items()}


def allocators_of(
    names: list[str], baseline: str, manifest: dict[str, Any]
) -> dict[str, Allocator]:
    """The allocators of a run by name: the project's own first, then the baseline, the others, the
    A/A copy, the positive control, the reference allocators.

    Roles come from the manifest's `allocators` (a list of objects with name and role, as `make
    list-allocators` prints).
    """
    roles = _roles_in(manifest)

    def place(name: str) -> tuple[int, str]:
        return (1 if name == baseline else _ORDER_OF_ROLES[_role(name, roles)], name)

    spare, markers = iter(_SPARE * 4), iter(_REFERENCE_MARKERS * 4)
    allocators: dict[str, Allocator] = {}
    for name in sorted(set(names), key=place):
        role = _role(name, roles)
        original = allocators.get(name.split("#")[0])
        if role == "reference":
            looks = (REFERENCE_COLOUR, *next(markers))
        elif role in ("copy", "control") and original:
            looks = (original.colour, original.marker, original.plotly_marker + "-open")
        else:
            looks = _KNOWN.get(name) or next(spare)
        allocators[name] = Allocator(name, role, *looks)
    return allocators
