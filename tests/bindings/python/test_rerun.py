"""Transactions that are run again, on every database that may end one: `transaction(work, retry=N)`."""

import asyncio
import threading
import unittest

import support
import trunkline
from trunkline import aio


class Cases:
    """The same for every database."""

    def setUp(self):
        super().setUp()
        self.db.query("DROP TABLE IF EXISTS account")
        self.db.query("CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL)")
        self.db.query("INSERT INTO account VALUES (1, 0), (2, 0)")
        self.addCleanup(self.db.query, "DROP TABLE account")
        self.runs = 0

    def amounts(self):
        return [amount for amount, in self.db.query("SELECT amount FROM account ORDER BY id", write=True)]

    def kill(self, number):
        raise NotImplementedError

    def test_the_answer_and_one_run_where_all_is_well(self):
        def work(tx):
            self.runs += 1
            return tx.query("UPDATE account SET amount = 5 WHERE id = 1").affected

        self.assertEqual(self.db.transaction(work, retry=3), 1)
        self.assertEqual((self.runs, self.amounts()), (1, [5, 0]))
        self.assertEqual(self.db.transaction(work), 1)

    def test_two_that_wait_for_each_other_are_both_done(self):
        met = threading.Barrier(2, timeout=60)

        def move(first, second):
            runs = []

            def work(tx):
                runs.append(1)
                tx.query("UPDATE account SET amount = amount + 1 WHERE id = ?", [first])
                if len(runs) == 1:
                    met.wait()
                tx.query("UPDATE account SET amount = amount + 1 WHERE id = ?", [second])

            self.db.transaction(work, retry=20)
            self.runs += len(runs)

        ways = [(1, 2), (2, 1)]
        self.assertEqual(support.failures_of_threads(2, lambda: move(*ways.pop())), [])
        self.assertGreaterEqual(self.runs, 3)
        self.assertEqual(self.amounts(), [2, 2])

    def test_a_lost_session_before_commit(self):
        def work(tx):
            self.runs += 1
            tx.query("UPDATE account SET amount = amount + 1")
            if self.runs == 1:
                self.kill(tx.query(self.number).one()[0])
                tx.query("SELECT 1")

        self.db.transaction(work, retry=1)
        self.assertEqual((self.runs, self.amounts()), (2, [1, 1]))

    def test_without_retry_and_for_other_failures_it_is_run_once(self):
        def lose(tx):
            self.runs += 1
            self.kill(tx.query(self.number).one()[0])
            tx.query("SELECT 1")

        with self.assertRaises(trunkline.Unavailable):
            self.db.transaction(lose)
        self.assertEqual(self.runs, 1)

        def fail(tx):
            self.runs += 1
            tx.query("UPDATE account SET amount = 7")
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            self.db.transaction(fail, retry=5)
        with self.assertRaises(trunkline.UniqueViolation):
            self.db.transaction(lambda tx: tx.query("INSERT INTO account VALUES (1, 1)"), retry=5)
        self.assertEqual((self.runs, self.amounts()), (2, [0, 0]))
        with self.assertRaises(TypeError):
            self.db.transaction(retry=1)

        def end_it(tx):
            self.runs += 1
            tx.query("UPDATE account SET amount = 9 WHERE id = 1")
            tx.commit()
            raise trunkline.Deadlock("of something else")

        with self.assertRaises(trunkline.Deadlock):
            self.db.transaction(end_it, retry=5)
        self.assertEqual((self.runs, self.amounts()), (3, [9, 0]))
        with self.db.transaction() as tx, self.assertRaises(trunkline.Misuse):
            tx.transaction(lambda inner: None, retry=1)

    def test_for_asyncio(self):
        async def main():
            db = aio.of(self.registry).on(self.name)

            async def work(tx):
                self.runs += 1
                await tx.query("UPDATE account SET amount = amount + 1")
                if self.runs == 1:
                    number = (await tx.query(self.number)).one()[0]
                    await asyncio.to_thread(self.kill, number)
                    await tx.query("SELECT 1")
                return "done"

            return await db.transaction(work, retry=1)

        self.assertEqual(asyncio.run(main()), "done")
        self.assertEqual((self.runs, self.amounts()), (2, [1, 1]))


class Postgresql(Cases, support.PostgresqlTest):
    name = "pg"
    number = "SELECT pg_backend_pid()"

    def kill(self, number):
        self.db.query("SELECT pg_terminate_backend(?)", [number])

    def test_what_is_not_so_any_more(self):
        def work(tx):
            self.runs += 1
            seen = tx.query("SELECT amount FROM account WHERE id = 1").one()[0]
            if self.runs < 3:
                self.db.query("UPDATE account SET amount = amount + 10 WHERE id = 1")
            tx.query("UPDATE account SET amount = ? WHERE id = 1", [seen + 1])
            return seen

        self.assertEqual(self.registry.transaction(work, retry=2, isolation="repeatable read"), 20)
        self.assertEqual((self.runs, self.amounts()), (3, [21, 0]))


class Mariadb(Cases, support.MariadbTest):
    name = "mariadb"
    number = "SELECT connection_id()"

    def kill(self, number):
        self.db.query(f"KILL {number}")


if __name__ == "__main__":
    unittest.main()
