# Sourced by install.sh: how its pieces talk, and what they remember.
# shellcheck shell=bash

# What was tried in vain, one name a line. It is left alone from then on, so that a second call has nothing to do;
# without this file everything is tried again.
skipped_file=build/install/skipped

say() { printf 'install: %s\n' "$*"; }

fail() {
    say "$@" >&2
    exit 1
}

was_skipped() { grep -qxF -- "$1" "$skipped_file" 2>/dev/null; }

# skip NAME REASON: says what cannot be had; the rest goes on.
skip() {
    mkdir -p "${skipped_file%/*}"
    printf '%s\n' "$1" >>"$skipped_file"
    say "skipped $1: $2"
}

# Runs a command and shows the end of its output only when it fails, with its exit code.
quietly() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || code=$?
    [[ $code == 0 ]] || tail -n 15 "$log" >&2
    rm -f "$log"
    return "$code"
}
