#!/usr/bin/env python3
"""No function's static variable is made when it is used first: statics.py LIBRARY.

A forked child would wait for ever for one that another thread of its parent was making.
"""

import subprocess
import sys

LOCK = "__cxa_guard_acquire"  # which the compiler has such a variable made under
GUARD = "guard variable for "


def symbols(library, *more):
    listed = subprocess.run(["readelf", "--wide", *more, library], check=True, stdout=subprocess.PIPE, text=True)
    return listed.stdout.splitlines()


def main():
    library = sys.argv[1]
    if not any(LOCK in line for line in symbols(library, "--dyn-syms")):
        return 0
    print(f"{library} uses {LOCK}: see PerProcess in lib/base/fork.hpp. Made on first use are:")
    for line in symbols(library, "--symbols", "--demangle"):
        if GUARD in line and " TLS " not in line:  # a thread's own are made by that thread alone
            print(f"  {line.split(GUARD)[1]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
