"""Settings that change while connections are used: patch, reload, trim, idle_close."""

import asyncio
import contextlib
import os
import re
import socket
import tempfile
import threading
import unittest

import support
import trunkline
from trunkline import aio


def states(registry):
    return {row["name"]: row["state"] for row in registry.inspect("connections").dicts()}


class Patched(support.SqliteTest):
    def setting(self, path):
        rows = self.registry.inspect("settings").dicts()
        return next((row["value"], row["source"]) for row in rows if row["path"] == path)

    def test_what_runs_ends_on_the_old_sessions_and_what_comes_has_new_ones(self):
        self.db.query("CREATE TABLE t (a)")
        with self.registry.transaction() as transaction:
            transaction.query("INSERT INTO t VALUES (1)")
            self.assertTrue(self.registry.patch("main", {"pool": {"max": 3}}))
            self.assertEqual(states(self.registry)["main"], "migrating")
            self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (0,))
            transaction.query("INSERT INTO t VALUES (2)")
        self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (2,))
        self.eventually(lambda: states(self.registry)["main"] == "open")
        self.assertEqual(self.setting("connections.main.pool.max"), ("3", 'patch("main"):1'))

    def test_the_same_settings_are_no_change(self):
        self.assertTrue(self.registry.patch("main", "pool.max = 3"))
        self.assertFalse(self.registry.patch("main", {"pool": {"max": 3}}))
        self.assertEqual(states(self.registry)["main"], "registered")

    def test_patches_lie_over_each_other_and_over_what_was_added(self):
        self.registry.add("tenant", {"driver": "sqlite", "database": f"{self.folder}/t.db", "pool": {"max": 5, "min": 1}})
        self.registry.patch("tenant", "pool.max = 4")
        self.registry.patch("tenant", "description = 'the one'")
        rows = {row["path"]: (row["value"], row["source"]) for row in self.registry.inspect("settings", "tenant").dicts()}
        self.assertEqual(rows["connections.tenant.pool.max"], ("4", 'patch("tenant"):1'))
        self.assertEqual(rows["connections.tenant.pool.min"], ("1", 'add("tenant"):3'))
        self.assertEqual(rows["connections.tenant.description"], ('"the one"', 'patch("tenant"):1'))

    def test_bad_settings_change_nothing(self):
        self.db.query("SELECT 1")
        for settings, told in (("pool.mx = 3", "did you mean \"max\""), ("pool.max = 0", "pool.max"),
                               ("x", "this is not valid TOML"), ({"host": "h"}, "sqlite has no such setting")):
            with self.assertRaises(trunkline.ConfigurationError) as caught:
                self.registry.patch("main", settings)
            self.assertIn("patch(\"main\"):1", str(caught.exception))
            self.assertIn(told, str(caught.exception))
        with self.assertRaises(trunkline.NotFound):
            self.registry.patch("mian", "pool.max = 3")
        self.assertEqual(states(self.registry)["main"], "open")
        self.assertEqual(self.setting("connections.main.pool.max")[0], "10")

    def test_one_that_cannot_connect_is_taken_back_when_asked(self):
        self.db.query("CREATE TABLE t (a)")
        with self.assertRaises(trunkline.Error) as caught:
            self.registry.patch("main", {"database": f"{self.folder}/no/such/folder.db"}, verify=True)
        self.assertEqual(caught.exception.connection, "main")
        self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (0,))
        self.assertEqual(states(self.registry)["main"], "open")
        self.assertTrue(self.registry.patch("main", {"database": f"{self.folder}/other.db"}, verify=True))
        with self.assertRaises(trunkline.StatementError):
            self.db.query("SELECT count(*) FROM t")

    def test_a_closed_connection_stays_closed_and_reopens_with_what_was_patched(self):
        self.registry.close("main")
        self.registry.patch("main", {"database": f"{self.folder}/other.db"})
        self.assertEqual(states(self.registry)["main"], "closed")
        self.registry.connect("main")
        self.assertIn("other.db", self.db.query("SELECT 1").endpoint)

    def test_data_in_memory_is_not_destroyed(self):
        memory = self.registry.on("memory")
        memory.query("CREATE TABLE kept (a)")
        for change in (lambda: self.registry.patch("memory", "description = 'x'"), lambda: self.registry.trim("memory")):
            with self.assertRaises(trunkline.ConfigurationError) as caught:
                change()
            self.assertIn("in memory", str(caught.exception))
        self.registry.trim()
        self.assertEqual(memory.query("SELECT count(*) FROM kept").one(), (0,))

    def test_a_driver_that_is_not_here_changes_nothing(self):
        self.db.query("SELECT 1")
        with self.assertRaises(trunkline.Unavailable):
            self.registry.patch("main", {"driver": "oracle", "host": "h"})
        self.assertEqual(states(self.registry)["main"], "open")
        self.assertEqual(self.db.query("SELECT 1").one(), (1,))


class Trimmed(support.SqliteTest):
    def test_a_trimmed_connection_has_no_sessions_and_opens_again(self):
        self.db.query("SELECT 1")
        with self.registry.transaction() as transaction:
            self.registry.trim("main")
            self.assertEqual(states(self.registry)["main"], "registered")
            transaction.query("CREATE TABLE t (a)")
        self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (0,))
        self.assertEqual(states(self.registry)["main"], "open")
        self.registry.trim("main")
        self.registry.trim()
        self.assertEqual(self.registry.inspect("sessions").all(), [])

    def test_one_that_nobody_uses_goes_back_to_registered(self):
        self.registry.patch("main", "idle_close = '100ms'")
        with self.registry.transaction() as transaction:
            transaction.query("CREATE TABLE t (a)")
            self.registry.patch("analytics", "idle_close = '50ms'")
            self.registry.on("analytics").query("SELECT 1")
            self.eventually(lambda: states(self.registry)["analytics"] == "registered")
            self.assertEqual(states(self.registry)["main"], "open")
        self.eventually(lambda: states(self.registry)["main"] == "registered")
        self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (0,))


class Reloaded(unittest.TestCase):
    def setUp(self):
        support.SqliteTest.setUp(self)
        self.path = os.path.join(self.folder, "trunkline.toml")
        self.write(self.toml)
        self.registry = trunkline.open(self.path)
        self.addCleanup(self.registry.close)

    eventually = support.SqliteTest.eventually

    def write(self, toml):
        with open(self.path + ".new", "w") as file:
            file.write(toml)
        os.replace(self.path + ".new", self.path)

    def test_names_are_added_patched_and_released(self):
        self.registry.query("SELECT 1")
        self.registry.add("tenant", {"driver": "sqlite", "database": ":memory:"})
        old = self.registry.on("analytics")
        toml = self.toml.replace('[connections.analytics]', '[connections.fresh]').replace(
            'default = "main"', 'default = "fresh"')
        self.write(toml.replace('main.db"', 'main.db"\npool = { max = 4 }'))
        self.assertEqual(list(self.registry.reload().dicts()),
                         [{"name": "main", "change": "patched", "keys": "pool.max"},
                          {"name": "fresh", "change": "added", "keys": None},
                          {"name": "analytics", "change": "released", "keys": None}])
        self.assertEqual(list(self.registry.reload().dicts()), [])
        self.assertEqual(self.registry.names(), ["main", "memory", "tenant", "fresh"])
        self.assertIn("analytics.db", self.registry.query("SELECT 1").endpoint)
        with self.assertRaises(trunkline.Closed):
            old.query("SELECT 1")

    def test_a_template_changes_all_who_name_it_in_the_file(self):
        template = """
[templates.tenant]
driver = "sqlite"
database = "${name}.db"
pool.max = "${most:-3}"
"""
        tenants = """
[connections.t1]
template = "tenant"
[connections.t2]
template = "tenant"
parameters = { most = 4 }
"""
        self.write(self.toml + template + tenants)
        self.registry.reload()
        self.registry.add("t3", {"template": "tenant"})
        for name in ("t1", "t2", "t3"):
            self.assertTrue(self.registry.on(name).query("SELECT 1").endpoint.endswith(f"{name}.db"))
        self.write(self.toml + template.replace("-3}", "-5}") + tenants)
        self.assertEqual(list(self.registry.reload().dicts()), [{"name": "t1", "change": "patched", "keys": "pool.max"}])
        self.assertEqual(self.sizes("t1", "t2", "t3"), [5, 4, 3])
        self.registry.patch("t3", {})
        self.assertEqual(self.sizes("t3"), [5])
        self.registry.patch("t3", {"parameters": {"most": 7}})
        self.assertEqual(self.sizes("t3"), [7])

    def sizes(self, *names):
        """Of the pools, that are and that the settings tell."""
        settings = {row["path"]: row["value"] for row in self.registry.inspect("settings").dicts()}
        pools = {row["connection"]: row["max"] for row in self.registry.inspect("pools").dicts()}
        self.assertEqual([str(pools[name]) for name in names], [settings[f"connections.{name}.pool.max"] for name in names])
        return [pools[name] for name in names]

    def test_a_bad_file_changes_nothing(self):
        before = list(self.registry.inspect("settings").dicts())
        self.write(self.toml.replace("[connections.analytics]", "[connections.new]").replace("sqlite", "sqlit", 1))
        with self.assertRaises(trunkline.ConfigurationError) as caught:
            self.registry.reload()
        self.assertIn("trunkline.toml:5", str(caught.exception))
        self.write("")  # whoever writes it has just begun
        with self.assertRaises(trunkline.ConfigurationError):
            self.registry.reload()
        os.remove(self.path)
        with self.assertRaises(trunkline.NotFound):
            self.registry.reload()
        self.assertEqual(list(self.registry.inspect("settings").dicts()), before)

    def test_all_or_nothing(self):
        self.registry.query("SELECT 1")
        self.registry.on("memory").query("CREATE TABLE kept (a)")
        self.write(self.toml.replace('main.db"', 'main.db"\npool.max = 4').replace(":memory:", f"{self.folder}/x.db"))
        with self.assertRaises(trunkline.ConfigurationError):
            self.registry.reload()
        self.write(self.toml.replace("/main.db", "/no/such/folder.db").replace("[connections.analytics]", "[connections.n]"))
        with self.assertRaises(trunkline.Error):
            self.registry.reload(verify=True)
        self.assertEqual(self.registry.names(), ["main", "analytics", "memory"])
        self.assertIn("main.db", self.registry.query("SELECT 1").endpoint)
        self.assertEqual(self.registry.on("memory").query("SELECT count(*) FROM kept").one(), (0,))

    def test_what_was_patched_is_as_the_file_says_again(self):
        self.registry.patch("main", "pool.max = 4")
        self.assertEqual(list(self.registry.reload().dicts()),
                         [{"name": "main", "change": "patched", "keys": "pool.max"}])
        rows = {row["path"]: row["source"] for row in self.registry.inspect("settings", "main").dicts()}
        self.assertEqual(rows["connections.main.pool.max"], "default")

    def test_a_text_cannot_be_read_again(self):
        with self.assertRaises(trunkline.Misuse):
            trunkline.parse(self.toml, source="test.toml").reload()


class OnPostgresql(support.PostgresqlTest):
    more = "[connections.pg.pool]\nmax = 2\n"

    def test_who_waits_is_served_by_the_old_sessions(self):
        first, second = contextlib.ExitStack(), contextlib.ExitStack()
        backends = {holder.enter_context(self.db.pin()).query("SELECT pg_backend_pid()").one()[0]
                    for holder in (first, second)}
        served = []
        thread = threading.Thread(target=lambda: served.append(self.db.query("SELECT pg_backend_pid()").one()[0]))
        thread.start()
        while self.registry.inspect("pools").one()[8] == 0:  # until it waits
            pass
        self.registry.patch("pg", "application_name = 'after'")
        self.assertEqual(self.db.query("SHOW application_name").one(), ("after",))
        self.assertEqual(states(self.registry)["pg"], "migrating")
        first.close()
        thread.join()
        self.assertIn(served[0], backends)
        second.close()
        support.SqliteTest.eventually(self, lambda: states(self.registry)["pg"] == "open")

    def test_who_waits_for_a_silent_server_goes_on_when_the_address_is_mended(self):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
            settings = support.postgresql_toml()
            self.registry.patch("pg", {"host": "127.0.0.1", "port": silent.getsockname()[1]})
            answers = []
            waiting = threading.Thread(target=lambda: answers.append(self.db.query("SELECT 1").one()))
            waiting.start()
            with silent.accept()[0]:
                self.registry.patch("pg", settings.split("]", 1)[1])
                waiting.join(20)  # of the 30 s that it would wait for the silent one
                self.assertEqual(answers, [(1,)])

    def test_a_name_that_is_removed_and_added_while_the_file_is_tried_out_stays_that_of_the_program(self):
        with tempfile.TemporaryDirectory(prefix="trunkline-python-") as folder:
            path = os.path.join(folder, "trunkline.toml")
            mine = f'[connections.x]\ndriver = "sqlite"\ndatabase = "{folder}/x.db"\n'

            def write(toml):
                with open(path, "w") as file:
                    file.write(toml)

            write(support.postgresql_toml() + mine)
            registry = trunkline.open(path)
            self.addCleanup(registry.close)
            for name in ("pg", "x"):
                registry.on(name).query("SELECT 1")

            def while_it_is_tried_out(_name):
                registry.remove("x")
                registry.add("x", {"driver": "sqlite", "database": f"{folder}/another.db"})
                return {"password": os.environ.get("TL_PG_PASSWORD") or support.CANARY}

            write(re.sub("password = .*", 'credentials = "ask"', support.postgresql_toml()))
            with registry.credentials(while_it_is_tried_out):
                changes = list(registry.reload(verify=True).dicts())
            self.assertEqual([change["name"] for change in changes], ["pg"])
            self.assertTrue(registry.on("x").query("SELECT 1").endpoint.endswith("another.db"))

    def test_another_kind_of_database_speaks_its_own_dialect(self):
        self.assertEqual(self.db.query("SELECT $1::int", [1]).one(), (1,))
        with self.assertRaises(trunkline.Error):
            self.db.query("SELECT sqlite_version()")
        self.registry.patch("pg", {"driver": "sqlite", "database": ":memory:"})
        self.assertEqual(self.db.query("SELECT sqlite_version() <> ?", ["x"]).one(), (1,))

    def test_nobody_sees_an_error_while_settings_change(self):
        done = threading.Event()

        def ask():
            while not done.is_set():
                self.db.query("SELECT 1")

        def change():
            for i in range(60):
                self.registry.patch("pg", {"pool": {"max": 1 + i % 3}}, verify=i % 2 == 0)
            done.set()

        askers = threading.Thread(target=change)
        askers.start()
        self.assertEqual(support.failures_of_threads(8, ask), [])
        askers.join()

    def test_asyncio(self):
        async def change():
            registry = aio.of(self.registry)
            self.assertEqual((await registry.on("pg").query("SELECT 1")).one(), (1,))
            self.assertTrue(await registry.patch("pg", {"application_name": "one"}, verify=True))
            self.assertFalse(await registry.patch("pg", {"application_name": "one"}))
            self.assertEqual((await registry.on("pg").query("SHOW application_name")).one(), ("one",))
            with self.assertRaises(trunkline.Error):
                await registry.patch("pg", {"database": "there is none"}, verify=True)
            registry.trim("pg")
            self.assertEqual((await registry.on("pg").query("SHOW application_name")).one(), ("one",))
            with self.assertRaises(trunkline.Misuse):
                await registry.reload()

        asyncio.run(change())


if __name__ == "__main__":
    unittest.main()
