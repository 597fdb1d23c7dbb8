"""The command line of ./harness.sh: parses it, starts a session, prints errors."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from common import streams
from harness import environment
from harness.errors import HarnessError, UsageError, unknown_name
from harness.passes import NAMES as PASS_NAMES
from records.record import RecordError

ROOT = Path(__file__).resolve().parent.parent

_DESCRIPTION = """\
Runs an experiment: the same work on every allocator, in randomised replicates, one process at a time,
each instrument in processes of its own. Ends with a table, figures and a report.
"""

_EPILOG = """\
examples:
  ./harness.sh                             the quick experiment, every allocator, under 3 minutes
  ./harness.sh --list                      all experiments, allocators and workloads
  ./harness.sh mind --allocators ptmalloc,jemalloc
                                           another experiment, two allocators
  ./harness.sh --allocator mine=./libmine.so
                                           also a library that the Makefile does not know
  ./harness.sh --variant keep=jemalloc:MALLOC_CONF=dirty_decay_ms:-1
                                           also jemalloc with an option set
  ./harness.sh mind --dry-run              shows the plan and measures nothing
  ./harness.sh quick --resume              resumes the newest unfinished run of quick

passes: time (nothing attached), latency (single operations), memory (sampled from outside),
syscalls (strace), counters (perf stat), instructions (callgrind). An experiment says which, and
in how many replicates.

A run's folder holds manifest.json (machine, libraries, source), plan.json, runs.jsonl (one record
per process; a crash, a time-out and an out-of-memory kill are records too), series/, tidy.csv,
tables/, figures/ and report.html.

exit code: 0 every process has a good record; 1 some ended badly, the run stopped early, or its
self-test raised an alarm; 2 wrong usage; 130 interrupted with Ctrl-C (all records are kept, and the
line to resume with is printed).
"""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code. An error that the user can correct is one line."""
    streams.prepare()
    environment.clear(os.environ)
    options = _parser().parse_args(argv)
    # Imported late: --help must work before the packages of requirements.lock are installed.
    from harness import listing, session

    try:
        if options.list:
            print(listing.everything(ROOT))
        status = 0 if options.list else session.run(ROOT, options)
        sys.stdout.flush()
        return status
    except (HarnessError, RecordError) as error:
        print(f"harness: {error}", file=sys.stderr)
        if isinstance(error, UsageError):
            print("harness: ./harness.sh --help shows how to call it", file=sys.stderr)
        return error.exit_code if isinstance(error, HarnessError) else 1
    except BrokenPipeError:  # head or less has closed the pipe; records are kept
        streams.hush()
        return 0 if options.list or options.dry_run else 1
    except OSError as error:
        print(f"harness: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        streams.hush()
        return 1
    except KeyboardInterrupt:
        print("harness: interrupted; records written so far are kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./harness.sh",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "experiment",
        nargs="?",
        default="quick",
        metavar="EXPERIMENT",
        help="a name from experiments/, or the path of a TOML file (default: quick)",
    )
    add("--list", action="store_true", help="list experiments, allocators and workloads, and stop")
    add("--dry-run", action="store_true", help="print the plan and stop")
    add("--allocators", default="", metavar="A,B", help="only these of `make list-allocators`")
    add(
        "--allocator",
        action="append",
        default=[],
        metavar="NAME=/PATH.so",
        help="also measure this library under LD_PRELOAD; may be repeated",
    )
    add(
        "--variant",
        action="append",
        default=[],
        metavar="NEW=OLD:VARIABLE=VALUE",
        help="also measure the allocator OLD with an environment variable set; may be repeated",
    )
    add(
        "--replicates",
        type=_positive,
        metavar="N",
        help="replicates of the time pass; the other passes get at most as many",
    )
    add("--blocks", type=_positive, dest="replicates", help=argparse.SUPPRESS)  # the older name
    add(
        "--passes",
        type=_passes,
        default=[],
        metavar="P,Q",
        help="only these passes of the experiment",
    )
    add("--seed", type=int, help="seed of the plan (default: random, kept in plan.json)")
    add("--out", metavar="DIR", help="the run's folder (default: results/local/EXPERIMENT-TIME)")
    add(
        "--resume",
        action="store_true",
        help="resume the run in --out, or the newest unfinished one of the experiment",
    )
    add(
        "--accept-changed-host",
        action="store_true",
        help="with --resume: go on although machine, boot or kernel settings changed; tables say so",
    )
    add(
        "--reference",
        action="store_true",
        help="a run to be kept as reference: refused while the tree has uncommitted changes",
    )
    add(
        "--no-report",
        action="store_true",
        help="measure only; ./stats.py report DIR makes the report",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _passes(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PASS_NAMES:
            raise argparse.ArgumentTypeError(unknown_name("pass", name, PASS_NAMES))
    return names
