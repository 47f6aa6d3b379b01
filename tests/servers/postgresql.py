"""A private PostgreSQL: a unix socket with trust for the superuser, TCP on 127.0.0.1 with TLS and SCRAM."""

import functools
import re
import shutil
import signal
import subprocess
from pathlib import Path

from certificates import CLIENT
from server import Missing, Server, is_running

OLDEST = 15
SUPERUSER = "trunkline"
DATABASE = "trunkline"
SCRAM_USER = "app"
TLS_USER = "app_tls"
CERTIFICATE_USER = CLIENT

# Without jit: nothing stops a statement while it is compiled, for up to some 100 ms, and cancels are timed here.
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
jit = off
password_encryption = scram-sha-256
ssl_ca_file = '{folder}/ca.crt'
ssl_key_file = '{folder}/server.key'
timezone = 'UTC'
log_timezone = 'UTC'
"""

ACCESS = f"""
local      all,replication  {SUPERUSER}           trust
local      all  all                               scram-sha-256
hostssl    all  {CERTIFICATE_USER}  127.0.0.1/32  cert
hostnossl  all  {CERTIFICATE_USER}  127.0.0.1/32  reject
hostnossl  all  {TLS_USER}          127.0.0.1/32  reject
host       all  all                 127.0.0.1/32  scram-sha-256
"""

USERS = f"""
CREATE ROLE {SCRAM_USER} LOGIN PASSWORD '{{password}}';
CREATE ROLE {TLS_USER} LOGIN PASSWORD '{{password}}';
CREATE ROLE {CERTIFICATE_USER} LOGIN;
CREATE DATABASE {DATABASE} OWNER {SCRAM_USER};
"""


@functools.cache
def find_programs():
    """The folder of the newest PostgreSQL programs on this machine."""
    candidates = [Path(p) for p in Path("/usr/lib/postgresql").glob("*/bin")]
    on_path = shutil.which("postgres")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    versions = {}
    for folder in candidates:
        if (folder / "initdb").exists():
            text = subprocess.run([folder / "postgres", "--version"], stdout=subprocess.PIPE, text=True).stdout
            found = re.search(r"\) (\d+)", text)
            if found and int(found[1]) >= OLDEST:
                versions[int(found[1])] = folder
    if not versions:
        raise Missing(f"no PostgreSQL {OLDEST} or newer (its package is 'postgresql')")
    return versions[max(versions)]


class PostgreSQL(Server):
    name = "postgresql"
    mark = "TL_PG_SOCKET"
    user = SCRAM_USER
    database = DATABASE
    stop_signal = signal.SIGINT  # throws the clients off
    find_programs = staticmethod(find_programs)

    def __init__(self, folder):
        super().__init__(folder)
        self.data = self.folder / "data"
        self.pid_file = self.data / "postmaster.pid"

    def create(self):
        """Makes the cluster, its certificates, role and database, and leaves the server running."""
        self.prepare()
        self.call(find_programs() / "initdb", "-D", self.data, "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync",
                  "--no-instructions", "--auth=trust")
        self.configure()
        self.start()
        self.sql(USERS.format(password=self.password), "postgres")

    def configure(self):
        self.append(self.data / "postgresql.conf",
                    SETTINGS.format(port=self.port, sockets=self.folder, folder=self.folder))
        (self.data / "pg_hba.conf").write_text(ACCESS)

    @staticmethod
    def append(path, text):
        with open(path, "a") as file:
            file.write(text)

    def pid_lines(self):
        """The lines of the server's own pid file: 0 is its pid, 6 its shared memory, 7 its state."""
        try:
            return self.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []

    def pid(self):
        """The running server's pid, or None."""
        lines = self.pid_lines()
        return int(lines[0]) if lines and is_running(int(lines[0])) else None

    def start(self):
        if self.pid() is None:
            self.forget_killed()
            certificate = self.shown_certificate()
            tls = ("-c", "ssl=on", "-c", f"ssl_cert_file={certificate}") if certificate else ("-c", "ssl=off")
            self.launch([find_programs() / "postgres", "-D", self.data, *tls],
                        lambda: self.pid_lines()[7:8] == ["ready   "])

    def sql(self, text, database=DATABASE):
        """Runs statements as the superuser, waiting for no replica; returns the lines of their answers."""
        target = (f"host={self.folder} port={self.port} user={SUPERUSER} dbname={database}"
                  " options='-c synchronous_commit=local'")
        return self.ask([find_programs() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", target], text)

    def forget_killed(self):
        """Takes away the lock files of a killed server: its pid may be a zombie's or another process's by now."""
        self.pid_file.unlink(missing_ok=True)
        for lock in self.folder.glob(".s.PGSQL.*"):
            lock.unlink()

    def destroy(self):
        """Ends the server for good, without a checkpoint; the shared memory that a killed one left is given back."""
        self.stop(signal.SIGQUIT)
        lines = self.pid_lines()
        if len(lines) > 6 and lines[6].split():
            subprocess.run(["ipcrm", "-m", lines[6].split()[1]], stderr=subprocess.DEVNULL)
            self.pid_file.unlink(missing_ok=True)

    def environment(self, control):
        """What tests are told of this server; control is the command line that steers it."""
        return {
            self.mark: str(self.folder),
            "TL_PG_PORT": self.fact("port"),
            "TL_PG_DATABASE": DATABASE,
            "TL_PG_USER": SUPERUSER,
            "TL_PG_SCRAM_USER": SCRAM_USER,
            "TL_PG_SCRAM_PASSWORD": self.fact("password"),
            "TL_PG_TLS_USER": TLS_USER,
            "TL_PG_CERTIFICATE_USER": CERTIFICATE_USER,
            "TL_PG_CA": str(self.folder / "ca.crt"),
            "TL_PG_OTHER_CA": str(self.folder / "other-ca.crt"),
            "TL_PG_CLIENT_CERTIFICATE": str(self.folder / "client.crt"),
            "TL_PG_CLIENT_KEY": str(self.folder / "client.key"),
            "TL_PG_CTL": control,
        }
