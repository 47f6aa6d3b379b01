"""The whole way with SQLite: registry, statements, values, results, transactions, errors."""

import asyncio
import contextvars
import threading
import unittest
import warnings
from datetime import date, datetime, timezone
from decimal import Decimal
from uuid import UUID

import support
import trunkline


class Registries(support.SqliteTest):
    def test_names_and_default(self):
        self.assertEqual(sorted(self.registry.names()), ["analytics", "main", "memory"])
        self.assertTrue(self.registry.has("main") and "memory" in self.registry)
        self.assertFalse(self.registry.has("mian"))
        self.db.query("CREATE TABLE here (a)")
        self.assertEqual(self.registry.query("SELECT count(*) FROM here").one(), (0,))

    def test_unknown_name_suggests_the_nearest(self):
        with self.assertRaises(trunkline.NotFound) as caught:
            self.registry.on("analitics")
        self.assertIn("analytics", str(caught.exception) + str(caught.exception.details))
        self.assertEqual(caught.exception.name, "not_found")
        self.assertIsInstance(caught.exception, trunkline.InterfaceError)

    def test_open_reads_a_file(self):
        path = f"{self.folder}/trunkline.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write('[connections.only]\ndriver = "sqlite"\ndatabase = "beside.db"\n')
        with trunkline.open(path) as registry:
            self.assertEqual(registry.query("SELECT 1").one(), (1,))
        with self.assertRaises(trunkline.NotFound):
            trunkline.open(f"{self.folder}/missing.toml")

    def test_a_wrong_file_says_where(self):
        with self.assertRaises(trunkline.ConfigurationError) as caught:
            trunkline.parse('[connections.a]\ndriver = "sqlite"\ndatabse = ":memory:"\n', source="wrong.toml")
        details = dict(caught.exception.details)
        self.assertEqual((details.get("line"), details.get("suggestion")), ("3", "database"))
        self.assertIn("wrong.toml", str(caught.exception))

    def test_environment(self):
        text = self.toml + '\n[environments.testing]\ndefault = "memory"\n'
        with trunkline.parse(text, environment="testing") as registry:
            names = {row["name"]: row for row in registry.inspect("connections").dicts()}
            self.assertTrue(names["memory"]["default"])

    def test_inspect(self):
        self.db.query("SELECT 1")
        pools = list(self.registry.inspect("pools", "main").dicts())
        self.assertGreater(len(pools), 0)
        with self.assertRaises(trunkline.ProgrammingError):
            self.registry.inspect("nonsense")

    def test_close_and_connect_again(self):
        self.db.query("CREATE TABLE t (a)")
        self.registry.close("main")
        with self.assertRaises(trunkline.Closed):
            self.db.query("SELECT 1")
        self.registry.connect("main")
        self.assertEqual(self.registry.on("main").query("SELECT count(*) FROM t").one(), (0,))

    def test_mode_read_refuses_writes(self):
        self.db.query("CREATE TABLE t (a)")
        reader = self.registry.on("main", mode="read")
        self.assertEqual(reader.query("SELECT * FROM t").all(), [])
        with self.assertRaises(trunkline.ReadOnlyError):
            reader.query("INSERT INTO t VALUES (1)")
        with self.assertRaises(ValueError):
            self.registry.on("main", mode="raed")

    def test_keys_without_effect_are_warned_of(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trunkline.parse(self.toml + "\n[connections.main.migrations]\ntable = 'applied'\n")
        if not caught:
            self.skipTest("this build gives every key that was tried its effect")
        self.assertTrue(all(issubclass(w.category, trunkline.TrunklineConfigWarning) for w in caught))
        self.assertEqual(caught[0].filename, __file__)


class Using(support.SqliteTest):
    def where(self):
        return self.registry.query("SELECT name FROM place").one()[0]

    def setUp(self):
        super().setUp()
        for name in ("main", "analytics"):
            self.registry.on(name).query("CREATE TABLE place (name)")
            self.registry.on(name).query("INSERT INTO place VALUES (?)", [name])

    def test_switches_the_default_within_the_block(self):
        with self.registry.using("analytics") as analytics:
            self.assertEqual(self.where(), "analytics")
            self.assertEqual(analytics.query("SELECT name FROM place").one(), ("analytics",))
            with self.registry.using("main"):
                self.assertEqual(self.where(), "main")
            self.assertEqual(self.where(), "analytics")
        self.assertEqual(self.where(), "main")

    def test_an_unknown_name_fails_at_once(self):
        with self.assertRaises(trunkline.NotFound):
            with self.registry.using("nowhere"):
                self.fail("entered")

    def test_other_registries_threads_and_tasks_do_not_see_it(self):
        other = trunkline.parse('[connections.a]\ndriver = "sqlite"\ndatabase = ":memory:"\n')
        seen = []
        with self.registry.using("analytics"):
            self.assertEqual(other.query("SELECT 1").one(), (1,))
            thread = threading.Thread(target=contextvars.Context().run, args=(lambda: seen.append(self.where()),))
            thread.start()
            thread.join()
        self.assertEqual(seen, ["main"])

        async def inside(name):
            with self.registry.using(name):
                await asyncio.sleep(0)
                return self.where()

        async def both():
            return await asyncio.gather(inside("main"), inside("analytics"))

        self.assertEqual(asyncio.run(both()), ["main", "analytics"])


class Values(support.SqliteTest):
    def test_as_stored(self):
        for value in (None, 0, -2**63, 2**63 - 1, 0.1, -1e300, "", "naïve 日本", "a\x00b", b"", b"\x00\xff"):
            with self.subTest(repr(value)):
                self.assertEqual(self.db.query("SELECT ?", [value]).one(), (value,))
                self.assertEqual(self.db.query("SELECT :v", {"v": value}).one(), (value,))

    def test_types_that_sqlite_has_not(self):
        for value in (True, Decimal("1.50"), UUID(int=3), date(2024, 2, 29), {"a": 1},
                      datetime(2024, 2, 29, 1, 2, 3, 4), datetime(2024, 2, 29, tzinfo=timezone.utc)):
            with self.subTest(repr(value)):
                ((found,),) = self.db.query("SELECT ?", [value])
                self.assertIsNotNone(found)

    def test_a_column_of_every_type(self):
        self.db.query("CREATE TABLE t (a)")
        values = [1, None, 2.5, "text", b"blob", "ü", -1]
        for value in values:
            self.db.query("INSERT INTO t VALUES (?)", [value])
        self.assertEqual([row[0] for row in self.db.query("SELECT a FROM t ORDER BY rowid")], values)
        texts = [row[0] for row in self.db.query("SELECT a FROM t WHERE typeof(a) IN ('text', 'null') ORDER BY rowid")]
        self.assertEqual(texts, [None, "text", "ü"])

    def test_text_that_is_not_utf8_comes_as_its_bytes(self):
        self.assertEqual(self.db.query("SELECT 'ok' UNION ALL SELECT CAST(x'ff' AS TEXT)").all(), [("ok",), (b"\xff",)])

    def test_named_and_misnamed(self):
        self.assertEqual(self.db.query("SELECT :a, :b, :a", {"a": 1, "b": "x"}).one(), (1, "x", 1))
        with self.assertRaisesRegex(trunkline.ProgrammingError, "missing"):
            self.db.query("SELECT :missing", {"a": 1})
        with self.assertRaises(trunkline.Misuse):
            self.db.query("SELECT ?, ?", [1])


class Results(support.SqliteTest):
    def setUp(self):
        super().setUp()
        self.db.query("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")

    def fill(self, n):
        self.db.query("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?) "
                      "INSERT INTO t SELECT i, 'name-' || i FROM c", [n], write=True)

    def test_what_a_result_says(self):
        self.fill(3)
        result = self.db.query("SELECT id, name AS called FROM t")
        self.assertEqual(result.columns, ("id", "called"))
        self.assertEqual([column.type for column in result.schema], ["any", "any"])
        self.assertEqual(result.schema[0].type_name.upper(), "INTEGER")
        self.assertEqual(len(result), 3)
        self.assertEqual(list(result.dicts())[2], {"id": 3, "called": "name-3"})
        self.assertEqual(len(result), 3)
        self.assertIn("main.db", result.endpoint)

    def test_affected_and_last_id(self):
        inserted = self.db.query("INSERT INTO t (id, name) VALUES (?, ?)", [41, "x"])
        self.assertEqual((inserted.affected, inserted.last_id, inserted.columns, inserted.all()), (1, 41, (), []))
        self.assertEqual(len(inserted), 0)
        self.fill(5)
        self.assertEqual(self.db.query("UPDATE t SET name = 'y'").affected, 6)

    def test_an_empty_result_still_has_columns(self):
        result = self.db.query("SELECT id, name FROM t")
        self.assertEqual((result.columns, len(result), result.all(), result.first()), (("id", "name"), 0, [], None))
        with self.assertRaisesRegex(trunkline.ProgrammingError, "no row"):
            self.db.query("SELECT id FROM t").one()

    def test_one_is_one(self):
        self.fill(2)
        with self.assertRaisesRegex(trunkline.ProgrammingError, "more than one row"):
            self.db.query("SELECT id FROM t").one()

    def test_reading_goes_on_where_it_stopped(self):
        self.fill(200_000)
        result = self.db.query("SELECT id FROM t ORDER BY id")
        self.assertEqual(result.first(), (1,))
        for row in result:
            if row == (70_000,):
                break
        self.assertEqual(next(iter(result)), (70_001,))
        rest = result.all()
        self.assertEqual((rest[0], rest[-1], len(rest)), ((70_002,), (200_000,), 129_999))
        self.assertEqual((result.all(), len(result)), ([], 200_000))

    def test_streaming(self):
        self.fill(200_000)
        with self.db.query("SELECT id, name FROM t ORDER BY id", stream=True) as result:
            self.assertEqual(result.columns, ("id", "name"))
            self.assertRaises(TypeError, len, result)
            self.assertEqual(sum(row[0] for row in result), 200_000 * 200_001 // 2)
        with self.db.query("SELECT id FROM t ORDER BY id", stream=True) as result:
            self.assertEqual(result.first(), (1,))
        with self.assertRaises(trunkline.Closed):
            result.all()
        self.assertEqual(self.db.query("SELECT count(*) FROM t").one(), (200_000,))

    def test_truth_is_having_rows(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.assertFalse(self.db.query("SELECT 1 WHERE 0", stream=stream))
                self.assertFalse(self.db.query("CREATE TABLE IF NOT EXISTS t (id)", stream=stream))
                result = self.db.query("SELECT 1 UNION ALL SELECT 2", stream=stream)
                self.assertTrue(result)
                self.assertEqual(result.all(), [(1,), (2,)])
                self.assertTrue(result)
        with self.db.transaction() as tx:
            self.assertTrue(tx.query("INSERT INTO t VALUES (1, 'a') RETURNING id"))

    def test_several_sets(self):
        with self.db.pin() as session:
            result = session.query("SELECT 1 AS a; SELECT 'x' AS b, 'y' AS c; INSERT INTO t VALUES (9, 'n')")
            self.assertEqual((result.columns, result.all()), (("a",), [(1,)]))
            self.assertTrue(result.next_set())
            self.assertEqual((result.columns, result.all()), (("b", "c"), [("x", "y")]))
            self.assertTrue(result.next_set())
            self.assertEqual((result.columns, result.affected), ((), 1))
            self.assertFalse(result.next_set())


class Transactions(support.SqliteTest):
    def setUp(self):
        super().setUp()
        self.db.query("CREATE TABLE t (a INTEGER PRIMARY KEY)")

    def values(self):
        return [row[0] for row in self.db.query("SELECT a FROM t ORDER BY a")]

    def test_commits_and_rolls_back(self):
        with self.db.transaction() as tx:
            tx.query("INSERT INTO t VALUES (1)")
        with self.assertRaises(ZeroDivisionError):
            with self.db.transaction() as tx:
                tx.query("INSERT INTO t VALUES (2)")
                1 / 0
        with self.db.transaction() as tx:
            tx.query("INSERT INTO t VALUES (3)")
            tx.rollback()
        with self.db.transaction() as tx:
            tx.query("INSERT INTO t VALUES (4)")
            tx.commit()
            with self.assertRaises(trunkline.Closed):
                tx.query("INSERT INTO t VALUES (5)")
        self.assertEqual(self.values(), [1, 4])

    def test_savepoints(self):
        with self.db.transaction() as tx:
            tx.query("INSERT INTO t VALUES (1)")
            with self.assertRaises(trunkline.UniqueViolation):
                with tx.transaction() as inner:
                    inner.query("INSERT INTO t VALUES (2)")
                    inner.query("INSERT INTO t VALUES (1)")
            with tx.transaction() as inner:
                inner.query("INSERT INTO t VALUES (3)")
                with self.assertRaises(trunkline.Busy):
                    tx.query("SELECT 1")
        self.assertEqual(self.values(), [1, 3])

    def test_an_abandoned_transaction_is_rolled_back(self):
        tx = self.db.transaction()
        tx.begin()
        tx.query("INSERT INTO t VALUES (1)")
        del tx
        self.assertEqual(self.values(), [])
        self.db.query("INSERT INTO t VALUES (2)", timeout=5)

    def test_outside_its_block(self):
        with self.assertRaisesRegex(trunkline.Closed, "with block"):
            self.db.transaction().query("SELECT 1")
        with self.assertRaisesRegex(trunkline.Closed, "with block"):
            self.db.pin().query("SELECT 1")
        with self.assertRaisesRegex(ValueError, "isolation"):
            self.db.transaction(isolation="whatever")

    def test_read_only(self):
        with self.assertRaises(trunkline.ReadOnlyError):
            with self.db.transaction(read_only=True) as tx:
                self.assertEqual(tx.query("SELECT count(*) FROM t").one(), (0,))
                tx.query("INSERT INTO t VALUES (1)")
        self.assertEqual(self.values(), [])

    def test_control_as_text_is_refused(self):
        for text in ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a"):
            with self.subTest(text), self.assertRaises(trunkline.Misuse):
                self.db.query(text)

    def test_pin_keeps_its_session(self):
        with self.db.pin() as session:
            session.query("CREATE TEMPORARY TABLE mine (a)")
            session.query("INSERT INTO mine VALUES (1)")
            self.assertEqual(session.query("SELECT a FROM mine").one(), (1,))
            with session.transaction() as tx:
                tx.query("INSERT INTO t VALUES (7)")
        self.assertEqual(self.values(), [7])

    def test_a_tag_is_shown_with_the_lease(self):
        with self.db.tag("report-17").pin() as session:
            session.query("SELECT 1")
            leases = list(self.registry.inspect("leases").dicts())
            self.assertIn("report-17", [value for lease in leases for value in lease.values()])
        self.eventually(lambda: self.registry.inspect("leases").all() == [])


class Errors(support.SqliteTest):
    def test_classes_tell_their_status(self):
        for error, name in ((trunkline.Closed(), "closed"), (trunkline.DataError(), "data"),
                            (trunkline.UniqueViolation(), "unique_violation"), (trunkline.Misuse(), "misuse")):
            self.assertEqual(error.name, name)

    def test_what_ran_is_not_said_not_to_have_been_sent(self):
        self.db.query("CREATE TABLE t (a)")
        with self.assertRaises(trunkline.Misuse) as caught:
            self.db.query("INSERT INTO t VALUES (1), (2) RETURNING a").one()
        self.assertEqual((caught.exception.outcome, self.db.query("SELECT count(*) FROM t").one()), ("unknown", (2,)))

    def test_classes(self):
        self.db.query("CREATE TABLE p (id INTEGER PRIMARY KEY)")
        self.db.query("CREATE TABLE t (u UNIQUE, n NOT NULL, c CHECK (c > 0), f REFERENCES p)")
        self.db.query("INSERT INTO t VALUES (1, 1, 1, NULL)")
        for values, kind, name in (((1, 1, 1, None), trunkline.UniqueViolation, "unique_violation"),
                                   ((2, None, 1, None), trunkline.NotNullViolation, "not_null_violation"),
                                   ((2, 1, 0, None), trunkline.CheckViolation, "check_violation"),
                                   ((2, 1, 1, 5), trunkline.ForeignKeyViolation, "foreign_key_violation")):
            with self.subTest(name), self.assertRaises(kind) as caught:
                self.db.query("INSERT INTO t VALUES (?, ?, ?, ?)", values)
            error = caught.exception
            self.assertIsInstance(error, trunkline.IntegrityError)
            self.assertEqual((error.name, error.connection), (name, "main"))
            self.assertIn("main.db", error.endpoint)
            self.assertNotEqual(error.native, 0)
            self.assertIn(error.outcome, ("refused", "rolled_back"))
        with self.assertRaises(trunkline.StatementError) as caught:
            self.db.query("SELEC 1")
        self.assertIsInstance(caught.exception, trunkline.ProgrammingError)

    def test_a_deadline(self):
        endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c"
        with self.assertRaises(trunkline.Timeout):
            self.db.query(endless, timeout=0.2)
        with self.assertRaises(ValueError):
            self.db.query("SELECT 1", timeout=-1)
        self.assertEqual(self.db.query("SELECT 1", timeout=float("inf")).one(), (1,))


if __name__ == "__main__":
    unittest.main()
