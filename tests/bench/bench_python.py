"""The Python binding against its peers: bench_python.py CASE ours|theirs SECONDS."""

import asyncio
import atexit
import os
import resource
import sqlite3
import sys
import time

POINTS = 10_000
TASKS, ROUNDS = 64, 10  # at once, and queries of each in a unit
SESSIONS = 10
ROWS = "SELECT a, b, c, d, e, f FROM bench_rows"


def measure(seconds, unit):
    """Nanoseconds per unit, after a warm-up."""

    def run_for(wanted):
        units, began = 0, time.perf_counter()
        while True:
            unit(units)
            units += 1
            spent = time.perf_counter() - began
            if spent >= wanted:
                return spent / units * 1e9

    run_for(seconds / 5)
    return run_for(seconds)


def open_ours(name):
    import trunkline

    return trunkline.open(os.environ["TL_BENCH_CONFIG"]).on(name)


def open_psycopg2():
    import psycopg2

    connection = psycopg2.connect(host=os.environ["TL_PG_SOCKET"], port=os.environ["TL_PG_PORT"],
                                  dbname=os.environ["TL_PG_DATABASE"], user=os.environ["TL_PG_USER"])
    connection.autocommit = True
    return connection


def py_rows_ours(name):
    db = open_ours(name)

    def unit(_):
        rows = db.query(ROWS).all()
        assert len(rows) == 100_000 and type(rows[0]) is tuple

    return unit


def py_rows_psycopg2():
    cursor = open_psycopg2().cursor()

    def unit(_):
        cursor.execute(ROWS)
        assert len(cursor.fetchall()) == 100_000

    return unit


def py_rows_sqlite3():
    connection = sqlite3.connect(os.environ["TL_BENCH_SQLITE"])

    def unit(_):
        assert len(connection.execute(ROWS).fetchall()) == 100_000

    return unit


def py_point_ours():
    query = open_ours("pg").query

    def unit(i):
        id = i * 7919 % POINTS
        assert query("SELECT id, name FROM bench_points WHERE id = ?", (id,)).first()[0] == id

    return unit


def py_point_psycopg2():
    cursor = open_psycopg2().cursor()

    def unit(i):
        id = i * 7919 % POINTS
        cursor.execute("SELECT id, name FROM bench_points WHERE id = %s", (id,))
        assert cursor.fetchone()[0] == id

    return unit


def asyncio_rounds(open_point):
    """TASKS tasks with point queries: a unit is ROUNDS of each, one after another."""
    loop = asyncio.new_event_loop()
    point, close = loop.run_until_complete(open_point())
    atexit.register(lambda: loop.run_until_complete(close()))

    async def task(number, rounds):
        for i in range(rounds):
            id = (number + i * TASKS) * 7919 % POINTS
            assert await point(id) == id

    def unit(_):
        loop.run_until_complete(together())

    async def together():
        await asyncio.gather(*(task(number, ROUNDS) for number in range(TASKS)))

    return unit


async def asyncio_ours():
    from trunkline import aio

    registry = aio.open(os.environ["TL_BENCH_CONFIG"])
    query = registry.on("pg10").query

    async def point(id):
        return (await query("SELECT id, name FROM bench_points WHERE id = ?", (id,))).first()[0]

    return point, registry.close


async def asyncio_psycopg():
    from psycopg_pool import AsyncConnectionPool

    async def configure(connection):
        await connection.set_autocommit(True)

    pool = AsyncConnectionPool(
        f"host={os.environ['TL_PG_SOCKET']} port={os.environ['TL_PG_PORT']} dbname={os.environ['TL_PG_DATABASE']} "
        f"user={os.environ['TL_PG_USER']}", min_size=SESSIONS, max_size=SESSIONS, configure=configure, open=False)
    await pool.open(wait=True)

    async def point(id):
        async with pool.connection() as connection:
            found = await connection.execute("SELECT id, name FROM bench_points WHERE id = %s", (id,))
            return (await found.fetchone())[0]

    return point, pool.close


CASES = {
    ("py_rows", "ours"): lambda: py_rows_ours("pg"),
    ("py_rows", "theirs"): py_rows_psycopg2,
    ("py_sqlite_rows", "ours"): lambda: py_rows_ours("sqlite"),
    ("py_sqlite_rows", "theirs"): py_rows_sqlite3,
    ("py_point", "ours"): py_point_ours,
    ("py_point", "theirs"): py_point_psycopg2,
    ("asyncio_64over10", "ours"): lambda: asyncio_rounds(asyncio_ours),
    ("asyncio_64over10", "theirs"): lambda: asyncio_rounds(asyncio_psycopg),
}

figure = measure(float(sys.argv[3]), CASES[sys.argv[1], sys.argv[2]]())
print(f"{figure:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
