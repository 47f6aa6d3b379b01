"""Names that come and go at run time."""

import asyncio
import threading
import unittest
from types import MappingProxyType

import support
import trunkline
from trunkline import _toml, aio


class Written(unittest.TestCase):
    def test_every_kind_of_value(self):
        self.assertEqual(
            _toml.text_of({"s": 'a"b\\c\n\x7fé', "b": True, "i": -3, "f": 0.25, "list": ["x", 1],
                           "pool": MappingProxyType({"max": 2, "own key": "y"}), "read": ({"host": "r"},)}),
            '"s" = "a\\"b\\\\c\\u000a\\u007fé"\n"b" = true\n"i" = -3\n"f" = 0.25\n"list" = ["x", 1]\n'
            '"pool" = {"max" = 2, "own key" = "y"}\n"read" = [{"host" = "r"}]\n')

    def test_what_toml_has_no_value_for(self):
        for settings in ({"a": None}, {"a": b"x"}, {"a": {"b": object()}}, {1: "x"}):
            with self.assertRaises(TypeError):
                _toml.text_of(settings)


class Names(support.SqliteTest):
    def settings(self, name, **more):
        return {"driver": "sqlite", "database": f"{self.folder}/{name}.db", **more}

    def test_added_from_a_mapping_or_text(self):
        self.assertTrue(self.registry.add("tenant", self.settings("t", pool={"max": 3})))
        self.assertIn("tenant", self.registry)
        self.assertEqual(self.registry.names(), ["main", "analytics", "memory", "tenant"])
        self.assertEqual(self.registry.on("tenant").query("SELECT 42").one(), (42,))
        self.assertFalse(self.registry.add("tenant", self.settings("t", pool={"max": 3})))
        self.assertFalse(self.registry.add(
            "tenant", f"driver = 'sqlite'\ndatabase = '{self.folder}/t.db'\n[pool]\nmax = 3\n"))
        states = {row["name"]: row["state"] for row in self.registry.inspect("connections").dicts()}
        self.assertEqual((states["tenant"], states["memory"]), ("open", "registered"))
        rows = {row["path"]: row["source"] for row in self.registry.inspect("settings", "tenant").dicts()}
        self.assertEqual(rows["connections.tenant.pool.max"], 'add("tenant"):3')

    def test_other_settings_are_an_error_that_tells_no_values(self):
        settings = {"driver": "postgresql", "host": "nowhere.invalid", "password": "sesame"}
        self.registry.add("tenant", settings)
        with self.assertRaises(trunkline.ConfigurationError) as caught:
            self.registry.add("tenant", {**settings, "password": support.CANARY, "port": 1})
        self.assertEqual([value for key, value in caught.exception.details if key == "key"], ["port", "password"])
        for secret in ("sesame", support.CANARY):
            self.assertNotIn(secret, str(caught.exception))

    def test_errors_tell_where(self):
        with self.assertRaises(trunkline.ConfigurationError) as caught:
            self.registry.add("tenant", {"driver": "sqlite", "databse": "x"})
        self.assertIn('add("tenant"):2: connections.tenant.databse', str(caught.exception))
        with self.assertRaises(trunkline.Misuse):
            self.registry.add("", "")
        self.assertNotIn("tenant", self.registry)

    def test_removed_and_added_again(self):
        self.registry.add("tenant", self.settings("t"))
        old = self.registry.on("tenant")
        old.query("CREATE TABLE here (a)")
        self.assertTrue(self.registry.remove("tenant"))
        self.assertFalse(self.registry.remove("tenant"))
        self.assertNotIn("tenant", self.registry)
        with self.assertRaises(trunkline.Closed):
            old.query("SELECT 1")
        with self.assertRaises(trunkline.NotFound):
            self.registry.on("tenant")
        self.registry.add("tenant", self.settings("t", pool={"max": 2}))
        self.assertEqual(self.registry.on("tenant").query("SELECT count(*) FROM here").one(), (0,))
        with self.assertRaises(trunkline.Closed):
            old.query("SELECT 1")

    def test_closed_and_released(self):
        self.registry.on("analytics").query("SELECT 1")
        self.assertIsNone(self.registry.close("analytics", release=True))
        self.assertIsNone(self.registry.close("analytics", release=True))
        self.assertNotIn("analytics", self.registry)
        with self.assertRaises(ValueError):
            self.registry.close(release=True)

    def test_the_default(self):
        self.registry.remove("main")
        with self.assertRaises(trunkline.NotFound):
            self.registry.query("SELECT 1")
        self.registry.add("main", self.settings("main"))
        self.assertEqual(self.registry.query("SELECT 1").one(), (1,))

    def test_all_are_connected(self):
        self.registry.add("tenant", self.settings("t"))
        self.registry.close("main")
        self.registry.connect_all()
        states = {row["state"] for row in self.registry.inspect("connections").dicts()}
        self.assertEqual(states, {"open"})

    def test_changes_of_the_registry_for_asyncio_are_seen(self):
        self.registry.add("tenant", self.settings("t"))
        self.registry.on("tenant").query("SELECT 1")

        async def replace():
            other = aio.of(self.registry)
            self.assertTrue(await other.remove("tenant"))
            self.assertFalse(await other.remove("tenant"))
            self.assertTrue(other.add("tenant", self.settings("t", pool={"max": 2})))
            self.assertEqual((await other.on("tenant").query("SELECT 2")).one(), (2,))
            self.assertEqual(await other.names(), ["main", "analytics", "memory", "tenant"])
            await other.connect_all()
            await other.close("memory", release=True)

        asyncio.run(replace())
        self.assertEqual(self.registry.on("tenant").query("SELECT 3").one(), (3,))
        self.assertNotIn("memory", self.registry)

    def test_sixteen_threads_and_the_same_names(self):
        def come_and_go():
            for i in range(100):
                name = f"n{i % 10}"
                self.registry.add(name, {"driver": "sqlite", "database": ":memory:"})
                try:
                    self.registry.on(name).query("SELECT 1")
                    self.registry.close(name)
                except (trunkline.NotFound, trunkline.Closed):
                    pass
                self.registry.remove(name)

        self.assertEqual(support.failures_of_threads(16, come_and_go), [])
        self.assertEqual(self.registry.names(), ["main", "analytics", "memory"])


class OnPostgresql(support.PostgresqlTest):
    def test_a_tenant_comes_is_asked_by_all_and_goes(self):
        self.registry.add("tenant", support.postgresql_toml().split("]", 1)[1] + "[pool]\nmax = 4\n")
        tenant = self.registry.on("tenant")
        begun, endings = threading.Semaphore(0), []

        def ask():
            try:
                while True:
                    tenant.query("SELECT 1").one()
                    begun.release()
            except trunkline.Error as failure:
                endings.append(type(failure))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            begun.acquire()
        self.assertTrue(self.registry.remove("tenant"))
        for thread in threads:
            thread.join()
        self.assertEqual(endings, [trunkline.Closed] * 16)
        self.assertEqual(self.db.query("SELECT 1").one(), (1,))

    def test_busy_sessions_are_waited_for(self):
        self.registry.add("tenant", support.postgresql_toml().split("]", 1)[1])
        with self.registry.on("tenant").pin() as pin:
            with self.assertRaises(trunkline.Busy):
                self.registry.remove("tenant", timeout=0.02)
            self.assertNotIn("tenant", self.registry)
            with self.assertRaises(trunkline.NotFound):
                self.registry.on("tenant")
            self.assertEqual(pin.query("SELECT 1").one(), (1,))


if __name__ == "__main__":
    unittest.main()
