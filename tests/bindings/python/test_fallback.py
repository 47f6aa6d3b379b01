"""Another connection serves what no server of a name can."""

import asyncio
import queue
import socket
import unittest

import support
import trunkline
from trunkline import aio


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)  # nor its driver
class Fallback(unittest.TestCase):
    def registry(self, settings='fallback = "standby"'):
        nobody = socket.socket()  # that does not listen
        nobody.bind(("127.0.0.1", 0))
        self.addCleanup(nobody.close)
        registry = trunkline.parse(f"""
[connections.main]
driver = "postgresql"
host = "127.0.0.1"
port = {nobody.getsockname()[1]}
retry.attempts = 1
{settings}
[connections.standby]
driver = "sqlite"
database = ":memory:"
""")
        self.addCleanup(registry.close)
        registry.on("standby").query("CREATE TABLE place (name text)")
        return registry

    def test_the_result_and_an_event_tell(self):
        registry = self.registry()
        told = queue.Queue()
        registry.on_fallback(told.put)
        main = registry.on("main")
        self.assertEqual(main.query("SELECT 1").connection, "standby")
        event = told.get(timeout=30)
        self.assertEqual((event.connection, event.status), ("main", "unavailable"))
        self.assertIn('"standby"', event.message)
        with main.query("SELECT 1", stream=True) as rows:
            self.assertEqual(rows.connection, "standby")
        with self.assertRaises(trunkline.Unavailable):
            main.query("INSERT INTO place VALUES ('here')")
        self.assertEqual([(row["connection"], row["endpoint"]) for row in main.explain("SELECT 1").dicts()][1:],
                         [("standby", None)])

    def test_a_call_may_name_it(self):
        registry = self.registry("")
        main = registry.on("main")
        with self.assertRaises(trunkline.Unavailable):
            main.query("SELECT 1")
        self.assertEqual(main.query("SELECT 1", fallback="standby").connection, "standby")
        self.assertEqual(registry.on("standby").query("SELECT 1", fallback="main").connection, "standby")
        with self.assertRaisesRegex(trunkline.NotFound, 'did you mean "standby"'):
            main.query("SELECT 1", fallback="standbye")
        with self.assertRaises(trunkline.Misuse):
            main.query("SELECT 1", fallback="main")
        with self.assertRaises(ValueError):
            main.query("SELECT 1", fallback="standby\0")

        async def awaited():
            there = aio.of(registry).on("main")
            async with await there.query("SELECT 1", fallback="standby", stream=True) as rows:
                return (await there.query("SELECT 1", fallback="standby")).connection, rows.connection

        self.assertEqual(asyncio.run(awaited()), ("standby", "standby"))

    def test_connections_that_are_added_or_changed_are_checked_as_those_of_the_file(self):
        registry = self.registry()
        new = {"driver": "sqlite", "database": ":memory:"}
        with self.assertRaisesRegex(trunkline.ConfigurationError, "not there"):
            registry.add("new", {**new, "fallback": "mian"})
        self.assertTrue(registry.add("new", {**new, "fallback": "main"}))
        with self.assertRaisesRegex(trunkline.ConfigurationError, 'leads back to its own connection, by "new", "main"'):
            registry.patch("standby", {"fallback": "new"})
        with self.assertRaisesRegex(trunkline.ConfigurationError, "its own connection"):
            registry.patch("new", {"fallback": "new"})
        self.assertTrue(registry.patch("main", {"fallback": ""}))
        self.assertTrue(registry.add("other", {**new, "fallback": "new"}))


if __name__ == "__main__":
    unittest.main()
