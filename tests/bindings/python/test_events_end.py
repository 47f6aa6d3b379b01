"""How listening to events ends: by close(), with the registry, at exit and in a forked child; and slow listeners."""

import ctypes
import gc
import os
import threading
import time
import unittest

import support
from test_events import Notes, WithoutServer, subscribers
from test_package import run
from trunkline import _ffi


class Ends(WithoutServer, unittest.TestCase):
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

        def work():
            for _ in range(50):
                with registry.on_query(notes), registry.on_checkin(notes):
                    registry.query("SELECT 1").all()

        self.assertEqual(support.failures_of_threads(4, work), [])


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
