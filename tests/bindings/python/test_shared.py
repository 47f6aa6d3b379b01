"""The registry that all code of a process shares, and which copy of the library is found. Each story is a process of its
own, since there is one in each; tests/shared has a program around Python."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import support

TOML = '[connections.main]\ndriver = "sqlite"\ndatabase = ":memory:"\n'

# Another library by the name of ours: its ABI is another one.
FOREIGN = "unsigned tl_abi_version(void) { return 0x7F0003u; }\n"
# A program that shares its registry, as far as its symbols tell.
PARTIAL = FOREIGN.replace("0x7F0003u", "1u") + "int tl_registry_shared(void) { return 0; }\n"


class Story(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ("trunkline.toml", "other.toml"):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(TOML)

    def tell(self, text, error=""):
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env={**os.environ, "PYTHONPATH": support.PACKAGE})
        self.assertRegex(done.stderr, f"^{error}$")
        return done.stdout.strip()

    def compiled(self, source, *options):
        if not shutil.which("cc"):
            self.skipTest("no C compiler")
        made = os.path.join(self.folder, "foreign.so")
        subprocess.run(["cc", "-x", "c", "-", "-shared", "-fPIC", "-o", made, *options], input=source, text=True,
                       check=True)
        return made


class Sharing(Story):
    def test_whoever_asks_gets_the_same(self):
        self.tell("""
import asyncio, gc, threading, trunkline
from trunkline import aio

found = []
threads = [threading.Thread(target=lambda: found.append(trunkline.shared())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
found[0].query("CREATE TABLE t (a)")
with trunkline.shared("trunkline.toml") as db:
    db.query("INSERT INTO t VALUES (1)")
del db, found
gc.collect()
with trunkline.shared().using("main"):
    assert trunkline.shared().query("SELECT a FROM t").one() == (1,)

async def main():
    async with aio.shared() as db:
        assert (await db.query("SELECT a FROM t")).one() == (1,)
asyncio.run(main())
assert trunkline.open().query("SELECT count(*) FROM sqlite_schema").one() == (0,)   # a private one
""")

    def test_another_one_is_refused(self):
        self.assertEqual(self.tell("""
import trunkline
def refused(ask):
    try:
        ask()
    except trunkline.ConfigurationError as error:
        return str(error)
trunkline.shared()
print(refused(lambda: trunkline.shared("other.toml")))
print(refused(lambda: trunkline.shared(environment="test")))
print(refused(lambda: trunkline.parse("").share()))
""").splitlines(), [
            "this process has a shared registry already: its configuration is " + os.path.join(self.folder, "trunkline.toml")
            + ", not other.toml",
            'this process has a shared registry already: its environment is none, not "test"',
            "this process has a shared registry already, another one: its configuration is "
            + os.path.join(self.folder, "trunkline.toml")])

    def test_a_parsed_one_is_shared(self):
        self.tell(f"""
import gc, trunkline
with trunkline.parse({TOML!r}) as db:
    db.share()
    db.query("CREATE TABLE t (a)")
del db
gc.collect()
trunkline.shared().query("SELECT a FROM t")
""")

    def test_a_forked_child_has_the_same(self):
        self.tell("""
import multiprocessing, trunkline
trunkline.shared().add("file", {"driver": "sqlite", "database": "shared.db"})
trunkline.shared().on("file").query("CREATE TABLE t (a)")

def work(number):
    trunkline.shared().on("file").query("INSERT INTO t VALUES (?)", [number])

with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(work, range(8))
assert trunkline.shared().on("file").query("SELECT count(*) FROM t").one() == (8,)
""")

    def test_a_key_without_effect_is_told_once_and_to_its_caller(self):
        with open(os.path.join(self.folder, "trunkline.toml"), "a", encoding="utf-8") as file:
            file.write("migrations.table = 'applied'\n")
        told = self.tell("""
import warnings, trunkline
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    trunkline.shared(); trunkline.shared()
print([(w.filename, w.lineno) for w in told])
""", error="trunkline: .*connections.main.migrations.table: .*\n")
        self.assertEqual(told, "[('<string>', 5)]")


class Finding(Story):
    def test_a_copy_that_was_loaded_for_itself_comes_first(self):
        self.tell("""
import ctypes, os
ctypes.CDLL(os.environ.pop("TRUNKLINE_LIBRARY"), mode=os.RTLD_LOCAL | os.RTLD_NOW)
os.environ["TRUNKLINE_LIBRARY"] = "/nowhere"
import trunkline
""")

    def refusal(self, library, mode):
        return self.tell(f"""
import ctypes, os
ctypes.CDLL({library!r}, mode=os.RTLD_NOW | os.{mode})
try:
    import trunkline
except ImportError as error:
    print(error)
""")

    def test_a_loaded_copy_of_another_abi_is_refused(self):
        library = self.compiled(FOREIGN, "-Wl,-soname,libtrunkline.so.0")
        self.assertRegex(self.refusal(library, "RTLD_LOCAL"),
                         f"^trunkline: the library {library} has ABI 127.3, this package needs 0.1: install the two in")

    def test_a_program_that_has_not_all_of_it_is_refused(self):
        library = self.compiled(PARTIAL)
        self.assertRegex(self.refusal(library, "RTLD_GLOBAL"),
                         f"^trunkline: {library} has no tl_version: a program that is linked with libtrunkline.a needs all")

    def test_another_major_version_is_no_obstacle_but_to_sharing(self):
        self.compiled(FOREIGN, "-Wl,-soname,libtrunkline.so.127")
        self.assertEqual(self.tell("""
import ctypes
ctypes.CDLL("./foreign.so", mode=ctypes.RTLD_LOCAL)
import trunkline
print(trunkline.shared().query("SELECT 1").one())
"""), "(1,)")

    def test_a_second_copy_shares_nothing(self):
        first = os.path.join(self.folder, "libfirst.so")
        shutil.copy(os.environ["TRUNKLINE_LIBRARY"], first)
        told = self.tell(f"""
import ctypes, os, trunkline
first = ctypes.CDLL({first!r}, mode=os.RTLD_NOW | os.RTLD_LOCAL)
registry = ctypes.c_void_p()
assert first.tl_registry_shared(None, None, ctypes.byref(registry), None) == 0
assert trunkline.open().query("SELECT 1").one() == (1,)
try:
    trunkline.shared()
except trunkline.ConfigurationError as error:
    assert dict(error.details)["library"] == {first!r}, error.details
    print(error)
""")
        self.assertTrue(told.startswith("the shared registry of this process is that of another copy of the library, "
                                        + first + "; this copy is "), told)


if __name__ == "__main__":
    unittest.main()
