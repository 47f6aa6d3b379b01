#!/usr/bin/env python3
"""Programs that end while they dial over TLS end well: exit code 0, in time, without a word.

  exits.py PROGRAM    against the private server, and against a listener that stalls in the middle of the handshake;
                      ten times each, a hundred with TRUNKLINE_SOAK set
"""

import os
import socket
import subprocess
import sys
import threading
import time

WITHIN = 3.0  # seconds from the end of main
CANARY = "canary-8d1f-password"


def configuration(port, password, ca, create_timeout):
    """Every query dials: no session is kept."""
    return f"""
[connections.db]
driver = "postgresql"
host = "localhost"
port = {port}
user = "{os.environ['TL_PG_SCRAM_USER']}"
password = "{password}"
database = "{os.environ['TL_PG_DATABASE']}"
sslmode = "verify-full"
ca = "{ca}"
[connections.db.pool]
max_idle = 0
create_timeout = "{create_timeout}"
"""


class StallingServer:
    """Agrees to TLS, hears the client's first message of the handshake, and says no more."""

    def __init__(self):
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
            if caller.recv(8, socket.MSG_WAITALL):
                caller.sendall(b"S")
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


def against_server(program, times):
    toml = configuration(os.environ["TL_PG_PORT"], os.environ["TL_PG_SCRAM_PASSWORD"], os.environ["TL_PG_CA"], "10s")
    # From before the first dial to the middle of later ones; a handshake takes about 8 ms.
    return [end_of(program, toml, lambda i=i: time.sleep(0.25 * i / times)) for i in range(times)]


def against_staller(program, times):
    server = StallingServer()
    toml = configuration(server.port, CANARY, os.environ["TL_PG_CA"], "30s")
    problems = []
    for _ in range(times):
        problems.append(end_of(program, toml, lambda: server.heard.acquire(timeout=30)))
        server.forget()
    return problems


def main():
    program = sys.argv[1]
    times = 100 if os.environ.get("TRUNKLINE_SOAK") else 10
    failed = 0
    for name, run in (("server", against_server), ("staller", against_staller)):
        problems = [problem for problem in run(program, times) if problem]
        for problem in problems:
            print(f"{name}: {problem}")
        print(f"{name}: {times - len(problems)} of {times} ended well")
        failed += len(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
