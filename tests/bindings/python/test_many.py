"""Many rows in one call, on every database: execute_many, load, and PEP 249's executemany."""

import os
import tempfile
import unittest
from datetime import date, datetime, timedelta
from decimal import Decimal

import support
import trunkline

INSERT = "INSERT INTO many_people VALUES (?, ?)"


def rows_of(first, last):
    return [(i, f"name {i}") for i in range(first, last)]


class Cases:
    """The same for every database; `tells_rows`: its errors say which row it was, and results what each has changed."""

    tells_rows = True
    keeps_transactions = True  # after a failure in it

    def setUp(self):
        super().setUp()
        self.db.query("DROP TABLE IF EXISTS many_people")
        self.db.query("CREATE TABLE many_people (id int PRIMARY KEY, name varchar(60))")

    def people(self):
        return self.db.query("SELECT id, name FROM many_people ORDER BY id").all()

    def check_row(self, error, row):
        if self.tells_rows:
            self.assertEqual(dict(error.details).get("row"), str(row))
            self.assertIn(f"row {row}: ", str(error))
        self.assertEqual(error.outcome, "rolled_back")

    def test_a_statement_for_each_row(self):
        result = self.db.execute_many(INSERT, [(1, "Ada"), [2, None], (3, "naïve 日本 🎉")])
        self.assertEqual(result.affected, 3)
        self.assertEqual(self.people(), [(1, "Ada"), (2, None), (3, "naïve 日本 🎉")])

    def test_what_each_row_has_changed(self):
        self.db.execute_many(INSERT, rows_of(1, 4))
        result = self.db.execute_many("UPDATE many_people SET name = 'x' WHERE id < ?", [(1,), (3,), (9,)])
        if self.tells_rows:
            self.assertEqual((result.affected, result.columns, len(result)), (5, ("affected",), 3))
            self.assertEqual(result.all(), [(0,), (2,), (3,)])
            none = self.db.execute_many("UPDATE many_people SET name = 'x' WHERE id < ?", [(0,), (1,)])
            self.assertEqual((none.affected, bool(none), none.all()), (0, True, [(0,), (0,)]))
        else:
            self.assertEqual((result.columns, len(result), result.all()), ((), 0, []))

    def test_rows_from_anything(self):
        self.db.execute_many(INSERT, (row for row in rows_of(0, 3)))
        self.db.execute_many(INSERT, {3: "c", 4: "d"}.items())
        self.db.execute_many("INSERT INTO many_people VALUES (:id, :name)",
                             [{"id": 5, "name": "e"}, {"name": "f", "id": 6}])
        self.db.execute_many("INSERT INTO many_people (id) VALUES (?)", zip(range(7, 9)))
        self.assertEqual(self.people(), [*rows_of(0, 3), (3, "c"), (4, "d"), (5, "e"), (6, "f"), (7, None), (8, None)])

    def test_no_rows(self):
        for sql in (INSERT, "INSERT INTO many_people VALUES (:id, :name)"):
            result = self.db.execute_many(sql, [])
            self.assertEqual((result.affected, result.all()), (0, []))
        self.assertEqual(self.db.load("many_people", iter(()), ["id", "name"]), 0)
        self.assertEqual(self.people(), [])

    def test_rows_of_no_values(self):
        self.db.query("INSERT INTO many_people VALUES (1, NULL)")
        self.assertEqual(self.db.execute_many("UPDATE many_people SET id = id + 1", [(), [], ()]).affected, 3)
        self.assertEqual(self.people(), [(4, None)])

    def test_all_or_none(self):
        self.db.query("INSERT INTO many_people VALUES (3, 'here')")
        for run in (lambda: self.db.execute_many(INSERT, rows_of(1, 5)),
                    lambda: self.db.load("many_people", rows_of(1, 5), ["id", "name"])):
            with self.assertRaises(trunkline.UniqueViolation) as caught:
                run()
            self.assertEqual(self.people(), [(3, "here")])
            if caught.exception.outcome != "refused":  # COPY is one statement
                self.check_row(caught.exception, 3)

    def test_in_a_transaction(self):
        with self.assertRaises(KeyError):
            with self.db.transaction() as tx:
                tx.execute_many(INSERT, rows_of(1, 3))
                self.assertEqual(tx.load("many_people", rows_of(3, 5), ["id", "name"]), 2)
                self.assertEqual(tx.query("SELECT count(*) FROM many_people").one(), (4,))
                raise KeyError
        self.assertEqual(self.people(), [])
        with self.db.transaction() as tx:
            tx.execute_many(INSERT, rows_of(1, 3))
            with self.assertRaises(trunkline.UniqueViolation):
                with tx.transaction() as inner:
                    inner.execute_many(INSERT, rows_of(2, 5))
        self.assertEqual(self.people(), rows_of(1, 3))
        with self.db.transaction() as tx:
            tx.execute_many(INSERT, rows_of(7, 8))
            with self.assertRaises(trunkline.UniqueViolation):
                tx.execute_many(INSERT, [(8, "eight"), (7, "seven")])
            if self.keeps_transactions:
                self.assertEqual(tx.query("SELECT count(*) FROM many_people").one(), (3,))
            else:
                with self.assertRaises(trunkline.Error):
                    tx.query("SELECT 1")
                tx.rollback()
        self.assertEqual(self.people(), rows_of(1, 3) + rows_of(7, 8) * self.keeps_transactions)

    def test_on_a_pinned_session(self):
        with self.db.pin() as session:
            session.execute_many(INSERT, rows_of(1, 3))
            self.assertEqual(session.load("many_people", rows_of(3, 5), ["id", "name"]), 2)
            with self.assertRaises(trunkline.UniqueViolation):
                session.execute_many(INSERT, rows_of(4, 7))
            self.assertEqual(session.query("SELECT 1").one(), (1,))
        self.assertEqual(self.people(), rows_of(1, 5))

    def test_load(self):
        self.assertEqual(self.db.load("many_people", ((f"n\t\\{i}\n", i) for i in range(3)), ["name", "id"]), 3)
        self.assertEqual(self.people(), [(i, f"n\t\\{i}\n") for i in range(3)])
        self.assertEqual(self.db.load("many_people", zip(range(5, 9)), ("id",)), 4)
        self.assertEqual(self.db.query("SELECT count(*) FROM many_people WHERE name IS NULL").one(), (4,))

    def test_names_of_what_is_loaded(self):
        for name in ("no_such_table", "x; DROP TABLE many_people", "many_people (id) VALUES (1) --"):
            with self.subTest(name), self.assertRaises(trunkline.ProgrammingError):
                self.db.load(name, [(1,)], ["id"])
        for names in (["no_such_column"], ["id) VALUES (1) --"], [""], []):
            with self.subTest(names), self.assertRaises((trunkline.ProgrammingError, ValueError)):
                self.db.load("many_people", [(1,)], names)
        for names in ("id", ["id", 1]):
            with self.subTest(names), self.assertRaises((TypeError, AttributeError)):
                self.db.load("many_people", [(1,)], names)
        self.assertEqual(self.people(), [])

    def test_what_cannot_be_encoded(self):
        good = (1, "a")
        for bad, failure, text in (((2, object()), TypeError, "row 2: parameter 2: "),
                                   ((2, "\ud800"), trunkline.DataError, "row 2: parameter 2: "),
                                   ((timedelta.max, "b"), trunkline.DataError, "row 2: parameter 1: "),
                                   ("ab", TypeError, "row 2: "), (None, TypeError, "row 2: "), (7, TypeError, "row 2: ")):
            for run in (lambda: self.db.execute_many(INSERT, [good, bad, good]),
                        lambda: self.db.load("many_people", iter([good, bad]), ["id", "name"])):
                with self.subTest(bad), self.assertRaises(failure) as caught:
                    run()
                self.assertTrue(str(caught.exception).startswith(text), str(caught.exception))
        with self.assertRaisesRegex(TypeError, "row 2: parameter :name: "):
            self.db.execute_many("INSERT INTO many_people VALUES (:id, :name)",
                                 [{"id": 1, "name": "a"}, {"id": 2, "name": object()}])
        self.assertEqual(self.people(), [])

    def test_ragged_rows(self):
        for ragged, row in (([(1, "a"), (2,)], 2), ([(1, "a"), (2, "b"), (3, "c", "d")], 3), ([(), (1, "a")], 2),
                            ([(1, "a"), ()], 2)):
            with self.subTest(ragged):
                with self.assertRaisesRegex(ValueError, f"^row {row} "):
                    self.db.execute_many(INSERT, ragged)
                with self.assertRaises(ValueError):
                    self.db.load("many_people", ragged, ["id", "name"])
        with self.assertRaises(ValueError):
            self.db.load("many_people", [(1,)], ["id", "name"])
        with self.assertRaises(trunkline.Misuse):
            self.db.execute_many(INSERT, [(1,), (2,)])
        self.assertEqual(self.people(), [])

    def test_names_that_differ(self):
        sql = "INSERT INTO many_people VALUES (:id, :name)"
        for second in ({"id": 2, "nom": "b"}, (2, "b", 3, "c"), {"id": 2}):
            with self.subTest(second), self.assertRaises((trunkline.Misuse, ValueError)) as caught:
                self.db.execute_many(sql, [{"id": 1, "name": "a"}, second])
            self.assertIn("row 2", str(caught.exception))
        with self.assertRaises((trunkline.Misuse, TypeError, ValueError)):
            self.db.load("many_people", [{"id": 1, "name": "a"}], ["id", "name"])
        self.assertEqual(self.people(), [])

    def test_a_failing_generator(self):
        def rows():
            yield 1, "a"
            raise LookupError("no more")

        with self.assertRaises(LookupError):
            self.db.execute_many(INSERT, rows())
        with self.assertRaises(LookupError):
            self.db.load("many_people", rows(), ["id", "name"])
        self.assertEqual(self.people(), [])

    def test_rows_may_be_read_while_they_are_made(self):
        self.db.execute_many(INSERT, rows_of(0, 50))
        more = ((i + 100, name) for i, name in self.db.query("SELECT id, name FROM many_people", stream=True))
        self.assertEqual(self.db.execute_many(INSERT, more).affected, 50)

    def test_many(self):
        n = 30_000
        self.assertEqual(self.db.execute_many(INSERT, rows_of(0, n)).affected, n)
        self.assertEqual(self.db.load("many_people", rows_of(n, 2 * n), ["id", "name"]), n)
        self.assertEqual(self.people(), rows_of(0, 2 * n))

    def test_a_timeout(self):
        with self.assertRaises(ValueError):
            self.db.execute_many(INSERT, rows_of(1, 2), timeout=-1)
        with self.assertRaises(trunkline.Timeout):
            self.db.execute_many(self.endless, [(1,), (1,)], timeout=0.2)
        self.assertEqual(self.db.execute_many(INSERT, rows_of(1, 2), timeout=30).affected, 1)

    def test_a_handle_that_only_reads(self):
        reading = self.registry.on(self.name, "read")
        with self.assertRaises(trunkline.ReadOnlyError):
            reading.execute_many(INSERT, rows_of(1, 2))
        with self.assertRaises(trunkline.ReadOnlyError):
            reading.load("many_people", rows_of(1, 2), ["id", "name"])

    # ---- PEP 249 ----

    def connect(self, **options):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-many-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "trunkline.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.toml)
        connection = trunkline.connect(self.name, path, **options)
        self.addCleanup(connection.close)
        return connection

    def test_executemany(self):
        for autocommit in (False, True):
            with self.subTest(autocommit=autocommit):
                self.db.query("DELETE FROM many_people")
                connection = self.connect(autocommit=autocommit)
                cursor = connection.cursor()
                self.assertIs(cursor.executemany(INSERT, iter(rows_of(1, 4))), cursor)
                self.assertEqual((cursor.rowcount, cursor.lastrowid, cursor.description), (3, None, None))
                with self.assertRaises(trunkline.Error):
                    cursor.fetchall()
                self.assertEqual(self.people(), rows_of(1, 4) if autocommit else [])
                cursor.executemany("INSERT INTO many_people VALUES (:id, :name)", [{"name": "f", "id": 6}])
                connection.commit()
                cursor.executemany(INSERT, rows_of(7, 9))
                connection.rollback()
                left = [*rows_of(1, 4), (6, "f"), *(rows_of(7, 9) if autocommit else [])]
                self.assertEqual(self.people(), left)
                cursor.executemany(INSERT, [])
                self.assertEqual(cursor.rowcount, 0)
                connection.close()

    def test_executemany_all_or_none(self):
        for autocommit in (False, True):
            with self.subTest(autocommit=autocommit):
                self.db.query("DELETE FROM many_people")
                connection = self.connect(autocommit=autocommit)
                cursor = connection.cursor()
                cursor.execute(INSERT, (3, "here"))
                connection.commit()
                with self.assertRaises(trunkline.IntegrityError) as caught:
                    cursor.executemany(INSERT, rows_of(1, 5))
                self.check_row(caught.exception, 3)
                self.assertEqual(cursor.rowcount, -1)
                with self.assertRaises(TypeError):
                    cursor.executemany(INSERT, [(1, object())])
                if not autocommit and not self.keeps_transactions:
                    connection.rollback()
                cursor.execute(INSERT, (9, "after"))
                connection.commit()
                self.assertEqual(self.people(), [(3, "here"), (9, "after")])
                connection.close()

    def test_executemany_drops_rows(self):
        cursor = self.connect(autocommit=True).cursor()
        cursor.executemany("INSERT INTO many_people VALUES (?, ?) RETURNING id", rows_of(1, 4))
        self.assertEqual((cursor.rowcount, cursor.description, cursor.lastrowid), (3, None, None))
        self.assertEqual(self.people(), rows_of(1, 4))

    def test_executemany_after_a_query(self):
        connection = self.connect()
        cursor = connection.cursor(stream=True, timeout=30)
        cursor.execute("SELECT 1")
        cursor.executemany(INSERT, rows_of(1, 4))
        connection.commit()
        self.assertEqual(self.people(), rows_of(1, 4))


class Sqlite(Cases, support.SqliteTest):
    name = "main"
    endless = ("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) "
               "INSERT INTO many_people SELECT i, ? FROM c WHERE i < 0")

    def test_kinds_of_values(self):
        self.db.query("CREATE TABLE kinds (v)")
        values = [None, True, 2**63 - 1, 0.5, "x", b"\x00", Decimal("1.50"), date(2024, 2, 29), datetime(2024, 2, 29)]
        self.db.load("kinds", zip(values), ["v"])
        self.assertEqual([v for (v,) in self.db.query("SELECT v FROM kinds ORDER BY rowid")],
                         [None, 1, 2**63 - 1, 0.5, "x", b"\x00", "1.50", "2024-02-29", "2024-02-29 00:00:00"])
        with self.assertRaises(trunkline.DataError) as caught:
            self.db.execute_many("INSERT INTO kinds VALUES (?)", [(1,), (2**63,)])
        self.check_row(caught.exception, 2)

    def test_a_table_of_another_schema(self):
        self.assertEqual(self.db.load("main.many_people", rows_of(1, 3), ["id", "name"]), 2)
        self.db.query('CREATE TABLE "odd.table" (a)')
        self.assertEqual(self.db.load('"odd.table"', [(1,)], ["a"]), 1)


class Postgresql(Cases, support.PostgresqlTest):
    name = "pg"
    keeps_transactions = False
    endless = "INSERT INTO many_people SELECT ?::int, pg_sleep(60)"

    def setUp(self):
        self.toml = support.postgresql_toml()
        super().setUp()

    def test_kinds_of_values(self):
        """By COPY each is a literal of its column's type, and need not be of it."""
        self.db.query("DROP TABLE IF EXISTS many_kinds")
        self.db.query("CREATE TABLE many_kinds (n int, at timestamptz, amount numeric, tags text[], raw bytea, doc jsonb)")
        at = datetime.fromisoformat("2024-02-29T12:00:00.000001+02:00")
        row = (1, at, Decimal("1.50"), ["a", None, 'b"{},\\'], b"\x00\\", {"a": [1, None]})
        columns = ["n", "at", "amount", "tags", "raw", "doc"]
        self.assertEqual(self.db.load("many_kinds", [row, (None,) * 6], columns), 2)
        self.assertEqual(self.db.query("SELECT * FROM many_kinds ORDER BY n").all(), [row, (None,) * 6])
        self.assertEqual(self.db.load("public.many_kinds", [("2", "2024-02-29", 7, "{x}", "\\x01", "[1]")], columns), 1)
        with self.assertRaises(trunkline.DataError) as caught:
            self.db.load("many_kinds", [(3, at, 1, [], b"", {}), ("three", at, 1, [], b"", {})], columns)
        self.assertEqual(dict(caught.exception.details).get("row"), "2")
        self.db.query("DROP TABLE many_kinds")


class Mariadb(Cases, support.MariadbTest):
    name = "mariadb"
    tells_rows = False
    endless = "INSERT INTO many_people SELECT ?, SLEEP(60)"

    def setUp(self):
        self.toml = support.mariadb_toml()
        super().setUp()

    def test_kinds_of_values(self):
        self.db.query("CREATE OR REPLACE TABLE many_kinds (n BIGINT UNSIGNED, at DATETIME(6), amount DECIMAL(9,2), "
                      "raw VARBINARY(9), t TIME(6))")
        rows = [(2**64 - 1, datetime(2024, 2, 29, 1, 2, 3, 4), Decimal("1.50"), b"\x00\\", timedelta(hours=-100)),
                (None,) * 5]
        self.assertEqual(self.db.load("many_kinds", rows, ["n", "at", "amount", "raw", "t"]), 2)
        self.assertEqual(self.db.query("SELECT * FROM many_kinds ORDER BY n DESC").all(), rows)
        self.db.query("DROP TABLE many_kinds")

    def test_a_table_of_a_schema(self):
        self.db.query("CREATE OR REPLACE TABLE `odd.``table` (`a.b` INT)")
        self.assertEqual(self.db.load("`odd.``table`", [(1,), (2,)], ["a.b"]), 2)
        database = self.db.query("SELECT DATABASE()").one()[0]
        self.assertEqual(self.db.load(f"{database}.many_people", rows_of(1, 3), ["id", "name"]), 2)
        self.db.query("DROP TABLE `odd.``table`")


if __name__ == "__main__":
    unittest.main()
