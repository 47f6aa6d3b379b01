"""The package itself: loading, type hints, finalizers, threads, forks."""

import ast
import gc
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import support
import trunkline

FOLDER = os.path.join(support.PACKAGE, "trunkline")


def run(text, **environment):
    return subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", text], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": support.PACKAGE, **environment})


class Loading(unittest.TestCase):
    def test_a_wrong_path_is_said(self):
        done = run("import trunkline", TRUNKLINE_LIBRARY="/nowhere/libtrunkline.so")
        self.assertIn("ImportError: trunkline: TRUNKLINE_LIBRARY names a library that cannot be loaded", done.stderr)
        self.assertIn("/nowhere/libtrunkline.so", done.stderr)

    def test_a_missing_library_says_what_to_do(self):
        done = run("import sys, types; p = types.ModuleType('p'); p.__path__ = [%r]; sys.modules['p'] = p\n"
                   "import p._library as l; l.SONAME = 'libtrunkline-missing.so.0'; l.load()" % FOLDER,
                   TRUNKLINE_LIBRARY="")
        self.assertIn("ImportError: trunkline: libtrunkline-missing.so.0 was not found: install", done.stderr)

    def test_a_library_of_another_version_is_refused(self):
        done = run("import sys, types; p = types.ModuleType('p'); p.__path__ = [%r]; sys.modules['p'] = p\n"
                   "import p._library as l; l.ABI_VERSION = 0x7F0003; l.load()" % FOLDER)
        self.assertRegex(done.stderr, r"ImportError: trunkline: the library .* has ABI \d+\.\d+, this package needs 127\.3")

    def test_a_loaded_copy_comes_first(self):
        done = run("import ctypes, os; ctypes.CDLL(os.environ.pop('TRUNKLINE_LIBRARY'));"
                   "os.environ['TRUNKLINE_LIBRARY'] = '/nowhere'; import trunkline; print(trunkline.__version__)")
        self.assertEqual(done.stdout.strip(), trunkline.__version__, done.stderr)


class Source(unittest.TestCase):
    def test_it_compiles(self):
        with tempfile.TemporaryDirectory() as cache:
            done = run(f"import sys; sys.pycache_prefix = {cache!r}; import compileall;"
                       f"sys.exit(not compileall.compile_dir({FOLDER!r}, quiet=1, force=True))")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_type_hints_are_announced_and_complete(self):
        self.assertTrue(os.path.exists(os.path.join(FOLDER, "py.typed")))
        bare = []
        for name in sorted(os.listdir(FOLDER)):
            if not name.endswith(".py"):
                continue
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                tree = ast.parse(file.read(), feature_version=(3, 9))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                    missing = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
                    if missing or node.returns is None:
                        bare.append(f"{name}:{node.lineno} {node.name} {missing}")
        self.assertEqual(bare, [])

    def test_everything_public_is_there(self):
        for name in trunkline.__all__:
            self.assertTrue(hasattr(trunkline, name), name)


class Finalizers(support.SqliteTest):
    def leases(self):
        return len(self.registry.inspect("leases"))

    def test_dropped_handles_give_their_sessions_back(self):
        pin = self.db.pin()
        pin.__enter__()
        self.assertEqual(self.leases(), 1)
        del pin
        self.eventually(lambda: self.leases() == 0)
        # More rows than come with the head of the answer.
        result = self.db.query("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                               "SELECT i FROM n", stream=True)
        self.assertEqual(self.leases(), 1)
        iter(result)
        del result
        self.eventually(lambda: self.leases() == 0)

    def test_a_pinned_session_goes_home_whoever_has_its_transaction(self):
        with self.db.pin() as session:
            with session.transaction() as tx:
                tx.query("SELECT 1")
        self.eventually(lambda: self.leases() == 0)
        with self.assertRaises(trunkline.Closed):
            tx.begin()

    def test_results_and_handles_make_no_cycles(self):
        def work():
            result = self.db.query("SELECT 1 UNION ALL SELECT 2")
            next(iter(result))
            list(result.dicts())
            with self.db.transaction() as tx:
                tx.query("SELECT 1").all()

        work()  # what is made once
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for _ in range(50):
            work()
        self.assertEqual(gc.collect(), 0)

    def test_a_result_outlives_its_registry(self):
        registry = trunkline.parse(self.toml)
        result = registry.query("SELECT 1 UNION ALL SELECT 2")
        del registry
        self.assertEqual(result.all(), [(1,), (2,)])

    def test_the_end_of_a_process_with_everything_open(self):
        done = run(f"""
import trunkline
registry = trunkline.parse({self.toml!r})
db = registry.on()
db.query("CREATE TABLE t (a)")
result = db.query("SELECT 1 UNION ALL SELECT 2", stream=True)
next(iter(result))
tx = registry.on("analytics").transaction(); tx.begin()
capsule = registry.on("memory").query("SELECT 1 AS a").__arrow_c_stream__()
keep = [result, tx, capsule]; keep.append(keep)
print("done")
""")
        self.assertEqual((done.returncode, done.stdout.strip(), done.stderr), (0, "done", ""))

    def test_a_forked_child_leaves_the_parent_s_alone(self):
        done = run(f"""
import os, gc, trunkline
registry = trunkline.parse({self.toml!r})
db = registry.on()
db.query("CREATE TABLE t (a)")
tx = db.transaction(); tx.begin(); tx.query("INSERT INTO t VALUES (1)")
result = registry.on("memory").query("SELECT 1 UNION ALL SELECT 2")
child = os.fork()
if child == 0:
    del tx, result
    gc.collect()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
tx.commit()
print(db.query("SELECT a FROM t").all(), result.all())
""")
        self.assertEqual((done.stdout.strip(), done.stderr), ("[(1,)] [(1,), (2,)]", ""))


class Threads(support.SqliteTest):
    def test_eight_threads_share_a_handle(self):
        failures = []

        def work(number):
            try:
                for i in range(200):
                    found = self.db.query("SELECT ? * 1000 + ?, ?", [number, i, "text"]).one()
                    assert found == (number * 1000 + i, "text"), found
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_closing_while_others_query(self):
        stop = threading.Event()
        wrong = []

        def work():
            while not stop.is_set():
                try:
                    self.db.query("SELECT 1").one()
                except (trunkline.Closed, trunkline.Busy):
                    pass
                except BaseException as failure:
                    wrong.append(failure)
                    return

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            try:
                self.registry.close("main", timeout=5)
            except trunkline.Busy:
                pass
            self.registry.connect("main")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_results_cross_threads(self):
        result = self.db.query("SELECT 1 UNION ALL SELECT 2")
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(result))
        thread.start()
        thread.join()
        self.assertEqual(seen, [(1,), (2,)])


if __name__ == "__main__":
    unittest.main()
