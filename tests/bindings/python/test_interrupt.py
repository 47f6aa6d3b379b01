"""Ctrl-C in a process of its own: the call ends at once, KeyboardInterrupt is what the program sees, and it can go on."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import support
import trunkline
from trunkline import _call

PRELUDE = """
import signal, sys, time
sys.path.insert(0, {package!r})
import trunkline
db = trunkline.parse({toml!r}).on({name!r})

def interrupted(call):
    print("waiting", flush=True)
    began = time.monotonic()
    try:
        call()
    except KeyboardInterrupt:
        assert time.monotonic() - began < 10
        print("interrupted", flush=True)
    else:
        print("not interrupted", flush=True)
"""

ENDLESS = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c"


class Program:
    """A Python process; `say` waits for a line of it, `interrupt` is Ctrl-C."""

    def __init__(self, text, toml, name):
        prelude = PRELUDE.format(package=support.PACKAGE, toml=toml, name=name)
        self.process = subprocess.Popen([sys.executable, "-c", prelude + text], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def expect(self, case, line):
        found = self.process.stdout.readline().strip()
        case.assertEqual(found, line, found == "" and self.process.stderr.read())

    def interrupt(self, inside):
        """Once the process is inside the library: its main thread waits there, or works for long."""
        deadline = time.monotonic() + 10
        while not inside() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.process.send_signal(signal.SIGINT)

    def finish(self, case):
        out, error = self.process.communicate(timeout=20)
        case.assertEqual(self.process.returncode, 0, out + error)
        return out.strip().splitlines()


class Cases:
    """The same for every database."""

    endless: str
    insert: str  # takes as long as its value is large
    name: str
    toml: str

    def test_a_query(self):
        text = f"""
interrupted(lambda: db.query({self.endless!r}))
print(db.query("SELECT 1").one(), flush=True)
interrupted(lambda: db.query({self.endless!r}))
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.expect(self, "(1,)")
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.finish(self)

    def test_in_a_transaction(self):
        text = f"""
def work():
    with db.transaction() as tx:
        tx.query("INSERT INTO interrupted_rows VALUES (1)")
        tx.query({self.endless!r})

db.query("DROP TABLE IF EXISTS interrupted_rows")
db.query("CREATE TABLE interrupted_rows (a int)")
interrupted(work)
print(db.query("SELECT count(*) FROM interrupted_rows", timeout=5).one(), flush=True)
db.query("DROP TABLE interrupted_rows", timeout=5)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.expect(self, "(0,)")
            program.finish(self)

    def test_many_rows(self):
        text = f"""
db.query("DROP TABLE IF EXISTS interrupted_many")
db.query("CREATE TABLE interrupted_many (a bigint)")
interrupted(lambda: db.execute_many({self.insert!r}, [(0,), (10**15,), (1,)]))
print(db.query("SELECT count(*) FROM interrupted_many", timeout=5).one(), flush=True)
print(db.execute_many({self.insert!r}, [(0,), (0,)], timeout=5).affected, flush=True)
db.query("DROP TABLE interrupted_many", timeout=5)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.expect(self, "(0,)")
            program.expect(self, "2")
            program.finish(self)

    def test_uncaught_it_ends_the_program_as_python_does(self):
        with Program(f"print('waiting', flush=True); db.query({self.endless!r})", self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            _, error = program.process.communicate(timeout=20)
            self.assertIn("KeyboardInterrupt", error)
            self.assertNotIn("Cancelled", error)
            self.assertEqual(program.process.returncode, -signal.SIGINT)

    def test_a_signal_is_not_taken_for_the_next_call(self):
        text = """
import os, threading
ready, stop = threading.Event(), threading.Event()

def press():
    ready.wait()
    for _ in range(150):
        time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGINT)
    stop.set()

def work():
    ready.set()
    while not stop.is_set():
        assert db.query("SELECT 1").one() == (1,)

threading.Thread(target=press).start()
interrupted = 0
while not stop.is_set():
    try:
        try:
            work()
        except KeyboardInterrupt:
            interrupted += 1
    except KeyboardInterrupt:
        interrupted += 1
print("was", interrupted > 50, flush=True)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "was True")
            program.finish(self)

    def test_a_program_s_own_handler_is_left_alone(self):
        text = f"""
got = []
signal.signal(signal.SIGINT, lambda *_: got.append(1))
print("waiting", flush=True)
try:
    db.query({self.endless!r}, timeout=1)
except trunkline.Timeout:
    print("timeout", got, flush=True)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "timeout [1]")
            program.finish(self)

    def test_another_s_wakeup_descriptor_is_left_alone(self):
        text = """
import socket
ours, theirs = socket.socketpair()
theirs.setblocking(False)
signal.set_wakeup_fd(theirs.fileno())
db.query("SELECT 1")
assert signal.set_wakeup_fd(-1) == theirs.fileno()
print("kept", flush=True)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "kept")
            program.finish(self)

    def test_asyncio_with_signal_handlers_before_and_after(self):
        text = f"""
import asyncio
db.query("SELECT 1")

async def main():
    arrived = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, arrived.set)
    db.query("SELECT 1")
    signal.raise_signal(signal.SIGUSR1)
    await asyncio.wait_for(arrived.wait(), 5)
    print("signalled", flush=True)

asyncio.run(main())
time.sleep(0.2)
interrupted(lambda: db.query({self.endless!r}))
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "signalled")
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.finish(self)

    def test_a_child_s_signal_is_not_the_parent_s(self):
        text = f"""
import os
db.query("SELECT 1")
child = os.fork()
if child == 0:
    try:
        print("child", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        os._exit(7)
    os._exit(8)
time.sleep(0.3)
os.kill(child, signal.SIGINT)
try:
    db.query({self.endless!r}, timeout=1.5)
except trunkline.Timeout:
    print("parent", os.waitpid(child, 0)[1] >> 8, flush=True)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "child")
            program.expect(self, "parent 7")
            program.finish(self)


class EveryMoment(support.SqliteTest):
    """KeyboardInterrupt at each bytecode of the package in turn: a session that was lent goes home all the same."""

    def leases(self):
        return self.registry.inspect("leases", "memory").all()

    def interrupted_at(self, moment, work):
        """Whether `work` was still running then."""
        package = os.path.dirname(trunkline.__file__)
        left = moment

        def trace(frame, event, _):
            nonlocal left
            if os.path.dirname(frame.f_code.co_filename) != package:
                return None
            frame.f_trace_opcodes = True
            if event in ("call", "opcode"):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        return left <= 0

    def check(self, work):
        work()
        moment = 1
        while self.interrupted_at(moment, work):
            self.eventually(lambda: self.leases() == [])
            moment += 1
        self.assertGreater(moment, 100)

    def test_a_pin(self):
        memory = self.registry.on("memory")

        def work():
            with memory.pin() as session:
                session.query("SELECT 1")

        self.check(work)

    def test_a_transaction(self):
        memory = self.registry.on("memory")

        def work():
            with memory.transaction() as tx:
                tx.query("SELECT 1")

        self.check(work)

    def test_a_stream(self):
        memory = self.registry.on("memory")
        self.check(lambda: memory.query("VALUES (1), (2)", stream=True).first())

    def test_between_the_last_hold_and_its_release(self):
        """The signal comes while C releases: nothing is lost, and it is raised as soon as Python runs again."""
        strike = ctypes.CDLL(None)["raise"]
        strike.argtypes, strike.restype = (ctypes.c_void_p,), None
        owned = _call.Owned(strike)
        owned.slot.value = signal.SIGINT
        with self.assertRaises(KeyboardInterrupt):
            del owned
            for _ in range(1000):
                pass
            self.fail("it was lost")


class Sqlite(Cases, unittest.TestCase):
    endless = ENDLESS
    insert = ("INSERT INTO interrupted_many WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?) "
              "SELECT count(*) FROM c")
    name = "main"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-interrupt-")
        self.addCleanup(folder.cleanup)
        self.toml = support.SQLITE.format(folder=folder.name)

    def inside(self, program):
        """It has used a tenth of a second of processor time since it was asked first."""
        ticks = os.sysconf("SC_CLK_TCK")

        def used():
            with open(f"/proc/{program.process.pid}/stat", encoding="ascii") as file:
                return int(file.read().rsplit(")", 1)[1].split()[11]) / ticks

        before = used()
        return lambda: used() > before + 0.1


@unittest.skipUnless(support.has_postgresql(), "no PostgreSQL: TL_PG_… are not set")
class Postgresql(Cases, unittest.TestCase):
    endless = "SELECT pg_sleep(60)"
    insert = "INSERT INTO interrupted_many SELECT 1 FROM pg_sleep(?::bigint) /* pg_sleep(60) */"
    name = "pg"

    def setUp(self):
        self.toml = support.postgresql_toml('application_name = "interrupted"\n')
        self.watcher = trunkline.parse(support.postgresql_toml()).on("pg")

    def inside(self, program):
        """The server runs the statement."""
        return lambda: self.watcher.query(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interrupted' AND state = 'active' "
            "AND query LIKE '%pg_sleep(60)%'").one()[0] > 0

    def test_another_thread_s_stream_is_not_what_ctrl_c_cancels(self):
        text = """
import threading

def read():
    with db.query("SELECT i, pg_sleep(CASE WHEN i = 70000 THEN 3 ELSE 0 END) FROM generate_series(1, 70000) i",
                  stream=True) as result:
        next(iter(result))
        reading.set()
        print(sum(1 for _ in result), flush=True)

reading = threading.Event()
thread = threading.Thread(target=read)
beginning = threading.Timer(0, thread.start)

def work():
    beginning.start()
    db.query("SELECT pg_sleep(60)")

interrupted(work)
thread.join()
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            both = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interrupted' AND state = 'active' "
                    "AND query LIKE 'SELECT %pg_sleep%'")
            program.interrupt(lambda: self.watcher.query(both).one()[0] == 2)
            program.expect(self, "interrupted")
            program.expect(self, "69999")
            program.finish(self)

    def test_a_stream(self):
        text = """
def work():
    for row in db.query("SELECT i, pg_sleep(CASE WHEN i > 100000 THEN 60 ELSE 0 END) FROM generate_series(1, 200000) i "
                        "/* pg_sleep(60) */", stream=True):
        pass

interrupted(work)
print(db.query("SELECT 1", timeout=5).one(), flush=True)
"""
        with Program(text, self.toml, self.name) as program:
            program.expect(self, "waiting")
            program.interrupt(self.inside(program))
            program.expect(self, "interrupted")
            program.expect(self, "(1,)")
            program.finish(self)


if __name__ == "__main__":
    unittest.main()
