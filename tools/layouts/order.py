"""Prints one code layout: a program's objects in another link order, with padding between them.

Usage: order.py NUMBER --pads PAD.o ... --objects OBJECT.o ...

The linker places code and data in the order of its arguments, so the order decides at which
addresses functions and variables lie, which of them share cache lines, pages and entries of branch
predictors. The number alone decides the order: the same objects give the same layout on any machine.
Layout 0 is the ordinary build. Only the standard library is used, as make calls it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from random import Random


def layout(number: int, objects: Sequence[str], pads: Sequence[str]) -> list[str]:
    """The objects in the order of this layout; before every second one, on average, a pad."""
    order = list(objects)
    if number == 0:
        return order
    random = Random(f"layout {number}")
    random.shuffle(order)
    placed = []
    for each in order:
        placed += [random.choice(pads)] if pads and random.random() < 0.5 else []
        placed.append(each)
    return placed


def main() -> None:
    """Prints a file of arguments for the linker, one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int)
    parser.add_argument("--pads", nargs="*", default=[])
    parser.add_argument("--objects", nargs="+", required=True)
    options = parser.parse_args()
    print("\n".join(layout(options.number, options.objects, options.pads)))


if __name__ == "__main__":
    main()
