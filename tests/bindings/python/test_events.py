"""Events in Python: who is called with what and where, until when; and as lines of logging."""

import datetime
import ctypes
import gc
import os
import tempfile
import threading
import time
import unittest
from unittest import mock

import support
import trunkline
from support import CANARY
from test_package import run
from trunkline import _ffi

KINDS = ("connect", "disconnect", "checkout", "checkin", "dial_failed", "timeout", "query", "slow_query",
         "state_change")


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
    """What has begun a thread sees it end."""

    def no_thread_is_left(self):
        deadline = time.monotonic() + 10
        while subscribers():
            self.assertLess(time.monotonic(), deadline, "the thread has not ended")
            time.sleep(0.005)


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


class Occasions(Threads, unittest.TestCase):
    """Kinds that want a configuration of their own; how it ends."""

    def registry(self, more="", toml=support.SQLITE):
        self.addCleanup(self.no_thread_is_left)
        folder = tempfile.TemporaryDirectory(prefix="trunkline-python-")
        self.addCleanup(folder.cleanup)
        return trunkline.parse(toml.format(folder=folder.name).replace('/main.db"\n', '/main.db"\n' + more, 1))

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
        registry = trunkline.parse('[connections.gone]\ndriver = "postgresql"\nhost = "127.0.0.1"\nport = 1\n'
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

    def test_what_cannot_be_called(self):
        async def coroutine_function(event):
            pass

        registry = self.registry()
        for wrong in (None, 1, coroutine_function):
            with self.assertRaises(TypeError):
                registry.on_query(wrong)
        self.assertEqual(subscribers(), [])

    def test_close_waits_for_a_call_under_way(self):
        registry = self.registry()
        begun, go_on, order = threading.Event(), threading.Event(), []

        def slow(event):
            begun.set()
            go_on.wait(10)
            order.append("told")

        def close():
            subscription.close()
            order.append("closed")

        subscription = registry.on_query(slow)
        registry.query("SELECT 1").all()
        registry.query("SELECT 2").all()
        self.assertTrue(begun.wait(10))
        closing = threading.Thread(target=close)
        closing.start()
        closing.join(0.05)
        self.assertTrue(closing.is_alive())
        go_on.set()
        closing.join()
        self.assertEqual(order[-1], "closed")
        self.no_thread_is_left()
        self.assertEqual(order[-1], "closed")

    def test_a_function_closes_its_own_subscription_and_makes_others(self):
        registry = self.registry()
        later, told = Notes(), []

        def once(event):
            told.append(event)
            first.close()
            seconds.append(registry.on_query(later))

        seconds = []
        with registry.on_query(Notes()):  # so that the first to close is not the last
            first = registry.on_query(once)
            while not told:
                registry.query("SELECT 1").all()
            while not later.events:
                registry.query("SELECT 2").all()
        seconds[0].close()
        self.assertEqual(len(told), 1)

    def test_what_is_lost_is_told(self):
        registry = self.registry()
        notes, go_on, sessions = Notes(), threading.Event(), 1500

        def stuck(event):
            go_on.wait(30)
            notes(event)

        with registry.on_query(stuck), self.assertLogs("trunkline.sql", "WARNING") as logs, registry.log_events():
            for _ in range(sessions):
                registry.query("SELECT 1").all()
            go_on.set()
            # Each one that arrives makes room for another, which tells how many are missing.
            deadline = time.monotonic() + 20
            while not any(event.lost for event in notes.events):
                self.assertLess(time.monotonic(), deadline)
                registry.query("SELECT 2").all()
            while not logs.output:
                self.assertLess(time.monotonic(), deadline)
                registry.query("SELECT 3").all()
        self.assertGreater(sum(event.lost for event in notes.events), 0)
        self.assertRegex(logs.output[0], r"\d+ events before the next one are not told")

    def test_whoever_drops_the_registry_ends_its_subscriptions(self):
        registry = self.registry()
        notes = Notes()
        registry.on_query(notes)
        registry.query("SELECT 1").all()
        notes.of_kind("query")
        del registry
        gc.collect()
        self.no_thread_is_left()

    def test_subscriptions_outlive_a_close_of_the_registry(self):
        registry = self.registry()
        notes = Notes()
        with registry.on_query(notes):
            registry.close()
            registry.connect("main")
            registry.query("SELECT 1 AS reopened").all()
            notes.of_statement("SELECT 1 AS reopened")

    def test_events_that_nobody_took_are_freed(self):
        registry = self.registry()

        def resident():
            with open("/proc/self/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def leave_some():
            queue = ctypes.c_void_p()
            core = registry._core
            self.assertEqual(_ffi.tl_queue_new(core.slot, 0, ctypes.addressof(queue), None), 0)
            call = _ffi.tl_call(struct_size=ctypes.sizeof(_ffi.tl_call), queue=queue.value)
            self.assertEqual(_ffi.tl_subscribe(core.slot, _ffi.TL_EVENT_QUERY, bytes(call), None), 0)
            for _ in range(1000):
                registry.query("SELECT 1")
            _ffi.tl_queue_release(queue)

        leave_some()
        before = resident()
        for _ in range(30):
            leave_some()
        self.assertLess(resident() - before, 20_000_000)

    def test_subscribing_from_many_threads(self):
        registry = self.registry()
        notes = Notes()
        wrong = []

        def work():
            try:
                for _ in range(50):
                    with registry.on_query(notes), registry.on_checkin(notes):
                        registry.query("SELECT 1").all()
            except BaseException as failure:
                wrong.append(failure)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Exit(unittest.TestCase):
    BEGIN = f"import trunkline, time, os\nregistry = trunkline.parse({support.SQLITE.format(folder='/nowhere')!r})\n"

    def test_what_has_happened_is_told_before_the_interpreter_ends(self):
        done = run(self.BEGIN + "import logging; logging.basicConfig(level='INFO', format='%(message)s')\n"
                   "registry.log_events()\n"
                   "for i in range(100): registry.on('memory').query(f'SELECT {i} AS it').all()")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("memory: query of session"), 100, done.stderr)
        self.assertTrue(done.stderr.rstrip().endswith("SELECT 99 AS it"), done.stderr)

    def test_a_function_that_does_not_return_does_not_keep_the_interpreter(self):
        begun = time.monotonic()
        done = run(self.BEGIN + "import threading; begun = threading.Event()\n"
                   "registry.on_query(lambda event: (begun.set(), time.sleep(600)))\n"
                   "registry.on('memory').query('SELECT 1').all(); begun.wait()\nprint('done')")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "done\n", ""))
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_forked_child_leaves_the_parent_s_alone(self):
        done = run(self.BEGIN + """
import queue
told = queue.Queue()
subscription = registry.on_query(told.put)
child = os.fork()
if child == 0:
    subscription.close()
    del subscription, registry
    mine = trunkline.parse('[connections.memory]\\ndriver = "sqlite"\\ndatabase = ":memory:"\\n')
    here = queue.Queue()
    with mine.on_query(here.put):
        mine.on("memory").query("SELECT 2").all()
        assert here.get(timeout=20).statement == "SELECT 2"
    raise SystemExit
assert os.waitpid(child, 0)[1] == 0
registry.on("memory").query("SELECT 1").all()
print(told.get(timeout=20).statement, told.qsize())
""")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("SELECT 1 0\n", "", 0))

    def test_a_child_subscribes_anew(self):
        done = run(self.BEGIN + """
import queue
registry.on_query(print)
child = os.fork()
if child == 0:
    here = queue.Queue()
    with registry.on_query(here.put):
        registry.on("memory").query("SELECT 2").all()
        assert here.get(timeout=20).statement == "SELECT 2"
    os._exit(0)
print(os.waitpid(child, 0)[1])
""")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("0\n", "", 0))


if __name__ == "__main__":
    unittest.main()
