"""Credentials that the application is asked for: tokens that expire, answers that cannot be used, and nobody who answers."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import support
import trunkline
from trunkline import aio

THREADS = 6
SECONDS = 5.0


@contextlib.contextmanager
def quiet():
    """What the package says of answers that cannot be used is not shown."""
    log = logging.getLogger("trunkline")
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = False


class Asked:
    """A user of its own on one server, and the connection db, which asks for what it logs in with."""

    def setUp(self):
        registry = trunkline.parse(self.admin_toml())
        self.addCleanup(registry.close)
        self.admin = registry.on()
        self.lock = threading.Lock()
        self.asked = 0
        self.create("canary-0")

    def toml(self, pool="", more="", user="asking"):
        return f"""
[connections.db]
{self.address}
user = "{user}"
credentials = "ask"
pool = {{ max = 4, idle_timeout = "none"{pool} }}
{more}
"""

    def open(self, *args, **kwargs):
        registry = trunkline.parse(self.toml(*args, **kwargs))
        self.addCleanup(registry.close)
        return registry

    def eventually(self, condition):
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it has not come true")
            time.sleep(0.01)

    def token(self, name):
        """The one that the server knows."""
        self.assertEqual(name, "db")
        self.asked += 1
        return self.known

    def fresh(self, name):
        """One that the server knows from now on."""
        self.assertEqual(name, "db")
        with self.lock:
            self.asked += 1
            self.alter(f"canary-{self.asked}")
            return {"user": "asking", "password": f"canary-{self.asked}", "valid": 1}

    def test_tokens_that_expire_under_load(self):
        registry = self.open(', max_lifetime = "300ms"', user="somebody_else")
        until = time.monotonic() + SECONDS
        calls = []

        def use():
            db = registry.on("db")
            while time.monotonic() < until:
                with db.transaction() as transaction:
                    transaction.query("SELECT 1").one()
                db.query("SELECT 2").one()
                calls.append(1)

        def use_by_tasks():
            async def ask(db):
                while time.monotonic() < until:
                    self.assertEqual((await db.query("SELECT 3")).one(), (3,))

            async def all_tasks():
                db = aio.of(registry).on("db")
                await asyncio.gather(*(ask(db) for _ in range(THREADS)))

            asyncio.run(all_tasks())

        with registry.credentials(self.fresh):
            failures = []
            tasks = threading.Thread(target=lambda: failures.extend(support.failures_of_threads(1, use_by_tasks)))
            tasks.start()
            failures.extend(support.failures_of_threads(THREADS, use))
            tasks.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(calls), 10)
        self.assertGreaterEqual(self.asked, 3)
        self.assertLessEqual(self.asked, SECONDS + 2)

    def test_others_after_a_refusal_and_older_sessions_go(self):
        registry = self.open()
        db = registry.on("db")
        with registry.credentials(self.token):
            with db.pin() as pin:
                before = self.sessions()
                self.assertEqual((len(before), self.asked), (1, 1))
                self.alter("canary-other")
                self.assertEqual(db.query("SELECT 1").one(), (1,))
                self.assertEqual(self.asked, 2)
                self.assertEqual(next(registry.inspect("pools").dicts())["opened"], 2)
                self.assertTrue(before & self.sessions())
                self.assertEqual(pin.query("SELECT 2").one(), (2,))
            self.eventually(lambda: not before & self.sessions())

    def test_what_comes_late_is_for_the_next_session(self):
        release = threading.Event()

        def slow(name):
            token = self.token(name)
            release.wait(20)
            return token

        def answers():
            try:
                return registry.on("db").query("SELECT 1", timeout=2).one() == (1,)
            except (trunkline.ConnectTimeout, trunkline.AcquireTimeout):
                return False

        registry = self.open(', create_timeout = "300ms"')
        with registry.credentials(slow):
            self.assertFalse(answers())
            release.set()
            self.eventually(answers)
        self.assertEqual(self.asked, 1)

    def test_one_question_for_all(self):
        begun = threading.Barrier(8)

        def slow(name):
            time.sleep(0.2)  # what is asked meanwhile is the same question
            return ("asking", self.token(name))

        def use():
            begun.wait()
            with registry.on("db").pin() as pin:
                pin.query("SELECT 1").one()

        more = '[[connections.db.replicas.read]]\napplication_name = "replica"\n'
        registry = self.open(', min = 2', more)
        with registry.credentials(slow):
            self.assertEqual(support.failures_of_threads(8, use), [])
            registry.connect()
            self.eventually(lambda: len(self.sessions()) >= 4)
        self.assertEqual(self.asked, 1)

    def test_what_the_server_refuses(self):
        registry = self.open()
        asked = []

        def wrong(name):
            asked.append(name)
            return f"canary-wrong-{len(asked)}"

        with registry.credentials(wrong):
            with self.assertRaises(trunkline.AuthenticationError) as caught:
                registry.on("db").query("SELECT 1")
        self.assertEqual(asked, ["db", "db"])
        self.assertIn("asked for credentials twice", str(caught.exception))
        self.assertEqual(caught.exception.connection, "db")
        self.assertNotIn("canary", str(caught.exception))

    def test_answers_that_cannot_be_used(self):
        def raises(name):
            raise KeyError("canary")

        def busy(name):
            raise trunkline.Busy("the vault is sealed")

        for give, kind, told in ((lambda name: {"passwrd": "canary"}, trunkline.ConfigurationError, "passwrd"),
                                 (lambda name: {"user": "canary"}, trunkline.ConfigurationError, "password: is missing"),
                                 (lambda name: {"password": "canary", "pool": {}}, trunkline.ConfigurationError, "pool"),
                                 (lambda name: "", trunkline.ConfigurationError, "password: is empty"),
                                 (lambda name: {"password": 42}, trunkline.ConfigurationError, "must be a string"),
                                 (lambda name: object(), trunkline.Unavailable, "TypeError"),
                                 (lambda name: None, trunkline.AuthenticationError, "no credentials"),
                                 (raises, trunkline.Unavailable, "KeyError"),
                                 (busy, trunkline.Busy, "the vault is sealed")):
            registry = self.open()
            with quiet(), registry.credentials(give), self.assertRaises(kind) as caught:
                registry.on("db").query("SELECT 1", timeout=20)
            self.assertIn(told, str(caught.exception))
            self.assertIn('"db"', str(caught.exception))
            self.assertEqual(caught.exception.connection, "db")
            self.assertNotIn("canary", str(caught.exception))

    def test_nobody_answers(self):
        registry = self.open(', min = 1')
        with self.assertRaises(trunkline.AuthenticationError) as caught:
            registry.on("db").query("SELECT 1")
        self.assertIn('nobody answers when asked for the credentials of "db"', str(caught.exception))

        async def ask():
            with self.assertRaises(trunkline.AuthenticationError):
                await aio.of(registry).on("db").query("SELECT 1")

        asyncio.run(ask())

    def test_nobody_answers_in_time(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def silent(name):
            release.wait(30)

        registry = self.open(', min = 1', '[limits]\nask_timeout = "500ms"')
        with registry.credentials(silent):
            began = time.monotonic()
            with self.assertRaises(trunkline.Error):
                registry.on("db").query("SELECT 1", timeout=0.1)
            with self.assertRaises(trunkline.ConnectTimeout) as caught:
                registry.on("db").query("SELECT 1")
            self.assertLess(time.monotonic() - began, 10)
            self.assertIn("nobody has answered", str(caught.exception))
            release.set()

    def test_closing_waits_for_no_answer(self):
        begun, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def silent(name):
            begun.set()
            release.wait(30)

        registry = self.open()
        with registry.credentials(silent):
            asking = threading.Thread(target=lambda: self.assertRaises(trunkline.Closed, registry.on("db").query, "SELECT 1"))
            asking.start()
            begun.wait(20)
            began = time.monotonic()
            registry.close(timeout=10)
            asking.join()
            self.assertLess(time.monotonic() - began, 5)
            release.set()

    def test_the_one_who_answers_cannot_ask(self):
        failures = []

        def circular(name):
            try:
                registry.on("db").query("SELECT 1")
            except trunkline.Busy as error:
                failures.append(str(error))
            return self.token(name)

        registry = self.open()
        with registry.credentials(circular):
            self.assertEqual(registry.on("db").query("SELECT 1").one(), (1,))
        self.assertEqual(len(failures), 1)
        self.assertIn("wait for itself", failures[0])

    def test_asyncio(self):
        async def token(name):
            await asyncio.sleep(0.05)
            return {"password": self.token(name)}

        async def ask():
            async with aio.parse(self.toml()) as registry:
                with registry.credentials(token, valid=600):
                    found = await asyncio.gather(*(registry.on("db").query("SELECT 7") for _ in range(20)))
                    self.assertEqual([answer.one() for answer in found], [(7,)] * 20)

        asyncio.run(ask())
        self.assertEqual(self.asked, 1)

    def test_what_the_configuration_may_say(self):
        for toml in (self.toml().replace('credentials = "ask"', 'credentials = "ask"\npassword = "canary"'),
                     self.toml().replace('"ask"', '"tell"'), '[connections.x]\ndriver = "sqlite"\ncredentials = "ask"'):
            with self.assertRaises(trunkline.ConfigurationError) as caught:
                trunkline.parse(toml)
            self.assertIn("credentials", str(caught.exception))
            self.assertNotIn("canary", str(caught.exception))

    def test_a_process_ends_and_forks_while_it_asks(self):
        program = textwrap.dedent("""
            import os, sys, threading, time
            import support, trunkline
            registry = trunkline.parse(sys.stdin.read())
            begun = threading.Event()
            def silent(name):
                begun.set()
                time.sleep(600)
            registry.credentials(silent)
            def ask():
                try:
                    registry.on("db").query("SELECT 1")
                except trunkline.Error:
                    pass
            threading.Thread(target=ask, daemon=True).start()
            begun.wait(20)
            child = os.fork()
            if child == 0:
                try:
                    registry.on("db").query("SELECT 1")
                except trunkline.AuthenticationError as error:
                    os._exit(0 if "nobody answers" in str(error) else 1)
                os._exit(2)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """)
        ended = subprocess.run([sys.executable, "-c", program], input=self.toml(), capture_output=True, text=True,
                               timeout=30, cwd=os.path.dirname(os.path.abspath(__file__)), check=False)
        self.assertEqual((ended.returncode, ended.stdout), (0, "0\n"), ended.stderr)


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)
class OnPostgresql(Asked, unittest.TestCase):
    def admin_toml(self):
        self.address = (f'driver = "postgresql"\nhost = "127.0.0.1"\nport = {os.environ["TL_PG_PORT"]}\n'
                        f'database = "{os.environ["TL_PG_DATABASE"]}"')
        return support.postgresql_toml()

    def create(self, password):
        self.known = password
        self.admin.query("DROP ROLE IF EXISTS asking")
        self.admin.query(f"CREATE ROLE asking LOGIN PASSWORD '{password}'")

    def alter(self, password):
        self.known = password
        self.admin.query(f"ALTER ROLE asking PASSWORD '{password}'")

    def sessions(self):
        return {pid for pid, in self.admin.query("SELECT pid FROM pg_stat_activity WHERE usename = 'asking'")}


@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), support.NO_MARIADB)
class OnMariadb(Asked, unittest.TestCase):
    def admin_toml(self):
        self.address = (f'driver = "mariadb"\nsocket = "{os.environ["TL_MARIADB_SOCKET"]}"\n'
                        f'database = "{os.environ["TL_MARIADB_DATABASE"]}"')
        return support.mariadb_toml()

    def create(self, password):
        self.known = password
        self.admin.query(f"CREATE OR REPLACE USER asking@localhost IDENTIFIED BY '{password}'")
        self.admin.query(f"GRANT ALL ON {os.environ['TL_MARIADB_DATABASE']}.* TO asking@localhost")

    def alter(self, password):
        self.known = password
        self.admin.query(f"ALTER USER asking@localhost IDENTIFIED BY '{password}'")

    def sessions(self):
        return {number for number, in self.admin.query(
            "SELECT id FROM information_schema.processlist WHERE user = 'asking'")}


del Asked

if __name__ == "__main__":
    unittest.main()
