#!/usr/bin/env python3
"""Private database servers for tests: made in a temporary folder, told through the environment, gone afterwards.

  servers.py run [KIND …] -- COMMAND …   starts them, runs the command, stops them; ends as the command ended.
                                         Within another run the command simply uses that run's servers. A kind that is
                                         named and not on this machine ends it with 77, which Meson takes for skipped.
                                         Where the kind pgbouncer is named the command has that in place of a server,
                                         both its own: what one client leaves behind there others meet.
  servers.py up FOLDER                   starts to stay a PostgreSQL with two replicas and a MariaDB with one, noted in
                                         FOLDER, and prints `export` lines: of the primaries as in a run, of replica N
                                         TL_…_REPLICAN_SOCKET, TL_…_REPLICAN_PORT and TL_…_REPLICAN_CTL
  servers.py down FOLDER                 stops them again
  servers.py ctl SERVER stop|start|restart|kill
                                         steers one server; tests find this command line in TL_PG_CTL, TL_MARIADB_CTL
  servers.py ctl SERVER certificate server|wrong-name|expired|foreign|none
                                         starts it anew with this certificate (foreign: by another authority, that of
                                         TL_…_OTHER_CA; none: without TLS)

Without KIND all kinds of servers that are on this machine are meant. Tests that need replicas make clusters of their own: see
cluster.py.
"""

import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from certificates import OF_SERVER
from keeper import KINDS, SIGNALS, destroy_all, ignore_signals, kept_folder, kind_of, make_folder
from mariadb_cluster import MariaDBCluster
from postgresql_cluster import PostgreSQLCluster
from server import Missing, Server, ServerError

VERBS = (("stop",), ("start",), ("restart",), ("kill",), *(("certificate", name) for name in (*OF_SERVER, "none")))
CLUSTERS = [PostgreSQLCluster, MariaDBCluster]
SKIPPED = 77


def kinds_here():
    """The kinds whose programs are on this machine; says which are not."""
    here = []
    for kind in (kind for kind in KINDS if not kind.behind):
        try:
            kind.find_programs()
            here.append(kind)
        except Missing as missing:
            print(f"servers: {missing}", file=sys.stderr)
    return here


def kinds_named(names):
    """Of the kinds of these names those that are not in the environment already; they must be on this machine."""
    own = {name for kind in KINDS if kind.behind and kind.name in names for name in (kind.name, kind.behind)}
    kinds = [kind for kind in KINDS if kind.name in own or (kind.name in names and kind.mark not in os.environ)]
    for kind in kinds:
        kind.find_programs()
    return kinds


def missing_in_environment(kinds):
    return [kind for kind in kinds if kind.mark not in os.environ]


def all_at_once(creations):
    """Runs these functions side by side; when one fails the others give up."""
    with ThreadPoolExecutor() as pool:  # whose end waits for all, so that nothing is being made when we clean up
        running = [pool.submit(creation) for creation in creations]
        try:
            for creation in as_completed(running):
                creation.result()
        except BaseException:
            Server.abandoned.set()
            raise


def environment_of(server):
    """What tests are to know of a server that stands alone or is a primary."""
    return server.environment(shlex.join([sys.executable, str(Path(__file__).resolve()), "ctl", str(server.folder)]))


def environment_of_replica(server, number):
    """What differs from its primary: TL_PG_REPLICA1_SOCKET, …_PORT, …_CTL."""
    prefix, environment = server.mark.removesuffix("SOCKET"), environment_of(server)
    return {f"{prefix}REPLICA{number}_{what}": environment[prefix + what] for what in ("SOCKET", "PORT", "CTL")}


def create_servers(folder, kinds):
    """Starts one server of every kind and returns what tests are to know of them; proxies when theirs is there."""
    alone = [kind(folder / kind.name) for kind in kinds if kind.behind is None]
    proxies = [kind(folder / kind.name) for kind in kinds if kind.behind]
    all_at_once([server.create for server in alone])
    environment = {name: value for server in alone for name, value in environment_of(server).items()}
    all_at_once([functools.partial(proxy.create, {**os.environ, **environment}) for proxy in proxies])
    return environment | {name: value for proxy in proxies for name, value in environment_of(proxy).items()}


def create_clusters(folder, kinds):
    """Starts a primary with its replicas of every kind and returns what a shell is to know of them."""
    clusters = [cluster() for cluster in CLUSTERS if cluster.kind in kinds]
    all_at_once([functools.partial(cluster.create, folder) for cluster in clusters])
    environment = {}
    for cluster in clusters:
        environment.update(environment_of(cluster.primary))
        for number, replica in enumerate(cluster.replicas, 1):
            environment.update(environment_of_replica(replica, number))
    return environment


def leave(number, _frame):
    """The first signal ends us in order; those after it do not hurry us."""
    ignore_signals()
    sys.exit(128 + number)


def leave_on_signals():
    for number in SIGNALS:
        signal.signal(number, leave)


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


def seen_through(names, environment):
    """The proxies that are named, in the variables of the servers that they stand in front of."""
    proxies = [kind for kind in KINDS if kind.behind and kind.name in names]
    return {name: value for kind in proxies for name, value in kind.instead(environment).items()}


def run(names, command):
    try:
        kinds = kinds_named(names) if names else missing_in_environment(kinds_here())
    except Missing as missing:
        print(f"servers: {missing}", file=sys.stderr)
        return SKIPPED
    if not kinds:
        os.execvp(command[0], command)
    with kept_folder() as folder:
        leave_on_signals()
        try:
            environment = create_servers(folder, kinds)
            return run_command(command, environment | seen_through(names, {**os.environ, **environment}))
        finally:
            ignore_signals()


def up(state):
    note = Path(state) / "folder"
    if not note.exists():
        leave_on_signals()
        folder = make_folder()
        try:
            environment = create_clusters(folder, kinds_here())
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
    folder = Path(folder)
    kind = kind_of(folder)
    if kind is None or not folder.is_dir():
        raise ServerError(f"no server in {folder}")
    getattr(kind(folder), "show_certificate" if verb == "certificate" else verb)(*details)
    return 0


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
