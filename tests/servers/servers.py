#!/usr/bin/env python3
"""Private database servers for tests: made in a temporary folder, told through the environment, gone afterwards.

  servers.py run -- COMMAND …            starts them, runs the command, stops them; ends as the command ended.
                                         Within another run the command simply uses that run's servers.
  servers.py up FOLDER                   starts them to stay, noted in FOLDER, and prints `export` lines
  servers.py down FOLDER                 stops them again
  servers.py ctl SERVER stop|start|restart|kill
                                         steers one server; tests find this command line in TL_PG_CTL
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from postgresql import PostgreSQL
from server import ServerError

KINDS = [PostgreSQL]
VERBS = ("stop", "start", "restart", "kill")


def make_folder():
    """A folder with a short path (unix sockets have about 100 bytes) that the servers' user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tl-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def servers_in(folder):
    return [kind(folder / kind.name) for kind in KINDS]


def create_all(folder):
    """Starts one server of every kind and returns what tests are to know of them."""
    environment = {}
    for server in servers_in(folder):
        server.create()
        control = shlex.join([sys.executable, str(Path(__file__).resolve()), "ctl", str(server.folder)])
        environment.update(server.environment(control))
    return environment


def destroy_all(folder):
    for server in servers_in(folder):
        server.destroy()
    shutil.rmtree(folder, ignore_errors=True)


def start_keeper(folder):
    """A process that cleans up once we are gone, however we end: its pipe closes. Returns (its pid, our end)."""
    theirs, ours = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(theirs)
        return pid, ours
    os.setsid()  # a Ctrl-C at the terminal is not for the keeper
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.close(ours)
    os.read(theirs, 1)
    status = 0
    try:
        destroy_all(folder)
    except (ServerError, OSError) as error:
        print(f"servers: {error}", file=sys.stderr, flush=True)
        status = 1
    os._exit(status)


def run_command(command, environment):
    """Runs the command to its end and returns its exit code; a signal that ends us ends the command first."""
    try:
        process = subprocess.Popen(command, env={**os.environ, **environment})
    except OSError as error:
        print(f"servers: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    try:
        code = process.wait()
    except SystemExit:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    return code if code >= 0 else 128 - code


def leave(number, _frame):
    sys.exit(128 + number)


def run(command):
    if "TL_PG_SOCKET" in os.environ:
        os.execvp(command[0], command)
    folder = make_folder()
    keeper, lifeline = start_keeper(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        return run_command(command, create_all(folder))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(lifeline)
        os.waitpid(keeper, 0)


def up(state):
    note = Path(state) / "folder"
    if not note.exists():
        folder = make_folder()
        try:
            environment = create_all(folder)
        except BaseException:
            destroy_all(folder)
            raise
        note.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
        (note.parent / "environment").write_text("".join(lines))
        note.write_text(str(folder))
    print((note.parent / "environment").read_text(), end="")
    return 0


def down(state):
    note = Path(state) / "folder"
    if note.exists():
        destroy_all(Path(note.read_text()))
        shutil.rmtree(note.parent)
    return 0


def control(folder, verb):
    for kind in KINDS:
        if Path(folder).name == kind.name and Path(folder).is_dir():
            getattr(kind(folder), verb)()
            return 0
    raise ServerError(f"no server in {folder}")


def main(words):
    if len(words) > 2 and words[:2] == ["run", "--"]:
        return run(words[2:])
    if len(words) == 2 and words[0] in ("up", "down"):
        return {"up": up, "down": down}[words[0]](words[1])
    if len(words) == 3 and words[0] == "ctl" and words[2] in VERBS:
        return control(words[1], words[2])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ServerError, OSError) as error:
        sys.exit(f"servers: {error}")
