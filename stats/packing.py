"""A run as few files: how reference results are kept, and how their series are read back.

Packed are plan.json and runs.jsonl (each into its .xz), and all of series/ into series.tar.xz. The
bytes depend on the records alone, so that packing a run twice gives the same files. Of a library
that was named by its path only the file's name is kept: where it lay on a machine is nobody's
business.
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

from stats.errors import DataError
from stats.records import open_packed

ARCHIVE = "series.tar.xz"
PACKED = ("plan.json", "runs.jsonl")
READABLE_AS_IS = "manifest.json"


@cache
def series_texts(archive: Path) -> Mapping[str, str]:
    """The series of a packed run by name ('series/x.csv'); empty where there is no archive.

    Raises DataError when the archive cannot be read.
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
        raise DataError(
            f"{archive} cannot be read ({error}). Cure: restore the file, or measure again"
        ) from None
    return MappingProxyType(texts)


def _all_series(run: Path) -> dict[str, str]:
    """The text of every series of a run, from its archive and its folder."""
    texts = dict(series_texts(run / ARCHIVE))
    names = {path.name.removesuffix(".xz") for path in (run / "series").glob("*.csv*")}
    return texts | {f"series/{name}": open_packed(run / "series" / name) for name in names}


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
    """The text without this checkout's folder, and those of libraries that were named by path."""
    named = re.findall(r'"library": "(/[^"]*/)[^/"]+"', json.dumps(json.loads(manifest)))
    tree = f"{Path(__file__).resolve().parents[1]}/"
    for folder in {tree, *(name for name in named if not name.startswith(("/usr/", "/lib")))}:
        text = text.replace(folder, "")
    return text


def pack(run: Path, into: Path) -> int:
    """Write a run's records into the folder `into`, which must not exist. Returns the bytes written.

    Raises DataError when something is missing or `into` is there already; nothing is left then.
    """
    if into.exists():
        raise DataError(f"{into} exists. Cure: remove it, or name another folder")
    manifest = open_packed(run / READABLE_AS_IS)
    contents = {READABLE_AS_IS: _without_folders(manifest, manifest).encode("utf-8")}
    for name in PACKED:
        text = _without_folders(manifest, open_packed(run / name)).encode("utf-8")
        contents[name + ".xz"] = lzma.compress(text, preset=9)
    series = _all_series(run)
    if series:
        contents[ARCHIVE] = _archive(series)
    into.mkdir(parents=True)
    for name, content in contents.items():
        (into / name).write_bytes(content)
    return sum(map(len, contents.values()))
