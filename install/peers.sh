# Sourced by install.sh: newer releases of the peers than this distribution's, unpacked under build/peers/NAME.
# shellcheck shell=bash
#
# An apt of our own, with its own sources, lists and cache, looks at the distribution's newer suites; the system's apt
# is only read. What we keep of a peer: root/ (the package as it is), its libraries beside it, version and note, which
# `make list-allocators` shows; or why_not, when no candidate runs on this libc.

peers=build/peers
peers_apt=$PWD/$peers/apt

# Prints "name package=version library..." for each peer of the Makefile's table that was not tried yet.
peers_to_get() {
    local name rest
    while read -r name rest; do
        [[ -e $peers/$name/version || -e $peers/$name/why_not ]] || printf '%s %s\n' "$name" "$rest"
    done < <(! command -v make >/dev/null || make --silent --no-print-directory list-peers)
}

peers_install() {
    local missing name package files
    missing=$(peers_to_get)
    [[ -n $missing ]] || return 0
    say "looking for newer releases of the allocators in the distribution's newer suites"
    peers_apt_refresh || say "no newer suite answers"
    ! grep -q '^E:' "$peers_apt/log" || say "not every suite could be read: $(grep -m1 '^E:' "$peers_apt/log")"
    while read -r name package files; do
        peer_install "$name" "${package%%=*}" "${package#*=}" "$files"
    done <<<"$missing"
    rm -r "$peers_apt"/{state,cache}
}

# Any apt command on the private state.
peers_apt_run() {
    local command=$1
    shift
    "$command" -qq -o Dir::Etc::SourceList="$peers_apt/newer.sources" -o Dir::Etc::SourceParts="$peers_apt/empty" \
        -o Dir::Etc::Preferences="$peers_apt/empty/none" -o Dir::Etc::PreferencesParts="$peers_apt/empty" \
        -o Dir::State="$peers_apt/state" -o Dir::State::Status="$peers_apt/status" -o Dir::Cache="$peers_apt/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}

# Makes the private state. Fails when not one newer suite could be read; that some cannot is normal.
peers_apt_refresh() {
    mkdir -p "$peers_apt"/{empty,state/lists/partial,cache/archives/partial}
    : >"$peers_apt/log"
    gcc -fno-builtin -fPIE -pie -o "$peers_apt/serves_malloc" install/serves_malloc.c -ldl
    : >"$peers_apt/status"
    command -v apt-get >/dev/null && .venv/bin/python -I install/newer_sources.py >"$peers_apt/newer.sources"
    [[ -s $peers_apt/newer.sources ]] || return 1
    peers_apt_run apt-get update >"$peers_apt/log" 2>&1 || true
    [[ -n $(peers_apt_run apt-cache pkgnames) ]]
}

# peer_install NAME PACKAGE VERSION LIBRARIES: keeps the newest version that fits the pattern and serves malloc here.
peer_install() {
    local name=$1 files=$4 candidate
    local dir=$peers/$name why="this distribution's newer suites have no $2 $3"
    while read -r candidate; do
        why="no $2 $3 runs on this machine's libc"
        if peer_try "$dir" "$candidate" "$files"; then
            printf '%s\n' "${candidate%%=*}" >"$dir/package"
            printf '%s\n' "${candidate#*=}" >"$dir/version"
            say "$name: $candidate"
            return
        fi
    done < <(peer_candidates "$2" "$3")
    rm -rf "$dir"
    mkdir -p "$dir"
    printf '%s\n' "$why" >"$dir/why_not"
    say "skipped $name: $why"
}

# Prints package=version of everything that fits both patterns, the newest first.
peer_candidates() {
    local package version
    peers_apt_run apt-cache pkgnames | { grep -xE -- "$1" || true; } | while read -r package; do
        peers_apt_run apt-cache madison "$package" | awk '{ print $3 }' | while read -r version; do
            # shellcheck disable=SC2053 # the right side is a pattern; an epoch is no part of the release
            if [[ ${version#*:} == $2 ]]; then printf '%s=%s\n' "$package" "$version"; fi
        done
    done | sort -urV
}

# peer_try DIR PACKAGE=VERSION LIBRARIES: fetches and unpacks one version; succeeds when it serves malloc, rebound if need be.
peer_try() {
    local dir=$1 package=$2 files=$3
    rm -rf "$dir"
    mkdir -p "$dir/root"
    (cd "$dir" && peers_apt_run apt-get download "$package" >>"$peers_apt/log" 2>&1) || return 1
    dpkg-deb --extract "$dir"/*.deb "$dir/root" && rm "$dir"/*.deb
    peer_copy_libraries "$dir" "$files" || return 1
    peer_serves_malloc "$files" || { peer_rebind "$dir" "$files" && peer_serves_malloc "$files"; }
}

# Copies each library of a table row out of the unpacked package, following its links.
peer_copy_libraries() {
    local dir=$1 file found
    for file in $2; do
        found=$(find "$dir/root" -name "${file##*/}" -print -quit)
        [[ -n $found ]] && cp --dereference "$found" "$file" || return 1
    done
}

# Rebinds in place; the package's own files stay as they are under root/.
peer_rebind() {
    local dir=$1 file functions
    for file in $2; do
        functions+=" $(.venv/bin/python -I install/rebind.py "$file" "$file")" || return 1
    done
    printf 'rebound to this libc: %s\n' "$(xargs <<<"$functions")" >"$dir/note"
}

# Whether a program runs with these libraries preloaded, and gets its malloc from the first.
peer_serves_malloc() {
    local -a files
    read -ra files <<<"$1"
    # Relative: the loader takes no path with a space, and this folder's may have one.
    LD_PRELOAD=$(IFS=:; printf '%s' "${files[*]}") timeout 20 "$peers_apt/serves_malloc" "${files[0]}" 2>/dev/null
}
