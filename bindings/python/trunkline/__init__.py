"""Named database connections from one TOML file.

    import trunkline

    registry = trunkline.open()                      # trunkline.toml, upward from the working folder
    for id, name in registry.on("main").query("SELECT id, name FROM people WHERE id < ?", [42]):
        print(id, name)

The module is also a PEP 249 one: ``trunkline.connect("main").cursor()``.
"""

from ._connection import Connection, Handle, Pin, Transaction
from ._errors import (AcquireTimeout, AuthenticationError, Busy, Cancelled, CheckViolation, Closed, ConfigurationError,
                      ConnectTimeout, Deadlock, ForeignKeyViolation, LockTimeout, Misuse, NotFound, NotNullViolation,
                      OutOfMemory, PermissionDenied, ReadOnlyError, ResourceError, SerializationFailure, Shutdown,
                      StatementError, StatementTimeout, Timeout, TlsError, TooLarge, TrunklineConfigWarning,
                      Unavailable, UniqueViolation)
from ._events import Event, Subscription
from ._ffi import tl_has_feature as _has_feature
from ._ffi import tl_version as _version
from ._health import Health
from ._registry import Registry, open, parse, shared
from ._result import Result
from ._values import Column, Interval, Json
from .dbapi import (BINARY, DATETIME, NUMBER, ROWID, STRING, Binary, DatabaseError, DataError, Date, DateFromTicks,
                    Error, IntegrityError, InterfaceError, InternalError, NotSupportedError, OperationalError,
                    ProgrammingError, Time, TimeFromTicks, Timestamp, TimestampFromTicks, Warning, apilevel, connect,
                    paramstyle, threadsafety)

__version__: str = _version().decode()
"""of the library that is loaded"""


def has_feature(name: str) -> bool:
    """Whether the library was built with it: "driver.sqlite", "driver.postgresql", "driver.mariadb"."""
    return bool(_has_feature(name.encode()))


__all__ = [
    # the registry
    "open", "parse", "shared", "Registry", "Connection", "Handle", "Pin", "Transaction", "Result", "has_feature",
    # events
    "Event", "Subscription",
    # health
    "Health",
    # values
    "Column", "Interval", "Json",
    # PEP 249
    "apilevel", "threadsafety", "paramstyle", "connect", "Date", "Time", "Timestamp", "DateFromTicks", "TimeFromTicks",
    "TimestampFromTicks", "Binary", "STRING", "BINARY", "NUMBER", "DATETIME", "ROWID",
    # errors of PEP 249
    "Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "IntegrityError",
    "InternalError", "ProgrammingError", "NotSupportedError",
    # and what they are in particular
    "AcquireTimeout", "AuthenticationError", "Busy", "Cancelled", "CheckViolation", "Closed", "ConfigurationError",
    "ConnectTimeout", "Deadlock", "ForeignKeyViolation", "LockTimeout", "Misuse", "NotFound", "NotNullViolation",
    "OutOfMemory", "PermissionDenied", "ReadOnlyError", "ResourceError", "SerializationFailure", "Shutdown",
    "StatementError", "StatementTimeout", "Timeout", "TlsError", "TooLarge", "TrunklineConfigWarning", "Unavailable",
    "UniqueViolation",
]
