"""What the tests of routing and failover share: paths, sizes, and a ledger of what was written."""

import os
import sys
import threading
import time
import unittest
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "servers"), str(TESTS.parent / "bindings" / "python")]

import cluster  # noqa: E402
import trunkline  # noqa: E402

SOAK = bool(os.environ.get("TRUNKLINE_SOAK"))
await_true = partial(cluster.await_true, seconds=60)  # for what must happen at all


def full_size(number):
    """As it is in a soak; a tenth of it in the suite."""
    return number if SOAK else number // 10


def margin(seconds):
    """As it is in a soak; ten times of it in the suite, whose machine does other things beside."""
    return seconds if SOAK else seconds * 10


def run_in_threads(count, work):
    """work(i) for each i below count, side by side. Raises what the first that failed has raised."""
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as failure:  # noqa: B902
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Ledger:
    """Writers, each a thread of its own, that write down each id before they send it and what became of it: `acknowledged`,
    `unknown`, or `not_run` where the error says that it certainly had no effect. Each goes on until `stop()`."""

    DEADLINE = 10.0  # seconds of a call
    TABLE = "CREATE TABLE ledger (id bigint NOT NULL, writer int NOT NULL)"
    INSERT = "INSERT INTO ledger (id, writer) VALUES (?, ?)"

    def __init__(self, connection, writers=4):
        self.connection = connection
        self.attempted, self.acknowledged, self.unknown, self.not_run = [], [], [], []
        self.times = [[] for _ in range(writers)]  # of each writer: when its writes began and were acknowledged
        self.errors = []  # (when, error)
        self.longest = 0.0
        self._ids = iter(range(1, 1 << 60))
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(i,)) for i in range(writers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.await_writes()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def await_writes(self, after=None):
        """Until each writer has had a write acknowledged that it began after `after`, which is now. How long after it the
        first write was acknowledged at all."""
        since = time.monotonic() if after is None else after
        await_true("all writers write", lambda: all(times and times[-1][0] > since for times in self.times))
        return min(ended for times in self.times for _, ended in times if ended > since) - since

    def _write(self, writer):
        while not self._stopping.is_set():
            with self._lock:
                number = next(self._ids)
            self.attempted.append(number)
            began = time.monotonic()
            try:
                self.connection.query(self.INSERT, [number, writer], timeout=self.DEADLINE)
                self.acknowledged.append(number)
                self.times[writer].append((began, time.monotonic()))
            except trunkline.Error as error:
                unknown = error.outcome == "unknown"
                (self.unknown if unknown else self.not_run).append(number)
                self.errors.append((time.monotonic(), error))
                self._stopping.wait(0.01)
            self.longest = max(self.longest, time.monotonic() - began)

    def check(self, test, ids):
        """`ids`: all that are there in the end."""
        there = set(ids)
        test.assertEqual(len(there), len(ids), "something was executed twice")
        test.assertEqual(sorted(set(self.acknowledged) - there), [], "acknowledged, and not there")
        test.assertEqual(sorted(set(self.not_run) & there), [], "told as not run, and there")
        test.assertEqual(sorted(there - set(self.attempted)), [])
        test.assertLess(self.longest, self.DEADLINE + margin(0.3), "a call went past its deadline")
        print(f"{len(self.attempted)} attempted, {len(self.acknowledged)} acknowledged, {len(self.unknown)} unknown, "
              f"{len(self.not_run)} not run; the longest call {self.longest:.3f} s")

    def errors_outside(self, *outages):
        """The errors that came in none of the outages (from, to)."""
        return [(at - outages[0][0], error) for at, error in self.errors
                if not any(begin <= at <= end for begin, end in outages)]


class Writes(unittest.TestCase):
    """What the failovers of every kind of server have in common."""

    def ids(self, cluster):
        return [int(line) for line in cluster.primary.sql("SELECT id FROM ledger")]

    def begin(self, cluster):
        registry = trunkline.parse(cluster.toml())
        self.addCleanup(registry.close)
        main = registry.on("main")
        main.query(Ledger.TABLE)
        return registry, main

    def survive_a_kill(self, cluster):
        """The primary is killed while others write, and a replica promoted. Answers the connection."""
        _, main = self.begin(cluster)
        with Ledger(main) as ledger:
            began = time.monotonic()
            cluster.primary.kill()
            cluster.promote(cluster.foremost())
            promoted = time.monotonic()
            first = ledger.await_writes(promoted)
            ended = time.monotonic()
            ledger.await_writes()
        ledger.check(self, self.ids(cluster))
        print(f"first write {first * 1000:.0f} ms after the promotion")
        self.assertLess(first, margin(1.0))
        self.assertEqual(ledger.errors_outside((began, ended)), [])
        return main
