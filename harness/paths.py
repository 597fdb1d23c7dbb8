"""Paths as records and manifests hold them: relative to the tree where they lie inside it.

A committed result must not depend on where somebody keeps the checkout.
"""

from __future__ import annotations

from pathlib import Path


def portable(root: Path, text: str) -> str:
    """One path, or several joined by a colon, without the tree's folder in front of each."""
    return ":".join(_relative(root, part) for part in text.split(":"))


def absolute(root: Path, text: str) -> str:
    """The way back from `portable`."""
    return ":".join(str(root / part) if part else "" for part in text.split(":"))


def _relative(root: Path, part: str) -> str:
    inside = part.startswith(f"{root}/")
    return part[len(str(root)) + 1 :] if inside else part
