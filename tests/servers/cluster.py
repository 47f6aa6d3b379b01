"""What private clusters share: a primary with replicas, in a folder that goes with the block or the process.

    from postgresql_cluster import PostgreSQLCluster

    with PostgreSQLCluster() as cluster:
        registry = trunkline.parse(cluster.toml("main"))
        …
        cluster.primary.kill()
        cluster.promote(cluster.foremost())

What is about one server is a method of the member: kill, stop, start, restart, freeze, thaw, sql. What is about
replication is one of the cluster. Each returns when it is true, and raises ServerError when it does not become so.

Ordinary clients reach a member at its host, port, database, user and password; `url` is all of them. What they may ask
it about replication stands with each kind.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from keeper import kept_folder
from server import ServerError, wait_until

PATIENCE = 120  # seconds, for a machine that is slow and busy


def await_true(what, condition, seconds=PATIENCE):
    if not wait_until(condition, seconds):
        raise ServerError(f"not within {seconds} s: {what}")


class Cluster:
    """A kind of cluster has a `kind` of server, the class `member` of its servers, how many `replica_count`, and
    make(), raise_up(), bring_back(), position() and has_reached(), besides pause(), resume(), isolate() and connect().

    synchronous: a write is confirmed once a replica has it: none is lost when one that has caught up is promoted.
    monitor: the ordinary user may read all of the server's state.
    """

    def __init__(self, synchronous=False, monitor=False):
        self.synchronous = synchronous
        self.monitor = monitor
        self.exits = ExitStack()

    def __enter__(self):
        with ExitStack() as exits:
            self.create(exits.enter_context(kept_folder()))
            self.exits = exits.pop_all()
        return self

    def __exit__(self, *_):
        self.exits.close()

    def create(self, folder):
        """Makes the servers in the folder: primary, replicas, members. Whoever calls this ends them."""
        numbers = ["", *(f"-{number}" for number in range(2, self.replica_count + 2))]
        self.members = [self.member(folder / (self.kind.name + number)) for number in numbers]
        self.primary, *self.replicas = self.members
        self.make()
        self.await_caught_up()

    def each(self, function, members):
        """Calls the function for all of them side by side."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(function, members))

    def toml(self, name="main", settings=""):
        """A configuration that writes to the primary and reads from its replicas, as they are now. It ends in their
        table, if there are any; settings are further lines of the connection."""
        server = self.primary
        read = ", ".join(f'{{ host = "{replica.host}", port = {replica.port} }}' for replica in self.replicas)
        replicas = f"[connections.{name}.replicas]\nread = [{read}]\n" if read else ""
        return f"""
[connections.{name}]
driver = "{server.name}"
host = "{server.host}"
port = {server.port}
database = "{server.database}"
user = "{server.user}"
password = "{server.password}"
{settings}
{replicas}"""

    def foremost(self):
        """The replica that has all that the primary confirmed, also when that is no more."""
        return self.replicas[0]

    def promote(self, replica):
        """The replica becomes the primary, and the others follow it. What was the primary is left as it is; it and the
        replicas that do not run now come back by demote()."""
        self.raise_up(replica)
        followers = [member for member in self.replicas if member is not replica and member.answers()]
        self.primary, self.replicas = replica, followers
        self.each(self.demote, followers)

    def demote(self, member):
        """The member becomes a replica of the primary and catches up, whatever it was and whether it runs. What it has
        that the primary never got is gone."""
        member.thaw()
        self.bring_back(member)
        if member not in self.replicas:
            self.replicas.append(member)
        self.await_caught_up(member)

    def caught_up(self, replica):
        """Whether the replica shows all that the primary has confirmed by now."""
        return self.has_reached(replica, self.position())

    def await_caught_up(self, *replicas):
        """These replicas, or all, show all that the primary has confirmed by now."""
        position = self.position()
        for replica in replicas or self.replicas:
            await_true(f"{replica.folder.name} catches up", lambda: self.has_reached(replica, position))
