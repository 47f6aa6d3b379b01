"""What was counted, as rows and as Prometheus' text: it follows what happened."""

import re
import threading
import unittest

import support
from support import trunkline


def value_of(registry, metric, label=None, role="primary", name="main"):
    rows = [row for row in registry.inspect("metrics", name).dicts()
            if (row["metric"], row["label"], row["role"]) == (metric, label, role)]
    if len(rows) != 1:
        raise AssertionError(f"{len(rows)} rows of {metric} {label}")
    return rows[0]["value"]


class MetricsTest(support.SqliteTest):
    def test_nothing_is_told_of_what_is_not_open(self):
        self.assertEqual(self.registry.inspect("metrics").all(), [])
        self.assertNotIn("{", self.registry.metrics())

    def test_statements_are_counted_by_what_became_of_them(self):
        self.db.query("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        self.db.query("INSERT INTO t VALUES (1)")
        for _ in range(2):
            with self.assertRaises(trunkline.UniqueViolation):
                self.db.query("INSERT INTO t VALUES (?)", [1])
        self.assertEqual(value_of(self.registry, "trunkline_statements_total", 'outcome="ok"'), 2)
        failed = sum(value_of(self.registry, "trunkline_statements_total", f'outcome="{outcome}"')
                     for outcome in ("not_sent", "refused", "rolled_back", "unknown"))
        self.assertEqual(failed, 2)
        self.assertEqual(value_of(self.registry, "trunkline_statement_errors_total", 'error_type="unique_violation"'), 2)
        self.assertEqual(value_of(self.registry, "db_client_operation_duration_seconds_count"), 4)
        self.assertEqual(value_of(self.registry, "db_client_operation_duration_seconds_bucket", 'le="+Inf"'), 4)

    def test_gauges_follow_the_pool(self):
        used = 'db_client_connection_state="used"'
        with self.registry.on("main", mode="write").pin():
            self.assertEqual(value_of(self.registry, "db_client_connection_count", used), 1)
        self.eventually(lambda: value_of(self.registry, "db_client_connection_count", used) == 0)
        self.assertEqual(value_of(self.registry, "db_client_connection_max"), 1)
        self.assertEqual(value_of(self.registry, "db_client_connection_max", role="replica"), 10)
        self.assertEqual(value_of(self.registry, "db_client_connection_use_time_seconds_count"),
                         value_of(self.registry, "trunkline_sessions_lent_total"))
        self.assertEqual(value_of(self.registry, "db_client_connection_create_time_seconds_count"), 1)

    def test_a_wait_for_a_session_is_measured(self):
        writer = self.registry.on("main", mode="write")
        before = []
        with writer.pin() as pinned:
            pinned.query("SELECT 1")
            before.append(value_of(self.registry, "db_client_connection_wait_time_seconds_sum"))
            waiting = threading.Thread(target=lambda: writer.query("SELECT 2"))
            waiting.start()
            self.eventually(lambda: value_of(self.registry, "db_client_connection_pending_requests") == 1)
            with self.assertRaises(trunkline.AcquireTimeout):
                self.other_caller(writer)
        waiting.join()
        self.assertGreater(value_of(self.registry, "db_client_connection_wait_time_seconds_sum"), before[0])
        self.assertEqual(value_of(self.registry, "db_client_connection_timeouts_total"), 1)

    def other_caller(self, connection):
        """Of a thread of its own: the one that holds the session would wait for itself."""
        failures = []

        def ask():
            try:
                connection.query("SELECT 3", timeout=0.02)
            except trunkline.Error as error:
                failures.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        raise failures[0]

    def test_the_text_says_what_the_rows_say(self):
        self.db.query("SELECT 1")
        text = self.registry.metrics()
        numbers = [line for line in text.splitlines() if not line.startswith("#")]
        rows = self.registry.inspect("metrics").all()
        own = [line for line in numbers if "{" not in line]  # of no endpoint
        self.assertEqual({line.split()[0] for line in own}, {"trunkline_sessions_open", "trunkline_events_dropped_total"})
        self.assertEqual(len(numbers), len(rows) + len(own))
        self.assertEqual(len(numbers), len({line.rsplit(" ", 1)[0] for line in numbers}))
        for name in re.findall(r"^(\w+)\{", text, re.MULTILINE):
            self.assertIn(name, {row[3] for row in rows})
        pools = set(re.findall(r'db_client_connection_pool_name="([^"]*)"', text))
        self.assertEqual(pools, {"main/primary", "main/replica-1"})

    def test_counting_begins_anew_when_a_connection_is_opened_again(self):
        self.db.query("SELECT 1")
        self.registry.close()
        self.registry.connect("main")
        self.assertEqual(value_of(self.registry, "db_client_operation_duration_seconds_count"), 0)


if __name__ == "__main__":
    unittest.main()
