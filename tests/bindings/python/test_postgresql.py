"""The whole way with PostgreSQL: values in and out, streaming, transactions, errors."""

import math
import threading
import unittest
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import support
import trunkline
from trunkline import Interval, Json


class Values(support.PostgresqlTest):
    def value(self, sql, *params):
        ((found,),) = self.db.query(f"SELECT {sql}", params)
        return found

    def same(self, found, expected):
        self.assertEqual((type(found), repr(found)), (type(expected), repr(expected)))

    def test_in_and_out(self):
        for kind, values in (
                ("bool", (True, False)), ("int2", (-32768, 0)), ("int4", (2**31 - 1,)), ("int8", (-2**63, 2**63 - 1)),
                ("float4", (0.5,)), ("float8", (0.1, -1e300)),
                ("numeric", (Decimal("1.50"), Decimal("-0.000001"), Decimal("12345678901234567890.123456789"))),
                ("text", ("", "naïve 日本", "x" * 10_000)), ("varchar", ("v",)), ("bytea", (b"", b"\x00\xff\\")),
                ("date", (date(1, 1, 1), date(9999, 12, 31), date(2000, 2, 29))),
                ("time", (time(0), time(23, 59, 59, 999_999))),
                ("timetz", (time(1, 2, 3, 40, timezone.utc),
                            time(23, 59, 59, tzinfo=timezone(-timedelta(hours=9, minutes=30))))),
                ("timestamp", (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999))),
                ("timestamptz", (datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc),)),
                ("interval", (timedelta(days=1, seconds=2, microseconds=3), timedelta(microseconds=-1), Interval(14, -3, 5))),
                ("uuid", (UUID("12345678-1234-5678-1234-567812345678"),)),
                ("jsonb", ({"a": [1, None, "x"]},)),
                ("int4[]", ([1, None, 3], [])), ("text[]", (["a", "", "ü"],)), ("float8[]", ([0.5, None],))):
            for value in values:
                with self.subTest(kind, value=value):
                    self.same(self.value(f"?::{kind}", value), value)
            with self.subTest(kind, value=None):
                self.assertIsNone(self.value(f"?::{kind}", None))

    def test_what_comes_from_literals(self):
        for sql, expected in (
                ("1::int4", 1), ("1.10::numeric", Decimal("1.10")), ("'NaN'::numeric", Decimal("NaN")),
                ("'infinity'::float8", math.inf), ("'\\xdeadbeef'::bytea", b"\xde\xad\xbe\xef"),
                ("'2024-01-02 03:04:05.678901'::timestamp", datetime(2024, 1, 2, 3, 4, 5, 678901)),
                ("'2024-01-02 03:04:05+02'::timestamptz", datetime(2024, 1, 2, 1, 4, 5, tzinfo=timezone.utc)),
                ("'1 day 2 hours'::interval", timedelta(days=1, hours=2)), ("'1 mon 1 day'::interval", Interval(1, 1, 0)),
                ("'[1, \"a\", null]'::json", [1, "a", None]), ("'null'::jsonb", None), ("ARRAY['a', NULL]", ["a", None]),
                ("'12:30:00.5+02:00:30'::timetz",
                 time(12, 30, 0, 500_000, timezone(timedelta(hours=2, seconds=30)))),
                ("'{}'::int8[]", []), ("ARRAY['2024-01-02'::date]", [date(2024, 1, 2)]), ("NULL::int4[]", None),
                ("true", True), ("'x'::name", "x")):
            with self.subTest(sql):
                self.same(self.value(sql), expected)

    def test_a_time_with_a_zone_is_a_parameter_where_one_is_wanted(self):
        with self.db.pin() as session:
            session.query("CREATE TEMPORARY TABLE clocks (t timetz)")
            noon = time(12, tzinfo=timezone(timedelta(hours=2)))
            session.query("INSERT INTO clocks VALUES (?)", [noon])
            self.assertEqual(session.query("SELECT t FROM clocks WHERE t = ?", [noon]).one(), (noon,))

    def test_json_of_any_value(self):
        for value in ([1, 2], "text", 5, None, True, {"ä": {}}):
            with self.subTest(repr(value)):
                self.assertEqual(self.value("?::jsonb", Json(value)), value)

    def test_lists_for_any(self):
        self.assertEqual(self.db.query("SELECT i FROM generate_series(1, 9) i WHERE i = ANY(?) ORDER BY i",
                                       [[2, 3, 5]]).all(), [(2,), (3,), (5,)])
        self.assertEqual(self.value("'b' = ANY(?::text[])", ["a", "b"]), True)

    def test_placeholders(self):
        self.assertEqual(self.db.query("SELECT $2::text, $1::int4", [1, "x"]).one(), ("x", 1))
        self.assertEqual(self.db.query("SELECT :b::text, :a::int4, :a::int4", {"a": 1, "b": "x"}).one(), ("x", 1, 1))

    def test_what_python_cannot_hold_names_row_and_column(self):
        for sql, what in (("'infinity'::timestamptz", "infinity"), ("'-infinity'::date", "-infinity"),
                          ("'0044-03-15 BC'::date", "the value"), ("'12000-01-01'::timestamp", "the value"),
                          ("'24:00'::time", "the value"), ("'24:00+02'::timetz", "the value")):
            with self.subTest(sql), self.assertRaises(trunkline.DataError) as caught:
                self.db.query(f"SELECT {sql} AS odd FROM generate_series(1, 3)").all()
            self.assertRegex(str(caught.exception), f'^row 1, column "odd": {what} does not fit')
        with self.assertRaisesRegex(trunkline.DataError, 'row 3, column "odd"'):
            self.db.query("SELECT CASE WHEN i = 3 THEN 'infinity' ELSE '2024-01-01' END::timestamp AS odd "
                          "FROM generate_series(1, 5) i").all()

    ODD = ("SELECT i, CASE WHEN i = ? THEN 'infinity' ELSE '2024-01-01' END::date AS d, "
           "CASE WHEN i = ? THEN '12000-01-01' ELSE '2024-01-01' END::timestamp AS t FROM generate_series(1, 140000) i")

    def test_rows_before_one_that_python_cannot_hold_are_given_and_none_after_it(self):
        for stream in (False, True):
            for date_row, timestamp_row, column in ((70_000, 70_001, "d"), (70_001, 70_000, "t"), (70_000, 139_999, "d")):
                result = self.db.query(self.ODD, [date_row, timestamp_row], stream=stream)
                seen = []
                with self.assertRaisesRegex(trunkline.DataError, f'^row 70000, column "{column}": ') as caught:
                    for row in result:
                        seen.append(row[0])
                self.assertEqual((len(seen), seen[-1]), (69_999, 69_999))
                self.assertEqual((caught.exception.phase, caught.exception.outcome), ("decode", "unknown"))
                for read in (result.first, result.all, result.one):
                    with self.assertRaisesRegex(trunkline.DataError, f'^row 70000, column "{column}": '):
                        read()

    def test_the_first_row_may_be_the_one(self):
        result = self.db.query(self.ODD, [1, 2])
        for _ in range(2):
            with self.assertRaisesRegex(trunkline.DataError, '^row 1, column "d": infinity'):
                result.first()

    def test_rows_are_counted_over_batches_by_the_library_too(self):
        with self.assertRaisesRegex(trunkline.DataError, '^row 70000, column "a": an array of more than one dimension'):
            self.db.query("SELECT CASE WHEN i = 70000 THEN ARRAY[[1]] ELSE ARRAY[1] END AS a "
                          "FROM generate_series(1, 80000) i").all()

    def test_rows_with_nulls(self):
        sql = """SELECT nullif(i % 3, 0)::int8, nullif(i % 3, 1)::float8, CASE WHEN i % 2 = 0 THEN 'n' || i END,
                 nullif(i % 5, 2) > 2, CASE WHEN i % 7 > 0 THEN 'epoch'::timestamptz + i * interval '1 s' END
                 FROM generate_series(0, 999) i"""
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        for i, row in enumerate(self.db.query(sql)):
            self.assertEqual(row, (
                i % 3 or None, None if i % 3 == 1 else float(i % 3), f"n{i}" if i % 2 == 0 else None,
                None if i % 5 == 2 else i % 5 > 2, epoch + timedelta(seconds=i) if i % 7 else None))


class Results(support.PostgresqlTest):
    def test_schema(self):
        result = self.db.query("SELECT 1::int4 AS a, 'x'::text AS b, now() AS c WHERE false")
        self.assertEqual(result.columns, ("a", "b", "c"))
        self.assertEqual([column.type for column in result.schema], ["int64", "text", "timestamptz"])
        self.assertEqual((len(result), result.all()), (0, []))

    def test_streaming_and_leaving_early(self):
        with self.db.query("SELECT i, 'row ' || i FROM generate_series(1, 300000) i", stream=True) as result:
            for i, row in enumerate(result, 1):
                self.assertEqual(row[0], i)
                if i == 100_000:
                    break
        self.assertEqual(self.db.query("SELECT 1").one(), (1,))
        total = sum(row[0] for row in self.db.query("SELECT i FROM generate_series(1, 300000) i", stream=True))
        self.assertEqual(total, 300_000 * 300_001 // 2)

    def test_a_stream_is_read_within_the_statement_s_timeout(self):
        result = self.db.query("SELECT i, repeat('x', 50000), CASE WHEN i = 150 THEN pg_sleep(30)::text END "
                               "FROM generate_series(1, 200) i", stream=True, timeout=0.3)
        for _ in range(2):
            with self.assertRaises(trunkline.StatementTimeout):
                result.all()

    def test_the_length_of_what_the_server_does_not_count(self):
        for sql in ("SHOW server_version", "EXPLAIN (COSTS off) SELECT 1"):
            with self.subTest(sql):
                result = self.db.query(sql)
                self.assertEqual((len(result), len(result.all())), (1, 1))
        self.assertEqual(len(self.db.query("SHOW ALL")), self.db.query("SELECT count(*) FROM pg_settings").one()[0])

    def test_several_sets(self):
        with self.db.pin() as session:
            result = session.query("SELECT 1; SELECT 'a', 'b'")
            self.assertEqual(result.all(), [(1,)])
            self.assertTrue(result.next_set())
            self.assertEqual((len(result.columns), result.all()), (2, [("a", "b")]))
            self.assertFalse(result.next_set())


class Transactions(support.PostgresqlTest):
    def test_commit_rollback_savepoint(self):
        with self.db.pin() as session:
            session.query("CREATE TEMPORARY TABLE t (a int PRIMARY KEY)")
            with session.transaction(isolation="serializable") as tx:
                tx.query("INSERT INTO t VALUES (1)")
                with self.assertRaises(trunkline.UniqueViolation) as caught:
                    with tx.transaction() as inner:
                        inner.query("INSERT INTO t VALUES (1)")
                self.assertEqual(tx.query("SHOW transaction_isolation").one(), ("serializable",))
            self.assertEqual(caught.exception.sqlstate, "23505")
            self.assertIn("t_pkey", dict(caught.exception.details).get("constraint", ""))
            with self.assertRaises(KeyError):
                with session.transaction() as tx:
                    tx.query("INSERT INTO t VALUES (2)")
                    raise KeyError
            self.assertEqual(session.query("SELECT a FROM t").all(), [(1,)])

    def test_a_failed_transaction_does_not_pretend_to_commit(self):
        with self.assertRaises(trunkline.StatementError) as caught:
            with self.db.transaction() as tx:
                with self.assertRaises(trunkline.StatementError):
                    tx.query("SELECT nonsense")
        self.assertEqual(caught.exception.outcome, "rolled_back")

    def test_read_only(self):
        with self.assertRaises(trunkline.ReadOnlyError):
            with self.db.transaction(read_only=True) as tx:
                tx.query("CREATE TABLE never (a int)")


class Errors(support.PostgresqlTest):
    more = "statement_timeout = \"20s\"\npool.max = 1\n"

    def test_deadline_and_recovery(self):
        with self.assertRaises(trunkline.Timeout):
            self.db.query("SELECT pg_sleep(30)", timeout=0.3)
        self.assertEqual(self.db.query("SELECT 1", timeout=10).one(), (1,))

    def test_a_full_pool_says_who_has_it(self):
        def other():
            with self.assertRaises(trunkline.AcquireTimeout) as caught:
                self.db.query("SELECT 1", timeout=0.2)
            seen.append(caught.exception)

        seen = []
        with self.db.tag("the-holder").pin() as session:
            session.query("SELECT 1")
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        self.assertEqual(len(seen), 1)
        self.assertIn("the-holder", str(seen[0]) + str(seen[0].details))

    @support.left_out_behind_proxy("PgBouncer lets callers wait for a database that is not there")
    def test_no_password_in_any_error(self):
        texts = []
        wrong = support.postgresql_toml().replace(f'"{support.os.environ["TL_PG_USER"]}"', '"nobody_here"')
        for attempt in (lambda: trunkline.parse(wrong).query("SELECT 1"),
                        lambda: trunkline.parse(support.postgresql_toml("nonsense = 1\n")),
                        lambda: trunkline.parse(support.postgresql_toml("port = \n")),
                        lambda: self.db.query("SELECT nonsense"),
                        lambda: trunkline.parse(wrong.replace("socket", "host")).query("SELECT 1", timeout=2)):
            with self.assertRaises(trunkline.Error) as caught:
                attempt()
            texts.append(repr(caught.exception) + repr(vars(caught.exception)))
        texts.append(repr(self.registry.inspect("settings").all()))
        for text in texts:
            self.assertNotIn(support.CANARY, text)


class Threads(support.PostgresqlTest):
    def test_eight_threads_share_a_handle(self):
        failures = []

        def work(number):
            try:
                for i in range(200):
                    found = self.db.query("SELECT ?::int8 * 1000 + ?::int8", [number, i]).one()
                    assert found == (number * 1000 + i,), found
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
