"""What the tests of the Python binding share: where the package is, configurations, and skipping what is not there."""

import os
import sys
import tempfile
import time
import unittest

PACKAGE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "bindings", "python"))
HEADER = os.path.abspath(os.path.join(PACKAGE, "..", "..", "include", "trunkline", "trunkline.h"))
sys.path.insert(0, PACKAGE)

import trunkline  # noqa: E402

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


def mariadb_toml() -> str:
    return _MARIADB.format(**os.environ)


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


@unittest.skipUnless(has_postgresql(), "no PostgreSQL: TL_PG_SOCKET, TL_PG_PORT, TL_PG_DATABASE, TL_PG_USER are not set")
class PostgresqlTest(unittest.TestCase):
    """A test with one PostgreSQL connection, pg, and a schema's worth of room in temporary tables of pinned sessions."""

    more = ""

    def setUp(self) -> None:
        self.registry = trunkline.parse(postgresql_toml(self.more), source="test.toml")
        self.addCleanup(self.registry.close)
        self.db = self.registry.on("pg")


@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), "no MariaDB: TL_MARIADB_SOCKET is not set")
class MariadbTest(unittest.TestCase):
    """A test with one MariaDB connection, mariadb."""

    def setUp(self) -> None:
        self.registry = trunkline.parse(mariadb_toml(), source="test.toml")
        self.addCleanup(self.registry.close)
        self.db = self.registry.on("mariadb")
