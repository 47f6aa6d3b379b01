#!/usr/bin/env python3
"""No function's static variable is made when it is used first: statics.py LIBRARY.

A forked child would wait for ever for one that another thread of its parent was making.
"""

import subprocess
import sys

SKIPPED = 77  # as Meson understands it
GUARD = "guard variable for "


def main():
    listed = subprocess.run(["readelf", "--symbols", "--wide", "--demangle", sys.argv[1]],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    if ".symtab" not in listed:
        print("skipped: the library is stripped")
        return SKIPPED
    # A thread's own are made by that thread alone.
    guarded = [line.split(GUARD)[1] for line in listed.splitlines() if GUARD in line and " TLS " not in line]
    for variable in guarded:
        print(f"a forked child may wait for ever for {variable}: see PerProcess in lib/base/fork.hpp")
    return 1 if guarded else 0


if __name__ == "__main__":
    sys.exit(main())
