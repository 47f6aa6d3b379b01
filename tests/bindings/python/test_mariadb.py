"""The whole way with MariaDB: values in and out as Python's other clients give them, errors, transactions."""

import unittest
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import support
import trunkline


class Values(support.MariadbTest):
    def same(self, found, expected):
        self.assertEqual((type(found), repr(found)), (type(expected), repr(expected)))

    def test_in_and_out(self):
        for kind, values in (
                ("TINYINT", (-128, 127)), ("INT UNSIGNED", (2**32 - 1,)), ("BIGINT", (-2**63, 2**63 - 1)),
                ("BIGINT UNSIGNED", (2**64 - 1,)), ("BIT(64)", (0, 2**63)), ("YEAR", (1901,)),
                ("DOUBLE", (0.1, -1e300)), ("FLOAT", (0.5,)),
                ("DECIMAL(65,30)", (Decimal("-12345678901234567890123456789012345.123456789012345678901234567891"),)),
                ("VARCHAR(40)", ("", "naïve 日本 🎉")), ("LONGTEXT", ("x" * 100_000,)), ("ENUM('a', 'ü')", ("ü",)),
                ("LONGBLOB", (b"", b"\x00\xff\\'")), ("VARBINARY(9)", (b"\x00",)),
                ("DATE", (date(1, 1, 1), date(9999, 12, 31))),
                ("DATETIME(6)", (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999))),
                ("TIMESTAMP(6)", (datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc),)),
                ("TIME(6)", (timedelta(microseconds=-1), timedelta(hours=838, minutes=59, seconds=59, microseconds=999_999),
                             -timedelta(hours=100))),
                ("UUID", (UUID("12345678-1234-4678-9234-567812345678"),)),
                ("JSON", ({"a": [1, None, "ü"]},))):
            with self.db.pin() as session:
                session.query(f"CREATE TEMPORARY TABLE held (v {kind} NULL)")
                for value in (*values, None):
                    with self.subTest(kind, value=value):
                        session.query("DELETE FROM held")
                        session.query("INSERT INTO held VALUES (?)", [value])
                        ((found,),) = session.query("SELECT v FROM held")
                        self.same(found, value)

    def test_what_comes_from_literals(self):
        for sql, expected in (
                ("1", 1), ("1 = 1", 1), ("1.10", Decimal("1.10")), ("1e0", 1.0), ("'é'", "é"), ("x'00ff'", b"\x00\xff"),
                ("SUM(2)", Decimal("2")), ("COUNT(*)", 1), ("NULL", None), ("INET6_NTOA(INET6_ATON('::1'))", "::1"),
                ("TIMEDIFF('00:00:01', '25:00:00')", timedelta(hours=-25, seconds=1)),
                ("CAST('2024-02-29' AS DATE)", date(2024, 2, 29))):
            with self.subTest(sql):
                self.same(self.db.query(f"SELECT {sql}").one()[0], expected)

    def test_a_zero_date_is_an_error_that_says_so(self):
        with self.db.pin() as session:
            session.query("SET sql_mode = ''")
            session.query("CREATE TEMPORARY TABLE odd (at DATE)")
            session.query("INSERT INTO odd VALUES ('0000-00-00')")
            with self.assertRaisesRegex(trunkline.DataError, 'row 1, column "at": a zero or partial date'):
                session.query("SELECT at FROM odd").all()
            self.assertEqual(session.query("SELECT 7").one(), (7,))


class Transactions(support.MariadbTest):
    def test_a_violation_in_a_transaction(self):
        self.db.query("CREATE OR REPLACE TABLE people (name VARCHAR(40) UNIQUE)")
        with self.assertRaises(trunkline.UniqueViolation):
            with self.db.transaction() as tx:
                tx.query("INSERT INTO people VALUES ('Ada')")
                tx.query("INSERT INTO people VALUES ('Ada')")
        self.assertEqual(self.db.query("SELECT COUNT(*) FROM people").one(), (0,))
        with self.db.transaction() as tx:
            tx.query("INSERT INTO people VALUES (?)", ["Ada"])
        self.assertEqual(self.db.query("SELECT name FROM people").all(), [("Ada",)])


if __name__ == "__main__":
    unittest.main()
