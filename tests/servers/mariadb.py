"""A private MariaDB: a unix socket without a password for one user, TCP on 127.0.0.1 with TLS and passwords."""

import functools
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from certificates import CLIENT
from server import Missing, Server, is_running

OLDEST = (10, 11)
SUPERUSER = "trunkline"
DATABASE = "trunkline"
PASSWORD_USER = "app"
TLS_USER = "app_tls"
CERTIFICATE_USER = CLIENT

# Two hundred sessions and the tables fit below the usual limit of 1024 open files. The socket lies in the data folder,
# into which only the server's user and root can look: its users need no password.
SETTINGS = """
[mariadbd]
datadir = {folder}/data
tmpdir = {folder}
socket = {folder}/data/socket
pid_file = {folder}/data/pid
bind_address = 127.0.0.1
port = {port}
skip_name_resolve = on
max_connections = 200
table_open_cache = 200
table_open_cache_instances = 1
max_allowed_packet = 64M
character_set_server = utf8mb4
collation_server = utf8mb4_general_ci
default_time_zone = '+00:00'
local_infile = on
event_scheduler = off
performance_schema = off
sync_binlog = 0
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
innodb_doublewrite = 0
innodb_use_native_aio = 0
innodb_buffer_pool_size = 64M
innodb_buffer_pool_dump_at_shutdown = off
innodb_buffer_pool_load_at_startup = off
innodb_log_file_size = 48M
key_buffer_size = 1M
aria_pagecache_buffer_size = 8M
ssl_ca = {folder}/ca.crt
ssl_key = {folder}/server.key
"""

USERS = f"""
FLUSH PRIVILEGES;
CREATE DATABASE {DATABASE};
CREATE USER {SUPERUSER}@localhost;
GRANT ALL PRIVILEGES ON *.* TO {SUPERUSER}@localhost WITH GRANT OPTION;
CREATE USER {PASSWORD_USER}@'%' IDENTIFIED BY '{{password}}', {PASSWORD_USER}@localhost IDENTIFIED BY '{{password}}';
GRANT ALL PRIVILEGES ON {DATABASE}.* TO {PASSWORD_USER}@'%', {PASSWORD_USER}@localhost;
CREATE USER {TLS_USER}@'%' IDENTIFIED BY '{{password}}' REQUIRE SSL;
CREATE USER {CERTIFICATE_USER}@'%' REQUIRE SUBJECT '/CN={CLIENT}';
GRANT ALL PRIVILEGES ON {DATABASE}.* TO {TLS_USER}@'%', {CERTIFICATE_USER}@'%';
"""


@functools.cache
def find_programs():
    """The paths of the programs by their names; mariadbd is seldom on a user's PATH."""
    programs = {name: shutil.which(name) for name in ("mariadbd", "mariadb-install-db", "mariadb")}
    if programs["mariadbd"] is None:
        programs["mariadbd"] = shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/usr/libexec")
    if all(programs.values()):
        command = [programs["mariadbd"], "--no-defaults", "--version"]
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
        found = re.search(r"Ver (\d+)\.(\d+)\.", text)
        if found and (int(found[1]), int(found[2])) >= OLDEST:
            return programs
    raise Missing("no MariaDB %d.%d or newer (its packages are 'mariadb-server-core' and 'mariadb-client-core')"
                  % OLDEST)


class MariaDB(Server):
    name = "mariadb"
    mark = "TL_MARIADB_SOCKET"
    user = PASSWORD_USER
    database = DATABASE
    stop_signal = signal.SIGTERM
    find_programs = staticmethod(find_programs)

    def __init__(self, folder):
        super().__init__(folder)
        self.settings = self.folder / "my.cnf"
        self.socket = self.folder / "data" / "socket"
        self.pid_file = self.folder / "data" / "pid"

    def create(self):
        """Makes the data folder with its users and database, the certificates, and leaves the server running."""
        self.prepare()
        self.configure()
        self.install()
        self.start()

    def configure(self):
        self.settings.write_text(SETTINGS.format(folder=self.folder, port=self.port))

    def install(self):
        """Makes the data folder."""
        users = self.folder / "users.sql"
        users.write_text(self.users())
        # What is for cross-bootstrapping knows no host names, and so looks none up.
        self.call(find_programs()["mariadb-install-db"], f"--defaults-file={self.settings}", "--cross-bootstrap",
                  "--skip-test-db", f"--extra-file={users}")

    def users(self):
        """The statements that make the users."""
        return USERS.format(password=self.password)

    def pid(self):
        """The running server's pid, or None."""
        try:
            text = self.pid_file.read_text().strip()
        except FileNotFoundError:
            return None
        return int(text) if text and is_running(int(text)) else None

    def start(self):
        if self.pid() is None:
            self.pid_file.unlink(missing_ok=True)  # a killed server's: its pid may be another process's by now
            certificate = self.shown_certificate()
            tls = f"--ssl-cert={certificate}" if certificate else "--skip-ssl"
            self.launch([find_programs()["mariadbd"], f"--defaults-file={self.settings}", tls], self.greets)

    def greets(self):
        """Whether the server speaks: it listens a while before it does."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                return client.recv(1) != b""
            except OSError:
                return False

    def sql(self, text, *options):
        """Runs statements as the superuser and returns the lines of their answers; options are the client's."""
        return self.ask([find_programs()["mariadb"], "--no-defaults", "-N", "-B", f"--socket={self.socket}", "-u",
                         SUPERUSER, *options, DATABASE], text)

    def destroy(self):
        """Ends the server for good; nothing of it is kept, so it need not put anything in order."""
        self.kill()

    def environment(self, control):
        """What tests are told of this server; control is the command line that steers it."""
        return {
            self.mark: str(self.socket),
            "TL_MARIADB_PORT": self.fact("port"),
            "TL_MARIADB_DATABASE": DATABASE,
            "TL_MARIADB_USER": SUPERUSER,
            "TL_MARIADB_PASSWORD_USER": PASSWORD_USER,
            "TL_MARIADB_PASSWORD": self.fact("password"),
            "TL_MARIADB_TLS_USER": TLS_USER,
            "TL_MARIADB_CERTIFICATE_USER": CERTIFICATE_USER,
            "TL_MARIADB_CA": str(self.folder / "ca.crt"),
            "TL_MARIADB_OTHER_CA": str(self.folder / "other-ca.crt"),
            "TL_MARIADB_CLIENT_CERTIFICATE": str(self.folder / "client.crt"),
            "TL_MARIADB_CLIENT_KEY": str(self.folder / "client.key"),
            "TL_MARIADB_CTL": control,
        }
