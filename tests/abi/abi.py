#!/usr/bin/env python3
"""The binary interface against the committed baseline.

  abi.py check LIBRARY HEADERS BASELINE    any difference fails; one that is meant is written into the baseline
  abi.py write LIBRARY HEADERS BASELINE
"""

import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77  # as Meson understands it


def skip(reason):
    print(f"skipped: {reason}")
    return SKIPPED


def has_debug_info(library):
    sections = subprocess.run(["readelf", "-S", "-W", library], check=True, stdout=subprocess.PIPE, text=True).stdout
    return ".debug_info" in sections


def write(library, headers, target):
    """Describes the library. What stands behind the opaque handles is nobody's business: only public types count."""
    return subprocess.run(["abidw", "--exported-interfaces-only", "--drop-private-types", "--headers-dir", headers,
                           "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file", target,
                           library]).returncode


def check(library, headers, baseline):
    if not os.path.exists(baseline):
        return skip("there is no baseline yet; ./dev abi writes it")
    with tempfile.TemporaryDirectory() as folder:
        present = os.path.join(folder, "present.abi")
        code = write(library, headers, present) or subprocess.run(["abidiff", "--harmless", baseline, present]).returncode
    if code != 0:
        print("The binary interface differs from the baseline. If it only grew, write it anew with ./dev abi.")
    return code


def main():
    verb, library, headers, baseline = sys.argv[1:]
    library = os.path.realpath(library)
    if not shutil.which("abidiff"):
        return skip("abidiff is not installed (Debian's package abigail-tools)")
    if not has_debug_info(library):
        return skip("the library was built without debug information")
    return {"check": check, "write": write}[verb](library, headers, baseline)


if __name__ == "__main__":
    sys.exit(main())
