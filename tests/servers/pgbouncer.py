"""Two private PgBouncers in front of a private PostgreSQL, as Debian has them: each transaction on any server session.

They know the databases `two`, which is the ordinary one with two server sessions, `kept`, the same pooled by session,
and all others by their own names. One refuses the start-up parameters that it does not know, the other ignores them, as
the manuals of some drivers advise.
"""

import functools
import shutil
import signal
from pathlib import Path

from server import Missing, Server, free_port, is_running

SETTINGS = """
[databases]
two = host={server} port={server_port} dbname={database} pool_size=2
kept = host={server} port={server_port} dbname={database} pool_size=2 pool_mode=session
* = host={server} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
unix_socket_mode = 0700
pidfile = {folder}/pid
auth_type = hba
auth_hba_file = {folder}/hba
auth_file = {folder}/users
auth_user = {superuser}
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
server_login_retry = 1
ignore_startup_parameters = {ignored}
log_connections = 0
log_disconnections = 0
"""

ACCESS = """
local  all  {superuser}                trust
local  all  all                        scram-sha-256
host   all  all          127.0.0.1/32  scram-sha-256
"""

# All others are looked up on the server.
USERS = """
"{superuser}" ""
"""


@functools.cache
def find_programs():
    """PgBouncer's path."""
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if found is None:
        raise Missing("no PgBouncer (its package is 'pgbouncer')")
    return found


class PgBouncer(Server):
    name = "pgbouncer"
    mark = "TL_PGBOUNCER_SOCKET"
    behind = "postgresql"  # the kind that must be there first
    stop_signal = signal.SIGTERM
    find_programs = staticmethod(find_programs)

    def __init__(self, folder):
        super().__init__(folder)
        self.pid_file = self.folder / "pid"

    def create(self, environment):
        """Starts both, before the PostgreSQL that the environment tells of."""
        self.create_one(environment, ignored="")
        self.ignoring().create_one(environment, ignored="options")

    def ignoring(self):
        """The other one."""
        return PgBouncer(self.folder.with_name("pgbouncer-ignoring"))

    def create_one(self, environment, ignored):
        self.make_folder()
        self.note(port=free_port())
        facts = {"server": environment["TL_PG_SOCKET"], "server_port": environment["TL_PG_PORT"],
                 "database": environment["TL_PG_DATABASE"], "superuser": environment["TL_PG_USER"],
                 "folder": self.folder, "port": self.port, "ignored": ignored}
        self.note(settings=SETTINGS.format(**facts), hba=ACCESS.format(**facts), users=USERS.format(**facts))
        self.start()

    def pid(self):
        """The running proxy's pid, or None."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_running(pid) else None

    def start(self):
        if self.pid() is None:
            socket = Path(self.folder, f".s.PGSQL.{self.port}")
            self.launch([find_programs(), self.folder / "settings"], lambda: self.pid() and socket.exists())

    def destroy(self):
        self.stop()

    @staticmethod
    def instead(environment):
        """What a command is told that is to meet the proxy, and no server directly."""
        return {"TL_PG_SOCKET": environment["TL_PGBOUNCER_SOCKET"], "TL_PG_PORT": environment["TL_PGBOUNCER_PORT"],
                "TL_PG_PROXY": "1"}

    def environment(self, _control):
        """What tests are told."""
        return {
            self.mark: str(self.folder),
            "TL_PGBOUNCER_PORT": self.fact("port"),
            "TL_PGBOUNCER_IGNORING_SOCKET": str(self.ignoring().folder),
            "TL_PGBOUNCER_IGNORING_PORT": self.ignoring().fact("port"),
        }
