"""Packs a run into a few files, as in results/reference/.

plan.json and runs.jsonl each become an .xz file, all of series/ becomes series.tar.xz, and
manifest.json stays readable. The bytes depend on the records alone: packing a run twice gives equal
files. Folders of the measuring machine are left out: of a library that was named by its path only
the file's name is kept. The seal gets the hashes of the packed texts.
"""

from __future__ import annotations

import io
import json
import lzma
import re
import tarfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from records.record import RecordError
from records.seal import KEY, MANIFEST, PLAN, make, of_manifest
from records.series import ARCHIVE, all_series
from records.store import RUNS, read_text

COMPRESSED = (PLAN, RUNS)


def is_reference(folder: Path) -> bool:
    """Whether a folder lies where this project keeps its reference runs."""
    return ("results", "reference") in pairwise(folder.resolve().parts)


def _archive(texts: Mapping[str, str]) -> bytes:
    """An archive of these texts, without times and owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as archive:
        for name in sorted(texts):
            content = texts[name].encode("utf-8")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _without_folders(manifest: str, text: str) -> str:
    """The text without the folder of this checkout and those of libraries that were named by path."""
    named = re.findall(r'"library": "(/[^"]*/)[^/"]+"', json.dumps(json.loads(manifest)))
    tree = f"{Path(__file__).resolve().parents[1]}/"
    for folder in {tree, *(name for name in named if not name.startswith(("/usr/", "/lib")))}:
        text = text.replace(folder, "")
    return text


def _resealed(
    manifest: str, texts: Mapping[str, str], series: Mapping[str, str], changed: str
) -> str:
    """The manifest with the hashes of these texts, where it has any: folders were left out of them.
    New hashes must not hide that the run was `changed` before.
    """
    content = json.loads(manifest)
    before = of_manifest(content)
    if before is None:
        return manifest
    now = make(texts[PLAN], texts[RUNS], series, before["by"])
    now |= {"at": before["at"], "whole": before["whole"]}
    if changed := changed or before.get("changed", ""):
        now["changed"] = changed
    content[KEY] = now
    return json.dumps(content, indent=1) + "\n"


def _unfit(manifest: str) -> str:
    """Why a run must not become a reference run, or ""."""
    source = json.loads(manifest).get("source") or {}
    if source.get("dirty") is False:
        return ""
    state = "with uncommitted changes" if source.get("dirty") else "of no known revision"
    return f"it was made by a tree {state}"


def pack(run: Path, into: Path, changed: str = "") -> int:
    """Writes a run's records into the new folder `into`. Returns the bytes written. `changed`: what
    was changed since the run was sealed.

    Raises RecordError, before anything is written, when a file is missing, `into` exists, or a run of
    unknown source would become a reference run.
    """
    if into.exists():
        raise RecordError(f"{into} exists; help: remove it, or name another folder")
    manifest = read_text(run / MANIFEST)
    if is_reference(into) and (why := _unfit(manifest)):
        raise RecordError(
            f"{run} cannot become a reference run: {why}; help: commit, then measure again with "
            "./harness.sh EXPERIMENT --reference"
        )
    texts = {name: _without_folders(manifest, read_text(run / name)) for name in COMPRESSED}
    series = all_series(run)
    packed = _resealed(_without_folders(manifest, manifest), texts, series, changed)
    contents = {MANIFEST: packed.encode("utf-8")}
    for name, text in texts.items():
        contents[name + ".xz"] = lzma.compress(text.encode("utf-8"), preset=9)
    if series:
        contents[ARCHIVE] = _archive(series)
    into.mkdir(parents=True)
    for name, content in contents.items():
        (into / name).write_bytes(content)
    return sum(map(len, contents.values()))
