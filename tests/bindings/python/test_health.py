"""health(), blocking and with asyncio, and `python3 -m trunkline`."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import support
import trunkline
from trunkline import aio

SERVERS = [(name, toml) for name, toml, there in (
    ("pg", support.postgresql_toml, support.has_postgresql()),
    ("mariadb", support.mariadb_toml, bool(os.environ.get("TL_MARIADB_SOCKET")))) if there]


def silent_server(test):
    """Accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    test.addCleanup(listener.close)
    return listener.getsockname()[1]


def nobody(test):
    """A port where nobody listens."""
    bound = socket.socket()
    test.addCleanup(bound.close)
    bound.bind(("127.0.0.1", 0))
    return bound.getsockname()[1]


def at(name, driver, port, more=""):
    return (f'[connections.{name}]\ndriver = "{driver}"\nhost = "127.0.0.1"\nport = {port}\nuser = "some"\n'
            f'database = "some"\npassword = "{support.CANARY}"\n{more}')


def parsed(test, toml, of=trunkline):
    registry = of.parse(toml)
    if of is trunkline:
        test.addCleanup(registry.close)
    return registry


class Silence(unittest.TestCase):
    """A living server beside a dead one and silent ones."""

    def setUp(self):
        self.toml = ""
        for name, toml in SERVERS:
            self.toml += toml() + at("dead_" + name, "mariadb" if name == "mariadb" else "pg", nobody(self))
            port = silent_server(self)
            for i in range(3):
                self.toml += at(f"silent_{name}_{i}", "mariadb" if name == "mariadb" else "pg", port)

    def check(self, health, took):
        self.assertFalse(health.ok)
        self.assertIs(health["ok"], False)
        self.assertNotIn(support.CANARY, json.dumps(health))
        for name, connection in health["connections"].items():
            self.assertEqual(connection["status"], "healthy" if name in dict(SERVERS) else "unhealthy", name)
            self.assertEqual(connection["state"], "open")
            (endpoint,) = connection["endpoints"]
            self.assertEqual(endpoint["latency"] is None, connection["status"] == "unhealthy")
            self.assertEqual(connection["error"] is None, connection["status"] == "healthy")
            if connection["status"] == "unhealthy":
                self.assertEqual(endpoint["reason"], "unavailable" if name.startswith("dead") else "connect_timeout")
        self.assertLess(took, 1.6)

    def test_many_names_of_a_silent_server_do_not_keep_others_from_theirs(self):
        port = silent_server(self)
        for name, _ in SERVERS:
            many = [f"{name}_{i}" for i in range(100)]
            registry = parsed(self, self.toml + "".join(
                at(tenant, "mariadb" if name == "mariadb" else "pg", port) for tenant in many))
            answers = []
            threads = [threading.Thread(target=lambda tenant=tenant: answers.append(self.refused(registry, tenant)))
                       for tenant in many]
            for thread in threads:
                thread.start()
            began = time.monotonic()
            while sum(row["dialling"] for row in registry.inspect("pools").dicts()) < len(many):
                self.assertLess(time.monotonic() - began, 20)
            registry.on(name).query("SELECT 1", timeout=8)
            self.assertEqual(answers, [])  # they wait still
            registry.close()
            for thread in threads:
                thread.join()
            self.assertEqual(answers, ["Closed"] * len(many))

    @staticmethod
    def refused(registry, name):
        try:
            return registry.on(name).query("SELECT 1").one()
        except trunkline.Error as error:
            return type(error).__name__

    def test_blocking(self):
        registry = parsed(self, self.toml)
        for _ in range(2):
            began = time.monotonic()
            health = registry.health(open=True, timeout=0.6)
            self.check(health, time.monotonic() - began)

    def test_asyncio_goes_on_meanwhile(self):
        async def asked():
            async with aio.parse(self.toml) as registry:
                db = registry.on(SERVERS[0][0])
                began = time.monotonic()
                health = asyncio.ensure_future(registry.health(open=True, timeout=0.6))
                answers = 0
                longest = 0.0
                while not health.done():
                    before = time.monotonic()
                    await asyncio.sleep(0)
                    await db.query("SELECT 1")
                    answers += 1
                    longest = max(longest, time.monotonic() - before)
                self.check(await health, time.monotonic() - began)
                self.assertGreater(answers, 20)
                self.assertLess(longest, 0.3)

        if SERVERS:
            asyncio.run(asked())

    def test_a_task_that_is_cancelled(self):
        async def asked():
            async with aio.parse(self.toml) as registry:
                began = time.monotonic()
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(registry.health(open=True, timeout=20), 0.1)
                self.assertLess(time.monotonic() - began, 2)

        if SERVERS:
            asyncio.run(asked())


class Health(support.SqliteTest):
    def test_what_is_not_open_is_unknown_until_it_is_opened(self):
        health = self.registry.health()
        self.assertTrue(health.ok)
        self.assertEqual({name: (c["status"], c["state"]) for name, c in health["connections"].items()},
                         dict.fromkeys(("main", "analytics", "memory"), ("unknown", "registered")))
        self.db.query("SELECT 1")
        health = self.registry.health()
        self.assertEqual([c["status"] for c in health["connections"].values()], ["healthy", "unknown", "unknown"])
        self.assertEqual(list(self.registry.health("memory", open=True)["connections"]), ["memory"])
        health = self.registry.health(open=True)
        self.assertEqual({c["status"] for c in health["connections"].values()}, {"healthy"})
        self.assertEqual(json.loads(json.dumps(health)), health)
        self.registry.close("main")
        closed = self.registry.health("main", open=True)
        self.assertTrue(closed.ok)
        self.assertEqual((closed["connections"]["main"]["status"], closed["connections"]["main"]["state"]),
                         ("unknown", "closed"))
        self.assertIn("closed", closed["connections"]["main"]["error"])
        with self.assertRaises(trunkline.NotFound):
            self.registry.health("nobody")

    def test_health_check_false_does_not_count(self):
        for counts in (True, False):
            name = f"dead_{counts}".lower()
            self.registry.add(name, {"driver": "pg", "host": "127.0.0.1", "port": nobody(self), "health_check": counts})
            health = self.registry.health(open=True)
            self.assertEqual(health["connections"][name]["status"], "unhealthy")
            self.assertIs(health["connections"][name]["health_check"], counts)
            self.assertIs(health.ok, not counts)
            self.registry.remove(name)

    def test_the_writer_in_use(self):
        with self.db.transaction() as tx:
            tx.query("CREATE TABLE t (a)")
            failures = support.failures_of_threads(1, lambda: self.assertEqual(
                self.registry.health("main", timeout=0.05)["connections"]["main"]["endpoints"][0]["error"],
                "no session came free in time: 1 of 1 in use, 0 waiting"))
        self.assertEqual(failures, [])
        self.assertTrue(self.registry.health("main").ok)

    def test_behind_a_route(self):
        """As the README has it."""
        async def asked():
            async with aio.parse(self.toml) as db:
                return await db.health(open=True)

        health = asyncio.run(asked())
        self.assertTrue(health.ok)
        self.assertEqual((health, 200 if health.ok else 503)[1], 200)


class Servers(unittest.TestCase):
    def test_a_wrong_password(self):
        for driver, user, port in (("pg", "TL_PG_SCRAM_USER", "TL_PG_PORT"),
                                   ("mariadb", "TL_MARIADB_PASSWORD_USER", "TL_MARIADB_PORT")):
            if user not in os.environ:
                continue
            registry = parsed(self, at("db", driver, os.environ[port]) .replace('"some"', f'"{os.environ[user]}"', 1))
            health = registry.health(open=True)
            self.assertEqual(health["connections"]["db"]["endpoints"][0]["reason"], "authentication")
            self.assertNotIn(support.CANARY, json.dumps(health))

    def test_a_pool_whose_sessions_are_all_in_use(self):
        for name, toml in SERVERS:
            with self.subTest(name):
                registry = parsed(self, toml("pool.max = 1\n"))
                with registry.on(name).pin() as session:
                    session.query("SELECT 1")
                    told = []
                    thread = threading.Thread(target=lambda r=registry: told.append(r.health(timeout=0.05)))
                    thread.start()
                    thread.join()
                self.assertFalse(told[0].ok)
                self.assertEqual(told[0]["connections"][name]["error"],
                                 "no session came free in time: 1 of 1 in use, 0 waiting")
                self.assertEqual(told[0]["connections"][name]["endpoints"][0]["reason"], "acquire_timeout")
                self.assertTrue(registry.health().ok)

    def test_the_budget_with_asyncio(self):
        async def asked(name, toml):
            async with aio.parse("[budget]\ninstances = 2\nworkers = 2\n" + toml("pool.max = 3\n")) as registry:
                (row,) = (await registry.inspect("budget")).dicts()
                self.assertEqual((row["connections"], row["configured"], row["planned"], row["verdict"]),
                                 (name, 3, 12, "ok"))
                self.assertGreater(row["limit"], 12)
                self.assertIsNone(row["error"])

        for server in SERVERS:
            asyncio.run(asked(*server))


class Command(unittest.TestCase):
    def run_it(self, command, toml):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(toml)
            file.flush()
            done = subprocess.run([sys.executable, "-m", "trunkline", command, file.name], capture_output=True, text=True,
                                  env={**os.environ, "PYTHONPATH": support.PACKAGE}, timeout=60)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn(support.CANARY, done.stdout + done.stderr)
        return done

    def test_check(self):
        for name, toml in SERVERS:
            done = self.run_it("check", "[budget]\nworkers = 4\n" + toml("pool.max = 2\n"))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"1 instances x 4 workers\n\nserver .*planned.*\n.*\b8\b.* ok\n")
            done = self.run_it("check", "[budget]\nworkers = 4000\n" + toml("pool.max = 2\n"))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"\b8000\b.* over\n")
            self.assertIn("may open 8000 sessions there", done.stdout)
        done = self.run_it("check", at("dead", "pg", nobody(self)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("unknown", done.stdout)

    def test_health(self):
        for _, toml in SERVERS:
            done = self.run_it("health", toml())
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r" healthy .* ms ")
        done = self.run_it("health", at("dead", "pg", nobody(self)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("unhealthy", done.stdout)

    def test_a_file_that_is_not_there(self):
        done = subprocess.run([sys.executable, "-m", "trunkline", "check", "/nowhere/trunkline.toml"], text=True,
                              capture_output=True, env={**os.environ, "PYTHONPATH": support.PACKAGE}, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/trunkline.toml", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
