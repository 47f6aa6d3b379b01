#!/usr/bin/env python3
"""Programs that end while they dial over TLS end well: exit code 0, in time, without a word.

  exits.py PROGRAM postgresql|mariadb    against the private server, and against a listener that stalls in the middle of
                                         the handshake; ten times each, a hundred with TRUNKLINE_SOAK set
"""

import os
import socket
import subprocess
import sys
import threading
import time

WITHIN = 3.0  # seconds from the end of main
CANARY = "canary-8d1f-password"


class PostgreSQL:
    driver = "postgresql"
    variables = {"port": "TL_PG_PORT", "user": "TL_PG_SCRAM_USER", "password": "TL_PG_SCRAM_PASSWORD",
                 "database": "TL_PG_DATABASE", "ca": "TL_PG_CA"}

    @staticmethod
    def begin_tls(caller):
        """Agrees to TLS, as the server does."""
        caller.recv(8, socket.MSG_WAITALL)
        caller.sendall(b"S")


class MariaDB:
    driver = "mariadb"
    variables = {"port": "TL_MARIADB_PORT", "user": "TL_MARIADB_PASSWORD_USER", "password": "TL_MARIADB_PASSWORD",
                 "database": "TL_MARIADB_DATABASE", "ca": "TL_MARIADB_CA"}

    @staticmethod
    def begin_tls(caller):
        """Greets in the server's own words, which offer TLS, and hears that it is wanted."""
        with socket.create_connection(("127.0.0.1", int(os.environ["TL_MARIADB_PORT"]))) as server:
            caller.sendall(server.recv(4096))
        caller.recv(36, socket.MSG_WAITALL)


def fact(kind, name):
    return os.environ[kind.variables[name]]


def configuration(kind, port, password, create_timeout):
    """Every query dials: no session is kept."""
    return f"""
[connections.db]
driver = "{kind.driver}"
host = "127.0.0.1"
port = {port}
user = "{fact(kind, 'user')}"
password = "{password}"
database = "{fact(kind, 'database')}"
sslmode = "verify-full"
ca = "{fact(kind, 'ca')}"
[connections.db.pool]
max_idle = 0
create_timeout = "{create_timeout}"
"""


class StallingServer:
    """Agrees to TLS, hears the client's first message of the handshake, and says no more."""

    def __init__(self, kind):
        self.kind = kind
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.heard = threading.Semaphore(0)
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            caller, _ = self.listener.accept()
            self.kept.append(caller)
            threading.Thread(target=self.stall, args=(caller,), daemon=True).start()

    def stall(self, caller):
        try:
            self.kind.begin_tls(caller)
            if caller.recv(1):
                self.heard.release()
        except OSError:
            pass

    def forget(self):
        """Lets go of the callers of a program that has ended."""
        while self.kept:
            self.kept.pop().close()
        while self.heard.acquire(blocking=False):
            pass


def end_of(program, toml, wait):
    """Starts the program, calls wait, lets its main return; answers what was wrong with its end, or None."""
    process = subprocess.Popen([program, toml], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait()
        if process.poll() is not None:
            return f"ended by itself with {process.returncode}"
        began = time.monotonic()
        output, _ = process.communicate(timeout=30)
        took = time.monotonic() - began
    except subprocess.TimeoutExpired:
        return "did not end within 30 s"
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        return f"exit code {process.returncode}: {output.decode(errors='replace')[-300:]}"
    if took > WITHIN:
        return f"took {took:.1f} s to end"
    if output:
        return "wrote: " + output.decode(errors="replace").replace(CANARY, "THE PASSWORD")[:300]
    return None


def against_server(program, kind, times):
    toml = configuration(kind, fact(kind, "port"), fact(kind, "password"), "10s")
    # From before the first dial to the middle of later ones; a handshake takes about 8 ms.
    return [end_of(program, toml, lambda i=i: time.sleep(0.25 * i / times)) for i in range(times)]


def against_staller(program, kind, times):
    server = StallingServer(kind)
    toml = configuration(kind, server.port, CANARY, "30s")
    problems = []
    for _ in range(times):
        problems.append(end_of(program, toml, lambda: server.heard.acquire(timeout=30)))
        server.forget()
    return problems


def main():
    program = sys.argv[1]
    kind = {each.driver: each for each in (PostgreSQL, MariaDB)}[sys.argv[2]]
    times = 100 if os.environ.get("TRUNKLINE_SOAK") else 10
    failed = 0
    for name, run in (("server", against_server), ("staller", against_staller)):
        problems = [problem for problem in run(program, kind, times) if problem]
        for problem in problems:
            print(f"{name}: {problem}")
        print(f"{name}: {times - len(problems)} of {times} ended well")
        failed += len(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
