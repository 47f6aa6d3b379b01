#!/usr/bin/env python3
"""Measures trunkline against its peers: run.py BUILD [--json FILE] [--rounds N] [--seconds S] [NAME…].

Every comparison is a pair of programs that take turns for several rounds; what is told is the median of the rounds'
ratios, our time over theirs, and their range. Points run with the server's processes on one core, because a wake-up
between cores costs more than a query; rows with the server on the other core; many callers on all of them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import peers

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "bindings" / "python"

# name: (case, program, peer, unit, what one unit of ours is divided by, where the server runs)
# Of Node and Go the program is the language and the peer's package, which may be missing.
COMPARISONS = {
    "pg_point_vs_libpq": ("pg_point", "native", "libpq, prepared", "µs per query", 1e3, "same"),
    "sqlite_point_vs_raw": ("sqlite_point", "native", "sqlite3, reused statement", "µs per query", 1e3, "same"),
    "pg_rows_vs_libpq": ("pg_rows", "native", "libpq, binary into structs", "ms per 100,000 rows", 1e6, "other"),
    "mariadb_point_vs_raw": ("mariadb_point", "native", "Connector/C, prepared", "µs per query", 1e3, "same"),
    "mariadb_rows_vs_raw": ("mariadb_rows", "native", "Connector/C, bound", "ms per 100,000 rows", 1e6, "other"),
    "sqlite_rows_vs_raw": ("sqlite_rows", "native", "sqlite3, every value read", "ms per 100,000 rows", 1e6, "same"),
    "pg_many_vs_raw_pipeline": ("pg_many", "native", "libpq, pipeline", "ms per 100,000 rows", 1e6, "same"),
    "mariadb_many_vs_raw_bulk": ("mariadb_many", "native", "Connector/C, bulk", "ms per 100,000 rows", 1e6, "same"),
    "sqlite_many_vs_raw_loop": ("sqlite_many", "native", "sqlite3, a loop", "ms per 100,000 rows", 1e6, "same"),
    "pg_load_vs_copy": ("pg_load", "native", "libpq, COPY", "ms per 100,000 rows", 1e6, "same"),
    "pg_queue_1_vs_blocking": ("pg_queue_1", "native", "trunkline, blocking", "µs per query", 1e3, "same"),
    "pg_64over10_vs_libpq_threads": ("pg_64over10", "native", "libpq, 64 threads", "µs per query", 1e3, "free"),
    "pg_64over10_p99": ("pg_64over10_p99", "native", "libpq, 64 threads", "µs, the 99th of 100", 1e3, "free"),
    "submit_overhead": ("submit", "submit", "the bound", "ns per call", 1, "same"),
    "registry_lookup_ns": ("registry_lookup", "registry", "the bound", "ns per lookup", 1, "same"),
    "classify_ns_per_kib": ("classify", "classify", "the bound", "ns per KiB of SQL", 1, "same"),
    "routing_ns": ("routing", "routing", "the bound", "ns per statement", 1, "same"),
    "registry_bytes_per_name": ("registry_bytes", "registry", "the bound", "bytes per name", 1, "same"),
    "py_rows_vs_psycopg2": ("py_rows", "python", "psycopg2", "ms per 100,000 rows", 1e6, "other"),
    "py_sqlite_rows_vs_sqlite3": ("py_sqlite_rows", "python", "sqlite3", "ms per 100,000 rows", 1e6, "same"),
    "asyncio_64over10_vs_psycopg": ("asyncio_64over10", "python", "psycopg 3", "µs per query", 640e3, "same"),
    "py_point_vs_psycopg2": ("py_point", "python", "psycopg2", "µs per query", 1e3, "same"),
    "node_64over10_vs_pg": ("node_64over10_pg", "node pg", "pg, its pool", "µs per query", 640e3, "free"),
    "node_64over10_vs_mysql2": ("node_64over10_mysql2", "node mysql2", "mysql2, its pool", "µs per query", 640e3, "free"),
    "node_rows_vs_pg": ("node_rows", "node pg", "pg, into objects", "ms per 100,000 rows", 1e6, "other"),
    "node_sqlite_point_vs_better_sqlite3":
        ("node_sqlite_point", "node better-sqlite3", "better-sqlite3, get", "µs per query", 1e3, "same"),
    "node_sqlite_rows_vs_better_sqlite3":
        ("node_sqlite_rows", "node better-sqlite3", "better-sqlite3, all", "ms per 100,000 rows", 1e6, "same"),
    "go_64over10_vs_pgx": ("go_64over10_pgx", "go pgx", "pgx, its pool", "µs per query", 640e3, "free"),
    "go_64over10_vs_go_sql_driver":
        ("go_64over10_go_sql_driver", "go mysql", "go-sql-driver, prepared", "µs per query", 640e3, "free"),
    "go_rows_vs_pgx": ("go_rows", "go pgx", "pgx, into structs", "ms per 100,000 rows", 1e6, "other"),
    "go_sqlite_point_vs_go_sqlite3":
        ("go_sqlite_point", "go sqlite3", "go-sqlite3, prepared", "µs per query", 1e3, "same"),
    "go_sqlite_rows_vs_go_sqlite3":
        ("go_sqlite_rows", "go sqlite3", "go-sqlite3, into structs", "ms per 100,000 rows", 1e6, "same"),
}

ROWS_SQL = """
CREATE TABLE bench_points (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO bench_points SELECT i, 'name of ' || i FROM {series10k};
CREATE TABLE bench_rows (a {int8}, b {int4}, c {float8}, d text, e {boolean}, f {timestamptz});
INSERT INTO bench_rows SELECT i * 1000003, i % 1000, i / 7.0, 'text number ' || i, {even}, {moment} FROM {series100k};
"""


def fill_postgresql():
    import psycopg2

    sql = ROWS_SQL.format(
        series10k="generate_series(0, 9999) AS i", series100k="generate_series(1, 100000) AS i", int8="bigint",
        int4="int", float8="double precision", boolean="boolean", timestamptz="timestamptz", even="i % 2 = 0",
        moment="timestamptz '2024-01-01 00:00:00+00' + i * interval '1.000001 s'").replace("i * 1000003", "i::int8 * 1000003")
    connection = psycopg2.connect(host=os.environ["TL_PG_SOCKET"], port=os.environ["TL_PG_PORT"],
                                  dbname=os.environ["TL_PG_DATABASE"], user=os.environ["TL_PG_USER"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_points, bench_rows;" + sql)
        cursor.execute("VACUUM ANALYZE bench_points, bench_rows")
    connection.close()


def fill_mariadb():
    sql = ROWS_SQL.format(
        series10k="(SELECT seq - 1 AS i FROM seq_1_to_10000) AS n", series100k="(SELECT seq AS i FROM seq_1_to_100000) AS n",
        int8="bigint", int4="int", float8="double", boolean="boolean", timestamptz="datetime(6)", even="i % 2 = 0",
        moment="timestamp '2024-01-01 00:00:00' + interval i * 1000001 microsecond").replace("i / 7.0", "i / 7.0e0")
    for column in ("'name of ' || i", "'text number ' || i"):
        sql = sql.replace(column, f"concat({column.replace('||', ',')})")
    sql = sql.replace("name text", "name varchar(60)").replace("d text", "d varchar(60)")
    subprocess.run(["mariadb", "--no-defaults", "--socket", os.environ["TL_MARIADB_SOCKET"], "--user",
                    os.environ["TL_MARIADB_USER"], os.environ["TL_MARIADB_DATABASE"]], check=True, text=True,
                   input="DROP TABLE IF EXISTS bench_points, bench_rows;" + sql + "ANALYZE TABLE bench_points, bench_rows;",
                   stdout=subprocess.DEVNULL)


def fill_sqlite(path):
    import sqlite3

    series = "(WITH RECURSIVE n (i) AS (SELECT {0} UNION ALL SELECT i + 1 FROM n WHERE i < {1}) SELECT i FROM n)"
    sql = ROWS_SQL.format(
        series10k=series.format(0, 9999), series100k=series.format(1, 100000), int8="integer", int4="integer",
        float8="real", boolean="boolean", timestamptz="integer", even="i % 2 = 0", moment="1704067200000000 + i * 1000001")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(sql)
    connection.execute("ANALYZE")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def configuration(sqlite_path):
    return f"""
[connections.sqlite]
driver = "sqlite"
database = "{sqlite_path}"

[connections.pg]
driver = "postgresql"
socket = "{os.environ['TL_PG_SOCKET']}"
port = {os.environ['TL_PG_PORT']}
database = "{os.environ['TL_PG_DATABASE']}"
user = "{os.environ['TL_PG_USER']}"

[connections.pg10]
driver = "postgresql"
socket = "{os.environ['TL_PG_SOCKET']}"
port = {os.environ['TL_PG_PORT']}
database = "{os.environ['TL_PG_DATABASE']}"
user = "{os.environ['TL_PG_USER']}"
pool = {{ max = 10 }}

[connections.mariadb]
driver = "mariadb"
socket = "{os.environ['TL_MARIADB_SOCKET']}"
database = "{os.environ['TL_MARIADB_DATABASE']}"
user = "{os.environ['TL_MARIADB_USER']}"
pool = {{ max = 10 }}
"""


def server_threads():
    """The servers' threads and processes: those to come inherit the core from the first."""
    postmaster = int((Path(os.environ["TL_PG_SOCKET"]) / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    mariadb = (Path(os.environ["TL_MARIADB_SOCKET"]).parent / "pid").read_text().strip()
    return [postmaster, *map(int, children), *map(int, os.listdir(f"/proc/{mariadb}/task"))]


def pin_servers(cores):
    for thread in server_threads():
        try:
            os.sched_setaffinity(thread, cores)
        except (ProcessLookupError, PermissionError):
            pass


class Bench:
    def __init__(self, build, folder, seconds):
        self.build = build
        self.programs = {
            "native": [str(build / "tests" / "bench" / "bench_native")],
            "classify": [str(build / "tests" / "bench" / "bench_classify")],
            "registry": [str(build / "tests" / "bench" / "bench_registry")],
            "routing": [str(build / "tests" / "bench" / "bench_routing")],
            "submit": [str(build / "tests" / "bench" / "bench_submit")],
            "python": [sys.executable, str(HERE / "bench_python.py")],
        }
        self.seconds = seconds
        self.environment = os.environ | {
            "TL_BENCH_CONFIG": str(folder / "bench.toml"),
            "TL_BENCH_SQLITE": str(folder / "bench.db"),
            "TRUNKLINE_LIBRARY": str(build / "capi" / "libtrunkline.so"),
            "PYTHONPATH": str(PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def command(self, program):
        """What to run, in which environment."""
        if program in self.programs:
            return self.programs[program], self.environment
        language, peer = program.split()
        command, extra = peers.LANGUAGES[language](self.build, peer)
        return command, self.environment | extra

    def run(self, case, program, side, cores):
        """Nanoseconds per unit, and the most memory in kB."""
        command, environment = self.command(program)
        done = subprocess.run(command + [case, side, str(self.seconds)], env=environment,
                              stdout=subprocess.PIPE, text=True, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, cores))
        figure, memory = done.stdout.split()
        return float(figure), int(memory)

    def compare(self, name, rounds):
        case, program, peer, unit, scale, server = COMPARISONS[name]
        self.command(program)  # made while nothing is measured, by all cores
        cores = sorted(os.sched_getaffinity(0))
        pin_servers(set(cores) if server == "free" else {cores[0]} if server == "same" else {cores[-1]})
        ours = set(cores) if server == "free" else {cores[0]}
        pairs = [(self.run(case, program, "ours", ours), self.run(case, program, "theirs", ours))
                 for _ in range(rounds)]
        ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
        return {
            "name": name, "peer": peer, "unit": unit,
            "ours": round(statistics.median(ours[0] for ours, _ in pairs) / scale, 3),
            "theirs": round(statistics.median(theirs[0] for _, theirs in pairs) / scale, 3),
            "ratio": round(statistics.median(ratios), 3), "min": round(min(ratios), 3), "max": round(max(ratios), 3),
            "rounds": rounds,
            "ours_mb": round(statistics.median(ours[1] for ours, _ in pairs) / 1024, 1),
            "theirs_mb": round(statistics.median(theirs[1] for _, theirs in pairs) / 1024, 1),
        }


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each side in each round")
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(COMPARISONS)}")
    chosen = parser.parse_intermixed_args()
    unknown = [name for name in chosen.name if name not in COMPARISONS]
    if unknown:
        parser.error(f"there is no comparison {unknown[0]!r}; there are: {', '.join(COMPARISONS)}")

    figures = []
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as made:
        folder = Path(made)
        fill_postgresql()
        fill_mariadb()
        fill_sqlite(folder / "bench.db")
        (folder / "bench.toml").write_text(configuration(folder / "bench.db"))
        bench = Bench(chosen.build.resolve(), folder, chosen.seconds)
        print(f"{'':35}{'ratio':>7}{'range':>15}{'ours':>11}{'theirs':>11}  {'unit':21}{'peak MB':>14}", flush=True)
        for name in chosen.name or COMPARISONS:
            try:
                f = bench.compare(name, chosen.rounds)
            except peers.Absent as absent:
                print(f"{name:35} left out: {absent}", flush=True)
                continue
            figures.append(f)
            print(f"{name:35}{f['ratio']:7.3f}{f['min']:8.3f}–{f['max']:.3f} {f['ours']:10.2f} {f['theirs']:10.2f}  "
                  f"{f['unit']:21}{f['ours_mb']:6.0f} / {f['theirs_mb']:.0f}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
