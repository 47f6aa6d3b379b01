"""Names that the application is asked for when they are wanted."""

import asyncio
import os
import threading
import time
import unittest

import support
import trunkline
from trunkline import aio


class Resolved(support.SqliteTest):
    def setUp(self):
        super().setUp()
        self.asked = []

    def settings(self, name):
        self.asked.append(name)
        if name.startswith("tenant"):
            return {"driver": "sqlite", "database": f"{self.folder}/{name}.db"}
        return None

    def test_asked_once_and_remembered(self):
        with self.registry.resolver(self.settings):
            tenant = self.registry.on("tenant_42")
            self.assertEqual((self.asked, self.registry.has("tenant_42")), ([], False))
            self.assertEqual(tenant.query("SELECT 42").one(), (42,))
            self.assertEqual(self.registry.on("tenant_42", mode="read").query("SELECT 43").one(), (43,))
            self.registry.connect("tenant_43")
        self.assertEqual(self.asked, ["tenant_42", "tenant_43"])
        self.assertEqual(self.registry.names()[-2:], ["tenant_42", "tenant_43"])
        self.assertEqual(tenant.query("SELECT 44").one(), (44,))
        with self.assertRaises(trunkline.NotFound):
            self.registry.on("tenant_44").query("SELECT 1")

    def test_answered_with_a_template(self):
        with open(os.path.join(self.folder, "trunkline.toml"), "w") as file:
            file.write('[templates.tenant]\ndriver = "sqlite"\ndatabase = "tenant_${id}.db"\n')
        with trunkline.open(file.name) as registry:
            registry.resolver(lambda name: {"template": "tenant", "parameters": {"id": int(name.split("_")[1])}})
            result = registry.on("tenant_42").query("SELECT 1")
            self.assertTrue(result.endpoint.endswith("/tenant_42.db"), result.endpoint)

    def test_many_who_want_the_same_ask_once(self):
        begun = threading.Barrier(16)

        def slow(name):
            time.sleep(0.2)  # what is asked meanwhile is the same question
            return self.settings(name)

        def ask():
            begun.wait()
            self.assertEqual(self.registry.on("tenant").query("SELECT 1").one(), (1,))

        with self.registry.resolver(slow):
            self.assertEqual(support.failures_of_threads(16, ask), [])
        self.assertEqual(self.asked, ["tenant"])

    def test_transactions_and_pins_ask_too(self):
        with self.registry.resolver(self.settings):
            with self.registry.on("tenant_1").transaction() as transaction:
                transaction.query("CREATE TABLE t (a)")
            with self.registry.on("tenant_2").pin() as pin:
                self.assertEqual(pin.query("SELECT 1").one(), (1,))

    def test_what_does_not_exist(self):
        with self.registry.resolver(self.settings):
            nobody = self.registry.on("nobody")
            for _ in range(2):  # it is not remembered
                with self.assertRaises(trunkline.NotFound) as caught:
                    nobody.query("SELECT 1")
        self.assertIn('"nobody"', str(caught.exception))
        self.assertEqual(caught.exception.connection, "nobody")
        self.assertEqual(self.asked, ["nobody", "nobody"])
        with self.assertRaises(trunkline.NotFound):
            nobody.query("SELECT 1")

    def test_answers_that_cannot_be_used(self):
        def bad(name):
            if name == "raises":
                raise KeyError("a secret")
            if name == "busy":
                raise trunkline.Busy("come back later")
            return {"driver": "sqlite", "databse": "x"} if name == "settings" else object()

        with self.registry.resolver(bad), self.assertLogs("trunkline", "ERROR"):
            for name, kind, told in (("raises", trunkline.Unavailable, "KeyError"), ("busy", trunkline.Busy, "come back"),
                                     ("settings", trunkline.ConfigurationError, "databse"),
                                     ("object", trunkline.Unavailable, "AttributeError")):
                with self.assertRaises(kind) as caught:
                    self.registry.on(name).query("SELECT 1")
                self.assertIn(told, str(caught.exception))
                self.assertNotIn("secret", str(caught.exception))

    def test_nobody_answers_in_time(self):
        release = threading.Event()

        def silent(name):
            release.wait(10)

        with self.registry.resolver(silent):
            began = time.monotonic()
            with self.assertRaises(trunkline.AcquireTimeout) as caught:
                self.registry.on("tenant").query("SELECT 1", timeout=0.2)
            self.assertLess(time.monotonic() - began, 2)
            release.set()
        self.assertIn("nobody has answered", str(caught.exception))

    def test_answered_whatever_becomes_of_the_function(self):
        class Ends(BaseException):
            pass

        class Awaited:
            async def __call__(self, name):
                return None

        def bad(name):
            if name == "exits":
                raise SystemExit(1)
            if name == "ends":
                raise Ends
            if name == "raises":
                raise trunkline.Busy("a lone \ud800")
            return "driver = '\ud800'" if name == "surrogate" else Awaited()(name)

        with self.registry.resolver(bad), self.assertLogs("trunkline", "ERROR"):
            for name, kind in (("exits", trunkline.Unavailable), ("ends", trunkline.Unavailable),
                               ("surrogate", trunkline.Unavailable), ("coroutine", trunkline.Unavailable),
                               ("raises", trunkline.Busy)):
                began = time.monotonic()
                with self.assertRaises(kind, msg=name):
                    self.registry.on(name).query("SELECT 1")
                self.assertLess(time.monotonic() - began, 10)
        with self.registry.resolver(self.settings, unused=float("nan")), self.assertLogs("trunkline", "ERROR"):
            with self.assertRaises(trunkline.Unavailable):
                self.registry.on("tenant").query("SELECT 1")
        with self.registry.resolver(self.settings, unused=float("inf")):
            self.registry.on("tenant").query("SELECT 1")
        with self.assertRaises(TypeError):
            self.registry.resolver(Awaited().__call__)

    def test_answered_where_it_is_awaited(self):
        class Awaited:
            async def __call__(_, name):
                if name == "cancelled":
                    asyncio.current_task().cancel()
                    await asyncio.sleep(0)
                return self.settings(name)

        async def ask():
            registry = aio.of(self.registry)
            with registry.resolver(Awaited()):
                self.assertEqual((await asyncio.wait_for(registry.on("tenant").query("SELECT 7"), 10)).one(), (7,))
                with self.assertRaises(trunkline.Unavailable):
                    await asyncio.wait_for(registry.on("cancelled").query("SELECT 1"), 10)
            with registry.resolver(lambda name: asyncio.sleep(0, self.settings(name))):
                await asyncio.wait_for(registry.on("tenant_2").query("SELECT 7"), 10)

        asyncio.run(ask())

    def test_handles_of_names_that_are_not_there_are_not_kept(self):
        with self.registry.resolver(self.settings):
            for i in range(2000):
                self.registry.on(f"nobody_{i}")
            self.assertLess(len(self.registry._handles[1]), 10)
            for i in range(2000):
                self.registry.add(f"tenant_{i}", self.settings(f"tenant_{i}"))
            for i in range(2000):
                self.registry.on(f"tenant_{i}")
            self.assertLess(len(self.registry._handles[1]), 1000)

    def test_what_takes_longer_than_callers_wait_is_found_once(self):
        release = threading.Event()

        def slow(name):
            settings = self.settings(name)
            release.wait(10)
            return settings

        with self.registry.resolver(slow):
            for _ in range(3):
                with self.assertRaises(trunkline.AcquireTimeout):
                    self.registry.on("tenant").query("SELECT 1", timeout=0.05)
            release.set()
            self.eventually(lambda: self.registry.has("tenant"))
            self.assertEqual(self.registry.on("tenant").query("SELECT 1").one(), (1,))
        self.assertEqual(self.asked, ["tenant"])

    def test_asked_again_when_the_time_for_it_is_over(self):
        def first_never(name):
            settings = self.settings(name)
            if len(self.asked) == 1:
                time.sleep(3)  # in the middle of what the second one has
                return None
            return settings

        with trunkline.parse('[limits]\nask_timeout = "2s"\n') as registry, registry.resolver(first_never):
            tenant = registry.on("tenant")
            with self.assertRaises(trunkline.AcquireTimeout):
                tenant.query("SELECT 1", timeout=1.8)
            self.assertEqual(tenant.query("SELECT 1").one(), (1,))
        self.assertEqual(self.asked, ["tenant", "tenant"])

    def test_more_questions_at_once_than_events(self):
        async def find(name):
            self.asked.append(name)

        async def ask():
            registry = aio.of(self.registry)
            with registry.resolver(find):
                failures = await asyncio.wait_for(asyncio.gather(
                    *(registry.on(f"nobody_{i}").query("SELECT 1") for i in range(3000)), return_exceptions=True), 20)
            self.assertEqual({type(failure) for failure in failures}, {trunkline.NotFound})

        asyncio.run(ask())
        self.assertEqual(len(set(self.asked)), 3000)

    def test_the_one_who_answers_cannot_ask(self):
        failures = []

        def circular(name):
            try:
                self.registry.on("another").query("SELECT 1")
            except trunkline.Busy as error:
                failures.append(str(error))
            return self.settings(name)

        with self.registry.resolver(circular):
            self.assertEqual(self.registry.on("tenant").query("SELECT 1").one(), (1,))
        self.assertIn("wait for itself", failures[0])

    def test_what_nobody_uses_is_forgotten_and_asked_for_again(self):
        with self.registry.resolver(self.settings, unused=0.2):
            tenant = self.registry.on("tenant")
            with tenant.transaction() as transaction:
                transaction.query("CREATE TABLE t (a)")
                time.sleep(0.5)  # longer than that, in use
                self.assertTrue(self.registry.has("tenant"))
            self.eventually(lambda: not self.registry.has("tenant"))
            self.assertEqual(tenant.query("SELECT count(*) FROM t").one(), (0,))
            self.assertEqual(self.asked, ["tenant", "tenant"])

    def test_an_unused_default_is_asked_for_by_its_name(self):
        def find(name):
            self.asked.append(name)
            return {"driver": "sqlite", "database": f"{self.folder}/tenant.db"}

        with trunkline.parse("") as registry, registry.resolver(find, unused=0.1):
            first = registry.on()
            first.query("SELECT 1")
            again = registry.on(mode="read")
            self.eventually(lambda: not registry.has("default"))
            first.query("SELECT 1")
            self.eventually(lambda: not registry.has("default"))
            again.query("SELECT 1")
            self.eventually(lambda: not registry.has("default"))
            registry.on(mode="write").query("SELECT 1")
        self.assertEqual(self.asked, ["default"] * 4)

    def test_a_patch_leaves_it_to_be_forgotten(self):
        with self.registry.resolver(self.settings, unused=0.3):
            self.registry.on("tenant").query("SELECT 1")
            self.assertFalse(self.registry.add("tenant", self.settings("tenant")))
            self.assertFalse(self.registry.patch("tenant", {}))
            self.assertTrue(self.registry.patch("tenant", {"description": "patched"}))
            self.assertFalse(self.registry.patch("tenant", {}))
            settings = {row["path"]: row["value"] for row in self.registry.inspect("settings").dicts()}
            self.assertEqual(settings["connections.tenant.idle_close"], '"300ms"')
            self.registry.on("tenant").query("SELECT 1")
            self.eventually(lambda: not self.registry.has("tenant"))

    def test_what_the_file_has_now_is_not_forgotten(self):
        with open(os.path.join(self.folder, "trunkline.toml"), "w") as file:
            file.write('[connections.main]\ndriver = "sqlite"\ndatabase = ":memory:"\n')
        with trunkline.open(file.name) as registry, registry.resolver(self.settings, unused=0.3):
            registry.on("tenant").query("SELECT 1")
            registry.on("tenant_2").query("SELECT 1")
            with open(file.name, "a") as more:
                more.write(f'[connections.tenant]\ndriver = "sqlite"\ndatabase = "{self.folder}/tenant.db"\n')
            registry.reload()
            registry.trim("tenant")
            self.eventually(lambda: not registry.has("tenant_2"))
            time.sleep(0.3)  # it came before that one
            self.assertTrue(registry.has("tenant"))

    def test_the_call_timeout_of_what_is_found(self):
        endless = "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
        with self.registry.resolver(lambda name: {**self.settings(name), "call_timeout": "300ms"}):
            for name, mode in (("tenant", "dual"), ("tenant", "read"), ("tenant_2", "read")):
                began = time.monotonic()
                with self.assertRaises(trunkline.StatementTimeout):
                    self.registry.on(name, mode=mode).query(endless, timeout=None)
                self.assertLess(time.monotonic() - began, 5)
            with self.registry.on("tenant_3").pin() as pin, self.assertRaises(trunkline.StatementTimeout):
                pin.query(endless)

            async def ask():
                with self.assertRaises(trunkline.StatementTimeout):
                    await asyncio.wait_for(aio.of(self.registry).on("tenant_4").query(endless), 10)

            asyncio.run(ask())

    def test_what_is_removed_stays_closed(self):
        with self.registry.resolver(self.settings):
            tenant = self.registry.on("tenant")
            tenant.query("SELECT 1")
            self.registry.remove("tenant")
            self.assertTrue(self.registry.add("tenant", self.settings("tenant")))
            with self.assertRaises(trunkline.Closed):
                tenant.query("SELECT 1")
            self.registry.on("tenant").query("SELECT 1")
            self.registry.remove("tenant")
            self.registry.on("tenant").query("SELECT 1")

    def test_names_that_are_forgotten_at_once(self):
        failures = []

        def use(n):
            for _ in range(100):
                self.registry.connect(f"tenant_{n}")
                self.registry.on(f"tenant_{n}").query("SELECT 1")

        def work(n):
            try:
                use(n)
            except trunkline.Error as error:
                failures.append(error)

        with self.registry.resolver(lambda name: self.settings("tenant"), unused=0.001):
            threads = [threading.Thread(target=work, args=(n % 2,)) for n in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_kept_for_as_long_as_there_is_time(self):
        with trunkline.parse("") as registry:
            for unused in (9e15, 1e15, 1e10):
                with registry.resolver(self.settings, unused=unused):
                    registry.on(f"tenant_{unused}").query("SELECT 1")
            began = time.process_time()
            time.sleep(0.5)
            self.assertLess(time.process_time() - began, 0.3)
            self.assertEqual(len(registry.names()), 3)

    def test_a_child_forgets_them_too(self):
        with self.registry.resolver(self.settings, unused=0.3):
            tenant = self.registry.on("tenant")
            tenant.query("SELECT 1")
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    tenant.query("SELECT 1")
                    self.eventually(lambda: not self.registry.has("tenant"))
                    code = 0
                finally:
                    os._exit(code)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def test_asyncio(self):
        async def find(name):
            await asyncio.sleep(0.05)
            return self.settings(name)

        async def ask():
            registry = aio.of(self.registry)
            with registry.resolver(find):
                found = await asyncio.gather(*(registry.on("tenant").query("SELECT 7") for _ in range(20)))
                self.assertEqual([answer.one() for answer in found], [(7,)] * 20)
                with self.assertRaises(trunkline.NotFound):
                    await registry.on("nobody").query("SELECT 1")
            with registry.resolver(self.settings):
                await registry.on("tenant_2").query("SELECT 1")

        asyncio.run(ask())
        self.assertEqual(self.asked, ["tenant", "nobody", "tenant_2"])


if __name__ == "__main__":
    unittest.main()
