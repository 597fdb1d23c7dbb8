#!/usr/bin/env bash
# Serves a fixed set of commands and redis-benchmark's usual mix from one redis-server over loopback, prints what the
# database then holds, and ends. The server is this very process, so that whoever watches it sees the server's memory;
# the clients run beside it. Nothing is written to disk. The server is the program redis-check-rdb under its other name:
# package redis-tools has it, while package redis-server would also start one for good.
#   redis.sh KEYS REQUESTS
set -euo pipefail

keys=$1 requests=$2

free_port() { # one that nobody listens on, and below those that clients get (32768 and up)
    local port
    for ((port = 20000 + $$ % 12000; ; port++)); do
        answers "$port" || break
    done
    echo "$port"
}

answers() { # by the shell itself: the number of tries varies, and programs started for them would show in the counts
    (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

commands() { # deterministic: strings, lists and hashes of many sizes, some of them deleted again
    awk -v keys="$keys" 'BEGIN {
        for (i = 0; i < 4096; i++) text = text "x"
        for (i = 1; i <= keys; i++) {
            print "SET string:" i, substr(text, 1, 1 + i * 7919 % 700)
            print "RPUSH list:" i % 997, i, substr(text, 1, i % 50 + 1)
            print "HSET hash:" i % 499, "field" i, i * i
            if (i % 3 == 0) print "DEL string:" i / 3 * 2
            if (i % 50 == 0) print "SET large:" i, substr(text, 1, 2048 + i % 2048)
        }
    }'
}

clients() {
    for _ in {1..500}; do
        if answers "$port"; then break; fi
        sleep 0.02
    done
    commands | redis-cli -p "$port" >/dev/null
    redis-benchmark -p "$port" --dbnum 1 -t set,get,lpush,lrange_100,hset -n "$requests" -r 20000 -d 200 -c 20 -P 8 -q >/dev/null
    redis-cli -p "$port" -n 1 flushdb >/dev/null
    redis-cli -p "$port" dbsize
    redis-cli -p "$port" debug digest
    redis-cli -p "$port" shutdown nosave >/dev/null 2>&1 || true
}

options=(--bind 127.0.0.1 --save "" --appendonly no --loglevel warning --logfile /dev/null --daemonize no)
if ! (exec -a redis-server redis-check-rdb --version) | grep -q 'v=[1-6]\.'; then
    options+=(--enable-debug-command local) # for the digest; older servers allow it anyway
fi
port=$(free_port)
clients &
exec -a redis-server redis-check-rdb --port "$port" "${options[@]}"
