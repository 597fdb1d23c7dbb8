"""The command line: one verb per file in stats/verbs/, found by looking there.

A verb's module has HELP (one line), add_arguments(parser) and run(arguments) -> exit status, and
may have DETAILS (shown by -h). Its heavy imports stand inside `run`, so that -h answers at once.
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
    """Runs the verb that `argv` names; 0 fine, 1 a finding (see the verb), 2 wrong usage or
    unusable data.
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
    except BrokenPipeError:  # the reader (head, less) has seen enough
        streams.hush()
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        print(f"stats.py: {place}{reason}. Cure: check space and rights", file=sys.stderr)
        streams.hush()
    return EXIT_DATA
