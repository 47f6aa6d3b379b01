#!/usr/bin/env python3
"""Every function that the symbol map exports is called somewhere in the given C files.

  all_used.py MAP FILE.c …
"""

import re
import sys
from pathlib import Path


def code_of(text):
    """The text without comments and strings."""
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', " ", text, flags=re.S)


def main():
    symbol_map, *files = sys.argv[1:]
    exported = set(re.findall(r"^\s*(tl_\w+);", Path(symbol_map).read_text(), flags=re.M))
    called = set()
    for file in files:
        called.update(re.findall(r"\b(tl_\w+)\s*\(", code_of(Path(file).read_text())))
    missing = sorted(exported - called)
    for name in missing:
        print(f"{name} is exported, but no test calls it")
    print(f"{len(exported) - len(missing)} of {len(exported)} exported functions are called")
    return 1 if missing or not exported else 0


if __name__ == "__main__":
    sys.exit(main())
