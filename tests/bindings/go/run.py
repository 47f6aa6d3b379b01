#!/usr/bin/env python3
"""Runs the tests of the Go binding: run.py FOLDER WAY, with the package's intermediate files in FOLDER and TRUNKLINE_LIBRARY
the library. Ends with 77, which Meson takes for skipped, where there is no Go that can.

  vet       `go vet`, and gofmt has nothing to change
  test      the tests
  race      the tests under Go's race detector
  cgocheck  the tests, with every pointer that is given to C looked at
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "go"
SKIPPED = 77
OLDEST = (1, 19)

WAYS = {
    "vet": ["vet", "."],
    "test": ["test", "-count=1", "."],
    "race": ["test", "-count=1", "-race", "."],
    "cgocheck": ["test", "-count=1", "."],
}


def skip(reason):
    print(reason)
    sys.exit(SKIPPED)


def go_of_system():
    """Debian's, whatever else the path has."""
    for folder in ["/usr/bin", *os.environ["PATH"].split(os.pathsep)]:
        if os.access(program := os.path.join(folder, "go"), os.X_OK):
            return program
    return skip("no Go: there is no program of that name (Debian: golang-go)")


def check_version(go, environment):
    told = subprocess.run([go, "env", "GOVERSION"], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    version = tuple(int(part) for part in told.strip().removeprefix("go").split(".")[:2])
    if version < OLDEST:
        skip(f"{told.strip()} is older than Go 1.19")


def environment(folder, way):
    library = Path(os.environ["TRUNKLINE_LIBRARY"]).parent
    build = library.parent
    mine = {
        # Nothing is written outside of the folder or fetched, whatever the user's own settings are.
        "GOENV": "off", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOWORK": "off", "GO111MODULE": "on", "GOTOOLCHAIN": "local",
        "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"), "CGO_ENABLED": "1",
        "PKG_CONFIG_PATH": str(build / "meson-uninstalled"),
        # The pkg-config file names the places of an installation.
        "CGO_CFLAGS": f"-O2 -g -Wall -Wextra -Werror -I{ROOT / 'include'}", "CGO_LDFLAGS": f"-L{library}",
        "LD_LIBRARY_PATH": str(library),
    }
    if way == "cgocheck":
        mine["GODEBUG"] = "cgocheck=2"
    return {name: value for name, value in os.environ.items() if name != "GOROOT"} | mine


def main():
    folder, way = Path(sys.argv[1]).resolve(), sys.argv[2]
    go = go_of_system()
    mine = environment(folder, way)
    check_version(go, mine)
    if way == "vet":
        gofmt = subprocess.run([Path(go).with_name("gofmt"), "-l", PACKAGE], stdout=subprocess.PIPE, text=True, check=True)
        if gofmt.stdout:
            sys.exit(f"gofmt would change\n{gofmt.stdout}")
    sys.exit(subprocess.run([go, *WAYS[way]], cwd=PACKAGE, env=mine).returncode)


if __name__ == "__main__":
    main()
