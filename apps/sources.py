"""Writes what the compilers and the solver of the apps experiment work on.

Usage: sources.py FOLDER [PERCENT]. Writes program.c, program.cpp and puzzles.smt2 there, always the
same for the same PERCENT; 100 (what it is without) gives work for 2-3 s.
A file that is already right is left alone.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

C_FUNCTIONS, CXX_TYPES, PUZZLES = 150, 6, 48


def share(count: int, percent: int) -> int:
    """So many per cent of a count, at least one."""
    return max(1, count * percent // 100)


def expression(rng: random.Random, depth: int) -> str:
    """Random arithmetic over a, b, i and the table t, without undefined behaviour."""
    if depth == 0:
        return rng.choice(["a", "b", "i", str(rng.randrange(1, 999)), "t[i & 63]"])
    left, right = expression(rng, depth - 1), expression(rng, depth - 1)
    return f"({left} {rng.choice(['+', '-', '*', '^', '|', '&'])} {right})"


def c_function(rng: random.Random, number: int) -> str:
    """A function with loops, a switch and calls of earlier functions."""
    call = f"f{rng.randrange(number)}(b, a ^ i)" if number else "a"
    cases = "\n".join(
        f"        case {n}: b += {expression(rng, 3)}; break;" for n in range(rng.randrange(4, 12))
    )
    return f"""
unsigned f{number}(unsigned a, unsigned b) {{
    static unsigned t[64];
    for (unsigned i = 0; i < (a & 31); i++) {{
        t[i] = {expression(rng, 4)};
        switch (b % 13) {{
{cases}
        default: a ^= {call};
        }}
        while (b & 0x100) b = (b >> 1) + {expression(rng, 2)} % 7;
    }}
    return {expression(rng, 4).replace("i", "a")};
}}
"""


def c_program(rng: random.Random, percent: int) -> Iterator[str]:
    """Many functions of no meaning."""
    for number in range(share(C_FUNCTIONS, percent)):
        yield c_function(rng, number)


CXX_HEAD = """#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

template <int N> struct Depth { using type = std::pair<int, typename Depth<N - 1>::type>; };
template <> struct Depth<0> { using type = std::string; };
"""


def cxx_type(rng: random.Random, number: int) -> str:
    """A type and a function that make the compiler instantiate containers and algorithms."""
    depth = rng.randrange(2, 6)
    return f"""
struct Item{number} {{
    int key{{}};
    std::string name;
    typename Depth<{depth}>::type rest;
    bool operator<(const Item{number} &other) const {{ return key < other.key; }}
}};

int use{number}(const std::vector<Item{number}> &items) {{
    std::map<std::string, std::vector<Item{number}>> groups;
    std::unordered_map<int, std::shared_ptr<Item{number}>> shared;
    std::set<Item{number}> ordered(items.begin(), items.end());
    for (const auto &item : items) {{
        groups[item.name].push_back(item);
        shared[item.key] = std::make_shared<Item{number}>(item);
    }}
    std::vector<Item{number}> sorted(ordered.begin(), ordered.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {{ return b < a; }});
    const int base = int(shared.size());
    std::function<int(int)> step = [&](int n) {{ return n * {rng.randrange(2, 99)} + base; }};
    return std::accumulate(sorted.begin(), sorted.end(), int(groups.size()),
                           [&](int sum, const auto &item) {{ return sum + step(item.key); }});
}}
"""


def cxx_program(rng: random.Random, percent: int) -> Iterator[str]:
    """Many types of no meaning."""
    yield CXX_HEAD
    for number in range(share(CXX_TYPES, percent)):
        yield cxx_type(rng, number)


def puzzle(rng: random.Random, number: int) -> str:
    """Is there a factor? Bit-vector multiplication backwards, with side conditions."""
    bits = 24
    low, high = rng.randrange(1000, 2000) * 2 + 1, rng.randrange(1000, 2000) * 2 + 1
    odd = number % 2  # every other one asks for a factor that cannot be
    return f"""(push)
(declare-const x (_ BitVec {bits}))
(declare-const y (_ BitVec {bits}))
(assert (= (bvmul x y) (_ bv{low * high - odd * 2} {bits})))
(assert (bvult (_ bv1 {bits}) x))
(assert (bvult x y))
(assert (bvult y (_ bv4096 {bits})))
(check-sat)
(pop)
"""


def puzzles(rng: random.Random, percent: int) -> Iterator[str]:
    """Many small problems; only whether each has a solution is printed."""
    yield "(set-option :smt.random_seed 1)\n(set-option :sat.random_seed 1)\n"
    for number in range(share(PUZZLES, percent)):
        yield puzzle(rng, number)


def main() -> None:
    """Writes the files."""
    folder = Path(sys.argv[1])
    percent = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (
        ("program.c", c_program),
        ("program.cpp", cxx_program),
        ("puzzles.smt2", puzzles),
    ):
        text = "".join(make(random.Random(1), percent))
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    main()
