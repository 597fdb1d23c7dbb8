"""Packs a run into a few files, as in results/reference/, and reads packed series back.

plan.json and runs.jsonl each become an .xz file, all of series/ becomes series.tar.xz, and
manifest.json stays readable. The bytes depend on the records alone: packing a run twice gives equal
files. Folders of the measuring machine are left out: of a library that was named by its path only
the file's name is kept.
"""

from __future__ import annotations

import io
import json
import lzma
import re
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from records.record import RecordError
from records.store import RUNS, read_text

ARCHIVE = "series.tar.xz"
COMPRESSED = ("plan.json", RUNS)
PLAIN = "manifest.json"


@cache
def series_texts(archive: Path) -> Mapping[str, str]:
    """The series of a packed run by name ('series/x.csv'); empty where there is no archive.

    Raises RecordError when the archive cannot be read.
    """
    if not archive.exists():
        return MappingProxyType({})
    texts = {}
    try:
        with tarfile.open(archive, "r:xz") as members:
            for member in members:
                content = members.extractfile(member)
                if content is not None:
                    texts[member.name] = content.read().decode("utf-8")
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, UnicodeDecodeError) as error:
        raise RecordError(
            f"{archive} cannot be read ({error}); help: restore the file, or measure again"
        ) from None
    return MappingProxyType(texts)


def _all_series(run: Path) -> dict[str, str]:
    """The text of every series of a run, from its archive and its folder."""
    texts = dict(series_texts(run / ARCHIVE))
    names = {path.name.removesuffix(".xz") for path in (run / "series").glob("*.csv*")}
    return texts | {f"series/{name}": read_text(run / "series" / name) for name in names}


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


def pack(run: Path, into: Path) -> int:
    """Writes a run's records into the new folder `into`. Returns the bytes written.

    Raises RecordError, before anything is written, when a file is missing or `into` exists.
    """
    if into.exists():
        raise RecordError(f"{into} exists; help: remove it, or name another folder")
    manifest = read_text(run / PLAIN)
    contents = {PLAIN: _without_folders(manifest, manifest).encode("utf-8")}
    for name in COMPRESSED:
        text = _without_folders(manifest, read_text(run / name)).encode("utf-8")
        contents[name + ".xz"] = lzma.compress(text, preset=9)
    series = _all_series(run)
    if series:
        contents[ARCHIVE] = _archive(series)
    into.mkdir(parents=True)
    for name, content in contents.items():
        (into / name).write_bytes(content)
    return sum(map(len, contents.values()))
