#!/usr/bin/env bash
# Compiles one file to assembler on stdout by GCC's compiler proper: the gcc command would only start it as its child,
# where the memory pass does not look.
#   compile.sh gcc|g++ FILE [OPTION...]
set -euo pipefail

driver=$1 file=$2
shift 2
case $driver in
gcc) compiler=cc1 ;;
g++) compiler=cc1plus ;;
*)
    echo "compile.sh: gcc or g++, not $driver" >&2
    exit 2
    ;;
esac
exec "$("$driver" -print-prog-name=$compiler)" -quiet -imultiarch "$("$driver" -print-multiarch)" \
    -w -o - "$@" "$file"
