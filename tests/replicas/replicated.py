#!/usr/bin/env python3
"""Gives a command a private primary with a replica: replicated.py postgresql|mariadb COMMAND…

TL_PRIMARY and TL_REPLICA are the keys of a connection to each in TOML, but for who asks; TL_ORDINARY is an ordinary user
and his password, TL_MONITORING one who may read the state of the server, TL_OWNER one who may do everything.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "servers"))

from mariadb_cluster import MariaDBCluster
from postgresql_cluster import PostgreSQLCluster
from server import Missing

SKIPPED = 77
OWNER = ("owner", "all-powerful")
MONITORING = ("monitoring", "only-looks")


def postgresql(cluster):
    cluster.primary.sql(f"CREATE ROLE {OWNER[0]} SUPERUSER LOGIN PASSWORD '{OWNER[1]}'")
    cluster.primary.sql(f"CREATE ROLE {MONITORING[0]} LOGIN PASSWORD '{MONITORING[1]}' IN ROLE pg_monitor")


def mariadb(cluster):
    cluster.primary.sql(f"GRANT ALL ON *.* TO {OWNER[0]}@'%' IDENTIFIED BY '{OWNER[1]}'")
    cluster.primary.sql(f"GRANT SLAVE MONITOR ON *.* TO {MONITORING[0]}@'%' IDENTIFIED BY '{MONITORING[1]}'")
    cluster.primary.sql(f"GRANT ALL ON {cluster.primary.database}.* TO {MONITORING[0]}@'%'")


KINDS = {"postgresql": (PostgreSQLCluster, postgresql), "mariadb": (MariaDBCluster, mariadb)}


def place(member):
    return (f'driver = "{member.name}"\nhost = "{member.host}"\nport = {member.port}\n'
            f'database = "{member.database}"\nsslmode = "disable"\n')


def login(user, password):
    return f'user = "{user}"\npassword = "{password}"\n'


def main():
    kind, *command = sys.argv[1:]
    make, make_users = KINDS[kind]
    try:
        with make() as cluster:
            make_users(cluster)
            cluster.await_caught_up()
            told = {**cluster.primary.environment("false"), "TL_TARGET": kind,
                    "TL_PRIMARY": place(cluster.primary), "TL_REPLICA": place(cluster.replicas[0]),
                    "TL_PRIMARY_PORT": str(cluster.primary.port),
                    "TL_ORDINARY": login(cluster.primary.user, cluster.primary.password),
                    "TL_MONITORING": login(*MONITORING), "TL_OWNER": login(*OWNER)}
            sys.exit(subprocess.run(command, env=os.environ | told).returncode)
    except Missing as missing:
        print(missing)
        sys.exit(SKIPPED)


main()
