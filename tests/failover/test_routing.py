"""Where statements go on a primary with two replicas, and what they find there."""

import collections
import random
import threading
import time
import unittest

import support
from support import full_size, trunkline

from postgresql_cluster import PostgreSQLCluster


class Routing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(PostgreSQLCluster())
        cls.labels = [f"{member.host}:{member.port}/{member.database}" for member in cls.cluster.members]

    def registry(self, settings="", replicas=""):
        registry = trunkline.parse(self.cluster.toml(settings=settings) + replicas)
        self.addCleanup(registry.close)
        return registry

    def main(self, settings="", replicas=""):
        return self.registry(settings, replicas).on("main")

    def counted(self, main, reads, threads=1):
        counts = [collections.Counter() for _ in range(threads)]

        def work(i):
            for _ in range(reads):
                counts[i][main.query("SELECT 1").endpoint] += 1

        support.run_in_threads(threads, work)
        return sum(counts, collections.Counter())

    def test_round_robin_is_exact_among_threads(self):
        registry = self.registry(replicas='probe_interval = "30s"\n')
        main = registry.on("main")
        support.await_true("both are known", lambda: main.query("SELECT 1") and self.known(registry) == 3)
        counts = self.counted(main, reads=251, threads=16)
        self.assertEqual(sum(counts.values()), 16 * 251)
        self.assertEqual(set(counts), set(self.labels[1:]))
        self.assertLessEqual(abs(counts[self.labels[1]] - counts[self.labels[2]]), 1)

    def known(self, registry):
        """How many servers have told where they are."""
        told = registry.inspect("endpoints")
        return sum(dict(zip(told.columns, row))["position"] is not None for row in told)

    def test_the_other_policies_use_all_replicas(self):
        for policy in ("random", "least_busy"):
            counts = self.counted(self.main(replicas=f'policy = "{policy}"\n'), reads=100, threads=4)
            self.assertEqual(set(counts) - set(self.labels[1:]), set())
            if policy == "random":
                self.assertEqual(len(counts), 2)

    def test_transactions_stay_where_they_are(self):
        main = self.main()
        with main.transaction() as tx:
            self.assertEqual({tx.query("SELECT 1").role for _ in range(4)}, {"primary"})
        with main.transaction(read_only=True) as tx:
            self.assertEqual({tx.query("SELECT 1").role for _ in range(4)}, {"replica"})
            self.assertEqual(len({tx.query("SELECT 1").endpoint for _ in range(4)}), 1)
        with main.pin() as session:
            self.assertEqual({session.query("SELECT 1").role for _ in range(4)}, {"primary"})

    def test_what_a_replica_refuses_is_sent_to_the_primary_and_remembered(self):
        registry = self.registry()
        main = registry.on("main")
        main.query("CREATE TABLE IF NOT EXISTS refused (n int)")
        main.query("CREATE OR REPLACE FUNCTION writes() RETURNS int LANGUAGE sql AS "
                   "'INSERT INTO refused VALUES (1) RETURNING n'")
        self.cluster.await_caught_up()
        told = []
        with registry.on_query(told.append):
            for _ in range(3):
                self.assertEqual(main.query("SELECT writes()", read=True).role, "primary")
            support.await_true("all are told", lambda: len(told) >= 4)
        self.assertEqual([event.endpoint == self.labels[0] for event in told], [False, True, True, True])
        self.assertEqual(main.query("SELECT count(*) FROM refused", write=True).one()[0], 3)

    def test_a_read_that_is_none_is_refused_where_only_reads_are_wanted(self):
        reader = self.registry().on("main", "read")
        self.assertEqual(reader.query("SELECT 1").role, "replica")
        with self.assertRaises(trunkline.ReadOnlyError):
            reader.query("CREATE TABLE never (n int)")

    def test_a_replica_that_is_behind_is_not_read(self):
        main = self.main(replicas='max_lag = "1s"\n')
        main.query("CREATE TABLE IF NOT EXISTS behind (n int)")
        support.await_true("both are near", lambda: len(self.counted(main, 4)) == 2)
        self.cluster.pause(self.cluster.replicas[0])
        try:
            main.query("INSERT INTO behind VALUES (1)")
            support.await_true("one is left out", lambda: set(self.counted(main, 4)) == {self.labels[2]})
        finally:
            self.cluster.resume(self.cluster.replicas[0])
        support.await_true("both are near again", lambda: len(self.counted(main, 4)) == 2)

    def test_a_quiet_primary_makes_no_replica_late(self):
        main = self.main(replicas='max_lag = "2s"\n')
        support.await_true("both are near", lambda: len(self.counted(main, 4)) == 2)
        roles = collections.Counter()
        until = time.monotonic() + 4
        while time.monotonic() < until:  # nobody writes for longer than max_lag
            roles[main.query("SELECT 1").role] += 1
        self.assertGreater(roles["replica"], 9 * roles["primary"])

    def test_all_replicas_out(self):
        for settings, role in (('', "primary"), ('when_unavailable = "error"\n', None)):
            main = self.main(replicas='max_lag = "0.3s"\n' + settings)
            support.await_true("one serves", lambda: self.role_of_a_read(main) == "replica")
            for replica in self.cluster.replicas:
                self.cluster.pause(replica)
            try:
                main.query("CREATE TABLE IF NOT EXISTS out_of_reach (n int)")
                main.query("INSERT INTO out_of_reach VALUES (1)")
                support.await_true("they are left out", lambda: self.role_of_a_read(main) == role)
                if role is None:
                    with self.assertRaises(trunkline.Unavailable) as raised:
                        main.query("SELECT 1")
                    self.assertRegex(str(raised.exception), "is .*s behind|not known to be near enough")
            finally:
                for replica in self.cluster.replicas:
                    self.cluster.resume(replica)

    def role_of_a_read(self, main):
        try:
            return main.query("SELECT 1").role
        except trunkline.Unavailable:
            return None

    def test_what_was_sent_on_to_the_primary_or_left_half_read_is_found(self):
        main = self.registry('consistency = "session"\n').on("main", after="")
        main.query("CREATE TABLE IF NOT EXISTS sent_on (n int)")
        main.query("CREATE OR REPLACE FUNCTION sends_on() RETURNS int LANGUAGE sql AS "
                   "'INSERT INTO sent_on VALUES (1) RETURNING n'")
        self.cluster.await_caught_up()
        main.query("SELECT 1")
        for replica in self.cluster.replicas:
            self.cluster.pause(replica)
        try:
            main.query("SELECT sends_on()", read=True)
            self.assertEqual(main.query("SELECT count(*) FROM sent_on").one()[0], 1)
            with main.query("INSERT INTO sent_on SELECT 1 FROM generate_series(1, 200000) RETURNING n",
                            stream=True) as rows:
                next(iter(rows))
            written = main.query("SELECT count(*) FROM sent_on", write=True).one()[0]
            self.assertEqual(main.query("SELECT count(*) FROM sent_on").one()[0], written)
        finally:
            for replica in self.cluster.replicas:
                self.cluster.resume(replica)

    def test_a_handle_finds_what_it_has_written(self):
        main = self.main('consistency = "session"\n')
        main.query("CREATE TABLE own (id int PRIMARY KEY, n int)")
        main.query("INSERT INTO own SELECT i, 0 FROM generate_series(0, 7) i")
        stopping = threading.Event()
        served = collections.Counter()
        lock = threading.Lock()
        pairs = full_size(100_000) // 8

        def hold_up():
            dice = random.Random(7)
            while not stopping.wait(dice.random() * 0.3):
                replica = dice.choice(self.cluster.replicas)
                self.cluster.pause(replica)
                stopping.wait(dice.random() * 0.2)
                self.cluster.resume(replica)

        def work(i):
            mine = collections.Counter()
            for n in range(1, pairs + 1):
                if n % 10 == 0:
                    with main.transaction() as tx:
                        tx.query("UPDATE own SET n = ? WHERE id = ?", [n, i])
                else:
                    main.query("UPDATE own SET n = ? WHERE id = ?", [n, i])
                answer = main.query("SELECT n FROM own WHERE id = ?", [i])
                self.assertEqual(answer.one()[0], n)
                mine[answer.role] += 1
            with lock:
                served.update(mine)

        holding = threading.Thread(target=hold_up)
        holding.start()
        try:
            support.run_in_threads(8, work)
        finally:
            stopping.set()
            holding.join()
        print(f"{8 * pairs} pairs, none stale; served by {dict(served)}")
        self.assertGreaterEqual(served["replica"], served["primary"])


if __name__ == "__main__":
    unittest.main()
