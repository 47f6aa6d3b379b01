#!/usr/bin/env python3
"""What `meson install` leaves is all that a C program needs: the README's is compiled and run against it.

  install.py BUILD SOURCE COMPILER…

The build is installed into a temporary folder, and the program linked as pkg-config says: with the shared library, and
with the static one where there is no other.
"""

import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

PROGRAM = """#include <stdio.h>
#include <stdlib.h>
#include <trunkline/trunkline.h>

int main(void) {
%s
  tl_batch *batch = NULL;
  tl_column columns[2] = {{.struct_size = sizeof(tl_column)}, {.struct_size = sizeof(tl_column)}};
  int64_t rows = 0;
  if (tl_result_next(result, NULL, &batch, &err) != TL_OK) return 1;
  if (tl_batch_columns(batch, columns, 2, &rows) != TL_OK) return 1;
  printf("%%d rows\\n", (int)rows);
  tl_batch_release(batch);
  tl_result_release(result);
  tl_conn_release(main_db);
  tl_registry_release(registry);
  return 0;
}
"""
CONFIGURATION = '[connections.main]\ndriver = "sqlite"\ndatabase = "people.db"\n'


def installed(build, root):
    """Installs below `root`; answers the environment in which pkg-config looks there and nowhere else."""
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root], check=True)
    [description] = root.rglob("trunkline.pc")
    return {**os.environ, "PKG_CONFIG_LIBDIR": str(description.parent), "PKG_CONFIG_SYSROOT_DIR": str(root),
            "LD_LIBRARY_PATH": str(description.parent.parent)}


def prepare(folder, source):
    snippet = re.search(r"```c\n(.*?)```", (source / "README.md").read_text(), re.S).group(1)
    (folder / "program.c").write_text(PROGRAM % snippet)
    (folder / "trunkline.toml").write_text(CONFIGURATION)
    database = sqlite3.connect(folder / "people.db")
    with database:
        database.execute("CREATE TABLE people (id INTEGER, name TEXT, born INTEGER)")
        database.execute("INSERT INTO people VALUES (1, 'Ada', 1815), (2, 'Grace', 1906), (3, 'Linus', 1990)")
    database.close()


def run(compiler, folder, environment, *options):
    words = subprocess.run(["pkg-config", *options, "--cflags", "--libs", "trunkline"], env=environment, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    subprocess.run([*compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "program.c", *words, "-o", "program"],
                   cwd=folder, check=True)
    told = subprocess.run(["./program"], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert told.stdout == "2 rows\n", told.stdout


def needs_shared(folder):
    return "libtrunkline" in subprocess.run(["readelf", "-d", folder / "program"], check=True, stdout=subprocess.PIPE,
                                            text=True).stdout


def main():
    build, source, compiler = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    if not shutil.which("meson") or not shutil.which("pkg-config"):
        print("skipped: meson and pkg-config are needed")
        return 77  # as Meson understands it
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name) / "root"
        folder = pathlib.Path(name)
        environment = installed(build, root)
        prepare(folder, source)
        run(compiler, folder, environment)
        assert needs_shared(folder)
        for shared in root.rglob("libtrunkline.so*"):
            shared.unlink()
        run(compiler, folder, environment, "--static")
        assert not needs_shared(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
