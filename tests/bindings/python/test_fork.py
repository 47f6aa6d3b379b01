"""Forked processes: multiprocessing, prefork servers, asyncio and events in children."""

import asyncio
import gc
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import support
import trunkline
from trunkline import aio

BACKEND = {"pg": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()", "file": "SELECT 1"}


def toml(folder):
    text = support.SQLITE.format(folder=folder).replace("connections.main", "connections.file").replace('"main"', '"file"')
    if support.has_postgresql():
        text += support.postgresql_toml()
    if os.environ.get("TL_MARIADB_SOCKET"):
        text += support.mariadb_toml()
    return text


def in_child(work):
    """What `work` answers in a forked child, as text; None is ""."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = work()
        except BaseException as failure:
            told = repr(failure)
        os.write(writer, str("" if told is None else told).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answers:
        told = answers.read()
    return told if os.waitpid(child, 0)[1] == 0 else "crashed " + told


class ForkTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        self.toml = toml(folder.name)
        self.registry = trunkline.parse(self.toml)
        self.addCleanup(self.registry.close)
        self.names = [name for name in BACKEND if name in self.registry]

    def backend(self, name):
        return self.registry.on(name).query(BACKEND[name]).one()[0]


class Children(ForkTest):
    def test_a_child_uses_the_same_objects_with_sessions_of_its_own(self):
        handles = {name: self.registry.on(name) for name in self.names}
        read = handles["file"].query("SELECT 1 UNION ALL SELECT 2")
        streams = [handles[name].query("SELECT 1", stream=True) for name in self.names]
        transactions = []
        for name in self.names:
            transaction = handles[name].transaction(read_only=True)
            transaction.begin()
            transactions.append(transaction)
        before = {name: tx.query(BACKEND[name]).one()[0] for name, tx in zip(self.names, transactions)}

        def work():
            own = {name: handles[name].query(BACKEND[name]).one()[0] for name in self.names}
            assert all(own[name] != before[name] for name in self.names if name != "file"), (own, before)
            assert read.all() == [(1,), (2,)]
            for transaction in transactions:
                try:
                    transaction.query("SELECT 1")
                    return "it is the parent's"
                except trunkline.Closed as failure:
                    assert "belongs to the parent process" in str(failure), failure
            with handles["file"].transaction() as own_transaction:
                own_transaction.query("CREATE TABLE here (a)")
            transactions.clear()
            streams.clear()
            gc.collect()

        self.assertEqual(in_child(work), "")
        self.assertEqual({name: tx.query(BACKEND[name]).one()[0] for name, tx in zip(self.names, transactions)}, before)
        for transaction in transactions:
            transaction.commit()

    def test_multiprocessing(self):
        global shared
        shared = self.registry
        self.backend("file")
        context = multiprocessing.get_context("fork")
        with context.Pool(3) as pool:
            for name in self.names:
                self.backend(name)
                self.assertEqual(pool.starmap(ask, [(name, i) for i in range(30)], 1), list(range(30)))

    def test_asyncio_in_both(self):
        registry = aio.of(self.registry)

        async def work():
            for name in self.names:
                assert [row async for row in await registry.on(name).query("SELECT 5", stream=True)] == [(5,)]
                async with registry.on(name).transaction() as transaction:
                    assert (await transaction.query("SELECT 6")).one() == (6,)

        asyncio.run(work())
        self.assertEqual(in_child(lambda: asyncio.run(work())), "")

        async def fork_inside():
            await work()
            told = in_child(lambda: asyncio.run(work()))
            await work()
            return told

        self.assertEqual(asyncio.run(fork_inside()), "")

    def test_events_in_both(self):
        told = queue.Queue()

        def work():
            here = queue.Queue()
            with self.registry.on_query(here.put):
                self.registry.on("file").query("SELECT 2")
                assert here.get(timeout=20).statement == "SELECT 2"

        with self.registry.on_query(told.put):
            self.registry.on("file").query("SELECT 1")
            self.assertEqual(told.get(timeout=20).statement, "SELECT 1")
            self.assertEqual(in_child(work), "")
            self.registry.on("file").query("SELECT 3")
            self.assertEqual(told.get(timeout=20).statement, "SELECT 3")

    def test_while_threads_work(self):
        over = threading.Event()
        wrong = []

        def hammer():
            while not over.is_set():
                try:
                    for name in self.names:
                        self.backend(name)
                except trunkline.Error as failure:
                    wrong.append(failure)

        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                self.assertEqual(in_child(lambda: [self.backend(name) for name in self.names] and None), "")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])

    def test_a_child_that_ends_as_any_program_does(self):
        for end in ("raise SystemExit(0)", "os._exit(0)", "os.kill(os.getpid(), 9)", "pass"):
            program = f"""
import os, sys, trunkline
registry = trunkline.parse({self.toml!r})
names = {self.names!r}
backend = {BACKEND!r}
held = [registry.on(name).query(backend[name]).one() for name in names]
streams = [registry.on(name).query("SELECT 1", stream=True) for name in names]
child = os.fork()
if child == 0:
    for name in names:
        registry.on(name).query("SELECT 2").one()
    {end}
else:
    os.waitpid(child, 0)
    assert held == [registry.on(name).query(backend[name]).one() for name in names]
    assert all(stream.all() == [(1,)] for stream in streams)
    print("done")
"""
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "PYTHONPATH": support.PACKAGE})
            self.assertEqual((done.stdout, done.stderr, done.returncode), ("done\n", "", 0), end)


def ask(name, value):
    return shared.on(name).query(f"SELECT {value}").one()[0]


class Prefork(ForkTest):
    """A master that has used the registry forks workers, which serve from a pipe, and replaces those that die."""

    def setUp(self):
        super().setUp()
        self.workers = []
        self.addCleanup(lambda: [self.kill(worker) for worker in list(self.workers)])

    def start(self):
        asks, asked = os.pipe()
        answered, answers = os.pipe()
        pid = os.fork()
        if pid == 0:
            while os.read(asks, 1):
                try:
                    told = ",".join(str(self.backend(name)) for name in self.names)
                except trunkline.Error as failure:
                    told = str(failure)
                os.write(answers, told.encode() + b"\n")
            os._exit(0)
        os.close(asks)
        os.close(answers)
        self.workers.append((pid, asked, open(answered, encoding="utf-8")))

    def kill(self, worker):
        pid, asked, answers = worker
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(asked)
        answers.close()
        self.workers.remove(worker)

    @staticmethod
    def serve(worker):
        os.write(worker[1], b"x")
        return worker[2].readline().strip()

    def test_three_workers_one_of_which_dies(self):
        master = ",".join(str(self.backend(name)) for name in self.names)
        for _ in range(3):
            self.start()
        served = [self.serve(worker) for worker in self.workers]
        self.assertEqual(served, [self.serve(worker) for worker in self.workers], "each keeps its sessions")
        if len(self.names) > 1:
            self.assertEqual(len({*served, master}), 4, "nobody shares one")
        self.kill(self.workers[1])
        self.start()
        self.assertEqual([self.serve(worker) for worker in self.workers[:2]], [served[0], served[2]])
        self.assertEqual(self.serve(self.workers[2]).count(","), len(self.names) - 1)
        self.assertEqual(",".join(str(self.backend(name)) for name in self.names), master)


if __name__ == "__main__":
    unittest.main()
