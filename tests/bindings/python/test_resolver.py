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
