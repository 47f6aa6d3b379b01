"""What the tests of the Python binding share: where the package is, configurations, and skipping what is not there."""

import asyncio
import os
import sys
import tempfile
import threading
import time
import unittest

PACKAGE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "bindings", "python"))
HEADER = os.path.abspath(os.path.join(PACKAGE, "..", "..", "include", "trunkline", "trunkline.h"))
sys.path.insert(0, PACKAGE)

import trunkline  # noqa: E402
from trunkline import aio  # noqa: E402

SQLITE = """
default = "main"

[connections.main]
driver = "sqlite"
database = "{folder}/main.db"

[connections.analytics]
driver = "sqlite"
database = "{folder}/analytics.db"

[connections.memory]
driver = "sqlite"
database = ":memory:"
"""

CANARY = "canary-sesame-42"

_POSTGRESQL = """
[connections.pg]
driver = "postgresql"
socket = "{TL_PG_SOCKET}"
port = {TL_PG_PORT}
database = "{TL_PG_DATABASE}"
user = "{TL_PG_USER}"
password = "{password}"
"""

_MARIADB = """
[connections.mariadb]
driver = "mariadb"
socket = "{TL_MARIADB_SOCKET}"
database = "{TL_MARIADB_DATABASE}"
user = "{TL_MARIADB_USER}"
"""


def has_postgresql() -> bool:
    return all(os.environ.get(name) for name in ("TL_PG_SOCKET", "TL_PG_PORT", "TL_PG_DATABASE", "TL_PG_USER"))


def postgresql_toml(more: str = "") -> str:
    password = os.environ.get("TL_PG_PASSWORD") or CANARY
    return _POSTGRESQL.format(password=password, **{k: v for k, v in os.environ.items() if k.startswith("TL_PG_")
                                                    and k != "TL_PG_PASSWORD"}) + more


def mariadb_toml(more: str = "") -> str:
    return _MARIADB.format(**os.environ) + more


def left_out_behind_proxy(reason: str):
    """Of a test that is not run where PgBouncer is between; tests/summary.py counts what it says."""
    def decorate(test):
        if not os.environ.get("TL_PG_PROXY"):
            return test
        print(f"left out: {test.__name__}: {reason}", flush=True)
        return unittest.skip(reason)(test)
    return decorate


NO_POSTGRESQL = "no PostgreSQL: TL_PG_SOCKET, TL_PG_PORT, TL_PG_DATABASE, TL_PG_USER are not set"
NO_MARIADB = "no MariaDB: TL_MARIADB_SOCKET is not set"


class SqliteTest(unittest.TestCase):
    """A test with three SQLite connections: main (the default), analytics and memory."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.toml = SQLITE.format(folder=self.folder)
        self.registry = trunkline.parse(self.toml, source="test.toml")
        self.addCleanup(self.registry.close)
        self.db = self.registry.on()

    def eventually(self, condition) -> None:
        """Sessions may be cleaned on their way home, which nobody waits for."""
        deadline = time.monotonic() + 10
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it has not come true")
            time.sleep(0.005)


def failures_of_threads(count, work):
    """What `work` has raised, called by so many threads at once."""
    failures = []

    def watched():
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=watched) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@unittest.skipUnless(has_postgresql(), NO_POSTGRESQL)
class PostgresqlTest(unittest.TestCase):
    """A test with one PostgreSQL connection, pg, and a schema's worth of room in temporary tables of pinned sessions."""

    more = ""

    def setUp(self) -> None:
        self.registry = trunkline.parse(postgresql_toml(self.more), source="test.toml")
        self.addCleanup(self.registry.close)
        self.db = self.registry.on("pg")


@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), NO_MARIADB)
class MariadbTest(unittest.TestCase):
    """A test with one MariaDB connection, mariadb."""

    def setUp(self) -> None:
        self.registry = trunkline.parse(mariadb_toml(), source="test.toml")
        self.addCleanup(self.registry.close)
        self.db = self.registry.on("mariadb")


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    """A test of trunkline.aio with one connection, db, to each of the databases in turn: see the classes below."""

    name = ""
    more = ""

    def toml(self) -> str:
        raise NotImplementedError

    async def asyncSetUp(self) -> None:
        self.registry = await self.enter(aio.parse(self.toml(), source="test.toml"))
        self.db = self.registry.on(self.name)

    async def enter(self, context):
        """Left at the end of the test."""
        entered = await context.__aenter__()
        self.addAsyncCleanup(context.__aexit__, None, None, None)
        return entered

    async def eventually(self, condition) -> None:
        """What nobody tells of: polled, without the loop being blocked."""
        deadline = time.monotonic() + 10
        while not await condition():
            self.assertLess(time.monotonic(), deadline, "it has not come true")
            await asyncio.sleep(0.005)

    async def leased(self) -> int:
        return len(await self.registry.inspect("leases"))

    async def all_home(self) -> None:
        async def home() -> bool:
            return not await self.leased()
        await self.eventually(home)


OWN = f"/* of Python test {os.getpid()} */"  # so that no other program's statements are taken for this one's


class OnSqlite:
    name = "main"
    more = ""
    many_rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n"
    endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c"

    def toml(self) -> str:
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        return SQLITE.format(folder=folder.name).replace('/main.db"\n', '/main.db"\n' + self.more, 1)


@unittest.skipUnless(has_postgresql(), NO_POSTGRESQL)
class OnPostgresql:
    name = "pg"
    more = ""
    many_rows = "SELECT generate_series(1, ?::int)"
    endless = f"SELECT pg_sleep(600) {OWN}"
    stalls = ("SELECT i, CASE WHEN i = 200000 THEN pg_sleep(600)::text END FROM generate_series(1, 200000) AS i "
              f"{OWN}")
    running = (f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{OWN}%' "
               "AND pid <> pg_backend_pid()")

    def toml(self) -> str:
        return postgresql_toml(self.more)


@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), NO_MARIADB)
class OnMariadb:
    name = "mariadb"
    more = ""
    many_rows = "SELECT seq FROM seq_1_to_1000000 WHERE seq <= ?"
    endless = f"SELECT SLEEP(600) {OWN}"
    stalls = f"SELECT seq, IF(seq = 200000, SLEEP(600), 0) FROM seq_1_to_200000 {OWN}"
    running = (f"SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{OWN}%' "
               "AND id <> CONNECTION_ID()")

    def toml(self) -> str:
        return mariadb_toml(self.more)
