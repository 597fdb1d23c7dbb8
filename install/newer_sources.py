"""Prints apt sources for the newer suites of the distribution that this machine already uses.

Usage: newer_sources.py [APT_DIRECTORY]   (default /etc/apt)

Every source of the distribution's main suite is repeated for the newer suites, with the same
mirror and the same key, as one deb822 stanza each. Nothing on the system is changed;
install/peers.sh gives the output to an apt of its own.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

# Names that move with the releases, oldest first, so that this list never ages.
NEWER_SUITES = {"debian": ["stable", "testing", "unstable"], "ubuntu": ["devel"]}

Stanza = dict[str, str]


def main() -> int:
    apt = Path(sys.argv[1] if len(sys.argv) > 1 else "/etc/apt")
    distro = distro_of(Path("/etc/os-release").read_text())
    print("\n".join(newer_sources(apt, distro)), end="")
    return 0


def distro_of(os_release: str) -> str:
    """The ID of an os-release text, or the first of its ID_LIKE that we know; '' otherwise."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    names = [*shlex.split(fields.get("ID", "")), *fields.get("ID_LIKE", "").strip('"').split()]
    return next((name for name in names if name in NEWER_SUITES), "")


def newer_sources(apt: Path, distro: str) -> list[str]:
    """Stanzas for the newer suites, one text each; none for a distribution that we do not know."""
    suites = NEWER_SUITES.get(distro, [])
    unique = {stanza_text(stanza, suites): None for stanza in read_sources(apt) if is_main(stanza)}
    return list(unique) if suites else []


def is_main(stanza: Stanza) -> bool:
    """Whether it serves binary packages of a release, not of its updates or from somebody else."""
    plain_suites = [suite for suite in stanza["suites"].split() if re.fullmatch(r"[a-z]+", suite)]
    return (
        "deb" in stanza["types"].split()
        and "main" in stanza["components"].split()
        and bool(plain_suites)
        and stanza.get("enabled", "yes") != "no"
        and "security" not in stanza["uris"]
    )


def stanza_text(stanza: Stanza, suites: list[str]) -> str:
    lines = {"Types": "deb", "URIs": stanza["uris"], "Suites": " ".join(suites)}
    lines["Components"] = stanza["components"]
    if "signed-by" in stanza:
        lines["Signed-By"] = stanza["signed-by"]
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def read_sources(apt: Path) -> Iterator[Stanza]:
    """All sources of an apt directory, in one-line format and deb822, with keys in lower case."""
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from filter(None, map(parse_line, path.read_text().splitlines()))
    for path in sorted(parts.glob("*.sources")):
        yield from parse_deb822(path.read_text())


def parse_line(line: str) -> Stanza | None:
    """`deb [key=value ...] uri suite component ...` as a stanza; None for what is not a source."""
    found = re.fullmatch(
        r"\s*(deb|deb-src)\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+([^#]+?)\s*(?:#.*)?", line
    )
    if not found:
        return None
    kind, options, uri, suite, components = found.groups()
    stanza = {"types": kind, "uris": uri, "suites": suite, "components": components}
    return stanza | dict(re.findall(r"(\S+)=(\S+)", options or ""))


def parse_deb822(text: str) -> Iterator[Stanza]:
    """Each complete stanza. A value, such as a key, goes on in lines that start with a blank."""
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", without_comments):
        fields = re.findall(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", block, re.MULTILINE)
        stanza = {key.lower(): value.strip("\n").lstrip() for key, value in fields}
        if stanza.keys() >= {"types", "uris", "suites", "components"}:
            yield stanza


if __name__ == "__main__":
    sys.exit(main())
