"""Reloads one after the other while connections are used: no caller may notice. TRUNKLINE_SOAK=1: for a minute."""

import asyncio
import collections
import os
import tempfile
import threading
import time
import unittest

import support
import trunkline
from trunkline import aio

SECONDS = 60.0 if os.environ.get("TRUNKLINE_SOAK") else 6.0
THREADS = 6
TASKS = 12
PASSWORDS = "one-canary", "two-canary"

FILE = """
default = "pg"

[connections.pg]
driver = "postgresql"
host = "{pg_host}"
port = {pg_port}
database = "{pg_database}"
user = "reload_{turn}"
password = "{password}"
pool = {{ min = 1, max = {max}, max_lifetime = "{lifetime}s" }}

[connections.mariadb]
driver = "mariadb"
socket = "{maria_socket}"
database = "{maria_database}"
user = "reload_{turn}"
password = "{password}"
pool.max = {max}

[connections.file]
driver = "sqlite"
database = "{folder}/file.db"
pool.max = {max}

[connections.extra_{extra}]
driver = "sqlite"
database = ":memory:"
"""


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)
@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), support.NO_MARIADB)
class UnderLoad(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-reload-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "trunkline.toml")
        with trunkline.parse(support.postgresql_toml() + support.mariadb_toml()) as admin:
            for turn, password in enumerate(PASSWORDS):
                admin.on("pg").query(f"DROP ROLE IF EXISTS reload_{turn}")
                admin.on("pg").query(f"CREATE ROLE reload_{turn} LOGIN SUPERUSER PASSWORD '{password}'")
                admin.on("mariadb").query(f"CREATE OR REPLACE USER reload_{turn}@localhost IDENTIFIED BY '{password}'")
                admin.on("mariadb").query(f"GRANT ALL ON *.* TO reload_{turn}@localhost")
            for name, text in ("pg", "bigint"), ("mariadb", "bigint"):
                admin.on(name).query("DROP TABLE IF EXISTS reload_counts")
                admin.on(name).query(f"CREATE TABLE reload_counts (n {text})")
        self.write(0)
        self.registry = trunkline.open(self.path)
        self.addCleanup(self.registry.close)
        self.registry.on("file").query("CREATE TABLE reload_counts (n)")
        self.done = threading.Event()
        self.calls = collections.Counter()
        self.lock = threading.Lock()

    def write(self, turn):
        text = FILE.format(
            pg_host="127.0.0.1", pg_port=os.environ["TL_PG_PORT"], pg_database=os.environ["TL_PG_DATABASE"],
            maria_socket=os.environ["TL_MARIADB_SOCKET"], maria_database=os.environ["TL_MARIADB_DATABASE"],
            folder=self.folder, turn=turn % 2, password=PASSWORDS[turn % 2], max=3 + turn // 2 % 3,
            lifetime=60 + turn % 7, extra=turn % 5)
        with open(self.path + ".new", "w") as file:
            file.write(text)
        os.replace(self.path + ".new", self.path)

    def count(self, what):
        with self.lock:
            self.calls[what] += 1

    def use(self):
        """Each statement counts itself, where that can be looked at in the end."""
        while not self.done.is_set():
            for name in "pg", "mariadb", "file":
                db = self.registry.on(name)
                with db.transaction() as transaction:
                    transaction.query("INSERT INTO reload_counts VALUES (1)")
                    self.assertGreater(transaction.query("SELECT count(*) FROM reload_counts").one()[0], 0)
                self.count(name)
                db.query("SELECT 1").one()

    def use_by_tasks(self):
        async def ask(registry):
            while not self.done.is_set():
                for name in "pg", "mariadb", "file":
                    self.assertEqual((await registry.on(name).query("SELECT 42")).one(), (42,))
                    self.count("tasks")

        async def all_tasks():
            registry = aio.of(self.registry)
            await asyncio.gather(*(ask(registry) for _ in range(TASKS)))

        asyncio.run(all_tasks())

    def test_no_caller_notices(self):
        failures = []
        load = [threading.Thread(target=lambda work=work: failures.extend(support.failures_of_threads(count, work)))
                for count, work in ((THREADS, self.use), (1, self.use_by_tasks))]
        for thread in load:
            thread.start()
        changes = collections.Counter()
        until, turn = time.monotonic() + SECONDS, 0
        while time.monotonic() < until and not failures:
            turn += 1
            self.write(turn)
            for name, change, keys in self.registry.reload(verify=turn % 3 == 0):
                changes[change] += 1
                changes["keys"] += 0 if keys is None else keys.count(",") + 1
            self.registry.on(f"extra_{turn % 5}").query("SELECT 1").one()
        self.done.set()
        for thread in load:
            thread.join()
        print(f"{turn} reloads in {SECONDS:.0f} s: {changes['patched']} patched ({changes['keys']} keys), "
              f"{changes['added']} added, {changes['released']} released; {sum(self.calls.values())} calls, "
              f"{len(failures)} errors")
        self.assertEqual(failures, [])
        self.assertGreater(turn, 10)
        self.assertEqual(changes["added"], changes["released"])
        for name in "pg", "mariadb", "file":
            self.assertEqual(self.registry.on(name).query("SELECT count(*) FROM reload_counts").one(), (self.calls[name],))


if __name__ == "__main__":
    unittest.main()
