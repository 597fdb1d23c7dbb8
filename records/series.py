"""The series of a run, CSV texts by name: from its folder series/ or, packed, from series.tar.xz."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from records.record import RecordError
from records.store import read_text

ARCHIVE = "series.tar.xz"


def series_texts(archive: Path) -> Mapping[str, str]:
    """The series of a packed run by name ('series/x.csv'); empty where there is no archive.

    Raises RecordError when the archive cannot be read.
    """
    if not archive.exists():
        return MappingProxyType({})
    return _unpacked(archive, archive.stat().st_mtime_ns)


@cache
def _unpacked(archive: Path, _mtime_ns: int) -> Mapping[str, str]:
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


def all_series(run: Path) -> dict[str, str]:
    """The text of every series of a run, from its archive and its folder."""
    texts = dict(series_texts(run / ARCHIVE))
    names = {path.name.removesuffix(".xz") for path in (run / "series").glob("*.csv*")}
    return texts | {f"series/{name}": read_text(run / "series" / name) for name in names}
