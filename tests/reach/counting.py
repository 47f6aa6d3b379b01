#!/usr/bin/env python3
"""Prints a library in C that stands before libtrunkline and counts the calls of each of its functions.

  counting.py trunkline.h trunkline.map

It is loaded by LD_PRELOAD, TL_COUNTED names the library itself, and TL_COUNTS the file where it counts: a 64-bit number
for each function, in the order of the map. A file, since not every language's programs end by exit().
"""

import re
import sys
from pathlib import Path

HEAD = """#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <trunkline/trunkline.h>

static uint64_t unheard[%(n)d];
static uint64_t *counts = unheard;

static void count(int which) { __atomic_add_fetch(counts + which, 1, __ATOMIC_RELAXED); }

%(functions)s
static void *found(void *library, const char *name) {
  void *const at = dlsym(library, name);
  if (at == NULL) {
    fprintf(stderr, "%%s is not in the library\\n", name);
    abort();
  }
  return at;
}

__attribute__((constructor)) static void begin(void) {
  void *const library = dlopen(getenv("TL_COUNTED"), RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%%s\\n", dlerror());
    abort();
  }
%(bindings)s
  const int file = open(getenv("TL_COUNTS"), O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *const shared = mmap(NULL, sizeof unheard, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared != MAP_FAILED) counts = shared;
  close(file);
}
"""

FUNCTION = """static %(type)s(*real_%(name)s)(%(types)s);
TL_API %(type)s%(name)s(%(parameters)s) {
  count(%(number)d);
  %(ret)sreal_%(name)s(%(names)s);
}
"""


def exported(symbol_map):
    return re.findall(r"^\s*(tl_\w+);", Path(symbol_map).read_text(), flags=re.M)


def prototypes(header):
    text = re.sub(r"/\*.*?\*/", " ", Path(header).read_text(), flags=re.S)
    return {name: (kind, parameters) for kind, name, parameters
            in re.findall(r"TL_API\s+([\w\s*]*?)\b(tl_\w+)\(([^;]*)\);", text)}


def function(number, name, kind, parameters):
    given = [] if parameters.strip() == "void" else [re.sub(r"\s+", " ", each).strip() for each in parameters.split(",")]
    given = [each if re.search(r"[\s*](?!tl_)\w+$", each) else f"{each} unnamed{place}" for place, each in enumerate(given)]
    return FUNCTION % {
        "type": kind if kind.endswith("*") else kind.strip() + " ", "name": name, "number": number,
        "types": ", ".join(given) or "void", "parameters": ", ".join(given) or "void",
        "names": ", ".join(re.search(r"\w+$", each).group() for each in given),
        "ret": "" if kind.strip() == "void" else "return ",
    }


def main(header, symbol_map):
    names, known = exported(symbol_map), prototypes(header)
    functions = "\n".join(function(number, name, *known[name]) for number, name in enumerate(names))
    bindings = "\n".join(f'  *(void **)&real_{name} = found(library, "{name}");' for name in names)
    print(HEAD % {"n": len(names), "functions": functions, "bindings": bindings})


if __name__ == "__main__":
    main(*sys.argv[1:])
