# Sourced by install.sh: the Python environment in .venv, exactly as requirements.lock pins it.
# shellcheck shell=bash
#
# To renew the pins, with uv at hand:
#   uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
#       requirements.in -o requirements.lock

# The copy of the lock file is the stamp of a finished installation: it is made last and taken away first, so that an
# interrupted one is done again. The interpreter must still start: an update of the system may have taken it away.
python_ready() {
    cmp -s requirements.lock .venv/installed.lock && python_starts
}

python_starts() { .venv/bin/python -I -c 'import encodings' 2>/dev/null; }

python_install() {
    python_ready && return
    local python
    python=$(python_with_venv) || fail "no Python 3.11 or newer with venv and ensurepip"
    say "making .venv from requirements.lock"
    rm -f .venv/installed.lock
    # An interrupted venv has an interpreter and no pip.
    .venv/bin/python -I -m pip --version >/dev/null 2>&1 || "$python" -I -m venv --clear .venv
    pip_run install --no-input --require-hashes --no-deps --only-binary :all: -r requirements.lock ||
        fail "pip could not install requirements.lock"
    quietly .venv/bin/python -I install/installed.py requirements.lock ||
        fail "pip installed requirements.lock elsewhere or not at all; rm -r .venv and try again"
    cp requirements.lock .venv/installed.lock
}

# pip with none of the user's settings but those that say how to reach an index. Settings such as user, target, prefix,
# dry-run, constraint, no-binary or require-virtualenv would lead the packages elsewhere, or leave some out.
pip_run() (
    local name key value
    while IFS='=' read -r key value; do
        name=PIP_${key##*.}
        name=${name^^}
        name=${name//-/_}
        pip_reaches_index "$name" || continue
        value=${value:1:-1} # pip quotes as Python does, an end of line as \n
        [[ -v $name ]] || export "$name=${value//\\n/ }"
    done < <(.venv/bin/python -I -m pip config list 2>/dev/null)
    for name in "${!PIP_@}"; do
        pip_reaches_index "$name" || unset "$name"
    done
    export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
    quietly .venv/bin/python -I -m pip "$@"
)

pip_reaches_index() {
    case $1 in
    PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX | PIP_TRUSTED_HOST | PIP_PROXY | PIP_CERT) ;;
    PIP_CLIENT_CERT | PIP_CACHE_DIR | PIP_TIMEOUT | PIP_DEFAULT_TIMEOUT | PIP_RETRIES | PIP_KEYRING_PROVIDER) ;;
    *) return 1 ;;
    esac
}
