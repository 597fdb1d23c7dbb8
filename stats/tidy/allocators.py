"""Who takes part: roles, order, and one colour and marker for each allocator wherever it is drawn.

The colours are from Okabe and Ito's palette and Paul Tol's 'muted' one, both made for colour-blind
readers; since a dozen hues cannot be told apart by anyone, each allocator also has a marker of its
own. An allocator not named here gets what is left over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIMIT_WORD = "(limit)"
TWIN_WORD = "(A/A copy)"
LIMIT_COLOUR = "#8a8f98"

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
_LIMIT_MARKERS = [("D", "diamond"), ("s", "square"), ("^", "triangle-up"), ("v", "triangle-down")]
_LIMITS_BY_NAME = ("bump", "lifo")  # for records whose manifest is lost


@dataclass(frozen=True)
class Actor:
    """One allocator of a run: its name, role (contestant, own, limit, twin) and looks."""

    name: str
    role: str
    colour: str
    marker: str
    plotly_marker: str

    @property
    def is_contestant(self) -> bool:
        """Whether verdicts are passed on it."""
        return self.role in ("contestant", "own")

    @property
    def is_limit(self) -> bool:
        """Whether it is a ruler (of what is possible) and not an allocator to use."""
        return self.role == "limit"

    @property
    def hollow(self) -> bool:
        """Drawn with an open marker: limits and the A/A copy."""
        return not self.is_contestant

    @property
    def dash(self) -> str:
        """Line style, in matplotlib's names: limits dotted, the A/A copy dashed."""
        return {"limit": ":", "twin": "--"}.get(self.role, "-")


def _role(name: str, roles: dict[str, str]) -> str:
    if "#" in name:
        return "twin"
    return roles.get(name, "limit" if name in _LIMITS_BY_NAME else "contestant")


def _order(name: str, roles: dict[str, str], baseline: str) -> tuple[int, str]:
    rank = {"own": 0, "contestant": 2, "twin": 3, "limit": 4}[_role(name, roles)]
    return (1 if name == baseline else rank, name)


def cast_of(names: list[str], baseline: str, manifest: dict[str, Any]) -> dict[str, Actor]:
    """The actors of a run by name: our own first, then the baseline, the others, the A/A copy, the
    limits.

    Roles come from the manifest's `allocators` (a list of objects with name and role, as `make
    list-allocators` prints).
    """
    listed = manifest.get("allocators") or []
    roles = {
        a["name"]: a.get("role", "contestant")
        for a in listed
        if isinstance(a, dict) and "name" in a
    }
    spare, limits = iter(_SPARE * 4), iter(_LIMIT_MARKERS * 4)
    actors: dict[str, Actor] = {}
    for name in sorted(set(names), key=lambda n: _order(n, roles, baseline)):
        role = _role(name, roles)
        original = actors.get(name.split("#")[0])
        if role == "limit":
            looks = (LIMIT_COLOUR, *next(limits))
        elif role == "twin" and original:
            looks = (original.colour, original.marker, original.plotly_marker + "-open")
        else:
            looks = _KNOWN.get(name) or next(spare)
        actors[name] = Actor(name, role, *looks)
    return actors
