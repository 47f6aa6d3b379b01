"""A primary with two replicas, as a program in Python sees them: who serves, what reads find, and why."""

import asyncio
import logging
import math
import sys
import threading
import time
import unittest
from functools import partial
from pathlib import Path

import support  # noqa: F401
import trunkline
from trunkline import aio

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "servers"))

import cluster  # noqa: E402
from postgresql_cluster import PostgreSQLCluster  # noqa: E402
from server import Missing  # noqa: E402

await_true = partial(cluster.await_true, seconds=60)  # for what must happen at all
SESSION = 'consistency = "session"\n'


class Replicas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = PostgreSQLCluster()
        try:
            cls.cluster.__enter__()
        except Missing as missing:
            raise unittest.SkipTest(str(missing)) from None
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.labels = [f"{member.host}:{member.port}/{member.database}" for member in cls.cluster.members]
        with trunkline.parse(cls.cluster.toml()) as registry:
            registry.on("main").query("CREATE TABLE notes (n int)")
        cls.cluster.await_caught_up()

    def registry(self, settings=""):
        registry = trunkline.parse(self.cluster.toml(settings=settings))
        self.addCleanup(registry.close)
        return registry

    def paused(self):
        """Replicas that show nothing new, until the end of the test."""
        for replica in self.cluster.replicas:
            self.cluster.pause(replica)
            self.addCleanup(self.cluster.resume, replica)

    def resumed(self):
        for replica in self.cluster.replicas:
            self.cluster.resume(replica)
        self.cluster.await_caught_up()

    # ---- who serves ----

    def test_reads_tell_who_served_them_and_how_far_behind(self):
        main = self.registry().on("main")
        answers = [main.query("SELECT 1")]
        await_true("it is known how far a replica is behind",
                   lambda: answers[-1].lag is not None or answers.append(main.query("SELECT 1")))
        self.assertEqual({answer.role for answer in answers}, {"replica"})
        answer = answers[-1]
        self.assertIn(answer.endpoint, self.labels[1:])
        self.assertGreaterEqual(answer.lag, 0)
        self.assertEqual(main.query("SELECT 1", write=True).role, "primary")

    def test_replicas_too_far_behind_for_a_call_leave_it_to_the_primary(self):
        registry = self.registry()
        main = registry.on("main")
        main.query("SELECT 1")
        self.paused()
        main.query("INSERT INTO notes VALUES (1)")
        since = time.monotonic()  # what nobody has seen yet is left to the primary, too, and may be near when it is seen
        await_true("the replicas are too far behind", lambda: (
            main.query("SELECT 1", max_lag=0.3).role == "primary" and time.monotonic() > since + 0.5))
        self.assertEqual(main.query("SELECT 1").role, "replica")
        self.assertEqual(main.query("SELECT 1", max_lag=math.inf).role, "replica")
        self.assertEqual(main.query("SELECT 1", max_lag=0.3, timeout=60).role, "primary")
        self.assertEqual(registry.query("SELECT 1", max_lag=0.3, stream=True).role, "primary")
        self.assertEqual(next(main.explain("SELECT 1", max_lag=0.3).dicts())["role"], "primary")
        for lag, role in ((0.3, "primary"), (math.inf, "replica")):
            with main.transaction(read_only=True, max_lag=lag) as tx:
                self.assertEqual(tx.query("SELECT 1").role, role)
            with registry.on("main", "read").pin(max_lag=lag) as session:
                self.assertEqual(session.query("SELECT 1").role, role)

        async def awaited():
            there = aio.of(registry).on("main")
            return [(await there.query("SELECT 1", max_lag=lag)).role for lag in (0.3, math.inf)]

        self.assertEqual(asyncio.run(awaited()), ["primary", "replica"])

    def test_max_lag_is_seconds(self):
        main = self.registry().on("main")
        for call in (main.query, main.explain):
            with self.assertRaisesRegex(ValueError, "max_lag is a number of seconds, not -1"):
                call("SELECT 1", max_lag=-1)
        for begin in (main.pin, main.transaction):
            with self.assertRaisesRegex(ValueError, "max_lag is a number of seconds, not nan"):
                begin(max_lag=math.nan)

    def test_why_a_statement_goes_where_it_goes(self):
        main = self.registry().on("main")
        main.query("SELECT 1")
        await_true("both replicas are asked", lambda: [row["role"] for row in main.explain("SELECT 1").dicts()] == [
            "replica", "replica", "primary"])
        rows = list(main.explain("SELECT 1").dicts())
        self.assertEqual([row["choice"] for row in rows], [1, 2, 3])
        self.assertEqual({row["kind"] for row in rows}, {"read"})
        self.assertEqual(rows[0]["why"], "is the next by the policy")
        rows = list(main.explain("INSERT INTO notes VALUES (1)").dicts())
        self.assertEqual([(row["role"], row["choice"]) for row in rows],
                         [("primary", 1), ("replica", None), ("replica", None)])
        self.assertEqual(rows[0]["endpoint"], self.labels[0])
        self.assertEqual(rows[0]["why"], "takes the writes")
        self.assertEqual(next(main.explain("SELECT 1", write=True).dicts())["role"], "primary")
        with self.assertRaises(trunkline.ReadOnlyError):
            self.registry().on("main", "read").explain("DELETE FROM notes")

    def test_a_transaction_explains_itself(self):
        with self.registry().on("main").transaction() as tx:
            self.assertEqual([(row["role"], row["choice"]) for row in tx.explain("SELECT 1").dicts()], [("primary", 1)])

    # ---- what reads find ----

    def count(self, handle, n):
        return handle.query("SELECT count(*) FROM notes WHERE n = ?", [n]).one()[0]

    def test_a_token_travels_from_one_registry_to_another(self):
        here, there = self.registry(SESSION), self.registry(SESSION)
        writer = here.on("main", after="")
        self.assertEqual(writer.token(), "")
        there.on("main").query("SELECT 1")
        self.paused()
        writer.query("INSERT INTO notes VALUES (42)")
        token = writer.token()
        self.assertRegex(token, r"^[A-Za-z0-9._-]+$")
        self.assertEqual(self.count(there.on("main"), 42), 0)  # of a replica, which shows nothing new
        self.assertEqual(self.count(there.on("main", after=token), 42), 1)
        self.assertEqual(self.count(there.on("main").after(token), 42), 1)
        self.assertEqual(there.on("main", after=token).token(), token)
        with there.using("main"):
            self.assertEqual(self.count(there.on(after=token), 42), 1)

        async def awaited():
            reader = aio.of(there).on("main", after=token)
            return (await reader.query("SELECT count(*) FROM notes WHERE n = 42")).one()[0], reader.token()

        self.assertEqual(asyncio.run(awaited()), (1, token))
        self.resumed()
        reader = there.on("main", after=token)
        await_true("a replica serves it again", lambda: reader.query("SELECT 1").role == "replica")
        self.assertEqual(self.count(reader, 42), 1)

    def test_sessions_of_their_own_do_not_wait_for_each_other(self):
        registry = self.registry(SESSION)
        self.assertIs(registry.on("main"), registry.on("main"))
        one, other = registry.on("main", after=""), registry.on("main", after="")
        one.query("INSERT INTO notes VALUES (7)")
        self.assertNotEqual(one.token(), "")
        self.assertEqual(other.token(), "")
        self.assertEqual(registry.on("main").token(), "")
        self.assertEqual(one.after("").token(), one.token())
        with one.transaction() as tx:
            tx.query("INSERT INTO notes VALUES (7)")
        self.assertEqual(self.count(one, 7), 2)

    def test_tokens_that_are_none_or_of_another_system_are_refused(self):
        registry = self.registry(SESSION)
        with self.assertRaises(trunkline.Misuse):
            registry.on("main", after="no token")
        writer = registry.on("main", after="")
        writer.query("INSERT INTO notes VALUES (8)")
        kind, system, *place = writer.token().split("-")
        foreign = registry.on("main", after="-".join([kind, str(int(system) + 1), *place]))
        with self.assertRaisesRegex(trunkline.Misuse, "token is of another system"):
            foreign.query("SELECT 1")
        with self.assertRaisesRegex(trunkline.Misuse, 'consistency = "session"'):
            other = self.registry().on("main")
            other.query("SELECT 1")
            other.token()

    # ---- what is told ----

    def test_a_replica_that_fails_is_told_as_set_aside(self):
        registry = self.registry()
        main = registry.on("main")
        await_true("both serve", lambda: {main.query("SELECT 1").endpoint for _ in range(4)} == set(self.labels[1:]))
        told, lines = [], []
        changed = threading.Condition()

        def take(event):
            with changed:
                told.append((event.kind, event.endpoint, event.message))
                changed.notify_all()

        class Lines(logging.Handler):
            def emit(self, record):
                lines.append((record.levelname, record.getMessage()))

        handler = Lines()
        logger = logging.getLogger("trunkline.pool")
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)
        self.addCleanup(registry.on_role_change(take).close)
        self.addCleanup(registry.log_events().close)
        failing = self.cluster.replicas[0]
        failing.kill()
        for message, level, act in (("set aside", "WARNING", lambda: None), ("serves again", "INFO", failing.start)):
            act()
            event = ("role_change", self.labels[1], message)
            await_true(message, lambda: main.query("SELECT 1") and event in told)
            await_true(f"a line says {message}", lambda: any(
                line[0] == level and "role_change" in line[1] and line[1].endswith(message) for line in lines))


if __name__ == "__main__":
    unittest.main()
