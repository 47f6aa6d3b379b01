#!/usr/bin/env python3
"""Folders of private servers, and a process that clears each away once whoever made it is gone, however it ended.

  keeper.py FOLDER     waits for a byte or the end of its input, and destroys what is in the folder

It is a program of its own: a mere fork would hold on to what its parent has open, other keepers' pipes among it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from mariadb import MariaDB
from pgbouncer import PgBouncer
from postgresql import PostgreSQL
from server import ServerError, kill_tree, named_in_commands, wait_until

KINDS = [PostgreSQL, MariaDB, PgBouncer]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def make_folder():
    """A folder with a short path (unix sockets have about 100 bytes) that the servers' user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tl-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def kind_of(folder):
    """The kind of the server whose folder this is, by its name: "mariadb", "mariadb-2"; None when it is none's."""
    return next((kind for kind in KINDS if folder.name.partition("-")[0] == kind.name), None)


def servers_in(folder):
    return [kind_of(entry)(entry) for entry in folder.iterdir() if kind_of(entry)]


def destroy_all(folder):
    """Ends the servers, and what a run that was killed while making them has left half made."""
    def is_empty():
        servers = servers_in(folder)
        for server in servers:
            server.destroy()
        return not any(named_in_commands(server.folder) for server in servers)

    if not wait_until(is_empty, 20):
        for server in servers_in(folder):
            for pid in named_in_commands(server.folder):
                kill_tree(pid)
    shutil.rmtree(folder, ignore_errors=True)


def ignore_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def kept_folder():
    """A folder that is gone, with all servers in it, when the block has ended or this process is no more."""
    folder = make_folder()
    # In a session of its own: a Ctrl-C at the terminal is not for the keeper.
    keeper = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(folder)], stdin=subprocess.PIPE,
                              start_new_session=True)
    try:
        yield folder
    finally:
        keeper.communicate(b".")  # a byte, since a child that this process forked may hold the pipe open


def main(folder):
    ignore_signals()
    os.read(0, 1)
    destroy_all(Path(folder))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ServerError, OSError) as error:
        sys.exit(f"servers: {error}")
