"""The command line of stats.py: each file in stats/verbs/ is one verb.

A verb's module has HELP (one line), add_arguments(parser) and run(arguments) -> exit status, and
may have DETAILS (shown by -h). It imports pandas and the like inside `run`, so that -h is fast.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module

from common import streams
from records.record import RecordError
from stats import verbs

EXIT_DATA = 2


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="stats.py",
        description="Turns the records of alloclab runs into tables, figures and a report.",
    )
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for found in pkgutil.iter_modules(verbs.__path__):
        verb = import_module(f"stats.verbs.{found.name}")
        details = getattr(verb, "DETAILS", "")
        subparser = subparsers.add_parser(
            found.name, help=verb.HELP, description=verb.HELP, epilog=details,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        verb.add_arguments(subparser)
        subparser.set_defaults(run=verb.run)
    return parser


def main(argv: list[str]) -> int:
    """Runs the verb that `argv` names; returns 0, 1 for a finding (see the verb), or 2 for wrong usage
    or unusable data.
    """
    streams.prepare()
    if not argv:
        build_parser().print_help()
        return EXIT_DATA
    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except RecordError as error:
        print(f"stats.py: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of the pipe (head, less) has ended
        streams.hush()
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        print(f"stats.py: {place}{reason}; help: check free space and permissions", file=sys.stderr)
        streams.hush()
    return EXIT_DATA
