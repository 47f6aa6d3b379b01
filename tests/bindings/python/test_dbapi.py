"""PEP 249, point by point, on each database."""

import datetime
import os
import tempfile
import threading
import unittest

import support
import trunkline


class Module(unittest.TestCase):
    def test_globals(self):
        self.assertEqual((trunkline.apilevel, trunkline.threadsafety, trunkline.paramstyle), ("2.0", 2, "qmark"))
        self.assertTrue(callable(trunkline.connect))

    def test_exceptions_inherit_as_pep_249_draws_them(self):
        for name, base in (("Warning", Exception), ("Error", Exception), ("InterfaceError", trunkline.Error),
                           ("DatabaseError", trunkline.Error), ("DataError", trunkline.DatabaseError),
                           ("OperationalError", trunkline.DatabaseError), ("IntegrityError", trunkline.DatabaseError),
                           ("InternalError", trunkline.DatabaseError), ("ProgrammingError", trunkline.DatabaseError),
                           ("NotSupportedError", trunkline.DatabaseError)):
            self.assertTrue(issubclass(getattr(trunkline, name), base), name)
        self.assertFalse(issubclass(trunkline.Warning, trunkline.Error))

    def test_constructors(self):
        self.assertEqual(trunkline.Date(2024, 2, 29), datetime.date(2024, 2, 29))
        self.assertEqual(trunkline.Time(1, 2, 3), datetime.time(1, 2, 3))
        self.assertEqual(trunkline.Timestamp(2024, 2, 29, 1, 2, 3), datetime.datetime(2024, 2, 29, 1, 2, 3))
        self.assertEqual(trunkline.Binary(b"ab"), b"ab")
        ticks = datetime.datetime(2024, 2, 29, 1, 2, 3).timestamp()
        self.assertEqual(trunkline.DateFromTicks(ticks), datetime.date(2024, 2, 29))
        self.assertEqual(trunkline.TimeFromTicks(ticks), datetime.time(1, 2, 3))
        self.assertEqual(trunkline.TimestampFromTicks(ticks), datetime.datetime(2024, 2, 29, 1, 2, 3))


class Compliance:
    """The same for every database; `toml`, `name` and `types` are the database's."""

    name: str
    typed = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="trunkline-dbapi-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "trunkline.toml")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.toml(folder.name))
        self.connection = self.connect()
        cursor = self.connection.cursor()
        cursor.execute("DROP TABLE IF EXISTS dbapi_booze")
        cursor.execute("CREATE TABLE dbapi_booze (name varchar(20) PRIMARY KEY, strength int)")
        self.connection.commit()

    def connect(self, **options):
        connection = trunkline.connect(self.name, self.path, **options)
        self.addCleanup(connection.close)
        return connection

    def fill(self, *names):
        self.connection.cursor().executemany("INSERT INTO dbapi_booze VALUES (?, ?)",
                                             [(name, i) for i, name in enumerate(names)])

    def count(self, connection):
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM dbapi_booze")
        (n,) = cursor.fetchone()
        connection.rollback()
        return n

    def test_commit_and_rollback(self):
        self.fill("a", "b")
        self.connection.rollback()
        self.assertEqual(self.count(self.connection), 0)
        self.fill("a", "b")
        self.connection.commit()
        self.connection.commit()
        self.assertEqual(self.count(self.connect()), 2)

    def test_closing_rolls_back(self):
        self.fill("a")
        self.connection.close()
        self.assertEqual(self.count(self.connect()), 0)

    def test_with_commits_or_rolls_back(self):
        with self.connection:
            self.fill("a")
        with self.assertRaises(KeyError):
            with self.connection:
                self.fill("b")
                raise KeyError
        self.assertEqual(self.count(self.connection), 1)

    def test_autocommit(self):
        connection = self.connect(autocommit=True)
        connection.cursor().execute("INSERT INTO dbapi_booze VALUES ('a', 1)")
        self.assertEqual(self.count(self.connection), 1)
        connection.autocommit = False
        connection.cursor().execute("INSERT INTO dbapi_booze VALUES ('b', 1)")
        with self.assertRaises(trunkline.ProgrammingError):
            connection.autocommit = True
        connection.rollback()
        self.assertEqual(self.count(self.connection), 1)

    def test_description(self):
        cursor = self.connection.cursor()
        self.assertIsNone(cursor.description)
        cursor.execute("INSERT INTO dbapi_booze VALUES ('a', 1)")
        self.assertIsNone(cursor.description)
        cursor.execute("SELECT name, strength FROM dbapi_booze")
        self.assertEqual([column[0] for column in cursor.description], ["name", "strength"])
        self.assertTrue(all(len(column) == 7 for column in cursor.description))
        if self.typed:
            self.assertEqual([column[1] for column in cursor.description], [trunkline.STRING, trunkline.NUMBER])
            self.assertNotEqual(cursor.description[0][1], trunkline.NUMBER)

    def test_rowcount(self):
        cursor = self.connection.cursor()
        self.assertEqual(cursor.rowcount, -1)
        cursor.executemany("INSERT INTO dbapi_booze VALUES (?, ?)", [("a", 1), ("b", 2), ("c", 3)])
        self.assertEqual(cursor.rowcount, 3)
        cursor.execute("UPDATE dbapi_booze SET strength = 9 WHERE name < ?", ("c",))
        self.assertEqual(cursor.rowcount, 2)
        cursor.execute("SELECT * FROM dbapi_booze")
        self.assertEqual(cursor.rowcount, 3)

    def test_fetching(self):
        self.fill("a", "b", "c", "d", "e", "f")
        cursor = self.connection.cursor()
        with self.assertRaises(trunkline.Error):
            cursor.fetchone()
        cursor.execute("SELECT name FROM dbapi_booze ORDER BY name")
        self.assertEqual(cursor.fetchone(), ("a",))
        self.assertEqual(cursor.fetchmany(), [("b",)])
        cursor.arraysize = 2
        self.assertEqual(cursor.fetchmany(), [("c",), ("d",)])
        self.assertEqual(cursor.fetchmany(1), [("e",)])
        self.assertEqual(cursor.fetchall(), [("f",)])
        self.assertEqual((cursor.fetchone(), cursor.fetchmany(5), cursor.fetchall()), (None, [], []))
        cursor.execute("SELECT name FROM dbapi_booze ORDER BY name")
        self.assertEqual([name for (name,) in cursor], list("abcdef"))
        cursor.execute("DELETE FROM dbapi_booze")
        with self.assertRaises(trunkline.Error):
            cursor.fetchall()

    def test_executemany_drops_rows(self):
        cursor = self.connection.cursor()
        cursor.executemany("INSERT INTO dbapi_booze VALUES (?, ?) RETURNING name", [("a", 1), ("b", 2)])
        self.assertEqual((cursor.rowcount, cursor.description), (2, None))
        self.connection.commit()
        self.assertEqual(self.count(self.connection), 2)

    def test_a_cursor_may_stream(self):
        self.fill(*(f"{i:02}" for i in range(45)))
        cursor = self.connection.cursor(stream=True)
        large = "SELECT a.name FROM dbapi_booze a, dbapi_booze b, dbapi_booze c"
        cursor.execute(large + " ORDER BY 1")
        self.assertEqual((cursor.rowcount, len(cursor.description)), (-1, 1))
        self.assertEqual((cursor.fetchone(), cursor.fetchmany(2)), (("00",), [("00",), ("00",)]))
        self.assertEqual(len(cursor.fetchall()), 45**3 - 3)
        cursor.execute(large)
        cursor.fetchone()
        with self.assertRaises(trunkline.OperationalError):
            self.connection.execute("SELECT 1")
        self.connection.commit()
        with self.assertRaises(trunkline.InterfaceError):
            cursor.fetchall()
        self.assertEqual(self.count(self.connection), 45)

    def test_a_cursor_may_have_a_timeout(self):
        with self.assertRaises(trunkline.OperationalError):
            self.connection.cursor(timeout=0.2).execute(self.endless)
        self.connection.rollback()
        self.assertEqual(self.count(self.connection), 0)

    def test_parameters(self):
        cursor = self.connection.cursor()
        cursor.execute("INSERT INTO dbapi_booze VALUES (?, ?)", ["Ol'd? :x %s", None])
        cursor.execute("SELECT name, strength FROM dbapi_booze WHERE name = ?", ("Ol'd? :x %s",))
        self.assertEqual(cursor.fetchall(), [("Ol'd? :x %s", None)])
        with self.assertRaises(trunkline.Error):
            cursor.execute("SELECT ?", ())
        self.connection.rollback()

    def test_nextset_and_sizes(self):
        cursor = self.connection.cursor()
        cursor.execute("SELECT name FROM dbapi_booze")
        self.assertIsNone(cursor.nextset())
        cursor.setinputsizes([25])
        cursor.setoutputsize(1000)
        cursor.setoutputsize(1000, 0)

    def test_closed(self):
        cursor = self.connection.cursor()
        cursor.close()
        with self.assertRaises(trunkline.Error):
            cursor.execute("SELECT 1")
        other = self.connection.cursor()
        self.connection.close()
        self.connection.close()
        for action in (lambda: cursor.fetchone(), lambda: other.execute("SELECT 1"), self.connection.commit,
                       self.connection.rollback, self.connection.cursor):
            with self.assertRaises(trunkline.InterfaceError) as caught:
                action()
            self.assertEqual(caught.exception.name, "closed")

    def test_errors_have_their_classes(self):
        self.fill("a")
        self.connection.commit()
        for sql, kind in (("INSERT INTO dbapi_booze VALUES ('a', 2)", trunkline.IntegrityError),
                          ("SELECT nothing FROM nowhere", trunkline.ProgrammingError),
                          ("BEGIN", trunkline.ProgrammingError)):
            with self.subTest(sql), self.assertRaises(kind):
                self.connection.cursor().execute(sql)
            self.connection.rollback()
        self.assertIs(self.connection.IntegrityError, trunkline.IntegrityError)

    def test_threads_share_a_connection(self):
        failures = []

        def work(number):
            try:
                for i in range(50):
                    cursor = self.connection.cursor()
                    cursor.execute("INSERT INTO dbapi_booze VALUES (?, ?)", [f"{number}-{i}", i])
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.connection.commit()
        self.assertEqual((failures, self.count(self.connection)), ([], 200))


class Sqlite(Compliance, unittest.TestCase):
    name = "main"
    endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c"

    def toml(self, folder):
        return support.SQLITE.format(folder=folder)

    def test_a_query_does_not_begin_a_transaction(self):
        """As sqlite3 does it: the file's only writer is taken by the first statement that is not a query."""
        other = self.connect()
        reading, writing = self.connection.cursor(), other.cursor()
        reading.execute("SELECT count(*) FROM dbapi_booze")
        writing.execute("SELECT count(*) FROM dbapi_booze")
        writing.execute("INSERT INTO dbapi_booze VALUES ('a', 1)")
        writing.execute("SELECT count(*) FROM dbapi_booze")
        self.assertEqual(writing.fetchone(), (1,))
        reading.execute("SELECT count(*) FROM dbapi_booze")
        self.assertEqual(reading.fetchone(), (0,))
        with self.assertRaises(trunkline.Busy):
            reading.execute("INSERT INTO dbapi_booze VALUES ('b', 1)")
        other.commit()
        reading.execute("INSERT INTO dbapi_booze VALUES ('b', 1)")
        self.connection.commit()
        self.assertEqual(self.count(other), 2)

    def test_types_are_those_of_values_not_of_columns(self):
        cursor = self.connection.cursor()
        cursor.execute("SELECT name, strength FROM dbapi_booze")
        self.assertEqual([column[1] for column in cursor.description], [None, None])

    def test_lastrowid(self):
        cursor = self.connection.cursor()
        cursor.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY, a)")
        cursor.execute("INSERT INTO numbered (a) VALUES ('x')")
        self.assertEqual(cursor.lastrowid, 1)


@unittest.skipUnless(support.has_postgresql(), "no PostgreSQL: TL_PG_… are not set")
class Postgresql(Compliance, unittest.TestCase):
    name = "pg"
    typed = True
    endless = "SELECT pg_sleep(60)"

    def toml(self, folder):
        return support.postgresql_toml()

    def test_rolling_back_after_the_session_was_lost(self):
        self.fill("a")
        with self.assertRaises(trunkline.OperationalError):
            self.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with self.assertRaises(trunkline.Error):
            self.connection.execute("SELECT 1")
        self.connection.rollback()
        self.assertEqual(self.count(self.connection), 0)

    def test_binary_and_dates(self):
        cursor = self.connection.cursor()
        cursor.execute("SELECT ?::bytea, ?::timestamp", [trunkline.Binary(b"\x00\xff"), trunkline.Timestamp(2024, 1, 2)])
        self.assertEqual([column[1] for column in cursor.description], [trunkline.BINARY, trunkline.DATETIME])
        self.assertEqual(cursor.fetchone(), (b"\x00\xff", datetime.datetime(2024, 1, 2)))


if __name__ == "__main__":
    unittest.main()
