"""The newer suites' sources, derived from made-up apt directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from install.newer_sources import distro_of, newer_sources

DEB822 = """# the release itself
Types: deb deb-src
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /keys/debian.gpg
"""
NEWER = """Types: deb
URIs: http://mirror.example.org/debian
Suites: stable testing unstable
Components: main contrib
Signed-By: /keys/debian.gpg
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_deb822_keeps_mirror_components_and_key(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(DEB822)
    assert newer_sources(apt, "debian") == [NEWER]


def test_one_line_sources_give_the_same(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# deb http://old.example.org/debian buster main\n"
        "deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example.org/debian bookworm"
        " main contrib # ours\n"
        "deb-src http://mirror.example.org/debian bookworm main\n"
        "deb http://mirror.example.org/debian bookworm-updates main\n"
    )
    assert newer_sources(apt, "debian") == [NEWER]


def test_ubuntu_has_one_newer_suite(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://mirror.example.org/ubuntu jammy main universe\n")
    (stanza,) = newer_sources(apt, "ubuntu")
    assert "Suites: devel\nComponents: main universe\n" in stanza
    assert "Signed-By" not in stanza


def test_a_key_inside_the_stanza_is_kept_whole(apt: Path) -> None:
    key = "Signed-By:\n -----BEGIN KEY-----\n .\n abc\n -----END KEY-----\n"
    text = DEB822.split("\n\n")[0].replace("Signed-By: /keys/debian.gpg", key)
    (apt / "sources.list.d/debian.sources").write_text(text)
    (stanza,) = newer_sources(apt, "debian")
    assert " -----BEGIN KEY-----\n .\n abc\n -----END KEY-----\n" in stanza


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example.org/other stable contrib",  # somebody else's: no main
        "deb http://security.example.org/debian-security bookworm main",
        "deb http://mirror.example.org/flat ./",
    ],
)
def test_other_sources_are_left_out(apt: Path, line: str) -> None:
    (apt / "sources.list").write_text(line + "\n")
    assert newer_sources(apt, "debian") == []


def test_a_disabled_stanza_stays_disabled(apt: Path) -> None:
    text = "Enabled: no\n" + DEB822.split("\n", 1)[1]
    (apt / "sources.list.d/debian.sources").write_text(text)
    assert newer_sources(apt, "debian") == []


def test_an_unknown_distribution_has_no_newer_suites(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(DEB822)
    assert newer_sources(apt, "") == []


@pytest.mark.parametrize(
    ("os_release", "distro"),
    [
        ("ID=debian\n", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "ubuntu"),
        ("ID=fedora\n", ""),
        ("", ""),
    ],
)
def test_derivatives_count_as_what_they_are_like(os_release: str, distro: str) -> None:
    assert distro_of(os_release) == distro
