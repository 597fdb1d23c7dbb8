"""The allocators of a run: roles, order, and one colour and marker for each in every figure.

The colours are from Okabe and Ito's palette and Paul Tol's 'muted' one, both made for colour-blind
readers; since nobody can tell a dozen hues apart, each allocator also has a marker of its own. An
allocator that is not named here gets a spare colour and marker; where these are used up they are
combined anew, so that no two allocators share both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

REFERENCE_WORD = "(reference)"
COPY_WORD = "(A/A copy)"
CONTROL_WORD = "(positive control)"
COPY = re.compile(r"#\d+$")  # `ptmalloc#2`: the same library a second time
SLOWED = re.compile(r"#slow[\d.]+$")  # `ptmalloc#slow5`: slowed by 5 %
ORIGINAL = "#slow0"  # of a slowed allocator: the same library and code, without the delay
REFERENCE_COLOURS = ("#8a8f98", "#4b5260", "#b3a58a", "#7d6b8a")

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
_NAMED_BY_PATH = "named on the command line"
_ROLES_OF_STORED_RUNS = {"limit": "reference"}
_ORDER_OF_ROLES = {"own": 0, "contestant": 2, "copy": 3, "control": 4, "reference": 5}
_PLACE_OF_BASELINE = 1


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
    def word(self) -> str:
        """What stands in the place of a verdict; empty for a contestant."""
        words = {"reference": REFERENCE_WORD, "copy": COPY_WORD, "control": CONTROL_WORD}
        return words.get(self.role, "")

    @property
    def is_reference(self) -> bool:
        """Whether it shows what is possible and is not for use."""
        return self.role == "reference"

    @property
    def is_for_selftest(self) -> bool:
        """Whether it only shows what the run can tell: the A/A copy, the positive control."""
        return self.role in ("copy", "control")

    @property
    def hollow(self) -> bool:
        """Whether its marker is open: that of a reference allocator or of the A/A copy."""
        return not self.is_contestant

    @property
    def dash(self) -> str:
        """Line style in matplotlib's notation: references dotted, copies dashed."""
        return {"reference": ":", "copy": "--", "control": "--"}.get(self.role, "-")


def _role(name: str, roles: dict[str, str]) -> str:
    if "#" in name:
        return "control" if SLOWED.search(name) else "copy"
    return roles.get(name, "reference" if name in _REFERENCES else "contestant")


def _roles_in(manifest: dict[str, Any]) -> dict[str, str]:
    listed = manifest.get("allocators") or []
    return {a["name"]: _role_in(a) for a in listed if isinstance(a, dict) and "name" in a}


def _role_in(entry: dict[str, Any]) -> str:
    """The role that a manifest gives. Stored runs call a library given by --allocator, and an option
    setting of the project's own, `own` too; only the Makefile's row is the project's own.
    """
    role: str = entry.get("role", "contestant")
    role = _ROLES_OF_STORED_RUNS.get(role, role)
    given = entry.get("note") == _NAMED_BY_PATH or entry.get("env")
    return "contestant" if role == "own" and given else role


def combined(
    colours: Sequence[str], shapes: Sequence[Sequence[str]]
) -> Iterator[tuple[str, str, str]]:
    """All pairs of a colour and a shape, (matplotlib's, plotly's marker): first each colour with its
    own shape, then each with the next one.
    """
    for shift in range(len(shapes)):
        for i, colour in enumerate(colours):
            shape = shapes[(i + shift) % len(shapes)]
            yield colour, shape[0], shape[1]


def slowdowns_in(manifest: dict[str, Any]) -> dict[str, float]:
    """By how much each allocator of the positive control is slowed, as a share; the names say it as
    well (`#slow5`: 0.05), for records whose manifest is lost.
    """
    listed = [a for a in manifest.get("allocators") or [] if isinstance(a, dict)]
    return {str(a["name"]): float(a["slowdown"]) for a in listed if "slowdown" in a}


def allocators_of(
    names: list[str], baseline: str, manifest: dict[str, Any]
) -> dict[str, Allocator]:
    """The allocators of a run by name: the project's own first, then the baseline, the others, the
    A/A copy, the reference allocators.

    Roles come from the manifest's `allocators` (a list of objects with name and role, as `make
    list-allocators` prints).
    """
    roles = _roles_in(manifest)

    def place(name: str) -> tuple[int, str]:
        return (
            _PLACE_OF_BASELINE if name == baseline else _ORDER_OF_ROLES[_role(name, roles)],
            name,
        )

    spare = combined(*zip(*((colour, shape) for colour, *shape in _SPARE), strict=True))
    references = combined(REFERENCE_COLOURS, _REFERENCE_MARKERS)
    allocators: dict[str, Allocator] = {}
    for name in sorted(set(names), key=place):
        role = _role(name, roles)
        original = allocators.get(name.split("#")[0])
        if role == "reference":
            looks = next(references)
        elif role in ("copy", "control") and original:
            looks = (original.colour, original.marker, original.plotly_marker + "-open")
        else:
            looks = _KNOWN.get(name) or next(spare)
        allocators[name] = Allocator(name, role, *looks)
    return allocators
