"""The passes: one instrument per file. Every instrument disturbs, so each gets processes of its
own.

A file of this folder is a pass; it offers

    NAME           as in [passes] of an experiment
    PATIENCE       how many times longer than bare a process may take under this instrument
    missing()      "" or the reason why this machine cannot run the pass
    Instrument     see harness/passes/instrument.py; one object per process
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def discover() -> dict[str, ModuleType]:
    """All passes of this folder by name."""
    modules = (
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if found.name != "instrument"
    )
    return {module.NAME: module for module in modules}
