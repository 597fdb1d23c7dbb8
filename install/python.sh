# Sourced by install.sh: the Python environment in .venv, exactly as requirements.lock pins it.
# shellcheck shell=bash
#
# To renew the pins, with uv at hand:
#   uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
#       requirements.in -o requirements.lock

# The copy is made last, so that an interrupted installation is not taken for a finished one.
python_ready() {
    cmp -s requirements.lock .venv/installed.lock && [[ -x .venv/bin/python ]]
}

python_install() {
    python_ready && return
    local python
    python=$(python_with_venv) || fail "no Python 3.11 or newer with venv and ensurepip"
    say "making .venv from requirements.lock"
    [[ -x .venv/bin/python ]] || "$python" -m venv --clear .venv
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
        --require-hashes --no-deps --only-binary :all: -r requirements.lock ||
        fail "pip could not install requirements.lock"
    cp requirements.lock .venv/installed.lock
}
