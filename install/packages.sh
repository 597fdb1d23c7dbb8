# Sourced by install.sh: the distribution's packages.
# shellcheck shell=bash

# Prints the path of a Python 3.11 or newer that can make a virtual environment; fails when there is none.
python_with_venv() {
    local name
    for name in python3 /usr/bin/python3 python3.1{9,8,7,6,5,4,3,2,1}; do
        if "$name" -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# The rows of packages.txt, and the allocators' once make is there to ask for them.
package_rows() {
    sed '/^#/d' install/packages.txt
    if command -v make >/dev/null; then
        make --silent --no-print-directory list-packages
    fi
}

# package_present PATTERN PROBE
package_present() {
    case $2 in
    -) grep -qxE -- "$1" <<<"$installed" ;;
    python_with_venv) [[ -x .venv/bin/python ]] || python_with_venv >/dev/null ;;
    *) command -v "$2" >/dev/null ;;
    esac
}

# Prints "need pattern purpose" of every package that is missing, skipped before or not.
packages_missing() {
    local installed need pattern probe purpose
    installed=$(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii *//p') || true
    while read -r need pattern probe purpose; do
        package_present "$pattern" "$probe" || printf '%s %s %s\n' "$need" "$pattern" "$purpose"
    done < <(package_rows)
}

# Those of packages_missing that were not skipped in an earlier call.
packages_to_get() {
    local need pattern purpose
    while read -r need pattern purpose; do
        was_skipped "$pattern" || printf '%s %s %s\n' "$need" "$pattern" "$purpose"
    done < <(packages_missing)
}

# Prints the highest package name that fits a pattern and that apt can install; fails when there is none.
package_candidate() {
    local name
    while read -r name; do
        if [[ -n $(apt-cache madison "$name" 2>/dev/null) ]]; then
            printf '%s\n' "$name"
            return
        fi
    done < <(apt-cache pkgnames | grep -xE -- "$1" | sort -rV)
    return 1
}

# True where as_root can work: root, or a sudo that asks nothing or has somebody to ask.
can_be_root() {
    [[ $(id -u) == 0 ]] || { command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; }
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

# Installs what is missing, in two rounds: the first may bring make, which then names the allocators' packages.
packages_install() {
    local missing round
    for round in 1 2; do
        missing=$(packages_to_get)
        [[ -n $missing ]] || return 0
        command -v apt-get >/dev/null || { packages_without_apt "$missing"; return; }
        if [[ $round == 1 ]] && can_be_root; then
            say "refreshing the package lists"
            quietly as_root apt-get update || say "the package lists could not be refreshed; going on with the old ones"
        fi
        packages_choose "$missing"
    done
}

# packages_choose MISSING: finds each pattern's package and installs them all at once.
packages_choose() {
    local -a required=() optional=()
    local -A pattern_of=()
    local need pattern purpose name
    while read -r need pattern purpose; do
        if name=$(package_candidate "$pattern"); then
            pattern_of[$name]=$pattern
            if [[ $need == required ]]; then required+=("$name"); else optional+=("$name"); fi
        elif [[ $need == required ]]; then
            fail "no package $pattern in this machine's apt sources; it is needed for $purpose"
        else
            skip "$pattern" "not in this machine's apt sources; it is for $purpose"
        fi
    done <<<"$1"
    if can_be_root; then packages_take; else packages_ask_administrator; fi
}

# Installs packages_choose's two lists; the optional ones together if possible, else one by one.
packages_take() {
    local name
    [[ ${#pattern_of[@]} != 0 ]] || return 0
    say "installing ${required[*]} ${optional[*]}"
    [[ ${#required[@]} == 0 ]] || apt_install "${required[@]}" || fail "apt-get could not install what is required"
    [[ ${#optional[@]} == 0 ]] || apt_install "${optional[@]}" 2>/dev/null && return
    for name in "${optional[@]}"; do
        apt_install "$name" || skip "${pattern_of[$name]}" "apt-get could not install it"
    done
}

packages_ask_administrator() {
    local name command="apt-get install --no-install-recommends ${required[*]} ${optional[*]}"
    [[ ${#required[@]} == 0 ]] ||
        fail "this account may not install what is required. An administrator runs: $command"
    say "going on without what only an administrator can install: $command"
    for name in "${optional[@]}"; do
        skip "${pattern_of[$name]}" "needs an administrator"
    done
}

# packages_without_apt MISSING: a machine that we do not know. Names what is missing, and stops where that is required.
packages_without_apt() {
    local need pattern purpose
    while read -r need pattern purpose; do
        [[ $need == required ]] || skip "$pattern" "this machine has no apt; it is for $purpose"
    done <<<"$1"
    ! grep -q '^required' <<<"$1" ||
        fail "this machine has no apt; required are what Debian calls:"$'\n'"$(grep '^required' <<<"$1")"
}
