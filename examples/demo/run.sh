#!/usr/bin/env bash
# run.sh BUILD_DIR: the demo in C, C++, Python and, where they are installed, Node and Go, on SQLite in a folder of its own
# that is removed afterwards.
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

leave_out() { printf '\n%s\n' "$1 left out: $2"; }

addon=$build/bindings/node/trunkline.node
if ! command -v node >/dev/null; then
  leave_out Node "it is not installed (Debian: nodejs)"
elif [ ! -e "$addon" ]; then
  leave_out Node "this build has no addon, for want of Node's headers (Debian: libnode-dev)"
else
  heading "Node: rows as objects"
  mkdir node_modules
  ln -s "$here/../../bindings/node" node_modules/trunkline
  cp "$here/demo.mjs" .
  TRUNKLINE_NODE_ADDON=$addon TRUNKLINE_LIBRARY=$build/capi/libtrunkline.so node demo.mjs
fi

if ! command -v go >/dev/null; then
  leave_out Go "it is not installed (Debian: golang-go)"
elif ! command -v pkg-config >/dev/null; then
  leave_out Go "cgo wants pkg-config (Debian: pkgconf)"
else
  heading "Go: rows into structs"
  mkdir go
  cp "$here/demo.go" go
  printf 'module demo\n\ngo 1.19\n\nrequire trunkline v0.0.0\n\nreplace trunkline => %s\n' \
    "$(realpath "$here/../../bindings/go")" >go/go.mod
  # What Go compiles is kept in the build folder, and nothing is fetched.
  (cd go && env -u GOROOT GOENV=off GOFLAGS=-mod=mod GOPROXY=off GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=1 \
    GOCACHE="$build/examples/go" GOPATH="$build/examples/go-path" PKG_CONFIG_PATH="$build/meson-uninstalled" \
    CGO_CFLAGS="-O2 -I$(realpath "$here/../../include")" CGO_LDFLAGS="-L$build/capi" go build -o ../demo-go .)
  ./demo-go
fi
