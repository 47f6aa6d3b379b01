"""A private PostgreSQL primary with two streaming replicas.

What an ordinary user of version 15 is told, on a primary and on a replica:

  pg_is_in_recovery()                          f, t; `SHOW in_hot_standby` and `SHOW transaction_read_only`: off, on
  pg_last_wal_receive_lsn(), …_replay_lsn()    null, the position; on one that was promoted its last as a replica
  pg_last_xact_replay_timestamp()              null, when the last commit it replayed was made; likewise once promoted
  pg_current_wal_insert_lsn(), …_flush_lsn()   the position, an error ("recovery is in progress")
  pg_walfile_name(lsn)                         begins with the timeline, an error; null for null
  pg_get_wal_replay_pause_state()              an error, 'not paused', 'pause requested' or 'paused'
  pg_control_system()                          both: all members have one system_identifier
  pg_control_checkpoint()                      both; its timeline is that of the last checkpoint: after a promotion it is
                                               the old one for a while, longest on replicas
  pg_control_recovery()                        both; min_recovery_end_timeline lags as well, and is 0 in the end
  pg_stat_wal_receiver, pg_stat_replication    a row each as it should be, and null in it all but pid and who connects
                                               (how many there are is told), unless with pg_monitor: `monitor`
  pg_ls_waldir(), SHOW primary_conninfo        errors, unless with pg_monitor
"""

import shutil

from cluster import PATIENCE, Cluster, await_true
from postgresql import SUPERUSER, PostgreSQL, find_programs
from server import ServerError

# A commit is written out when it is confirmed, so that the position of the log tells of all that are. Log is kept for
# whoever comes back.
SETTINGS = """
synchronous_commit = on
wal_keep_size = 1GB
wal_retrieve_retry_interval = 100ms
"""

SYNCHRONOUS = "synchronous_standby_names = 'ANY 1 (*)'\n"


class Member(PostgreSQL):
    synchronous = False

    def configure(self):
        super().configure()
        self.append(self.data / "postgresql.conf", SETTINGS + (SYNCHRONOUS if self.synchronous else ""))

    def copy(self, primary):
        """Makes the data anew, as those of a replica of the primary, and starts."""
        self.destroy()
        shutil.rmtree(self.data, ignore_errors=True)
        self.call(find_programs() / "pg_basebackup", "-D", self.data, "-h", primary.folder, "-p", primary.port, "-U",
                  SUPERUSER, "-c", "fast", "-R", "--no-sync")
        self.configure()
        self.start()

    def received(self):
        """The end of the log that the replica has."""
        return self.sql("SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())")[0]

    def receive_from(self, address):
        """Has the replica's log come from there, from nowhere if the address is empty."""
        self.sql(f"ALTER SYSTEM SET primary_conninfo = '{address}'", "postgres")
        self.sql("SELECT pg_reload_conf()", "postgres")
        # What is left of the old one counts as none: a receiver's row has no address before it is connected.
        receiving = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        await_true(f"{self.folder.name} receives from '{address}'",
                   lambda: self.sql(receiving, "postgres") == ["1" if address else "0"])


class PostgreSQLCluster(Cluster):
    kind = PostgreSQL
    member = Member
    replica_count = 2

    def make(self):
        for member in self.members:
            member.synchronous = self.synchronous
        self.primary.create()
        if self.monitor:
            self.primary.sql(f"GRANT pg_monitor TO {self.primary.user}")
        for replica in self.replicas:
            replica.prepare_like(self.primary)
        self.each(lambda replica: replica.copy(self.primary), self.replicas)

    def pause(self, replica):
        """The replica goes on receiving and shows nothing new."""
        replica.sql("SELECT pg_wal_replay_pause()")
        self.await_replay(replica, "paused")

    def resume(self, replica):
        replica.sql("SELECT pg_wal_replay_resume()")
        self.await_replay(replica, "not paused")

    @staticmethod
    def await_replay(replica, state):
        await_true(f"replay of {replica.folder.name} is {state}",
                   lambda: replica.sql("SELECT pg_get_wal_replay_pause_state()") == [state])

    def isolate(self, replica):
        """The replica receives nothing more, and clients reach it as before."""
        replica.receive_from("")

    def connect(self, replica):
        """Ends isolate()."""
        replica.receive_from(f"host={self.primary.folder} port={self.primary.port} user={SUPERUSER}")

    def foremost(self):
        """Any of them may be the one that confirmed a write, and another may not have it."""
        return max(self.replicas, key=lambda replica: position_of(replica.received()))

    def raise_up(self, replica):
        """Makes a replica one that can be written to."""
        if replica.sql(f"SELECT pg_promote(true, {PATIENCE})") != ["t"]:
            raise ServerError(f"{replica.folder.name} was not promoted within {PATIENCE} s")

    def bring_back(self, member):
        """A replica that runs goes on as it is, if it can. Any other is copied anew from the primary."""
        if member.answers() and member.sql("SELECT pg_is_in_recovery()") == ["t"]:
            member.receive_from("")  # from elsewhere it may receive more than the primary had
            if position_of(member.received()) <= self.beginning():
                self.connect(member)
                return
        member.copy(self.primary)

    def beginning(self):
        """Up to where the primary's history was another primary's too."""
        forks = self.primary.sql("SELECT trim(pg_read_file(name), E'\\n') FROM (SELECT 'pg_wal/' || name AS name FROM"
                                 " pg_ls_waldir() WHERE name LIKE '%.history' ORDER BY name DESC LIMIT 1) AS last")
        return position_of(forks[-1].split("\t")[1]) if forks else float("inf")

    def position(self):
        return self.primary.sql("SELECT pg_current_wal_flush_lsn()")[0]

    def has_reached(self, replica, position):
        return replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == ["t"]


def position_of(text):
    """A position of the log, as PostgreSQL writes it, as a number."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)
