"""The story of a web middleware: each request is a tenant's, whose settings stand in a database."""

import random
import threading
import unittest

import support
import trunkline

TENANTS = [f"tenant_{i}" for i in range(12)]
THREADS = 16
REQUESTS = 40  # of each thread


class Middleware:
    def __init__(self, registry):
        self.registry = registry
        self.landlord = registry.on("pg")

    def connection_of(self, tenant):
        settings = self.landlord.query("SELECT settings FROM tenants WHERE name = ?", [tenant]).one()[0]
        if not self.registry.has(tenant):
            self.registry.add(tenant, settings)
        self.registry.connect(tenant)
        return self.registry.on(tenant)

    def answer(self, tenant):
        """Another request may forget the tenant meanwhile: then it is looked for once more."""
        for _ in range(100):
            try:
                return self.connection_of(tenant).query("SELECT name, current_schema() FROM me").one()
            except (trunkline.NotFound, trunkline.Closed):
                continue
            except trunkline.ConfigurationError as error:  # it was patched
                if "with other settings" not in str(error):
                    raise
        raise AssertionError(f"{tenant} is never there")

    def patch(self, tenant, settings):
        try:
            self.registry.patch(tenant, settings)
        except trunkline.NotFound:
            pass


class Tenants(support.PostgresqlTest):
    more = "[connections.pg.pool]\nmax = 4\n[limits]\nmax_open = 24\n"

    def setUp(self):
        super().setUp()
        own = support.postgresql_toml().split("]", 1)[1]
        self.db.query("DROP TABLE IF EXISTS tenants")
        self.db.query("CREATE TABLE tenants (name text PRIMARY KEY, settings text)")
        for tenant in TENANTS:
            self.db.query(f"DROP SCHEMA IF EXISTS {tenant} CASCADE")
            self.db.query(f"CREATE SCHEMA {tenant}")
            self.db.query(f"CREATE TABLE {tenant}.me AS SELECT '{tenant}' AS name")
            self.db.query("INSERT INTO tenants VALUES (?, ?)", [tenant, f"{own}schema = '{tenant}'\npool.max = 3\n"])

    def tearDown(self):
        for tenant in TENANTS:
            self.db.query(f"DROP SCHEMA {tenant} CASCADE")
        self.db.query("DROP TABLE tenants")

    def test_a_tenants_requests_reach_the_tenants_data(self):
        middleware, lock, seeds = Middleware(self.registry), threading.Lock(), iter(range(THREADS))
        answered = []

        def serve():
            with lock:
                chance = random.Random(next(seeds))
            for _ in range(REQUESTS):
                tenant = chance.choice(TENANTS)
                self.assertEqual(middleware.answer(tenant), (tenant, tenant))
                if chance.random() < 0.2:
                    middleware.patch(tenant, {"pool": {"max": chance.randint(1, 4)}})
                if chance.random() < 0.1:
                    self.registry.close(tenant, release=True, timeout=10)
                with lock:
                    answered.append(tenant)

        self.assertEqual(support.failures_of_threads(THREADS, serve), [])
        self.assertEqual(len(answered), THREADS * REQUESTS)
        for tenant in TENANTS:
            self.registry.close(tenant, release=True, timeout=10)
            self.assertFalse(self.registry.has(tenant))
        self.assertEqual(self.registry.names(), ["pg"])


if __name__ == "__main__":
    unittest.main()
