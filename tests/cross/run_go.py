#!/usr/bin/env python3
"""Builds the program in Go that runs the cases, and runs it: run_go.py FOLDER ARGUMENT …, with what Go keeps in FOLDER."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bindings" / "go"))

from run import check_version, environment, go_of_system  # noqa: E402


def main(folder, *arguments):
    program = Path(folder).resolve() / "cross"
    go = go_of_system()
    mine = environment(program.parent, "test")
    check_version(go, mine)
    subprocess.run([go, "build", "-o", program, "."], cwd=HERE / "go", env=mine, check=True)
    sys.exit(subprocess.run([program, *arguments], env=mine).returncode)


main(*sys.argv[1:])
