"""Fills the parts of the documents that stored runs give, or says which of them are out of date.

Usage: tools/docs/results.py [--check] [PAGE ...]     (`make results`: all pages)

A part stands between two comments, and the first of them holds the shell command that prints it:

    <!-- results: ./stats.py table results/reference/apps --metric cpu_s | grep 'geometric mean' -->
    <!-- end -->

What comes in between is the command and its output: a table if the command says `--format md`, else
lines as a terminal would show them. A command that stands in several places
up to its first ` | ` runs once.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- results: (.+?) -->\n.*?<!-- end -->", re.DOTALL)
ENVIRONMENT = os.environ | {"COLUMNS": "110", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a page is out of date"
    )
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE")
    arguments = parser.parse_args(argv)
    pages = [page.resolve() for page in arguments.pages] or documents()
    output = run_once(commands(pages))
    stale = [page for page in pages if page.read_text() != filled(page.read_text(), output)]
    for page in stale:
        if not arguments.check:
            page.write_text(filled(page.read_text(), output))
        print(
            f"{page.relative_to(ROOT)}: {'out of date; run: make results' if arguments.check else 'written'}"
        )
    return 1 if stale and arguments.check else 0


def documents() -> list[Path]:
    """Every Markdown file of the tree that may hold a generated part."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(pages: list[Path]) -> list[str]:
    return [command for page in pages for command in BLOCK.findall(page.read_text())]


def filled(text: str, output: Callable[[str], str]) -> str:
    """The page with what its commands print."""
    return BLOCK.sub(lambda found: block(found[1], output(found[1])), text)


def block(command: str, printed: str) -> str:
    if "--format md" in command:
        body = f"```sh\n{command}\n```\n\n{printed}"
    else:
        body = f"```console\n$ {command}\n{printed}\n```"
    return f"<!-- results: {command} -->\n{body}\n<!-- end -->"


def run_once(wanted: list[str]) -> Callable[[str], str]:
    """Runs all commands, as many at a time as there are processors; gives what each has printed."""
    heads = dict.fromkeys(command.split(" | ")[0] for command in wanted)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        printed = dict(zip(heads, pool.map(partial(shell, given=""), heads), strict=True))

    def output(command: str) -> str:
        head, _, tail = command.partition(" | ")
        text = shell(tail, printed[head]) if tail else printed[head]
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())

    return output


def shell(command: str, given: str) -> str:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT, env=ENVIRONMENT, input=given, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode or not done.stdout.strip():
        sys.exit(f"results.py: {command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
