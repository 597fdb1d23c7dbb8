"""The passes. Every instrument disturbs, so each pass has processes of its own.

A file of this folder is a pass, and there is no other list of them; it offers

    NAME           the file's name, as in [replicates] of an experiment
    PATIENCE       how many times longer than bare a process may take under this instrument
    missing()      "" or the reason why this machine cannot run the pass
    Instrument     see instruments/instrument.py; one object per process
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

NAMES = tuple(found.name for found in pkgutil.iter_modules(__path__) if not found.ispkg)


def discover() -> dict[str, ModuleType]:
    """All passes of this folder by name."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in NAMES)
    return {module.NAME: module for module in modules}
