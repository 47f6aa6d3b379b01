"""Values of the data file <-> Python's: see README.md for the form in which they are written there."""

import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from trunkline import Interval, Json

SAFE = 2 ** 53 - 1  # the largest integer that every language's JSON keeps

MICROSECOND = timedelta(microseconds=1)

_NATIVE = {
    "int64": int, "uint64": int, "float64": float, "decimal": Decimal, "bytes": bytes.fromhex, "uuid": UUID,
    "date": date.fromisoformat, "time": time.fromisoformat, "timestamp": datetime.fromisoformat,
    "timestamptz": lambda text: datetime.fromisoformat(text).replace(tzinfo=timezone.utc),
    "duration": lambda microseconds: microseconds * MICROSECOND, "interval": lambda parts: Interval(*parts), "json": Json,
}


def native(value):
    """What is passed for a value of the data file."""
    if not isinstance(value, dict):
        return value
    (kind, written), = value.items()
    return [native(each) for each in written] if kind == "list" else _NATIVE[kind](written)


def parameters(values):
    if isinstance(values, dict):
        return {name: native(value) for name, value in values.items()}
    return [native(value) for value in values]


def _integer(value, kind="int64"):
    return value if -SAFE <= value <= SAFE else {kind: str(value)}


def _float(value):
    if not math.isfinite(value):
        return {"float64": str(value)}
    digits, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return {"float64": f"{digits}e{int(exponent):+d}"}


def _bare_float(value):
    """Where a value has no type beside it, a whole number is one, however it was computed."""
    return int(value) if math.isfinite(value) and value == int(value) and abs(value) <= SAFE else _float(value)


def _moment(value):
    return value.replace(tzinfo=None).isoformat(" ")


def _interval(value):
    if isinstance(value, timedelta):
        value = Interval(0, value.days, (value - timedelta(value.days)) // MICROSECOND)
    return list(value)


def _bare(value):
    """A value of SQLite, or of a list."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _bare_float(value)
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return str(value)


_WRITTEN = {
    "any": _bare, "bool": bool, "int64": _integer, "uint64": lambda value: _integer(value, "uint64"),
    "float64": _float, "text": str,
    "decimal": lambda value: {"decimal": f"{value:f}"}, "bytes": lambda value: {"bytes": value.hex()},
    "date": lambda value: {"date": value.isoformat()}, "time": lambda value: {"time": value.isoformat()},
    "timestamp": lambda value: {"timestamp": _moment(value)},
    "timestamptz": lambda value: {"timestamptz": _moment(value.astimezone(timezone.utc))},
    "duration": lambda value: {"duration": value // MICROSECOND}, "interval": lambda value: {"interval": _interval(value)},
    "uuid": lambda value: {"uuid": str(value)}, "json": lambda value: {"json": value},
    "list": lambda value: {"list": [_bare(each) for each in value]},
}


def written(value, kind):
    """How a value of a column of that type stands in the data file."""
    return None if value is None else _WRITTEN[kind](value)


def failure(error):
    return {"code": error.name, "outcome": error.outcome, "sqlstate": error.sqlstate, "native": error.native,
            "connection": error.connection, "endpoint": error.endpoint, "phase": error.phase, "message": str(error),
            "details": [list(pair) for pair in error.details]}
