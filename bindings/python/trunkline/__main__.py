"""``python3 -m trunkline check`` and ``health``: a configuration's budget and weaknesses, and whether its servers answer."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Iterable, Sequence

from . import Error, Registry, open

BUDGET = ("server", "scope", "whose", "connections", "planned", "limit", "percent", "verdict", "error")
HEALTH = ("connection", "role", "endpoint", "status", "latency", "idle", "leased", "waiting", "max", "error")


def table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    lines = [list(columns), *([_cell(column, row[column]) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "latency":
        return f"{value * 1000:.2f} ms"
    return f"{value:.0f} %" if column == "percent" else str(value)


def check(registry: Registry) -> bool:
    budget = list(registry.inspect("budget").dicts())
    if budget:
        first = budget[0]
        print(f"{first['instances']} instances x {first['workers']} workers\n")
        print(table(BUDGET, budget))
    for row in registry.inspect("check").dicts():
        print(f"\n{row['connection']} ({row['endpoint']}): {row['weakness']}")
    return all(row["verdict"] in ("ok", "warning") for row in budget)


def health(registry: Registry) -> bool:
    found = registry.health(open=True)
    print(table(HEALTH, ({"connection": name, **row} for name, connection in found["connections"].items()
                         for row in connection["endpoints"])))
    return found.ok


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m trunkline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, about in (
            ("check", "the sessions that are planned on each server, how many it allows, and what is weak in the "
                      "configuration; exit status 1 where a limit is passed, or a server does not tell its own"),
            ("health", "whether each server answers; exit status 1 where one that counts does not")):
        own = commands.add_parser(command, help=about, description=about)
        own.add_argument("file", nargs="?", help="default: TRUNKLINE_CONFIG, else trunkline.toml upward from here")
        own.add_argument("--environment", help="default: TRUNKLINE_ENV")
    chosen = parser.parse_args(arguments)
    try:
        registry = open(chosen.file, chosen.environment)
        return 0 if {"check": check, "health": health}[chosen.command](registry) else 1
    except Error as failure:
        print(f"trunkline: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
