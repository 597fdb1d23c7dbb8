#!/usr/bin/env bash
# Runs an experiment, from whatever state the machine is in: installs and builds first where that is still to do.
#
#   ./harness.sh              the quick experiment on every allocator; ends with a table and a report
#   ./harness.sh --help       everything else
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

# A path in an argument is meant from where the caller stands, so the package runs there and finds the tree by itself.
readonly caller=${OLDPWD:-$PWD}

python_for_help() {
    local candidate
    for candidate in .venv/bin/python python3; do
        if command -v "$candidate" > /dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$candidate"
            return
        fi
    done
    echo "harness.sh: no Python 3.11 yet; ./install.sh fetches it" >&2
    return 1
}

# --help must neither install nor build.
for argument in "$@"; do
    case $argument in
        -h | --help)
            python=$(python_for_help)
            exec "$python" -m harness "$@"
            ;;
    esac
done

./install.sh
make --no-print-directory --silent all

tree=$PWD
cd -- "$caller"
export PYTHONPATH=$tree${PYTHONPATH:+:$PYTHONPATH}
exec "$tree/.venv/bin/python" -m harness "$@"
