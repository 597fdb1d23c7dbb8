"""A Python program of the usual kind: parses JSON, builds objects, groups and sorts them.

Usage: objects.py ROUNDS. Each round adds to a store of objects and throws a third of it away, so
that old and young objects lie mixed. Run with PYTHONMALLOC=malloc every object is a malloc.
"""

import hashlib
import json
import random
import sys
from dataclasses import dataclass, field

RECORDS = 12_000  # parsed in each round


@dataclass
class Order:
    """One order of a customer."""

    number: int
    customer: str
    lines: list[dict[str, object]] = field(default_factory=list)

    def total(self) -> float:
        """What all lines cost."""
        return sum(float(str(line["price"])) for line in self.lines)


def text_of_orders(rng: random.Random, first: int) -> str:
    """JSON of RECORDS orders."""
    rows = [
        {
            "number": first + i,
            "customer": f"customer-{rng.randrange(5000):05}",
            "lines": [
                {"item": "x" * rng.randrange(4, 60), "price": rng.randrange(1, 9999) / 100}
                for _ in range(rng.randrange(1, 5))
            ],
        }
        for i in range(RECORDS)
    ]
    return json.dumps(rows)


def one_round(store: dict[int, Order], rng: random.Random, number: int) -> str:
    """Adds the orders of a round, forgets a third of all; returns a digest of the customers."""
    for row in json.loads(text_of_orders(rng, number * RECORDS)):
        store[row["number"]] = Order(row["number"], row["customer"], row["lines"])
    for key in [key for key in store if rng.randrange(3) == 0]:
        del store[key]
    totals: dict[str, float] = {}
    for order in store.values():
        totals[order.customer] = totals.get(order.customer, 0.0) + order.total()
    best = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    listing = "\n".join(f"{customer}\t{total:.2f}" for customer, total in best)
    return hashlib.sha256(listing.encode()).hexdigest()


def main() -> None:
    """Prints one digest for each round."""
    rng = random.Random(20240601)
    store: dict[int, Order] = {}
    for number in range(int(sys.argv[1])):
        print(one_round(store, rng, number))


if __name__ == "__main__":
    main()
