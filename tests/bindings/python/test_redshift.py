"""The driver "redshift" at a PostgreSQL that answers as Redshift does where the two differ."""

import datetime
import os
import unittest

import support
from support import trunkline
from fake_redshift import FakeRedshift


@unittest.skipUnless(support.has_postgresql(), support.NO_POSTGRESQL)
class Redshift(unittest.TestCase):
    driver = "redshift"

    def setUp(self):
        self.server = FakeRedshift()
        self.addCleanup(self.server.close)

    def open(self, more=""):
        registry = trunkline.parse(f'[connections.db]\ndriver = "{self.driver}"\nhost = "127.0.0.1"\n'
                                   f'port = {self.server.port}\ndatabase = "{os.environ["TL_PG_DATABASE"]}"\n'
                                   f'user = "{os.environ["TL_PG_SCRAM_USER"]}"\n'
                                   f'password = "{os.environ["TL_PG_SCRAM_PASSWORD"]}"\n{more}')
        self.addCleanup(registry.close)
        return registry.on("db")

    def test_values_transactions_streams(self):
        db = self.open()
        self.assertEqual(db.query("SELECT version FROM (SELECT ?::text AS version) v", ["x"]).one(), ("x",))
        for number in (0.1, 1 / 3, 1e300, -5e-324):
            self.assertEqual(db.query("SELECT ?::float8", [number]).one(), (number,))
        self.assertEqual(db.query("SELECT ?::date, ?::numeric(5, 2), ?", ["2024-02-03", "1.50", "Zürich"]).one()[0],
                         datetime.date(2024, 2, 3))
        with db.transaction() as tx:
            tx.query("CREATE TEMP TABLE mine (a int)")
            tx.execute_many("INSERT INTO mine VALUES (?)", [(i,) for i in range(100)])
            self.assertEqual(tx.load("mine", [(i,) for i in range(100, 1000)], ["a"]), 900)
            self.assertEqual(tx.query("SELECT count(*), sum(a) FROM mine").one(), (1000, 499500))
        rows = [row[0] for row in db.query("SELECT i FROM generate_series(1, 5000) i", stream=True)]
        self.assertEqual(rows, list(range(1, 5001)))
        self.assertEqual(self.server.refused, [])

    def test_settings_hold_in_every_session(self):
        db = self.open('timezone = "Asia/Tokyo"\nschema = "pg_catalog"\nstatement_timeout = "7s"\n'
                       '[connections.db.pool]\nmax = 1\n')
        for _ in range(2):
            told = db.query("SELECT current_setting('TimeZone'), current_setting('search_path'), "
                            "current_setting('statement_timeout'), current_setting('extra_float_digits')").one()
            self.assertEqual(told, ("Asia/Tokyo", "pg_catalog", "7s", "2"))
            db.query("SET search_path = public")
        self.assertEqual(self.server.refused, [])
        self.assertTrue(all(b"options" not in started for started in self.server.started))

    def test_what_a_session_was_left_with_is_not_found_by_the_next(self):
        db = self.open("[connections.db.pool]\nmax = 1\n")
        db.query("CREATE TEMP TABLE left_behind (a int)")
        with self.assertRaises(trunkline.StatementError):
            db.query("SELECT * FROM left_behind")
        self.assertEqual(len(self.server.started), 2)

    def test_time_limits(self):
        db = self.open("[connections.db.pool]\nmax = 1\n")
        with self.assertRaises(trunkline.Timeout):
            db.query("SELECT pg_sleep(600)", timeout=0.3)
        self.assertEqual(db.query("SELECT 7").one(), (7,))

    def test_what_it_has_not_is_told_by_name(self):
        db = self.open()
        with db.transaction() as tx:
            with self.assertRaisesRegex(trunkline.NotSupportedError, "Redshift has no savepoints"):
                with tx.transaction():
                    self.fail("it began")
            self.assertEqual(tx.query("SELECT 7").one(), (7,))
        with self.assertRaisesRegex(trunkline.Error, "Redshift.*read_only") as caught:
            self.open("read_only = true\n").query("SELECT 7")
        self.assertEqual(caught.exception.name, "configuration")
        self.assertEqual(self.server.refused, [])
        with self.assertRaises(trunkline.StatementError):  # the caller's own is told as the server tells it
            db.query("SELECT pg_is_in_recovery()")
        self.assertEqual(len(self.server.refused), 1)

    def test_roles_are_as_configured(self):
        db = self.open('consistency = "session"\n[connections.db.replicas]\nread = [{ port = %d }]\n' % self.server.port)
        for _ in range(5):
            self.assertEqual(db.query("SELECT 7").one(), (7,))
        db.query("CREATE TEMP TABLE written (a int)")
        self.assertEqual(db.query("SELECT 8").one(), (8,))
        self.assertEqual(self.server.refused, [])


class ByItsProtocol(Redshift):
    """Who calls it a PostgreSQL finds out."""

    driver = "postgresql"


if __name__ == "__main__":
    unittest.main()
