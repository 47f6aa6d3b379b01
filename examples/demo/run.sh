#!/usr/bin/env bash
# run.sh BUILD_DIR: the demo in C, C++ and Python, on SQLite in a folder of its own that is removed afterwards.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }
build=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
for file in examples/demo-c examples/demo-cpp capi/libtrunkline.so; do
  [ -e "$build/$file" ] || { echo "demo: $build/$file is missing; build first" >&2; exit 1; }
done

folder=$(mktemp -d)
trap 'code=$?; rm -rf "$folder"; [ $code = 0 ] || echo "demo: failed ($code)" >&2' EXIT
cp "$here/trunkline.toml" "$folder"
cd "$folder"
# The configuration is this one, whatever the caller's surroundings say.
unset TRUNKLINE_CONFIG TRUNKLINE_ENV
for name in $(compgen -e TRUNKLINE__ || true); do unset "$name"; done
export LD_LIBRARY_PATH=$build/capi${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

heading() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }

heading "trunkline.toml"
sed -n 's/^\[connections\.\([a-z]*\)\]$/  \1/p; s/^\(driver\|database\) = /    \1 = /p' trunkline.toml
heading "C: three connections, made and written"
"$build/examples/demo-c"
heading "C++: typed rows"
"$build/examples/demo-cpp"
heading "Python: the same names"
PYTHONPATH=$here/../../bindings/python PYTHONDONTWRITEBYTECODE=1 TRUNKLINE_LIBRARY=$build/capi/libtrunkline.so \
  python3 "$here/demo.py"
