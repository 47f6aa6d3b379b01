#!/usr/bin/env python3
"""Private database servers for tests: made in a temporary folder, told through the environment, gone afterwards.

  servers.py run [KIND …] -- COMMAND …   starts them, runs the command, stops them; ends as the command ended.
                                         Within another run the command simply uses that run's servers. A kind that is
                                         named and not on this machine ends it with 77, which Meson takes for skipped.
  servers.py up FOLDER                   starts them to stay, noted in FOLDER, and prints `export` lines
  servers.py down FOLDER                 stops them again
  servers.py ctl SERVER stop|start|restart|kill
                                         steers one server; tests find this command line in TL_PG_CTL, TL_MARIADB_CTL
  servers.py ctl SERVER certificate server|wrong-name|expired|foreign|none
                                         starts it anew with this certificate (foreign: by another authority, that of
                                         TL_…_OTHER_CA; none: without TLS)

Without KIND all kinds that are on this machine are meant.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from certificates import OF_SERVER
from mariadb import MariaDB
from postgresql import PostgreSQL
from server import Missing, Server, ServerError, kill_tree, named_in_commands, wait_until

KINDS = [PostgreSQL, MariaDB]
VERBS = (("stop",), ("start",), ("restart",), ("kill",), *(("certificate", name) for name in (*OF_SERVER, "none")))
SKIPPED = 77
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def make_folder():
    """A folder with a short path (unix sockets have about 100 bytes) that the servers' user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tl-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def kinds_here():
    """The kinds whose programs are on this machine; says which are not."""
    here = []
    for kind in KINDS:
        try:
            kind.find_programs()
            here.append(kind)
        except Missing as missing:
            print(f"servers: {missing}", file=sys.stderr)
    return here


def kinds_named(names):
    """The kinds of these names, each of which must be on this machine or in the environment."""
    kinds = [kind for kind in KINDS if kind.name in names]
    for kind in missing_in_environment(kinds):
        kind.find_programs()
    return kinds


def missing_in_environment(kinds):
    return [kind for kind in kinds if kind.mark not in os.environ]


def create_all(folder, kinds):
    """Starts one server of every kind, all at once, and returns what tests are to know of them."""
    servers = [kind(folder / kind.name) for kind in kinds]
    with ThreadPoolExecutor() as pool:  # whose end waits for all, so that nothing is being made when we clean up
        creations = [pool.submit(server.create) for server in servers]
        try:
            for creation in as_completed(creations):
                creation.result()
        except BaseException:
            Server.abandoned.set()
            raise
    environment = {}
    for server in servers:
        control = shlex.join([sys.executable, str(Path(__file__).resolve()), "ctl", str(server.folder)])
        environment.update(server.environment(control))
    return environment


def destroy_all(folder):
    """Ends the servers, and what a run that was killed while making them has left half made."""
    def is_empty():
        for kind in KINDS:
            kind(folder / kind.name).destroy()
        return not any(named_in_commands(folder / kind.name) for kind in KINDS)

    if not wait_until(is_empty, 20):
        for kind in KINDS:
            for pid in named_in_commands(folder / kind.name):
                kill_tree(pid)
    shutil.rmtree(folder, ignore_errors=True)


def ignore_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def leave(number, _frame):
    """The first signal ends us in order; those after it do not hurry us."""
    ignore_signals()
    sys.exit(128 + number)


def leave_on_signals():
    for number in SIGNALS:
        signal.signal(number, leave)


def start_keeper(folder):
    """A process that cleans up once we are gone, however we end: its pipe closes. Returns (its pid, our end)."""
    theirs, ours = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(theirs)
        return pid, ours
    os.setsid()  # a Ctrl-C at the terminal is not for the keeper
    ignore_signals()
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


def run(names, command):
    try:
        kinds = missing_in_environment(kinds_named(names) if names else kinds_here())
    except Missing as missing:
        print(f"servers: {missing}", file=sys.stderr)
        return SKIPPED
    if not kinds:
        os.execvp(command[0], command)
    folder = make_folder()
    keeper, lifeline = start_keeper(folder)
    leave_on_signals()
    try:
        return run_command(command, create_all(folder, kinds))
    finally:
        ignore_signals()
        os.close(lifeline)
        os.waitpid(keeper, 0)


def up(state):
    note = Path(state) / "folder"
    if not note.exists():
        leave_on_signals()
        folder = make_folder()
        try:
            environment = create_all(folder, kinds_here())
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


def control(folder, verb, *details):
    for kind in KINDS:
        if Path(folder).name == kind.name and Path(folder).is_dir():
            getattr(kind(folder), "show_certificate" if verb == "certificate" else verb)(*details)
            return 0
    raise ServerError(f"no server in {folder}")


def main(words):
    if words[:1] == ["run"] and "--" in words[:-1]:
        end = words.index("--")
        if {kind.name for kind in KINDS}.issuperset(words[1:end]):
            return run(words[1:end], words[end + 1:])
    if len(words) == 2 and words[0] in ("up", "down"):
        return {"up": up, "down": down}[words[0]](words[1])
    if words[:1] == ["ctl"] and tuple(words[2:]) in VERBS:
        return control(*words[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ServerError, OSError) as error:
        sys.exit(f"servers: {error}")
