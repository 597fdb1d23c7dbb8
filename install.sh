#!/usr/bin/env bash
# Installs what alloclab needs and this machine lacks: see usage below, and install/ for the pieces.
set -euo pipefail
unset CDPATH # with it, cd may go elsewhere and print where
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. install/environment.sh
. install/common.sh
. install/packages.sh
. install/python.sh
. install/peers.sh

usage() {
    cat <<'END'
usage: ./install.sh [--check [--json] | --help]

Brings this machine to where `make check` and `./harness.sh` run, and says what it installs:
  1. packages of the distribution (install/packages.txt, and the allocators of the Makefile's table)
  2. .venv, a Python 3.11+ environment, exactly as requirements.lock pins it
  3. build/peers/, newer releases of the allocators than the distribution's own, without touching the system

Needs root or sudo for the first; without either it prints the command for an administrator. What is optional and cannot
be had is reported once and skipped (tried again after: rm -r build/install build/peers). A second call has nothing to
do and is silent. Debian and Ubuntu are known; elsewhere it names what is missing.

  --check   changes nothing: what is missing, and which of this machine's settings disturb a measurement, and how;
            with --json for programs. Exit code 1 when something required is missing.
END
}

check() {
    local python
    python=$(command -v python3) || {
        packages_missing >&2
        fail "no python3 to examine this machine with; missing packages stand above"
    }
    everything_missing | "$python" -I install/doctor.py "$@"
}

# What packages_missing prints, and the other two steps' lacks in the same form.
everything_missing() {
    packages_missing
    python_ready || printf 'required .venv the Python environment of harness and stats\n'
    peers_to_get | while read -r name package _; do
        printf 'optional %s the allocator %s\n' "$package" "$name"
    done
}

case ${1:-} in
'')
    # `make check` and `./harness.sh` may be started at the same time. --close: no daemon that a package starts inherits it.
    mkdir -p build
    exec flock --close build/install.lock ./install.sh --locked
    ;;
--locked)
    packages_install
    python_install
    peers_install
    ;;
--check) check "${@:2}" ;;
-h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
