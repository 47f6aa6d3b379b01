"""Events as lines of `logging`."""

from __future__ import annotations

from logging import DEBUG, INFO, WARNING, getLogger

from . import _ffi
from ._events import Event

_sql = getLogger("trunkline.sql")
_pool = getLogger("trunkline.pool")

_LEVELS = {"connect": INFO, "disconnect": INFO, "checkout": DEBUG, "checkin": DEBUG, "dial_failed": WARNING,
           "timeout": WARNING, "query": INFO, "slow_query": WARNING, "state_change": INFO, "role_change": INFO}
_STATEMENTS = ("query", "slow_query", "timeout")
_ON_ONE_LINE = dict.fromkeys((*range(0x20), 0x7F, 0x85, 0x2028, 0x2029), " ")

_ALWAYS = (_ffi.TL_EVENT_SLOW_QUERY | _ffi.TL_EVENT_TIMEOUT | _ffi.TL_EVENT_DIAL_FAILED | _ffi.TL_EVENT_STATE_CHANGE |
           _ffi.TL_EVENT_ROLE_CHANGE)
_ECHO_POOL = (_ffi.TL_EVENT_CONNECT | _ffi.TL_EVENT_DISCONNECT | _ffi.TL_EVENT_CHECKOUT | _ffi.TL_EVENT_CHECKIN)


def kinds(echo: bool, echo_pool: bool) -> int:
    return _ALWAYS | (_ffi.TL_EVENT_QUERY if echo else 0) | (_ECHO_POOL if echo_pool else 0)


def log(event: Event) -> None:
    of_statement = event.kind in _STATEMENTS and event.status != "acquire_timeout"
    logger = _sql if of_statement else _pool
    level = WARNING if event.message == "set aside" else _LEVELS[event.kind]
    if event.lost:
        logger.warning("%d events before the next one are not told: too many waited", event.lost)
    if logger.isEnabledFor(level):
        logger.log(level, "%s", _line(event).translate(_ON_ONE_LINE))


def _line(event: Event) -> str:
    """main: checkin of session 7 (backend 4711) of db.internal:5432/app, tag "web", 12.3 ms"""
    line = f"{event.connection}: {event.kind}"
    if event.session is not None:
        line += f" of session {event.session}"
    if event.backend is not None:
        line += f" (backend {event.backend})"
    if event.endpoint is not None:
        line += f" of {event.endpoint}"
    if event.tag is not None:
        line += f', tag "{event.tag}"'
    if event.duration is not None:
        line += f", {event.duration.total_seconds() * 1000:.1f} ms"
    for more in (event.status, event.message, event.statement if event.kind in _STATEMENTS else None):
        if more is not None:
            line += f": {more}"
    return line
