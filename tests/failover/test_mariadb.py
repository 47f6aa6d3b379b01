"""MariaDB's primary is switched over while its sessions live on, and killed, while others write."""

import time
import unittest

import support
from support import Ledger, margin, trunkline

from mariadb_cluster import MariaDBCluster


class Failover(unittest.TestCase):
    def ids(self, cluster):
        return [int(line) for line in cluster.primary.sql("SELECT id FROM ledger")]

    def begin(self, cluster):
        registry = trunkline.parse(cluster.toml())
        self.addCleanup(registry.close)
        main = registry.on("main")
        main.query(Ledger.TABLE)
        return main

    def test_the_primary_is_killed_and_the_replica_promoted(self):
        with MariaDBCluster(synchronous=True) as cluster:
            main = self.begin(cluster)
            with Ledger(main) as ledger:
                began = time.monotonic()
                cluster.primary.kill()
                cluster.promote(cluster.replicas[0])
                promoted = time.monotonic()
                first = ledger.await_writes(promoted)
                ended = time.monotonic()
                ledger.await_writes()
            ledger.check(self, self.ids(cluster))
            print(f"first write {first * 1000:.0f} ms after the promotion")
            self.assertLess(first, margin(1.0))
            self.assertEqual(ledger.errors_outside((began, ended)), [])

    def test_a_demoted_primary_whose_sessions_live_on_is_left(self):
        with MariaDBCluster(synchronous=True) as cluster:
            main = self.begin(cluster)
            old = cluster.primary
            with Ledger(main) as ledger:
                began = time.monotonic()
                cluster.promote(cluster.replicas[0])
                cluster.demote(old)
                ledger.await_writes(time.monotonic())
                ended = time.monotonic()
                ledger.await_writes()
            label = f"{old.host}:{old.port}/{old.database}"
            support.await_true("the old primary serves reads", lambda: main.query("SELECT 1").endpoint == label)
            self.assertEqual(ledger.errors_outside((began, ended)), [])
            self.assertEqual(main.query("SELECT @@read_only", write=True).one()[0], 0)


if __name__ == "__main__":
    unittest.main()
