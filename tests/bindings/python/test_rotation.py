"""Passwords in files that are replaced while sessions are open: no caller may notice."""

import contextlib
import os
import tempfile
import threading
import time
import unittest

import support
import trunkline

ROTATIONS = 6
THREADS = 8
MAX = 4


class Rotation:
    """A user of its own on one server, and the connection db, whose password is in a file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-rotation-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        registry = trunkline.parse(self.admin_toml())
        self.addCleanup(registry.close)
        self.admin = registry.on()
        self.rotations = 0
        self.create("rotating", self.password())
        self.write(self.password())

    def password(self):
        return f"canary-{self.rotations}"

    def write(self, password, name="password"):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write(password + "\n")
        os.replace(path + ".new", path)

    def open(self, least=0, more=""):
        path = os.path.join(self.folder, "trunkline.toml")
        with open(path, "w") as file:
            file.write(f"""
[connections.db]
{self.address}
user = "rotating"
password = "file:password"
pool = {{ min = {least}, max = {MAX}, max_lifetime = "none", idle_timeout = "none" }}
{more}
""")
        registry = trunkline.open(path)
        self.addCleanup(registry.close)
        return registry

    def rotate(self, file_first=True):
        self.rotations += 1
        steps = [lambda: self.write(self.password()), lambda: self.alter("rotating", self.password())]
        for step in steps if file_first else reversed(steps):
            step()

    def eventually(self, condition):
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it has not come true")
            time.sleep(0.01)

    def figure(self, registry, name):
        return next(registry.inspect("pools").dicts())[name]

    def replaced(self, before):
        """None of those sessions is there any more."""
        return lambda: not before & self.sessions("rotating")

    def test_what_cannot_be_read_in_the_place_of_the_file(self):
        registry = self.open()
        registry.query("SELECT 1")
        path = os.path.join(self.folder, "password")
        os.remove(path)
        os.mkdir(path)
        registry.trim()
        self.assertEqual(registry.query("SELECT 1").one(), (1,))
        os.rmdir(path)
        self.rotate()
        registry.trim()
        self.assertEqual(registry.query("SELECT 1").one(), (1,))

    def test_sessions_may_be_opened_anew_between_the_file_and_the_server(self):
        registry = self.open()
        registry.query("SELECT 1")
        self.rotations += 1
        self.write(self.password())
        registry.trim()
        self.assertEqual(registry.query("SELECT 1").one(), (1,))
        with self.assertRaises(trunkline.StatementTimeout) as caught:  # what cancels logs in with what the server takes
            registry.query(self.endless, timeout=0.5)
        self.assertEqual(caught.exception.outcome, "rolled_back")
        self.alter("rotating", self.password())
        self.eventually(lambda: registry.query("SELECT 1").one() == (1,))

    def test_under_load(self):
        done = threading.Event()
        calls = []

        def use():
            db = registry.on("db")
            while not done.is_set():
                with db.transaction() as transaction:
                    transaction.query("SELECT 1").one()
                db.query("SELECT 2").one()
                calls.append(1)

        registry = self.open()
        failures = []
        load = threading.Thread(target=lambda: failures.extend(support.failures_of_threads(THREADS, use)))
        load.start()
        try:
            for turn in range(ROTATIONS):
                self.eventually(lambda: failures or len(self.sessions("rotating")) == MAX)
                before = self.sessions("rotating")
                self.rotate(file_first=turn % 2 == 0)
                self.eventually(lambda: failures or self.replaced(before)())
                seen = len(calls)
                self.eventually(lambda: failures or len(calls) > seen + 10)
                self.assertEqual(failures, [])
        finally:
            done.set()
            load.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.figure(registry, "dial_failures"), 0)

    def test_sessions_that_nobody_uses_are_replaced_as_well(self):
        registry = self.open(2)
        registry.connect("db")
        self.eventually(lambda: len(self.sessions("rotating")) == 2)
        before = self.sessions("rotating")
        self.rotate()
        self.eventually(self.replaced(before))
        self.eventually(lambda: len(self.sessions("rotating")) == 2)
        self.assertEqual(registry.on("db").query("SELECT 1").one(), (1,))

    def test_what_runs_ends_on_its_session(self):
        registry = self.open()
        db = registry.on("db")
        with db.pin() as pin:
            before = self.sessions("rotating")
            self.assertEqual(len(before), 1)
            self.rotate()
            self.assertEqual(db.query("SELECT 1").one(), (1,))
            self.assertEqual(db.query("SELECT 2").one(), (2,))
            self.assertEqual(self.figure(registry, "opened"), 2)
            # What cancels logs in anew, with what is known now.
            refused = self.refused()
            self.assertTrue(before & self.sessions("rotating"))
            with self.assertRaises(trunkline.StatementTimeout):
                pin.query(self.endless, timeout=0.5)
        self.eventually(self.replaced(before))
        self.assertEqual(self.refused(), refused)

    def test_a_password_that_the_server_does_not_know_yet(self):
        registry = self.open(1)
        db = registry.on("db")
        registry.connect("db")
        before = self.sessions("rotating")
        self.write("canary-to-come")
        self.eventually(lambda: self.replaced(before)() and db.query("SELECT 1").one())
        opened = self.figure(registry, "opened")
        time.sleep(1.5)  # they stay, since others would be like them
        self.assertEqual(self.figure(registry, "opened"), opened)
        self.alter("rotating", "canary-to-come")
        before = self.sessions("rotating")
        self.assertLess(len(before), MAX)
        with contextlib.ExitStack() as transactions:
            for _ in range(MAX):  # one of them needs a session that shows that it is good now
                transaction = transactions.enter_context(db.transaction())
                self.assertEqual(transaction.query("SELECT 1").one(), (1,))
        self.eventually(self.replaced(before))

    def test_a_file_that_is_being_replaced(self):
        registry = self.open()
        db = registry.on("db")
        path = os.path.join(self.folder, "password")
        for spoil in lambda: os.truncate(path, 0), lambda: os.remove(path):
            spoil()
            with db.transaction(), db.transaction() as fresh:
                self.assertEqual(fresh.query("SELECT 1").one(), (1,))
            registry.trim()
        self.alter("rotating", "canary-other")
        with self.assertRaises(trunkline.AuthenticationError) as caught:
            db.query("SELECT 1")
        self.assertIn("empty or cannot be read", str(caught.exception))
        self.assertEqual(caught.exception.connection, "db")
        self.assertNotIn("canary", str(caught.exception))
        self.write("canary-other")

        def works():
            try:
                return db.query("SELECT 1").one() == (1,)
            except trunkline.AuthenticationError:  # until the next attempt may be made
                return False

        self.eventually(works)

    def test_a_replica_has_a_file_of_its_own(self):
        self.create("rotating_reader", "reader-canary-0")
        self.write("reader-canary-0", "reader")
        registry = self.open(more='[[connections.db.replicas.read]]\nuser = "rotating_reader"\npassword = "file:reader"\n')
        db = registry.on("db")
        registry.connect("db")
        writers, readers = self.sessions("rotating"), self.sessions("rotating_reader")
        self.assertEqual((len(writers), len(readers)), (1, 1))
        self.write("reader-canary-1", "reader")
        self.alter("rotating_reader", "reader-canary-1")
        self.eventually(lambda: db.query("SELECT 1").one() and not readers & self.sessions("rotating_reader"))
        self.assertEqual(self.sessions("rotating"), writers)

    def test_a_reload_where_only_the_file_has_changed(self):
        registry = self.open(1)
        registry.connect("db")
        before = self.sessions("rotating")
        self.rotate()
        self.assertEqual([change[0] for change in registry.reload()], ["db"])
        self.assertEqual(registry.on("db").query("SELECT 1").one(), (1,))
        self.eventually(self.replaced(before))
        self.assertNotIn("canary", str(registry.inspect("settings").all()))


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)
class OnPostgresql(Rotation, unittest.TestCase):
    endless = "SELECT pg_sleep(600)"

    def admin_toml(self):
        self.address = (f'driver = "postgresql"\nhost = "127.0.0.1"\nport = {os.environ["TL_PG_PORT"]}\n'
                        f'database = "{os.environ["TL_PG_DATABASE"]}"')
        return support.postgresql_toml()

    def create(self, user, password):
        self.admin.query(f"DROP ROLE IF EXISTS {user}")
        self.admin.query(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")

    def alter(self, user, password):
        self.admin.query(f"ALTER ROLE {user} PASSWORD '{password}'")

    def refused(self):
        """Here a cancel does not log in."""
        return 0

    def sessions(self, user):
        return {pid for pid, in self.admin.query("SELECT pid FROM pg_stat_activity WHERE usename = ?", [user])}


@unittest.skipUnless(os.environ.get("TL_MARIADB_SOCKET"), support.NO_MARIADB)
class OnMariadb(Rotation, unittest.TestCase):
    endless = "SELECT SLEEP(600)"

    def admin_toml(self):
        self.address = (f'driver = "mariadb"\nsocket = "{os.environ["TL_MARIADB_SOCKET"]}"\n'
                        f'database = "{os.environ["TL_MARIADB_DATABASE"]}"')
        return support.mariadb_toml()

    def create(self, user, password):
        self.admin.query(f"CREATE OR REPLACE USER {user}@localhost IDENTIFIED BY '{password}'")
        self.admin.query(f"GRANT ALL ON {os.environ['TL_MARIADB_DATABASE']}.* TO {user}@localhost")

    def alter(self, user, password):
        self.admin.query(f"ALTER USER {user}@localhost IDENTIFIED BY '{password}'")

    def refused(self):
        """How many logins the server has refused."""
        return self.admin.query("SHOW GLOBAL STATUS LIKE 'Access_denied_errors'").one()[1]

    def sessions(self, user):
        return {number for number, in self.admin.query(
            "SELECT id FROM information_schema.processlist WHERE user = ?", [user])}


del Rotation

if __name__ == "__main__":
    unittest.main()
