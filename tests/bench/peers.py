"""Makes the programs that measure the binding for Node ready, with those of its peers that are to be had."""

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Absent(Exception):
    """Says what a comparison wants that is not here."""


def tool(name):
    found = shutil.which(name)
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
        subprocess.run([npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--build-from-source",
                        f"--nodedir={Path(program).resolve().parent.parent}"], cwd=folder, stdout=sys.stderr)
    return folder


LANGUAGES = {"node": node}
