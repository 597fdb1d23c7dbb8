"""The programs that must behave under slotmalloc as they do under libc, one function each.

A function takes an empty folder and an environment, runs its program there, and returns what
the outside world can see of it as text. A program that is not installed raises Missing.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Environment = dict[str, str]
Program = Callable[[Path, Environment], str]


class Missing(Exception):
    """The program is not installed; the argument is its name."""


def found(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Missing(name)
    return path


def seen(argv: list[str], folder: Path, environment: Environment, stdin: str = "") -> str:
    """Exit status, standard output and standard error of one command."""
    done = subprocess.run(
        argv, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, timeout=120
    )
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def bash(folder: Path, environment: Environment) -> str:
    script = r"""
    declare -A count
    for i in {1..4000}; do word="w$((i * i % 97))"; count[$word]=$((${count[$word]:-0} + i)); done
    for key in "${!count[@]}"; do printf '%s %s\n' "$key" "${count[$key]}"; done | sort
    text=$(printf 'x%.0s' {1..5000}); text=${text//x/yz}; echo "${#text}"
    for i in {1..20}; do echo "$( (echo "sub $i") | tr a-z A-Z )" & done; wait
    """
    return "\n".join(sorted(seen([found("bash"), "-c", script], folder, environment).split("\n")))


def coreutils(folder: Path, environment: Environment) -> str:
    script = r"""
    seq 1 60000 | sort -R --random-source=/bin/sort | sort -n --parallel=2 -S 1M | sha256sum
    seq 1 20000 | sort > all; shuf -n 9000 --random-source=/bin/sort all | sort | join all - | md5sum
    seq 1 30000 | tr 0-9 a-j | fold -w 7 | uniq -c | sort | head -50 | md5sum
    ls -lR /usr/share/doc/b* | wc -l; du -a /usr/share/doc/a* | wc -l
    seq 1 5000 > numbers; split -l 100 numbers part; cat part* | cmp - numbers && echo same
    dd if=/dev/zero bs=1M count=8 2> /dev/null | base64 -w 76 | cksum
    """
    return seen([found("bash"), "-c", script], folder, environment)


def python3(folder: Path, environment: Environment) -> str:
    script = r"""
import concurrent.futures, hashlib, json, multiprocessing, re, threading

def work(seed):
    table = {f"k{i * seed % 1009}": [i, str(i) * (i % 50)] for i in range(5000)}
    text = json.dumps(table, sort_keys=True)
    assert json.loads(text) == table
    return hashlib.sha256(re.sub(r"[aeiou1-4]", "_", text).encode()).hexdigest()

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(*pool.map(work, range(1, 17)), sep="\n")
multiprocessing.set_start_method("fork")
threads = [threading.Thread(target=work, args=(7,)) for _ in range(4)]
for thread in threads: thread.start()
with multiprocessing.Pool(3) as pool:
    print(*pool.map(work, range(17, 25)), sep="\n")
for thread in threads: thread.join()
print(len(bytearray(30_000_000)), sum(len(bytes(n)) for n in range(0, 300_000, 997)))
"""
    return seen([sys.executable, "-c", script], folder, environment)


def perl(folder: Path, environment: Environment) -> str:
    script = r"""
    my %h; for my $i (1..40000) { $h{"k" . ($i * 7 % 1013)} .= chr(97 + $i % 26) }
    my $all = join ",", map { "$_=$h{$_}" } sort keys %h;
    $all =~ s/([a-m])(\w)/$2$1/g; print length($all), " ", unpack("%32C*", $all), "\n";
    for my $n (1..5) { my $pid = fork // die; if (!$pid) { my @a = (1) x 50000; exit 0 } wait; print "$n $?\n" }
    my @m = map { [ map { $_ * 2 } 1..100 ] } 1..500; print scalar(@m), " $m[499][99]\n";
    """
    return seen([found("perl"), "-e", script], folder, environment)


C_SOURCE = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct node { struct node *left, *right; double key; char name[24]; };
static struct node *insert(struct node *n, double k) {
    if (!n) { n = calloc(1, sizeof *n); n->key = k; snprintf(n->name, sizeof n->name, "%g", k); }
    else if (k < n->key) n->left = insert(n->left, k); else n->right = insert(n->right, k);
    return n;
}
static double sum(const struct node *n) { return n ? sum(n->left) + sin(n->key) + sum(n->right) : 0; }
int main(void) { struct node *r = 0; for (int i = 0; i < 999; i++) r = insert(r, i * 7919 % 1009);
    printf("%.9f\n", sum(r)); return 0; }
"""


def gcc(folder: Path, environment: Environment) -> str:
    (folder / "tree.c").write_text(C_SOURCE)
    compiled = seen([found("gcc"), "-O2", "-S", "-o", "-", "tree.c"], folder, environment)
    linked = seen([found("gcc"), "-O2", "-o", "tree", "tree.c", "-lm"], folder, environment)
    return compiled + linked + seen(["./tree"], folder, environment)


CPP_SOURCE = r"""
#include <algorithm>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
struct Log { std::vector<std::string> lines; ~Log() { lines.resize(lines.size() + 9, "end"); } };
thread_local Log log_of_thread;
static long work(int seed) {
    std::map<std::string, std::shared_ptr<std::vector<int>>> table;
    for (int i = 0; i < 3000; i++) {
        auto &cell = table["key" + std::to_string(i * seed % 501)];
        if (!cell) cell = std::make_shared<std::vector<int>>();
        cell->push_back(i);
        log_of_thread.lines.push_back(std::string(i % 90, 'l'));
        try { if (i % 7 == 0) throw std::runtime_error(std::string(i % 400, 'e')); }
        catch (const std::exception &e) { cell->push_back((int)std::string(e.what()).size()); }
    }
    long total = 0;
    for (auto &[key, cell] : table) total += std::accumulate(cell->begin(), cell->end(), (long)key.size());
    return total;
}
int main() {
    std::vector<std::future<long>> futures;
    for (int i = 1; i <= 12; i++) futures.push_back(std::async(std::launch::async, work, i));
    for (auto &f : futures) std::cout << f.get() << "\n";
    std::ostringstream text;
    for (int i = 0; i < 500; i++) text << "word" << i << ' ';
    std::string result = std::regex_replace(text.str(), std::regex("o(r)d([0-4]+)"), "<$2$1>");
    std::cout << std::hash<std::string>{}(result) << "\n";
    try { std::vector<int> v(3); v.at(9) = 1; } catch (const std::out_of_range &) { std::cout << "caught\n"; }
}
"""


def cpp(folder: Path, environment: Environment) -> str:
    """Compiles under the allocator too, then runs exceptions, threads and thread_local."""
    (folder / "program.cpp").write_text(CPP_SOURCE)
    compiler = [found("g++"), "-std=c++17", "-pthread", "-o", "program", "program.cpp"]
    return seen(compiler, folder, environment) + seen(["./program"], folder, environment)


def git(folder: Path, environment: Environment) -> str:
    fixed = {
        **environment,
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_DATE": "2020-01-02T03:04:05Z" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_NAME": "Name" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "name@example.org" for who in ("AUTHOR", "COMMITTER")},
    }
    script = r"""
    set -e
    git init -q -b main repository; cd repository
    for i in {1..25}; do
        seq "$i" 3000 > "file$((i % 6))"; git add .; git commit -q -m "change $i"
    done
    git checkout -q -b side HEAD~9; echo side > new; git add new; git commit -q -m side
    git merge -q -m merge main; git gc -q; git fsck --strict
    git log --stat --format='%H %s' | sha256sum; git diff main~20 | sha256sum; git blame file1 | sha256sum
    git grep -c 7 | sort
    """
    return seen([found("bash"), "-c", f"command -v {found('git')} && {script}"], folder, fixed)


def sqlite3(folder: Path, environment: Environment) -> str:
    script = """
    CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size REAL, data BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
      INSERT INTO item SELECT i, 'name' || (i * 7919 % 10007), i / 7.0, zeroblob(i % 200) FROM n;
    CREATE INDEX by_name ON item(name, size);
    SELECT count(*), sum(length(data)), round(avg(size), 6) FROM item;
    SELECT a.name, count(*) FROM item a JOIN item b ON a.name = b.name GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5;
    DELETE FROM item WHERE id % 3 = 0; VACUUM; PRAGMA integrity_check;
    SELECT group_concat(name, ',') FROM (SELECT name FROM item ORDER BY size DESC LIMIT 400);
    """
    return seen([found("sqlite3"), "test.db"], folder, environment, script)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis(folder: Path, environment: Environment) -> str:
    """A server on the loopback interface only; its client runs under the allocator as well."""
    server, client = folder / "redis-server", found("redis-cli")
    # One program under several names: a package without the service has it as redis-check-rdb.
    server.symlink_to(shutil.which("redis-server") or found("redis-check-rdb"))
    port = str(free_port())
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    options += ["--enable-debug-command", "yes"]
    commands = [f"SET key{i} {'v' * (i % 300)}" for i in range(3000)]
    commands += [f"RPUSH list{i % 40} {i * i}" for i in range(2000)]
    commands += [f"HSET hash{i % 9} field{i} {i}" for i in range(2000)]
    commands += [f"DEL key{i}" for i in range(0, 3000, 2)]
    commands += ["LRANGE list7 0 -1", "HLEN hash3", "DBSIZE", "SORT list9 DESC LIMIT 0 9"]
    commands += ["SAVE", "DEBUG RELOAD", "DBSIZE", "GET key1999", "EVAL return{1,2,3} 0"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([server, *options], env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            if "PONG" in seen([client, "-p", port, "PING"], folder, environment):
                break
            time.sleep(0.05)
        answer = seen([client, "-p", port], folder, environment, "\n".join(commands))
        seen([client, "-p", port, "SHUTDOWN", "NOSAVE"], folder, environment)
        return f"{answer}\nserver: {process.wait(timeout=30)}"
    finally:
        process.kill()
        process.wait()


def node(folder: Path, environment: Environment) -> str:
    script = r"""
    const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
    const crypto = require('crypto');
    function work(seed) {
      const table = {};
      for (let i = 0; i < 20000; i++) (table['k' + i * seed % 997] ??= []).push('v'.repeat(i % 60));
      const text = JSON.stringify(table);
      const buffers = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 97, i));
      return crypto.createHash('sha256').update(text).update(Buffer.concat(buffers)).digest('hex');
    }
    if (isMainThread) {
      Promise.all([1, 2, 3, 4].map(n => new Promise((done, fail) => {
        const worker = new Worker(__filename, { workerData: n });
        worker.on('message', done); worker.on('error', fail);
      }))).then(all => { console.log(work(9)); all.forEach(line => console.log(line)); });
    } else { parentPort.postMessage(work(workerData)); }
    """
    (folder / "work.js").write_text(script)
    return seen([found("node"), "work.js"], folder, environment)


PROGRAMS: dict[str, Program] = {
    program.__name__: program
    for program in (bash, coreutils, python3, perl, gcc, cpp, git, sqlite3, redis, node)
}
