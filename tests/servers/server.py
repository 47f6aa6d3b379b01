"""What every kind of private server shares: an unprivileged user, a folder, a port, and the life of a process."""

import grp
import os
import pwd
import random
import secrets
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from certificates import make_certificates


class ServerError(Exception):
    """A server could not be made, started or stopped; the text is for a person."""


class Missing(ServerError):
    """The programs of a kind of server are not on this machine."""


def unprivileged_user():
    """The (user name, group name) that servers run as when we are root, else None: they run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name
        except KeyError:
            continue
    raise ServerError("running as root, but there is neither a user 'postgres' nor 'nobody' to run a server as")


def free_port():
    """A free TCP port below the ephemeral range, so that no outgoing connection takes it while its server is down."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerError("no free TCP port on 127.0.0.1")


def state_of(pid):
    """The kernel's letter for what the process does, "T" when it is stopped; "X" when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_running(pid):
    """Whether the process lives; one that only waits for its parent to ask after it does not."""
    return state_of(pid) not in "ZX"


def children_of(pid):
    """The living direct children of a process."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    children.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return children


def named_in_commands(folder):
    """The living processes whose command line names the folder or what is in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.fsencode(f"{folder}/") in entry.joinpath("cmdline").read_bytes() and is_running(entry.name):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def wait_until(condition, seconds):
    """Polls until the condition holds; False when it did not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def send(pid, number):
    """Sends a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stop_tree(pid):
    """SIGSTOP to a server and then to its children, of which it can make no more; returns them all."""
    send(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) in "TZX", 10)
    tree = [pid, *children_of(pid)]
    for each in tree:
        send(each, signal.SIGSTOP)
    return tree


def kill_tree(pid):
    """SIGKILL to a server and its children."""
    doomed = stop_tree(pid)
    for each in doomed:
        send(each, signal.SIGKILL)
    if not wait_until(lambda: not any(is_running(each) for each in doomed), 10):
        raise ServerError(f"process {pid} or a child of it outlived SIGKILL")


class Server:
    """One private server in a folder of its own. A kind of server says how it is made and what is exported.

    A kind has a `name`, with which its folder's begins; a `mark`, the variable that tells that there is one; a
    `stop_signal`; the `user` and `database` of ordinary clients; find_programs(), which raises Missing; and create(),
    pid(), start(), destroy(), sql(), environment(). It starts with the certificate that shown_certificate() names.
    """

    behind = None  # of a proxy: the kind that it stands in front of, in whose environment it is made
    abandoned = threading.Event()  # set: whoever still makes a server gives up
    host = "127.0.0.1"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.owner = unprivileged_user()
        self.log = self.folder / "log"

    def make_folder(self):
        self.folder.mkdir(mode=0o711)
        if self.owner:
            entry = pwd.getpwnam(self.owner[0])
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def prepare(self):
        """Makes the folder with certificates, a port and a password."""
        self.make_folder()
        make_certificates(self)
        self.note(port=free_port(), password=f"{self.name}-{secrets.token_hex(12)}", certificate="server")

    def prepare_like(self, other):
        """Makes the folder with the certificates and the password of another server, and a port of its own."""
        self.make_folder()
        self.call("cp", *other.folder.glob("*.crt"), *other.folder.glob("*.key"), self.folder)
        self.note(port=free_port(), password=other.password, certificate=other.fact("certificate"))

    def note(self, **facts):
        for name, value in facts.items():
            (self.folder / name).write_text(str(value))

    def fact(self, name):
        """What was noted in a file of the folder, maybe by another process."""
        return (self.folder / name).read_text()

    @property
    def port(self):
        return int(self.fact("port"))

    @property
    def password(self):
        """The ordinary clients' password."""
        return self.fact("password")

    @property
    def url(self):
        return f"{self.name}://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def shown_certificate(self):
        """The path of the certificate that the server is to show, None when it is to have no TLS."""
        name = self.fact("certificate")
        return None if name == "none" else self.folder / f"{name}.crt"

    def show_certificate(self, name):
        """Has the server go on with another of its certificates; "none": without TLS."""
        self.note(certificate=name)
        self.restart()

    def stop(self, number=None):
        """Ends the server in order, by its own signal or another; by force when that takes too long."""
        self.thaw()
        pid = self.pid()
        if pid is not None:
            send(pid, number or self.stop_signal)
            if not wait_until(lambda: not is_running(pid), 20):
                self.kill()

    def restart(self):
        self.stop()
        self.start()

    def kill(self):
        """The server dies without a word to anyone, as in a crash."""
        pid = self.pid()
        if pid is not None:
            kill_tree(pid)

    def freeze(self):
        """The server stands still: it answers nobody, and its connections stay open."""
        tree = stop_tree(self.pid())
        if not wait_until(lambda: all(state_of(each) in "TZX" for each in tree), 10):
            raise ServerError(f"{self.folder.name} does not stand still")

    def is_frozen(self):
        pid = self.pid()
        return pid is not None and state_of(pid) == "T"

    def answers(self):
        return self.pid() is not None and not self.is_frozen()

    def thaw(self):
        """A frozen server goes on as if nothing had been."""
        if self.is_frozen():
            for each in [*children_of(self.pid()), self.pid()]:
                send(each, signal.SIGCONT)

    def settings_of_child(self):
        """How a child of ours is started: as the unprivileged user, in the folder, with no settings of the caller's."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(self.folder)}
        settings = {"cwd": self.folder, "env": environment}
        if self.owner:
            settings.update(user=self.owner[0], group=self.owner[1], extra_groups=[])
        return settings

    def give_up_if_abandoned(self):
        if self.abandoned.is_set():
            raise ServerError(f"{self.name}: given up")

    def call(self, *command, text=None):
        """Runs a command to its end and returns its output; when it fails the error tells it."""
        self.give_up_if_abandoned()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True,
                                   **self.settings_of_child())
        try:
            output, _ = process.communicate(text)
        except BaseException:
            process.communicate()  # a second at most; initdb, when broken off, leaves shared memory behind
            raise
        if process.returncode != 0:
            raise ServerError(f"{Path(command[0]).name} failed with {process.returncode}:\n{output}")
        return output

    def ask(self, client, text):
        """The lines that a command-line client prints for these statements."""
        if not self.answers():
            raise ServerError(f"{self.folder.name} is {'frozen' if self.pid() else 'down'} and cannot be asked: {text}")
        return self.call(*client, text=text).splitlines()

    def launch(self, command, is_ready, seconds=60):
        """Starts the server as a session of its own and waits until it takes connections."""
        self.give_up_if_abandoned()
        with open(self.log, "ab") as log:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True, **self.settings_of_child())
        try:
            if not wait_until(lambda: is_ready() or process.poll() is not None, seconds) or process.poll() is not None:
                raise ServerError(f"{Path(command[0]).name} did not start:\n{self.end_of_log()}")
        except BaseException:
            kill_tree(process.pid)
            raise
        process.returncode = 0  # it outlives us on purpose

    def end_of_log(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
