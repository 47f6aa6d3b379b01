"""PostgreSQL's primary dies, is switched over and comes back, while others write: nothing acknowledged is lost, nothing is
done twice, and nobody waits past his deadline."""

import time
import unittest

import support
from support import Ledger, trunkline

from postgresql_cluster import PostgreSQLCluster


class Failover(support.Writes):
    def test_the_primary_is_killed_and_a_replica_promoted(self):
        with PostgreSQLCluster(synchronous=True) as cluster:
            main = self.survive_a_kill(cluster)
            self.assertEqual(main.query("SELECT 1", write=True).endpoint.split("/")[0],
                             f"{cluster.primary.host}:{cluster.primary.port}")

    def test_the_old_primary_comes_back_as_a_replica(self):
        with PostgreSQLCluster(synchronous=True) as cluster:
            registry, main = self.begin(cluster)
            old = cluster.primary
            with Ledger(main) as ledger:
                began = time.monotonic()
                old.kill()
                cluster.promote(cluster.foremost())
                ledger.await_writes(time.monotonic())
                ended = time.monotonic()
                cluster.demote(old)
                label = f"{old.host}:{old.port}/{old.database}"
                support.await_true("the old primary serves reads",
                                   lambda: main.query("SELECT 1").endpoint == label)
                ledger.await_writes()
            ledger.check(self, self.ids(cluster))
            self.assertEqual(ledger.errors_outside((began, ended)), [])
            self.assertEqual(main.query("SELECT pg_is_in_recovery()", write=True).one()[0], False)

    def test_a_primary_that_comes_back_believing_it_is_one_is_not_written_to(self):
        with PostgreSQLCluster() as cluster:
            registry, main = self.begin(cluster)
            old = cluster.primary
            old.kill()
            cluster.promote(cluster.foremost())
            support.await_true("the new primary is found",
                               lambda: self.try_to_write(main, cluster.primary))
            old.start()
            label = f"{old.host}:{old.port}/{old.database}"
            support.await_true("the old one answers", lambda: self.is_back(registry, label))
            for number in range(200):
                self.assertNotEqual(main.query("INSERT INTO ledger VALUES (?, 0)", [1000 + number]).endpoint, label)
                self.assertNotEqual(main.query("SELECT count(*) FROM ledger").endpoint, label)
            # Also for a program that begins now, and has the old one as its primary.
            other = trunkline.parse(cluster.toml().replace(str(cluster.primary.port), str(old.port)).replace(
                "read = [", f'read = [{{ host = "{cluster.primary.host}", port = {cluster.primary.port} }}, '))
            self.addCleanup(other.close)
            support.await_true("the newer timeline is found",
                               lambda: self.try_to_write(other.on("main"), cluster.primary))

    def try_to_write(self, main, member):
        try:
            return main.query("SELECT 1", write=True, timeout=10).endpoint.startswith(f"{member.host}:{member.port}/")
        except trunkline.Error as error:
            self.assertNotEqual(error.outcome, "unknown")
            return False

    def is_back(self, registry, label):
        return label not in self.set_aside(registry)

    def test_reads_go_on_while_replicas_die_and_come_back(self):
        with PostgreSQLCluster() as cluster:
            registry, main = self.begin(cluster)
            replicas = list(cluster.replicas)
            labels = [f"{replica.host}:{replica.port}/{replica.database}" for replica in replicas]
            support.await_true("both serve", lambda: {main.query("SELECT 1").endpoint for _ in range(2)} == set(labels))
            replicas[0].kill()
            support.await_true("it is set aside", lambda: self.set_aside(registry) == {labels[0]})
            support.await_true("the other serves all", lambda: {main.query("SELECT 1").endpoint for _ in range(20)} ==
                               {labels[1]})
            replicas[1].freeze()
            support.await_true("it is set aside, too", lambda: self.note_use(main) and
                               self.set_aside(registry) == set(labels))
            support.await_true("the primary serves all", lambda: {main.query("SELECT 1", timeout=20).role
                                                                  for _ in range(20)} == {"primary"})
            replicas[1].thaw()
            replicas[0].start()
            support.await_true("both serve again", lambda: {main.query("SELECT 1").endpoint for _ in range(2)} ==
                               set(labels))

    def note_use(self, main):
        main.query("SELECT 1", write=True)
        return True

    def set_aside(self, registry):
        told = registry.inspect("endpoints")
        rows = [dict(zip(told.columns, row)) for row in told]
        return {row["endpoint"] for row in rows if row["set_aside"] is not None}


if __name__ == "__main__":
    unittest.main()
