"""Events in trunkline.aio: told on the loop, to functions and coroutine functions, until either ends."""

import asyncio
import gc
import os
import threading
import time
import unittest
import weakref

import support
import trunkline
from support import CANARY
from test_events import subscribers
from test_package import run
from trunkline import aio


class Notes:
    """Takes events down, and says when."""

    def __init__(self):
        self.events = []
        self.threads = set()
        self.changed = asyncio.Event()

    def __call__(self, event):
        self.events.append(event)
        self.threads.add(threading.get_ident())
        self.changed.set()

    async def wait_for(self, condition):
        async def found():
            while not any(map(condition, self.events)):
                self.changed.clear()
                await self.changed.wait()
            return next(filter(condition, self.events))
        return await asyncio.wait_for(found(), 10)

    async def of_statement(self, sql):
        return await self.wait_for(lambda event: event.statement == sql)


class Cases:
    """The same for every database."""

    async def test_events_are_told_on_the_loop(self):
        notes = Notes()
        with self.registry.on_query(notes), self.registry.on_checkin(notes):
            await self.db.tag("a tag").query("SELECT 1 AS it")
            event = await notes.wait_for(lambda event: event.kind == "query")
            await notes.wait_for(lambda event: event.kind == "checkin")
        self.assertEqual((event.connection, event.statement, event.tag), (self.name, "SELECT 1 AS it", "a tag"))
        self.assertEqual(notes.threads, {threading.get_ident()})
        self.assertEqual(subscribers(), [])

    async def test_a_coroutine_function_has_a_task_for_each_event(self):
        seen, both = [], asyncio.Event()

        async def listener(event):
            await asyncio.sleep(0)
            seen.append((event.statement, asyncio.current_task()))
            if len(seen) == 2:
                both.set()

        with self.registry.on_query(listener):
            await self.db.query("SELECT 1 AS it")
            await self.db.query("SELECT 2 AS it")
            await asyncio.wait_for(both.wait(), 10)
        self.assertEqual({statement for statement, _ in seen}, {"SELECT 1 AS it", "SELECT 2 AS it"})
        self.assertEqual(len({task for _, task in seen}), 2)

    async def test_an_exception_is_logged_and_ends_nothing(self):
        notes = Notes()

        def fails(event):
            raise ZeroDivisionError(CANARY)

        async def fails_later(event):
            await asyncio.sleep(0)
            raise ZeroDivisionError(CANARY)

        for listener in (fails, fails_later):
            with self.registry.on_query(listener), self.registry.on_query(notes):
                for n in (1, 2):
                    sql = f"SELECT {n} AS {listener.__name__}"
                    with self.assertLogs("trunkline", "ERROR") as logs:
                        await self.db.query(sql)
                        await notes.of_statement(sql)

                        async def logged():
                            return bool(logs.output)
                        await self.eventually(logged)
                    self.assertIn(f"ZeroDivisionError: {CANARY}", logs.output[0])
                    self.assertIn(f"in {listener.__name__}", logs.output[0])

    async def test_nothing_is_told_after_close(self):
        notes, ended = Notes(), Notes()
        with self.registry.on_query(notes):
            for close in (lambda subscription: asyncio.to_thread(subscription.close),
                          lambda subscription: asyncio.sleep(0, subscription.close())):
                subscription = self.registry.on_query(ended)
                await self.db.query("SELECT 1 AS heard")
                await ended.of_statement("SELECT 1 AS heard")
                await close(subscription)
                ended.events.clear()
                await self.db.query("SELECT 1 AS unheard")
                await notes.of_statement("SELECT 1 AS unheard")
                notes.events.clear()
                self.assertEqual(ended.events, [])

    async def test_statements_of_the_blocking_registry_are_told_on_the_loop_too(self):
        blocking = trunkline.parse(self.toml())
        both = await self.enter(aio.of(blocking))
        here, there = Notes(), []
        with both.on_query(here), blocking.on_query(there.append):
            await asyncio.to_thread(blocking.on(self.name).query, "SELECT 1 AS it")
            await here.of_statement("SELECT 1 AS it")

            async def told():
                return bool(there)
            await self.eventually(told)
        self.assertEqual(here.threads, {threading.get_ident()})

    async def test_lines_of_logging(self):
        with self.assertLogs("trunkline", "DEBUG") as logs, self.registry.log_events(echo_pool=True):
            await self.db.query("SELECT CAST(? AS char(60)) AS it", [CANARY])

            async def both():
                return all(any(kind in line for line in logs.output) for kind in (": query of", ": checkin of"))
            await self.eventually(both)
        lines = "\n".join(logs.output)
        self.assertRegex(lines, rf"INFO:trunkline.sql:{self.name}: query of session .*: SELECT CAST\(\? AS")
        self.assertRegex(lines, rf"DEBUG:trunkline.pool:{self.name}: checkin of session")
        self.assertNotIn(CANARY, lines)

    async def test_a_thousand_statements_at_once_are_all_told_or_counted(self):
        notes = Notes()
        with self.registry.on_query(notes):
            await asyncio.gather(*(self.db.query("SELECT 1") for _ in range(1000)))

            async def all_told():
                return len(notes.events) + sum(event.lost for event in notes.events) >= 1000
            await self.eventually(all_told)


class Sqlite(Cases, support.OnSqlite, support.AsyncTest):
    pass


class Postgresql(Cases, support.OnPostgresql, support.AsyncTest):
    pass


class Mariadb(Cases, support.OnMariadb, support.AsyncTest):
    pass


MEMORY = '[connections.memory]\ndriver = "sqlite"\ndatabase = ":memory:"\n'


class Ends(unittest.TestCase):
    def test_a_loop_that_ends_while_somebody_listens(self):
        registry = aio.parse(MEMORY)

        async def main():
            notes = Notes()
            subscription = registry.on_query(notes)
            await registry.on("memory").query("SELECT 1")
            await notes.of_statement("SELECT 1")
            return subscription

        ended = [asyncio.run(main()) for _ in range(3)]
        for subscription in ended:
            subscription.close()

    def test_the_loop_lets_go_of_what_nobody_listens_to(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        async def main():
            registry = aio.parse(MEMORY)
            await registry.on("memory").query("SELECT 1")
            before = descriptors()
            for _ in range(20):
                notes = Notes()
                with registry.on_query(notes), registry.on_checkin(notes):
                    await registry.on("memory").query("SELECT 1")
                    await notes.of_statement("SELECT 1")
            deadline = time.monotonic() + 10
            while descriptors() > before:
                self.assertLess(time.monotonic(), deadline)
                await asyncio.sleep(0.005)

        asyncio.run(main())

    def test_whoever_drops_the_registry_ends_its_subscriptions(self):
        class Listener(Notes):
            pass

        async def main():
            registry = aio.parse(MEMORY)
            notes = Listener()
            registry.on_query(notes)
            await registry.on("memory").query("SELECT 1")
            await notes.of_statement("SELECT 1")
            gone = weakref.ref(notes)
            await registry.close()
            del registry, notes
            deadline = time.monotonic() + 10
            while gone() is not None:
                self.assertLess(time.monotonic(), deadline)
                gc.collect()
                await asyncio.sleep(0.005)

        asyncio.run(main())

    def test_without_a_loop(self):
        with self.assertRaisesRegex(RuntimeError, "no running event loop"):
            aio.parse(MEMORY).on_query(print)

    def test_the_end_of_a_process_that_listens(self):
        done = run(f"""
import asyncio
from trunkline import aio
registry = aio.parse({MEMORY!r})
async def later(event):
    await asyncio.sleep(600)
async def main():
    registry.on_query(lambda event: print(event.statement))
    registry.on_query(later)
    await registry.on("memory").query("SELECT 1")
    await asyncio.sleep(0.2)
asyncio.run(main(), debug=True)
""")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "SELECT 1\n", ""))


if __name__ == "__main__":
    unittest.main()
