"""Turns the commands of `make --dry-run` on standard input into a compilation database (JSON) on standard output."""

import json
import re
import sys
from pathlib import Path

COMPILATION = re.compile(r" -c -o (\S+) (\S+\.(?:c|cpp))$")


def main() -> None:
    here = str(Path.cwd())
    found = [
        {"directory": here, "file": match[2], "output": match[1], "command": line.strip()}
        for line in sys.stdin
        if (match := COMPILATION.search(line.rstrip()))
    ]
    json.dump(
        sorted(found, key=lambda entry: (entry["file"], entry["output"])), sys.stdout, indent=1
    )
    print()


if __name__ == "__main__":
    main()
