#!/usr/bin/env python3
"""Whether the private clusters do what they say.

  test_clusters.py postgresql|mariadb     ends with 77, which Meson takes for skipped, where there is no such database
"""

import contextlib
import os
import subprocess
import sys
import tomllib
import unittest

from cluster import PATIENCE
from mariadb_cluster import MariaDBCluster
from postgresql_cluster import PostgreSQLCluster
from server import Missing, ServerError, is_running, named_in_commands, wait_until

CLUSTERS = {"postgresql": PostgreSQLCluster, "mariadb": MariaDBCluster}
# Where a server tells how many sessions wait for a replica's confirmation.
WAITING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE state LIKE '%semi-sync ACK%'",
}
# What only who may monitor the server is told.
STATUS = {"postgresql": "SELECT state FROM pg_stat_replication", "mariadb": "SHOW MASTER STATUS"}


def client_of(member):
    """The command line of an ordinary client, up to its statement."""
    if member.name == "postgresql":
        return ["psql", "-X", "-q", "-A", "-t", "-d", member.url, "-c"]
    return ["mariadb", "--no-defaults", "-N", "-B", "-h", member.host, "-P", str(member.port), "-u", member.user,
            f"-p{member.password}", member.database, "-e"]


def start_client(member, statement):
    return subprocess.Popen([*client_of(member), statement], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def end_of(process):
    """A client's exit code and what it printed."""
    with process:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
        return process.returncode, output.strip()


def ask(member, statement):
    return end_of(start_client(member, statement))


def write(member, number):
    return ask(member, f"INSERT INTO noted VALUES ({number})")


class ClusterTest(unittest.TestCase):
    kind = None

    @contextlib.contextmanager
    def cluster(self, **how):
        """A cluster with a table that its ordinary user has made, of which nothing is left in the end."""
        with self.kind(**how) as cluster:
            folder = cluster.primary.folder.parent
            self.assertEqual(ask(cluster.primary, "CREATE TABLE noted (number integer)"), (0, ""))
            self.assertEqual(write(cluster.primary, 1), (0, ""))
            cluster.await_caught_up()
            yield cluster
        self.assertFalse(folder.exists())
        self.assertEqual(named_in_commands(folder), [])

    def assert_noted(self, numbers, *members):
        for member in members:
            code, shown = ask(member, "SELECT number FROM noted ORDER BY number")
            self.assertEqual((code, shown.split()), (0, [str(number) for number in numbers]), member.folder.name)

    def assert_told(self, cluster):
        """The configuration that the cluster gives names who is what now."""
        told = tomllib.loads(cluster.toml("books", "statement_timeout = '5s'"))["connections"]["books"]
        self.assertEqual((told["driver"], told["port"]), (cluster.primary.name, cluster.primary.port))
        self.assertEqual([read["port"] for read in told.get("replicas", {}).get("read", [])],
                         [replica.port for replica in cluster.replicas])

    def assert_refused(self, member):
        code, told = write(member, 0)
        self.assertNotEqual(code, 0)
        self.assertRegex(told, "read-only")

    def test_replicas_show_what_the_primary_has_unless_held_up(self):
        with self.cluster(monitor=True) as cluster:
            primary, (replica, *others) = cluster.primary, cluster.replicas
            self.assert_noted([1], *cluster.members)
            self.assert_refused(replica)
            self.assertRegex(ask(primary, STATUS[primary.name])[1], "^(streaming|binlog)")

            cluster.pause(replica)
            write(primary, 2)
            for other in others:
                cluster.await_caught_up(other)
            self.assertFalse(cluster.caught_up(replica))
            self.assert_noted([1], replica)
            self.assert_noted([1, 2], primary, *others)
            cluster.resume(replica)
            cluster.await_caught_up()
            self.assert_noted([1, 2], *cluster.members)

            cluster.isolate(replica)
            write(primary, 3)
            self.assertFalse(cluster.caught_up(replica))
            self.assert_noted([1, 2], replica)
            cluster.connect(replica)
            cluster.await_caught_up()
            self.assert_noted([1, 2, 3], *cluster.members)

    def test_servers_stop_die_and_stand_still(self):
        with self.cluster() as cluster:
            primary, replica = cluster.primary, cluster.replicas[0]
            replica.kill()
            self.assertNotEqual(ask(replica, "SELECT 1")[0], 0)
            write(primary, 2)
            replica.start()
            cluster.await_caught_up()
            self.assert_noted([1, 2], replica)

            replica.stop()
            with self.assertRaisesRegex(ServerError, "is down"):
                replica.sql("SELECT 1")
            replica.start()

            primary.freeze()
            with self.assertRaisesRegex(ServerError, "is frozen"):
                primary.sql("SELECT 1")
            self.assert_noted([1, 2], replica)
            late = start_client(primary, "SELECT number FROM noted WHERE number = 2")
            self.assertIsNone(late.poll())
            primary.thaw()
            self.assertEqual(end_of(late), (0, "2"))

            primary.restart()
            write(primary, 3)
            cluster.await_caught_up()
            self.assert_noted([1, 2, 3], *cluster.members)

    def test_a_replica_takes_over_and_the_primary_comes_back(self):
        with self.cluster() as cluster:
            old, new = cluster.primary, cluster.replicas[0]
            cluster.promote(new)
            self.assertIs(cluster.primary, new)
            self.assert_told(cluster)
            self.assertEqual(write(new, 2), (0, ""))
            self.assertEqual(write(old, 99), (0, ""))  # nobody has told it yet
            cluster.demote(old)
            self.assert_noted([1, 2], *cluster.members)
            self.assert_refused(old)
            self.assertEqual(len(cluster.replicas), len(cluster.members) - 1)
            self.assert_told(cluster)

            new.kill()
            cluster.promote(old)
            self.assertEqual(write(old, 3), (0, ""))
            new.start()
            cluster.demote(new)
            self.assert_noted([1, 2, 3], *cluster.members)
            new.restart()
            self.assert_refused(new)

    def test_what_a_synchronous_primary_has_confirmed_survives_it(self):
        with self.cluster(synchronous=True) as cluster:
            primary, replica = cluster.primary, cluster.replicas[0]
            for each in cluster.replicas:
                cluster.isolate(each)
            waiting = start_client(primary, "INSERT INTO noted VALUES (2)")
            self.assertTrue(wait_until(lambda: primary.sql(WAITING[primary.name]) == ["1"], PATIENCE))
            self.assertIsNone(waiting.poll())
            cluster.connect(replica)
            self.assertEqual(end_of(waiting), (0, ""))

            cluster.isolate(replica)
            waiting = start_client(primary, "INSERT INTO noted VALUES (3)")
            self.assertTrue(wait_until(lambda: primary.sql(WAITING[primary.name]) == ["1"], PATIENCE))
            cluster.promote(replica)
            cluster.demote(primary)
            self.assertNotEqual(end_of(waiting)[0], 0)  # it was never confirmed
            self.assertEqual(write(replica, 4), (0, ""))
            cluster.await_caught_up()
            self.assert_noted([1, 2, 4], *cluster.members)

    def test_nothing_is_left_of_a_test_that_was_killed(self):
        story = (f"from {self.kind.__module__} import {self.kind.__name__} as Cluster\n"
                 "with Cluster() as cluster:\n"
                 "  cluster.replicas[0].freeze()\n"
                 "  print(cluster.primary.folder.parent, *(each.pid() for each in cluster.members), flush=True)\n"
                 "  input()\n")
        with subprocess.Popen([sys.executable, "-c", story], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              cwd=os.path.dirname(os.path.abspath(__file__))) as test:
            folder, *pids = test.stdout.readline().split()
            self.assertEqual(len(pids), self.kind.replica_count + 1)
            test.kill()
        self.assertTrue(wait_until(lambda: not os.path.exists(folder), PATIENCE), folder)
        self.assertEqual([pid for pid in pids if is_running(pid)], [])


def main():
    ClusterTest.kind = CLUSTERS[sys.argv.pop(1)]
    try:
        ClusterTest.kind.kind.find_programs()
    except Missing as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    main()
