# Sourced by harness.sh and install.sh: takes what would mislead our commands out of the user's environment.
# shellcheck shell=bash
#
# Of pip's settings those stay that say how to reach an index; install/python.sh sees to the others. LD_LIBRARY_PATH stays
# too: a compiler may have been installed so that it needs it; measured processes never get it (harness/environment.py).

unset CDPATH BASH_ENV ENV GREP_OPTIONS MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKEFILES MAKELEVEL MAKEOVERRIDES
unset "${!PYTHON@}" "${!GIT_@}" "${!MALLOC_@}" GLIBC_TUNABLES LD_PRELOAD LD_AUDIT LD_DEBUG LD_BIND_NOW LD_PROFILE
# What makes a compiler take other headers, libraries or parts than the Makefile says.
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH LIBRARY_PATH LD_RUN_PATH GCC_EXEC_PREFIX COMPILER_PATH
unset DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES GCC_COMPARE_DEBUG

# Options of the calling shell come in through SHELLOPTS and BASHOPTS, which cannot be unset.
export -n SHELLOPTS BASHOPTS
set +o noclobber +o noglob +o posix +o noexec
unset POSIXLY_CORRECT
shopt -u nullglob failglob nocaseglob nocasematch

# mktemp and gcc stop at a TMPDIR that is not there.
if [[ -n ${TMPDIR:-} && ! -w ${TMPDIR:-} ]]; then
    echo "TMPDIR=$TMPDIR is no folder that can be written; going on without it" >&2
    unset TMPDIR
fi
