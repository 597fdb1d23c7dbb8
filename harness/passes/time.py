"""time: nothing attached. The only pass whose times are reported as run time."""

from __future__ import annotations

from harness.passes.instruments.instrument import Instrument

__all__ = ["NAME", "PATIENCE", "Instrument", "missing"]

NAME = "time"
PATIENCE = 1.0


def missing() -> str:
    """Always there."""
    return ""
