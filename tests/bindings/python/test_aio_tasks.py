"""trunkline.aio and its host: many tasks, cancelled ones, timeouts, loops that come and go, the end of the process."""

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
import unittest
import weakref

import support
import trunkline
from trunkline import aio

TASKS = 1000
BOUND = 16384  # of trunkline.h
POOL = "pool = { max = 10, max_waiters = 20000 }\n"
SMALL = "pool = { max = 2, acquire_timeout = \"20s\" }\n"


class Many:
    """1,000 tasks over few sessions."""

    more = POOL

    async def test_each_task_has_its_own_value_back(self):
        async def ask(i):
            return (await self.db.query("SELECT ? + 1", [i])).one()[0]

        self.assertEqual(await asyncio.gather(*map(ask, range(TASKS))), list(range(1, TASKS + 1)))
        ((sessions,),) = [(len(await self.registry.inspect("sessions")),)]
        self.assertLessEqual(sessions, 10)
        await self.all_home()

    async def test_each_transaction_is_its_task_s(self):
        await self.db.query("DROP TABLE IF EXISTS aio_sums")
        await self.db.query("CREATE TABLE aio_sums (task int, part int)")

        async def work(i):
            async with self.db.transaction() as tx:
                for part in range(3):
                    await tx.query("INSERT INTO aio_sums VALUES (?, ?)", [i, part])
                if i % 2:
                    raise KeyError

        found = await asyncio.gather(*map(work, range(60)), return_exceptions=True)
        self.assertEqual(list(map(type, found)), [type(None), KeyError] * 30)
        rows = (await self.db.query("SELECT task, count(*) FROM aio_sums GROUP BY task ORDER BY task")).all()
        self.assertEqual(rows, [(i, 3) for i in range(0, 60, 2)])


class ManySqlite(Many, support.OnSqlite, support.AsyncTest):
    async def test_more_calls_at_once_than_a_queue_takes(self):
        found = await asyncio.gather(*(self.db.query("SELECT 1") for _ in range(BOUND + 5)), return_exceptions=True)
        self.assertEqual([type(each) for each in found], [aio.Result] * BOUND + [trunkline.Busy] * 5)
        self.assertEqual((await self.db.query("SELECT 1")).one(), (1,))


class ManyPostgresql(Many, support.OnPostgresql, support.AsyncTest):
    pass


class ManyMariadb(Many, support.OnMariadb, support.AsyncTest):
    pass


class Neglect:
    """A loop that does not come for what has arrived."""

    more = "pool = { max = 1, acquire_timeout = \"4s\" }\n"

    def toml(self):
        self.text = super().toml()
        return self.text

    async def test_a_stream_that_is_given_up_says_so(self):
        registry = trunkline.parse(self.text)
        self.addCleanup(registry.close)
        rows = []

        async def read():
            db = aio.of(registry).on(self.name)
            async for (i,) in await db.query(self.many_rows, [1_000_000], stream=True, write=True):
                rows.append(i)

        task = asyncio.create_task(read())
        while not rows:
            await asyncio.sleep(0)
        self.assertEqual(registry.on(self.name).query("SELECT 7", write=True).one(), (7,))  # blocks the loop
        with self.assertRaisesRegex(trunkline.Closed, "its queue had not been drained for 2s"):
            await task
        self.assertLess(len(rows), 1_000_000)
        self.assertEqual(rows, list(range(1, len(rows) + 1)))
        self.assertEqual(len(registry.inspect("leases")), 0)


class NeglectSqlite(Neglect, support.OnSqlite, support.AsyncTest):
    pass


class NeglectPostgresql(Neglect, support.OnPostgresql, support.AsyncTest):
    pass


class NeglectMariadb(Neglect, support.OnMariadb, support.AsyncTest):
    pass


class Cancelling:
    """A pool of two sessions, which every test must leave usable."""

    more = SMALL

    async def asyncTearDown(self):
        await self.all_home()
        found = await asyncio.wait_for(asyncio.gather(*(self.db.query("SELECT 1") for _ in range(10))), 10)
        self.assertEqual([result.one() for result in found], [(1,)] * 10)

    async def started(self, coroutine):
        """A task that is in mid-query by now."""
        task = asyncio.create_task(coroutine)

        async def leased():
            return await self.leased() > 0 and await self.is_running()

        await self.eventually(leased)
        return task

    async def is_running(self):
        return True

    @contextlib.asynccontextmanager
    async def all_pinned(self):
        """All sessions that write: SQLite has one, whatever the pool's size."""
        async with self.db.pin():
            if self.name == "main":
                yield
            else:
                async with self.db.pin():
                    yield

    async def cancelled(self, task, times=1):
        began = time.monotonic()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertLess(time.monotonic() - began, 10)
        self.assertTrue(task.cancelled())

    async def test_in_mid_query(self):
        await self.cancelled(await self.started(self.db.query(self.endless)))

    async def test_more_than_once(self):
        await self.cancelled(await self.started(self.db.query(self.endless)), times=3)

    async def test_before_it_has_begun(self):
        task = asyncio.create_task(self.db.query(self.endless))
        await self.cancelled(task)

    async def test_as_soon_as_it_has_been_sent(self):
        for _ in range(20):
            task = asyncio.create_task(self.db.query(self.endless))
            await asyncio.sleep(0)
            await self.cancelled(task)

    async def test_while_waiting_for_a_session(self):
        async with self.all_pinned():
            task = asyncio.create_task(self.db.query("SELECT 1", write=True))
            other = asyncio.create_task(self.db.query("SELECT 2", write=True))
            await asyncio.sleep(0.01)
            await self.cancelled(task)
            self.assertFalse(other.done())
        self.assertEqual((await other).one(), (2,))

    async def test_about_when_the_answer_comes(self):
        """What arrives for a task that is cancelled goes home, whoever was first."""
        ends = set()
        for turns in range(5):
            task = asyncio.create_task(self.db.pin().__aenter__())
            await asyncio.sleep(0)
            time.sleep(0.1)  # the session is there by then, and the loop has not been told
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            found = await asyncio.gather(task, return_exceptions=True)
            ends.add(type(found[0]))
            del task, found
            await self.all_home()
        self.assertEqual(ends, {asyncio.CancelledError, aio.Pin})

    async def test_between_batches(self):
        async def read():
            async for _ in (await self.db.query(self.many_rows, [1_000_000], stream=True)).batches():
                reading.set()
                await asyncio.sleep(60)

        reading = asyncio.Event()
        task = asyncio.create_task(read())
        await reading.wait()
        await self.cancelled(task)

    async def test_in_a_transaction(self):
        await self.db.query("DROP TABLE IF EXISTS aio_cancelled")
        await self.db.query("CREATE TABLE aio_cancelled (id int)")

        async def work(then):
            async with self.db.transaction() as tx:
                await tx.query("INSERT INTO aio_cancelled VALUES (1)")
                await then(tx)

        await self.cancelled(await self.started(work(lambda tx: tx.query(self.endless))))
        inside = asyncio.Event()

        async def wait(_):
            inside.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(work(wait))
        await inside.wait()
        await self.cancelled(task)
        self.assertEqual((await self.db.query("SELECT count(*) FROM aio_cancelled")).one(), (0,))

    async def test_a_timeout_of_asyncio(self):
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.db.query(self.endless), 0.05)
        if sys.version_info >= (3, 11):
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self.db.query(self.endless)
            self.assertEqual(asyncio.current_task().cancelling(), 0)

    async def test_a_timeout_of_the_call(self):
        with self.assertRaises(trunkline.Timeout):
            await self.db.query(self.endless, timeout=0.05)
        async with self.all_pinned():
            with self.assertRaises(trunkline.AcquireTimeout):
                await self.db.query("SELECT 1", write=True, timeout=0.05)


class CancellingSqlite(Cancelling, support.OnSqlite, support.AsyncTest):
    pass


class OnServer:
    async def running_there(self):
        async with self.registry.on(self.name).pin() as session:
            return (await session.query(self.running)).one()[0]

    async def is_running(self):
        return await self.running_there() == 1

    async def has_stopped(self):
        return await self.running_there() == 0

    async def test_the_server_stops_too(self):
        task = await self.started(self.db.query(self.endless))
        ids = {row["session"] for row in (await self.registry.inspect("sessions")).dicts()}
        await self.cancelled(task)
        await self.eventually(self.has_stopped)
        self.assertEqual({row["session"] for row in (await self.registry.inspect("sessions")).dicts()}, ids)

    async def test_a_read_from_a_stream(self):
        stream = await self.db.query(self.stalls, stream=True)
        task = await self.started(stream.all())
        await asyncio.sleep(0.2)  # for it to have read what there is
        await self.cancelled(task)
        await self.eventually(self.has_stopped)
        with self.assertRaises(trunkline.Cancelled):
            await stream.all()


class CancellingPostgresql(OnServer, Cancelling, support.OnPostgresql, support.AsyncTest):
    pass


class CancellingMariadb(OnServer, Cancelling, support.OnMariadb, support.AsyncTest):
    pass


class Loops(support.OnPostgresql, unittest.TestCase):
    """Several loops at once and one after another, on one registry."""

    more = SMALL

    def setUp(self):
        self.blocking = trunkline.parse(self.toml())
        self.addCleanup(self.blocking.close)
        self.registry = aio.of(self.blocking)
        self.db = self.registry.on(self.name)

    async def sum(self, n):
        found = await asyncio.gather(*(self.db.query("SELECT ?::int", [i]) for i in range(n)))
        return sum(result.one()[0] for result in found)

    def test_loops_in_several_threads(self):
        found = []
        threads = [threading.Thread(target=lambda: found.append(asyncio.run(self.sum(200)))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [199 * 200 // 2] * 3)

    def test_one_loop_after_another(self):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            self.assertEqual(asyncio.run(self.sum(3)), 3)
        self.assertEqual(len(self.registry._core.queues), 1)
        self.assertLess(len(os.listdir("/proc/self/fd")), before + 10)  # sessions stay, queues do not

    def test_a_loop_that_is_closed_with_calls_under_way(self):
        loop = asyncio.new_event_loop()
        tasks = [loop.create_task(self.db.query("SELECT pg_sleep(0.05)")) for _ in range(5)]
        loop.run_until_complete(asyncio.sleep(0.01))
        (queue,) = self.registry._core.queues.values()
        for task in tasks:
            task._log_destroy_pending = False
        loop.close()
        self.assertIsNone(queue())
        del tasks, task
        gc.collect()
        self.assertEqual(self.blocking.on(self.name).query("SELECT 1").one(), (1,))
        self.assertEqual(asyncio.run(self.sum(3)), 3)

    def test_a_registry_that_is_closed_leaves_the_loop(self):
        async def use():
            registry = aio.parse(self.toml())
            await registry.on(self.name).query("SELECT 1")
            await registry.close()
            return weakref.ref(registry._core), len(os.listdir("/proc/self/fd"))

        async def often():
            first, before = await use()
            for _ in range(10):
                core, after = await use()
            self.assertEqual((first(), core()), (None, None))
            self.assertLess(after, before + 3)

        asyncio.run(often())

    def test_a_loop_that_computes_holds_up_nobody(self):
        """Its tasks have all sessions; a blocking caller waits for one of them."""
        computing = threading.Event()
        waited = []

        def caller():
            computing.wait()
            began = time.monotonic()
            self.blocking.on(self.name).query("SELECT 1")
            waited.append(time.monotonic() - began)

        async def host():
            await asyncio.gather(*(self.db.query("SELECT pg_sleep(0.05)") for _ in range(2)))
            asks = [asyncio.create_task(self.db.query("SELECT pg_sleep(0.05)")) for _ in range(2)]
            await asyncio.sleep(0)
            self.assertEqual(len(self.blocking.inspect("leases")), 2)
            computing.set()
            time.sleep(2)
            await asyncio.gather(*asks)

        thread = threading.Thread(target=caller, daemon=True)
        thread.start()
        asyncio.run(host())
        thread.join()
        self.assertLess(waited[0], 0.5)

    def test_uvloop(self):
        try:
            import uvloop
        except ImportError:
            self.skipTest("uvloop is not installed for this Python")

        async def work():
            self.assertEqual(await self.sum(200), 199 * 200 // 2)
            self.assertEqual(len(await (await self.db.query(self.many_rows, [200_000], stream=True)).all()), 200_000)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.db.query(self.endless), 0.05)
            async with self.db.transaction() as tx:
                await tx.query("SELECT 1")

        for _ in range(2):
            loop = uvloop.new_event_loop()
            loop.run_until_complete(work())
            (queue,) = self.registry._core.queues.values()
            loop.close()
            del loop
            gc.collect()
            self.assertIsNone(queue())


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)
class Processes(unittest.TestCase):
    """What a whole program sees."""

    PRELUDE = """
import asyncio, sys, time
sys.path.insert(0, {package!r})
from trunkline import aio
registry = aio.parse({toml!r})
db = registry.on("pg")
"""

    def start(self, text):
        prelude = self.PRELUDE.format(package=support.PACKAGE, toml=support.postgresql_toml(SMALL))
        return subprocess.Popen([sys.executable, "-W", "error::ResourceWarning", "-W", "error::RuntimeWarning", "-c",
                                 prelude + text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def check(self, process, out):
        found = process.communicate(timeout=30)
        self.assertEqual((process.returncode, found[0].split(), found[1]), (0, out, ""))

    def test_it_ends_with_tasks_under_way(self):
        self.check(self.start("""
async def main():
    global tasks, stream
    tasks = [asyncio.create_task(db.query("SELECT pg_sleep(600)")) for _ in range(5)]
    await asyncio.sleep(0.05)
    print("leaving")
asyncio.run(main())
"""), ["leaving"])

    def test_it_ends_while_a_loop_is_open(self):
        self.check(self.start("""
loop = asyncio.new_event_loop()
stream = loop.run_until_complete(db.query("SELECT generate_series(1, 1000000)", stream=True))
tx = db.transaction()
loop.run_until_complete(tx.begin())
print(loop.run_until_complete(stream.first())[0])
loop.close()
"""), ["1"])

    @unittest.skipIf(sys.version_info < (3, 11), "asyncio.run has no way of its own for Ctrl-C")
    def test_ctrl_c(self):
        process = self.start("""
async def main():
    async with db.pin() as session:
        print("waiting", flush=True)
        try:
            await session.query("SELECT pg_sleep(600)")
        finally:
            print((await session.query("SELECT 7")).one()[0], flush=True)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
""")
        self.assertEqual(process.stdout.readline(), "waiting\n")
        time.sleep(0.2)  # for it to be in the loop
        process.send_signal(2)
        self.check(process, ["7", "interrupted"])


if __name__ == "__main__":
    unittest.main()
