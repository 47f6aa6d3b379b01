"""Events in Python: who is called with what and where; and as lines of logging."""

import datetime
import tempfile
import threading
import time
import unittest
from unittest import mock

import support
import trunkline
from support import CANARY

KINDS = ("connect", "disconnect", "checkout", "checkin", "dial_failed", "timeout", "query", "slow_query",
         "state_change", "role_change")


def subscribers():
    return [thread for thread in threading.enumerate() if thread.name == "trunkline-events"]


class Notes:
    """Takes events down."""

    def __init__(self):
        self.events = []
        self.threads = set()
        self.changed = threading.Condition()

    def __call__(self, event):
        with self.changed:
            self.events.append(event)
            self.threads.add(threading.current_thread().name)
            self.changed.notify_all()

    def wait_for(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: any(map(condition, self.events)), 10):
                raise AssertionError(f"it was not told: {self.events}")
            return next(filter(condition, self.events))

    def of_statement(self, sql):
        return self.wait_for(lambda event: event.statement == sql)

    def of_kind(self, kind):
        return self.wait_for(lambda event: event.kind == kind)


class Threads:
    """Whoever has begun a thread sees it end."""

    def no_thread_is_left(self):
        deadline = time.monotonic() + 10
        while subscribers():
            self.assertLess(time.monotonic(), deadline, "the thread has not ended")
            time.sleep(0.005)


class WithoutServer(Threads):
    """Tests that make registries of their own."""

    def registry(self, more=""):
        self.addCleanup(self.no_thread_is_left)
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        toml = support.SQLITE.format(folder=folder.name)
        return trunkline.parse(toml.replace('/main.db"\n', '/main.db"\n' + more, 1))


class Cases(Threads):
    """The same for every database."""

    def setUp(self):
        self.addCleanup(self.no_thread_is_left)
        super().setUp()

    def listen(self, kind="query", fn=None):
        notes = fn or Notes()
        self.addCleanup(getattr(self.registry, "on_" + kind)(notes).close)
        return notes

    def test_a_statement_is_told_with_all_that_belongs_to_it(self):
        notes = self.listen()
        tagged = self.db.tag("GET /people")
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(milliseconds=1)
        tagged.query("SELECT 1 AS it").all()
        after = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=1)
        event = notes.of_statement("SELECT 1 AS it")
        self.assertEqual((event.kind, event.connection, event.tag, event.status, event.message, event.lost),
                         ("query", self.name, "GET /people", None, None, 0))
        self.assertTrue(before <= event.at <= after, event.at)
        self.assertTrue(datetime.timedelta() <= event.duration < datetime.timedelta(seconds=10), event.duration)
        self.assertGreater(event.session, 0)
        self.assertTrue(event.endpoint)
        with self.assertRaises(AttributeError):
            event.kind = "connect"

    def test_what_fails_is_told_as_that(self):
        notes = self.listen()
        with self.assertRaises(trunkline.StatementError):
            self.db.query("SELECT nothing_of_the_kind")
        self.assertEqual(notes.of_statement("SELECT nothing_of_the_kind").status, "statement")

    def test_a_session_is_told_from_its_opening_to_its_end(self):
        self.registry.close()
        notes = Notes()
        for kind in ("connect", "checkout", "checkin", "disconnect", "state_change"):
            self.listen(kind, notes)
        self.registry.connect(self.name)
        with self.db.pin() as session:
            session.query("SELECT 1").all()
        self.registry.close()
        number = notes.of_kind("checkout").session
        notes.wait_for(lambda event: event.kind == "disconnect" and event.session == number)
        notes.wait_for(lambda event: event.kind == "state_change" and event.message == "closed")
        kinds = [event.kind for event in notes.events if event.session == number]
        self.assertEqual(kinds, ["connect", *["checkout", "checkin"] * kinds.count("checkout"), "disconnect"])
        self.assertEqual([event.message for event in notes.events if event.kind == "state_change"], ["open", "closed"])

    def test_parameters_are_never_told(self):
        notes = Notes()
        for kind in KINDS:
            self.listen(kind, notes)
        with self.assertLogs("trunkline", "DEBUG") as logs, self.registry.log_events(echo_pool=True):
            sql = "SELECT CAST(? AS varchar(60)) AS it"
            self.db.query(sql, [CANARY]).all()
            self.db.execute_many("SELECT CAST(? AS varchar(60)) AS them", [[CANARY], [CANARY]])
            notes.of_statement(sql)
            notes.of_statement("SELECT CAST(? AS varchar(60)) AS them")
            self.listen("state_change", notes)
            self.registry.close()
            notes.wait_for(lambda event: event.message == "closed")
        for told in (notes.events, logs.output):
            self.assertIn("CAST(?", str(told))
            self.assertNotIn(CANARY, str(told))

    def test_one_thread_calls_all(self):
        notes = self.listen()
        for kind in KINDS:
            self.listen(kind, notes)
        self.db.query("SELECT 2 AS it").all()
        notes.of_statement("SELECT 2 AS it")
        self.assertEqual(notes.threads, {"trunkline-events"})
        self.assertEqual(len(subscribers()), 1)

    def test_an_exception_is_logged_and_ends_nothing(self):
        def fails(event):
            raise error[0](CANARY)

        error = [ZeroDivisionError]
        self.listen("query", fails)
        notes = self.listen()
        for each in (ZeroDivisionError, SystemExit, ValueError):
            error[0] = each
            with self.assertLogs("trunkline", "ERROR") as logs:
                sql = f"SELECT 3 AS {each.__name__}"
                self.db.query(sql).all()
                notes.of_statement(sql)
            self.assertEqual(len(logs.output), 1)
            self.assertIn(f"{each.__name__}: {CANARY}", logs.output[0])
            self.assertIn("in fails", logs.output[0])

    def test_nothing_is_told_after_close(self):
        notes, ended = self.listen(), Notes()
        subscription = self.registry.on_query(ended)
        self.db.query("SELECT 4 AS before").all()
        ended.of_statement("SELECT 4 AS before")
        subscription.close()
        subscription.close()
        self.db.query("SELECT 4 AS later").all()
        notes.of_statement("SELECT 4 AS later")
        self.assertNotIn("SELECT 4 AS later", [event.statement for event in ended.events])
        with self.registry.on_query(ended):
            self.db.query("SELECT 4 AS again").all()
            ended.of_statement("SELECT 4 AS again")

    def test_the_thread_ends_with_the_last_subscription_and_begins_with_the_next(self):
        for _ in range(3):
            notes = Notes()
            with self.registry.on_query(notes), self.registry.on_checkin(notes):
                self.db.query("SELECT 5 AS it").all()
                notes.of_statement("SELECT 5 AS it")
            self.no_thread_is_left()

    def test_lines_of_logging(self):
        done = self.listen()
        with self.assertLogs("trunkline", "DEBUG") as logs, self.registry.log_events(echo_pool=True):
            self.db.tag("a\ntag").query("SELECT 6\nAS it").all()
            done.of_statement("SELECT 6\nAS it")
            self.wait_for_line(logs, "checkin")
        by_kind = {record.getMessage().split(": ")[1].split()[0]: record for record in logs.records}
        found = {kind: (record.name, record.levelname) for kind, record in by_kind.items()}
        self.assertEqual(found["query"], ("trunkline.sql", "INFO"))
        self.assertEqual(found["checkout"], ("trunkline.pool", "DEBUG"))
        self.assertEqual(found["checkin"], ("trunkline.pool", "DEBUG"))
        self.assertRegex(by_kind["query"].getMessage(),
                         rf'^{self.name}: query of session \d+ .*of .*, tag "a tag", \d+\.\d ms: SELECT 6 AS it$')
        with self.assertNoLogs("trunkline", "DEBUG") if hasattr(self, "assertNoLogs") else mock.MagicMock():
            self.db.query("SELECT 6 AS unheard").all()
            done.of_statement("SELECT 6 AS unheard")

    def wait_for_line(self, logs, text):
        deadline = time.monotonic() + 10
        while not any(text in line for line in logs.output):
            self.assertLess(time.monotonic(), deadline, f"no line has {text}: {logs.output}")
            time.sleep(0.005)

    def test_lines_that_were_not_asked_for_are_not_written(self):
        done = self.listen()
        with self.assertLogs("trunkline", "DEBUG") as logs, self.registry.log_events(echo=False):
            self.db.query("SELECT 7 AS it").all()
            done.of_statement("SELECT 7 AS it")
            self.registry.close()
            self.wait_for_line(logs, "closed")
        self.assertEqual({record.getMessage().split(": ")[1].split()[0] for record in logs.records}, {"state_change"})


class Sqlite(Cases, support.SqliteTest):
    name = "main"


class Postgresql(Cases, support.PostgresqlTest):
    name = "pg"

    def test_the_server_s_number_of_a_session(self):
        notes = self.listen()
        with self.db.pin() as session:
            pid = session.query("SELECT pg_backend_pid()").one()[0]
            self.assertEqual(notes.of_statement("SELECT pg_backend_pid()").backend, str(pid))

    def test_a_statement_whose_time_is_up(self):
        timeouts, queries = self.listen("timeout"), self.listen()
        with self.assertLogs("trunkline", "WARNING") as logs, self.registry.log_events():
            with self.assertRaises(trunkline.StatementTimeout):
                self.db.query("SELECT pg_sleep(600)", timeout=0.05)
            self.assertEqual(timeouts.of_kind("timeout").statement, "SELECT pg_sleep(600)")
            self.assertEqual(queries.of_statement("SELECT pg_sleep(600)").status, "statement_timeout")
            self.wait_for_line(logs, "timeout")
        self.assertEqual(logs.records[0].name, "trunkline.sql")


class Occasions(WithoutServer, unittest.TestCase):
    """Kinds that want a configuration of their own."""

    def test_a_slow_statement(self):
        notes = Notes()
        registry = self.registry('slow_query = "0s"\n')
        with self.assertLogs("trunkline.sql", "WARNING") as logs:
            with registry.on_slow_query(notes), registry.log_events(echo=False):
                registry.query("SELECT 1").all()
                registry.query("SELECT 2").all()
                self.assertEqual(notes.of_statement("SELECT 2").kind, "slow_query")
                while len(logs.output) < 2:
                    time.sleep(0.005)
        self.assertRegex(logs.output[0], "WARNING:trunkline.sql:main: slow_query of session .*: SELECT 1$")

    def test_a_server_that_is_not_there(self):
        notes = Notes()
        registry = trunkline.parse('[connections.gone]\nretry.attempts = 1\n'
                                   'driver = "postgresql"\nhost = "127.0.0.1"\nport = 1\n'
                                   f'user = "u"\npassword = "{CANARY}"\ndatabase = "d"\n')
        with self.assertLogs("trunkline.pool", "WARNING") as logs:
            with registry.on_dial_failed(notes), registry.log_events():
                with self.assertRaises(trunkline.Unavailable):
                    registry.on("gone").query("SELECT 1")
                event = notes.of_kind("dial_failed")
                while not logs.output:
                    time.sleep(0.005)
        self.assertEqual((event.connection, event.session, event.status), ("gone", None, "unavailable"))
        self.assertTrue(event.message)
        self.assertNotIn(CANARY, f"{notes.events}{logs.output}")

    def test_a_wait_for_a_session_that_ran_out(self):
        notes = Notes()
        registry = self.registry()
        writer = registry.on("main", "write")
        with registry.on_timeout(notes), writer.pin() as session:
            session.query("SELECT 1")

            def ask():
                with self.assertRaises(trunkline.AcquireTimeout):
                    writer.query("SELECT 2", timeout=0.02)

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            event = notes.of_kind("timeout")
        self.assertEqual((event.connection, event.session, event.status), ("main", None, "acquire_timeout"))
        self.assertGreaterEqual(event.duration, datetime.timedelta(milliseconds=15))


if __name__ == "__main__":
    unittest.main()
