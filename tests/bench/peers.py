"""Makes the programs that measure the bindings of Node and Go ready, with those of their peers that are to be had."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINDINGS = HERE.parent.parent / "bindings"
DEBIANS_GO = Path("/usr/share/gocode")
# By the build tag of its side in bench_go.
GO_PEERS = {"pgx": "jackc/pgx/v4", "mysql": "go-sql-driver/mysql", "sqlite3": "mattn/go-sqlite3"}


class Absent(Exception):
    """Says what a comparison wants that is not here."""


def tool(name):
    """Debian's, whatever else the path has."""
    found = shutil.which(name, path="/usr/bin:" + os.environ["PATH"])
    if found is None:
        raise Absent(f"{name} is not installed")
    return found


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def node(build, peer):
    """The command, and what its environment wants, for a comparison with this package of npm's."""
    addon = build / "bindings" / "node" / "trunkline.node"
    if not addon.is_file():
        raise Absent("the build has no addon for Node")
    folder = node_peers(tool("node"), tool("npm"), build / "tests" / "bench" / "node")
    if not (folder / "node_modules" / peer).is_dir():
        raise Absent(f"npm could not install {peer}")
    return [tool("node"), str(HERE / "bench_node.mjs")], {
        "TL_BENCH_NODE_PEERS": str(folder),
        "TRUNKLINE_NODE_ADDON": str(addon),
    }


@functools.cache
def node_peers(program, npm, folder):
    """The folder whose node_modules has the peers, or as many of them as npm could install."""
    wanted = (HERE / "node" / "package.json").read_text()
    manifest = folder / "package.json"
    here = [(folder / "node_modules" / peer).is_dir() for peer in json.loads(wanted)["optionalDependencies"]]
    if not all(here) or manifest.read_text() != wanted:
        say(f"npm installs Node's peers into {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        manifest.write_text(wanted)
        # Node's own headers are beneath its prefix; without that they would be fetched.
        subprocess.run([npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries=0",
                        "--build-from-source", f"--nodedir={Path(program).resolve().parent.parent}"], cwd=folder, stdout=sys.stderr)
    return folder


def go(build, peer):
    """The same for a comparison with this peer of Go's."""
    if peer not in go_peers():
        raise Absent(f"Debian's package of github.com/{GO_PEERS[peer]} is not installed")
    return [go_program(tool("go"), build)], {"LD_LIBRARY_PATH": str(build / "capi")}


def go_peers():
    return [tag for tag, path in GO_PEERS.items() if (DEBIANS_GO / "src" / "github.com" / path).is_dir()]


@functools.cache
def go_program(compiler, build):
    """Debian's packages are made for GOPATH, so there our package is a link in a GOPATH of its own, before theirs."""
    own = build / "tests" / "bench" / "gopath"
    package = own / "src" / "trunkline"
    package.parent.mkdir(parents=True, exist_ok=True)
    package.unlink(missing_ok=True)
    package.symlink_to(BINDINGS / "go")
    program = build / "tests" / "bench" / "bench_go"
    say("building bench_go")
    subprocess.run([compiler, "build", "-tags", ",".join(go_peers()), "-o", program, "."], cwd=HERE / "bench_go",
                   check=True, env=os.environ | {
                       "GO111MODULE": "off", "GOPATH": f"{own}:{DEBIANS_GO}", "GOENV": "off", "GOFLAGS": "-buildvcs=false",
                       "GOCACHE": str(own / "cache"),
                       "PKG_CONFIG_PATH": str(build / "meson-uninstalled"),
                       "CGO_CFLAGS": f"-O2 -I{HERE.parent.parent / 'include'}", "CGO_LDFLAGS": f"-L{build / 'capi'}",
                   })
    return str(program)


LANGUAGES = {"node": node, "go": go}
