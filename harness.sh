#!/usr/bin/env bash
# Runs an experiment, from whatever state the machine is in: installs and builds first where that is still to do.
#
#   ./harness.sh              the quick experiment on every allocator; ends with a table and a report
#   ./harness.sh --help       everything else
set -euo pipefail
unset CDPATH # with it, cd may go elsewhere and print where
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

# A path in an argument is meant from where the caller stands, so the package runs there and finds the tree by itself.
readonly caller=${OLDPWD:-$PWD}
readonly tree=$PWD

python_for_help() {
    local candidate
    for candidate in .venv/bin/python python3; do
        if command -v "$candidate" > /dev/null &&
            "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
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
            exec "$python" -I "$tree/harness/__main__.py" "$@"
            ;;
    esac
done

(
    . install/environment.sh
    ./install.sh
    make --no-print-directory --silent all
)

# Python runs isolated, whatever PYTHON* variables there are; of the others it records what it keeps from measured processes.
cd -- "$caller"
exec "$tree/.venv/bin/python" -I "$tree/harness/__main__.py" "$@"
