"""A private MariaDB primary with one replica, by GTID.

In a synchronous one a write waits for its replica also while none is connected, but a promoted replica confirms on its
own until another is brought back to it.

What an ordinary user of version 10.11 is told, on a primary and on a replica:

  @@read_only                       0, 1
  @@gtid_binlog_pos                 both: the last that the server wrote or replayed; the replica has log_slave_updates
  @@gtid_slave_pos                  '', what it replayed; on one that was promoted the last it had as a replica
  @@gtid_current_pos                both: the later of the two
  @@last_gtid                       both, of the session; '' before it wrote. A server names it with each answer after
                                    SET session_track_system_variables = '…,last_gtid', which anybody may
  MASTER_GTID_WAIT(gtid, seconds)   0 when @@gtid_slave_pos is as far, else -1: on a primary, which has replayed
                                    nothing, always. It ends with max_statement_time, and with seconds 0 at once
  @@server_id, @@server_uid         both, each its own
  SHOW STATUS, and information_schema.global_status
                                    both: SLAVE_RUNNING is OFF, and ON while a replica receives and replays,
                                    SLAVES_CONNECTED counts those who follow it. No lag is told
  SHOW SLAVE STATUS, SHOW ALL SLAVES STATUS
                                    an error (1227) without SLAVE MONITOR: `monitor` gives it
  SHOW MASTER STATUS                an error (1227) without BINLOG MONITOR, which REPLICATION CLIENT is another name of
  mysql.gtid_slave_pos              an error (1142)
"""

import contextlib
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor

from cluster import Cluster, await_true
from mariadb import MariaDB
from server import ServerError

REPLICATION_USER = "replication"

# A replica's own log has all that it received: whoever follows it later finds it there, from the very first statement.
SETTINGS = """
server_id = {number}
log_bin = binlog
relay_log = relay
log_slave_updates = on
gtid_strict_mode = on
read_only = {read_only}
"""

# Of what nobody confirmed a replica that crashed as a primary takes back what it can.
SYNCHRONOUS = """
rpl_semi_sync_slave_enabled = on
rpl_semi_sync_master_enabled = {confirmed}
rpl_semi_sync_master_wait_point = AFTER_SYNC
rpl_semi_sync_master_timeout = 86400000
init_rpl_role = {role}
"""

USERS = f"""
CREATE USER {REPLICATION_USER}@'127.0.0.1' IDENTIFIED BY '{{password}}';
GRANT REPLICATION SLAVE ON *.* TO {REPLICATION_USER}@'127.0.0.1';
"""

MONITOR = "GRANT BINLOG MONITOR, SLAVE MONITOR ON *.* TO {user}@'%', {user}@localhost;\n"


class Member(MariaDB):
    synchronous = False
    monitor = False
    is_replica = False
    is_followed = False

    def configure(self):
        """Writes the settings for what the server is now, which it has after a restart too."""
        super().configure()
        text = SETTINGS.format(number=self.fact("server_id"), read_only="on" if self.is_replica else "off")
        if self.synchronous:
            text += SYNCHRONOUS.format(role="SLAVE" if self.is_replica else "MASTER",
                                       confirmed="on" if self.is_followed else "off")
        with open(self.settings, "a") as file:
            file.write(text)

    def users(self):
        return (super().users() + USERS.format(password=self.password)
                + (MONITOR.format(user=self.user) if self.monitor else ""))

    def be(self, is_replica, is_followed):
        """Becomes a replica or a primary, at once if it runs; one that is followed waits for its replica."""
        self.is_replica, self.is_followed = is_replica, is_followed
        self.configure()
        if not self.answers():
            return
        with ThreadPoolExecutor() as pool:
            # It waits for commits that are under way, and these maybe for a replica that will not confirm them.
            setting = pool.submit(self.sql, f"SET GLOBAL read_only = {int(is_replica)}")
            await_true(f"{self.folder.name} refuses writes", lambda: setting.done() or self.end_waiting_commits())
            setting.result()
        if self.synchronous:
            self.sql(f"SET GLOBAL rpl_semi_sync_master_enabled = {int(is_followed)}")

    def end_waiting_commits(self):
        """Throws off whoever waits for a replica: told nothing, since it may never be confirmed."""
        for session in self.sql("SELECT id FROM information_schema.processlist WHERE state LIKE '%semi-sync ACK%'"):
            with contextlib.suppress(ServerError):  # gone by now
                self.sql(f"KILL {session}")

    def install(self):
        """Makes the data, with which it is another server: one passes over what it has written itself."""
        self.note(server_id=1 + secrets.randbelow(2**31))
        self.configure()
        super().install()

    def install_anew(self):
        """Forgets all data."""
        self.destroy()
        shutil.rmtree(self.folder / "data")
        self.install()
        self.start()

    def status(self, name):
        """What a replica tells about itself under this name."""
        lines = self.sql("SHOW SLAVE STATUS\\G", "--column-names")
        return next(value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == name)

    def written(self):
        """The last number that the log has of each server that wrote, as {(domain, server): number}."""
        positions = self.sql("SELECT @@gtid_binlog_state")[0].split(",")
        return {tuple(ids): int(number) for *ids, number in (one.split("-") for one in positions if one)}


class MariaDBCluster(Cluster):
    kind = MariaDB
    member = Member
    replica_count = 1

    def make(self):
        self.primary.prepare()
        for member in self.members:
            member.synchronous, member.monitor = self.synchronous, self.monitor
            member.is_replica, member.is_followed = member is not self.primary, member is self.primary
            if member.is_replica:
                member.prepare_like(self.primary)
        self.each(self.set_up, self.members)
        self.each(self.follow, self.replicas)

    @staticmethod
    def set_up(member):
        member.install()
        member.start()

    def pause(self, replica):
        """The replica goes on receiving and shows nothing new."""
        replica.sql("STOP SLAVE SQL_THREAD")

    def resume(self, replica):
        replica.sql("START SLAVE SQL_THREAD")

    def isolate(self, replica):
        """The replica receives nothing more, and clients reach it as before."""
        replica.sql("STOP SLAVE IO_THREAD")

    def connect(self, replica):
        """Ends isolate()."""
        replica.sql("START SLAVE IO_THREAD")
        await_true(f"{replica.folder.name} receives", lambda: replica.status("Slave_IO_Running") == "Yes")

    def follow(self, replica):
        """The replica receives from the primary what it does not have yet."""
        replica.sql(f"""
STOP SLAVE;
CHANGE MASTER TO MASTER_HOST = '{self.primary.host}', MASTER_PORT = {self.primary.port}, MASTER_CONNECT_RETRY = 1,
  MASTER_USER = '{REPLICATION_USER}', MASTER_PASSWORD = '{self.primary.password}', MASTER_USE_GTID = slave_pos,
  MASTER_DEMOTE_TO_SLAVE = 1;
START SLAVE;
""")

    def raise_up(self, replica):
        """Makes a replica one that can be written to, once it shows all that it has received."""
        replica.sql("STOP SLAVE IO_THREAD; START SLAVE SQL_THREAD")
        received = replica.status("Gtid_IO_Pos")
        await_true(f"{replica.folder.name} shows what it received", lambda: self.has_reached(replica, received))
        replica.sql("STOP SLAVE; RESET SLAVE ALL")
        replica.be(is_replica=False, is_followed=False)

    def bring_back(self, member):
        """Goes on with the member as it is, sessions too. One that wrote what the primary never got begins anew."""
        member.be(is_replica=True, is_followed=False)
        member.start()
        member.sql("STOP SLAVE")
        primary = self.primary.written()
        if any(number > primary.get(ids, 0) for ids, number in member.written().items()):
            member.install_anew()
        self.primary.be(is_replica=False, is_followed=True)  # a replica asks only once whether it is to confirm
        self.follow(member)

    def position(self):
        return self.primary.sql("SELECT @@gtid_binlog_pos")[0]

    def has_reached(self, replica, position):
        return replica.sql(f"SELECT MASTER_GTID_WAIT('{position}', 0)") == ["0"]
