"""trunkline.aio on every database: each verb, streams, errors, and that it cannot drift from the blocking interface."""

import asyncio
import inspect
import unittest

import support
import trunkline
from trunkline import aio

INSERT = "INSERT INTO aio_people VALUES (?, ?)"


class SameInterface(unittest.TestCase):
    """Whoever knows the one knows the other."""

    PAIRS = ((trunkline.Registry, aio.Registry), (trunkline.Connection, aio.Connection), (trunkline.Pin, aio.Pin),
             (trunkline.Transaction, aio.Transaction), (trunkline.Result, aio.Result), (trunkline.Result, aio.Stream))
    BLOCKS = {"__enter__": "__aenter__", "__exit__": "__aexit__"}

    def public(self, cls):
        return {name for name in dir(cls) if not name.startswith("_") and name != "slot"}

    def parameters(self, function):
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    def test_classes_have_the_same_methods_with_the_same_parameters(self):
        for blocking, awaited in self.PAIRS:
            self.assertEqual(self.public(blocking), self.public(awaited), awaited)
            for name in self.public(blocking):
                with self.subTest(awaited.__name__, name=name):
                    ours, theirs = getattr(blocking, name), getattr(awaited, name)
                    self.assertEqual(type(ours) is property, type(theirs) is property)
                    self.assertEqual(ours.__doc__, theirs.__doc__)
                    if type(ours) is not property:
                        self.assertEqual(self.parameters(ours), self.parameters(theirs))

    def test_blocks_of_the_one_are_blocks_of_the_other(self):
        for blocking, awaited in self.PAIRS:
            if awaited is not aio.Result:  # which does not wait
                for name, other in self.BLOCKS.items():
                    self.assertEqual(hasattr(blocking, name), hasattr(awaited, other), awaited)

    def test_functions(self):
        for name in ("open", "parse"):
            ours, theirs = getattr(trunkline, name), getattr(aio, name)
            self.assertEqual(self.parameters(ours), self.parameters(theirs))

    def test_verbs_are_the_same_functions(self):
        for cls, verbs in ((aio.Connection, ("query", "execute_many", "load", "transaction", "pin", "tag",
                                             "after", "token", "explain")),
                           (aio.Transaction, ("query", "begin", "commit", "rollback")),
                           (aio.Registry, ("query", "transaction", "on", "add", "remove", "connect", "connect_all", "close",
                                           "inspect", "names", "metrics",
                                           "using", "log_events", "on_connect", "on_disconnect", "on_checkout",
                                           "on_checkin", "on_dial_failed", "on_timeout", "on_query", "on_slow_query",
                                           "on_state_change", "on_role_change"))):
            for verb in verbs:
                self.assertIs(getattr(cls, verb), getattr(getattr(trunkline, cls.__name__), verb), (cls, verb))


class Cases:
    """The same for every database."""

    async def asyncSetUp(self):
        await super().asyncSetUp()
        await self.db.query("DROP TABLE IF EXISTS aio_people")
        await self.db.query("CREATE TABLE aio_people (id int PRIMARY KEY, name varchar(60))")

    async def people(self, on=None):
        return (await (on or self.db).query("SELECT id, name FROM aio_people ORDER BY id")).all()

    # ---- statements ----

    async def test_a_statement_and_its_answer(self):
        result = await self.db.query(INSERT, [1, "naïve 日本"])
        self.assertEqual((result.affected, result.columns), (1, ()))
        result = await self.db.query("SELECT id, name FROM aio_people WHERE id = :id", {"id": 1})
        self.assertEqual((len(result), bool(result), result.columns), (1, True, ("id", "name")))
        self.assertEqual([row async for row in result], [(1, "naïve 日本")])
        self.assertEqual(await self.people(), [(1, "naïve 日本")])
        self.assertEqual((await self.db.query("SELECT id FROM aio_people")).one(), (1,))
        self.assertEqual(list((await self.db.query("SELECT id FROM aio_people")).dicts()), [{"id": 1}])

    async def test_many_rows_in_one_call(self):
        result = await self.db.execute_many(INSERT, [(1, "a"), (2, None)])
        self.assertEqual(result.affected, 2)
        self.assertEqual(await self.db.load("aio_people", [(3, "c"), (4, "d")], ["id", "name"]), 2)
        self.assertEqual(await self.people(), [(1, "a"), (2, None), (3, "c"), (4, "d")])

    async def test_errors_are_those_of_the_blocking_interface(self):
        await self.db.query(INSERT, [1, "a"])
        for run in (lambda: self.db.query(INSERT, [1, "b"]), lambda: self.db.execute_many(INSERT, [(2, "b"), (1, "b")])):
            with self.assertRaises(trunkline.UniqueViolation) as caught:
                await run()
            self.assertEqual((caught.exception.name, caught.exception.connection), ("unique_violation", self.name))
        with self.assertRaises(trunkline.StatementError):
            await self.db.query("SELECT nothing_of_the_kind FROM aio_people")
        with self.assertRaises(trunkline.Misuse):
            await self.db.query("SELECT ?")
        with self.assertRaises(trunkline.ReadOnlyError):
            await self.registry.on(self.name, "read").query(INSERT, [2, "b"])
        with self.assertRaises(TypeError):
            await self.db.query(INSERT, [1, object()])
        self.assertEqual(await self.people(), [(1, "a")])

    # ---- blocks ----

    async def test_a_transaction_commits_or_rolls_back(self):
        async with self.db.transaction() as tx:
            await tx.query(INSERT, [1, "a"])
            with self.assertRaises(trunkline.Misuse):
                async with tx.transaction() as inner:
                    await inner.query(INSERT, [2, "b"])
                    await inner.query("SELECT ?")
        with self.assertRaises(ZeroDivisionError):
            async with self.db.transaction() as tx:
                await tx.query(INSERT, [3, "c"])
                1 / 0
        with self.assertRaisesRegex(trunkline.Closed, "inside its with block"):
            await tx.query("SELECT 1")
        self.assertEqual(await self.people(), [(1, "a")])

    async def test_a_transaction_without_a_block(self):
        for end, expected in (("rollback", []), ("commit", [(1, "a")])):
            tx = self.db.transaction()
            await tx.begin()
            with self.assertRaises(trunkline.Misuse):
                await tx.begin()
            await tx.query(INSERT, [1, "a"])
            await getattr(tx, end)()
            self.assertEqual(await self.people(), expected)
            with self.assertRaises(trunkline.Closed):
                await tx.commit()

    async def test_a_pinned_session(self):
        async with self.db.pin() as session:
            await session.query("CREATE TEMPORARY TABLE mine (a int)")
            async with session.transaction() as tx:
                await tx.query("INSERT INTO mine VALUES (1)")
            self.assertEqual((await session.query("SELECT a FROM mine")).one(), (1,))
            self.assertEqual(await self.leased(), 1)
        await self.all_home()
        with self.assertRaises(trunkline.Closed):
            await session.query("SELECT 1")

    async def test_statements_of_a_transaction_run_in_the_order_in_which_they_were_asked_for(self):
        async with self.db.transaction() as tx:
            await tx.query(INSERT, [1, ""])
            longer = "concat(name, ?)" if self.name == "mariadb" else "name || ?"
            sql = f"UPDATE aio_people SET name = {longer}"
            await asyncio.gather(*(tx.query(sql, [letter]) for letter in "abcdefghij"))
        self.assertEqual(await self.people(), [(1, "abcdefghij")])

    # ---- the registry ----

    async def test_what_the_registry_tells(self):
        self.assertIn(self.name, await self.registry.names())
        self.assertTrue(self.registry.has(self.name))
        self.assertTrue((await self.registry.inspect("pools", self.name)).all())
        tagged = self.db.tag("a tag")
        stream = await tagged.query(self.many_rows, [300_000], stream=True)
        self.assertEqual([row["tag"] for row in (await self.registry.inspect("leases")).dicts()], ["a tag"])
        await stream.close()

    async def test_closing_and_opening_again(self):
        await self.registry.close(self.name)
        with self.assertRaises(trunkline.Closed):
            await self.db.query("SELECT 1")
        await self.registry.connect(self.name)
        self.assertEqual((await self.db.query("SELECT 1")).one(), (1,))
        await self.registry.close()
        with self.assertRaises(trunkline.Closed):
            await self.db.query("SELECT 1")

    async def test_a_default_for_a_task(self):
        async def ask(names):
            with self.registry.using(names):
                await asyncio.sleep(0)
                return (await self.registry.query("SELECT 1")).one()

        self.assertEqual(await asyncio.gather(ask(self.name), ask(self.name)), [(1,), (1,)])

    async def test_the_same_registry_for_blocking_callers(self):
        registry = trunkline.parse(self.toml())
        both = aio.of(registry)
        async with both.on(self.name).pin() as session:
            await session.query("SELECT 1")
            self.assertEqual(len(await asyncio.to_thread(registry.inspect, "leases")), 1)
        await both.close()
        with self.assertRaises(trunkline.Closed):
            await asyncio.to_thread(registry.on(self.name).query, "SELECT 1")

    # ---- streams ----

    async def test_a_stream_is_read_as_it_comes(self):
        stream = await self.db.query(self.many_rows, [200_000], stream=True)
        self.assertEqual(len(stream.columns), 1)
        self.assertEqual([await stream.first(), await stream.first()], [(1,), (2,)])
        total = 0
        async for (i,) in stream:
            total += i
        self.assertEqual(total, 200_000 * 200_001 // 2 - 3)
        self.assertIsNone(await stream.first())
        await self.all_home()

    async def test_batches_of_a_stream(self):
        sizes = [len(rows) async for rows in (await self.db.query(self.many_rows, [200_000], stream=True)).batches()]
        self.assertEqual(sum(sizes), 200_000)
        self.assertGreater(len(sizes), 1)
        blocking = await self.db.query(self.many_rows, [200_000])
        self.assertEqual(sum(map(len, blocking.batches())), 200_000)

    async def test_all_of_a_stream(self):
        stream = await self.db.query(self.many_rows, [100_000], stream=True)
        self.assertEqual(await stream.first(), (1,))
        rows = await stream.all()
        self.assertEqual((len(rows), rows[0], rows[-1]), (99_999, (2,), (100_000,)))
        self.assertEqual(await stream.all(), [])

    async def test_one_row_of_a_stream(self):
        self.assertEqual(await (await self.db.query(self.many_rows, [1], stream=True)).one(), (1,))
        for rows in (2, 100_000):
            with self.assertRaisesRegex(trunkline.ProgrammingError, "more than one row"):
                await (await self.db.query(self.many_rows, [rows], stream=True)).one()
        with self.assertRaisesRegex(trunkline.ProgrammingError, "no row"):
            await (await self.db.query("SELECT id FROM aio_people", stream=True)).one()
        names = [name async for row in (await self.db.query(self.many_rows, [2], stream=True)).dicts() for name in row]
        self.assertEqual(len(names), 2)

    async def test_leaving_a_stream_frees_its_session(self):
        async for _ in await self.db.query(self.many_rows, [1_000_000], stream=True):
            break
        await self.all_home()
        async with await self.db.query(self.many_rows, [1_000_000], stream=True) as stream:
            await stream.first()
            self.assertEqual(await self.leased(), 1)
        await self.all_home()
        with self.assertRaises(trunkline.Closed):
            await stream.all()

    async def test_nothing_is_read_ahead(self):
        stream = await self.db.query(self.many_rows, [1_000_000], stream=True)
        self.assertEqual(await stream.first(), (1,))
        await asyncio.sleep(0)
        self.assertEqual(await self.leased(), 1)  # of fifteen batches one was asked for
        await stream.close()

    async def test_two_tasks_read_from_one_stream(self):
        stream = await self.db.query(self.many_rows, [1_000_000], stream=True)
        await stream.first()
        found = await asyncio.gather(stream.all(), stream.all(), return_exceptions=True)
        self.assertEqual(sorted(type(each).__name__ for each in found), ["Busy", "list"])
        await self.all_home()

    async def test_statements_in_one_text(self):
        stream = await self.db.query("SELECT 1; SELECT 2", stream=True)
        self.assertEqual(await stream.all(), [(1,)])
        self.assertTrue(await stream.next_set())
        self.assertEqual(await stream.one(), (2,))
        self.assertFalse(await stream.next_set())


class Sqlite(Cases, support.OnSqlite, support.AsyncTest):
    pass


class Postgresql(Cases, support.OnPostgresql, support.AsyncTest):
    pass


class Mariadb(Cases, support.OnMariadb, support.AsyncTest):
    pass


if __name__ == "__main__":
    unittest.main()
