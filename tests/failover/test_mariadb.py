"""MariaDB's primary is switched over while its sessions live on, and killed, while others write."""

import time
import unittest

import support
from support import Ledger

from mariadb_cluster import MariaDBCluster


class Failover(support.Writes):
    def test_the_primary_is_killed_and_the_replica_promoted(self):
        with MariaDBCluster(synchronous=True) as cluster:
            self.survive_a_kill(cluster)

    def test_a_demoted_primary_whose_sessions_live_on_is_left(self):
        with MariaDBCluster(synchronous=True) as cluster:
            _, main = self.begin(cluster)
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
