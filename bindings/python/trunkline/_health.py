"""What `health()` gives."""

from __future__ import annotations

from typing import Any, Dict

from ._result import Result


class Health(Dict[str, Any]):
    """A dict of plain values, for `json.dumps`: ``ok``, and ``connections`` by name, each with

    - ``status``: "healthy"; "unhealthy" where an endpoint is; "unknown" where nobody was asked, because the connection is
      not open;
    - ``state`` ("registered", "open", …), ``health_check``, and ``error``, of the first endpoint that has one;
    - ``endpoints``: of each ``role``, ``endpoint``, ``status`` (also "bypassed": a replica that is down, whose reads others
      serve), ``latency`` in seconds, its pool's ``idle``, ``leased``, ``dialling``, ``waiting``, ``max`` and
      ``max_overflow``, ``reason`` (the error's class) and ``error``.
    """

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """None whose `health_check` is true is unhealthy."""
        return bool(self["ok"])


_OF_CONNECTION = ("state", "health_check")


def health_of(answer: Result) -> Health:
    connections: dict[str, dict[str, Any]] = {}
    for row in answer.dicts():
        name = row.pop("connection")
        of_connection = {key: row.pop(key) for key in _OF_CONNECTION}
        whole = connections.setdefault(name, {"status": "unknown", **of_connection, "error": None, "endpoints": []})
        whole["endpoints"].append(row)
        if row["status"] == "unhealthy" or (row["status"] == "healthy" and whole["status"] == "unknown"):
            whole["status"] = row["status"]
        whole["error"] = whole["error"] or row["error"]
    ok = all(whole["status"] != "unhealthy" or not whole["health_check"] for whole in connections.values())
    return Health(ok=ok, connections=connections)
