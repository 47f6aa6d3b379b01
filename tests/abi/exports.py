#!/usr/bin/env python3
"""The shared library exports what its symbol map lists, under the map's nodes, and nothing else; and it names itself.

  exports.py LIBRARY MAP SONAME
"""

import re
import subprocess
import sys


def symbols_of_map(text):
    """{symbol: node} of every name between `global:` and `local:`."""
    symbols = {}
    text = re.sub(r"/\*.*?\*/|#[^\n]*", "", text, flags=re.S)
    for node, body in re.findall(r"(\w[\w.]*)\s*\{(.*?)\}", text, flags=re.S):
        listed = body.partition("local:")[0].replace("global:", "")
        symbols.update((name.strip(), node) for name in listed.split(";") if name.strip())
    return symbols


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def symbols_of_library(path):
    """{symbol: node} of every defined dynamic symbol; the nodes' own symbols (type A) are not exports."""
    symbols = {}
    for line in output_of("nm", "-D", "--defined-only", path).splitlines():
        _, kind, name = line.split()
        if kind != "A":
            symbol, _, node = name.partition("@@")
            symbols[symbol] = node
    return symbols


def complaints(library, symbol_map, soname):
    listed, exported = symbols_of_map(symbol_map), symbols_of_library(library)
    for name in sorted(listed.keys() - exported.keys()):
        yield f"{name} is in the symbol map, but the library does not define it"
    for name in sorted(exported.keys() - listed.keys()):
        yield f"{name} is exported, but not in the symbol map"
    for name in sorted(listed.keys() & exported.keys()):
        if listed[name] != exported[name]:
            yield f"{name} is exported under '{exported[name]}', the symbol map says {listed[name]}"
    dynamic = output_of("readelf", "-d", "-W", library)
    if f"soname: [{soname}]" not in dynamic:
        yield f"the library's soname is not {soname}"
    if "NODELETE" not in dynamic:
        yield "the library is not linked with -z nodelete"
    # Its calls of its own functions are its own, also beside another copy whose symbols are everybody's.
    bound = output_of("readelf", "-r", "-W", library)
    for name in sorted(set(re.findall(r"\s(tl_\w+)@", bound))):
        yield f"the library calls its own {name} by a symbol that another copy may have"


def main():
    library, symbol_map, soname = sys.argv[1:]
    found = list(complaints(library, open(symbol_map).read(), soname))
    print("\n".join(found) or f"{library}: as its map says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
