"""Exceptions: the classes of PEP 249, and beneath them one for each class of error that trunkline tells apart."""

from __future__ import annotations

import ctypes
from typing import NoReturn

from . import _ffi

_OUTCOMES = ("not_sent", "refused", "rolled_back", "unknown")


class Warning(Exception):  # noqa: A001 - the name is PEP 249's
    """Important warnings, as PEP 249 asks for it. trunkline raises none."""


class TrunklineConfigWarning(UserWarning):
    """A key of the configuration that has no effect in this build."""


class Error(Exception):
    """Base of all errors. `str(error)` is one line for a person; it never holds a secret."""

    status: int = _ffi.TL_E_MISUSE
    """the class as a number, TL_E_… of trunkline.h"""
    name: str = "misuse"
    """the class as a word, such as "unique_violation" """
    sqlstate: str = ""
    native: int = 0
    """the database's own code, 0: none"""
    connection: str = ""
    endpoint: str = ""
    phase: str = ""
    """configure, acquire, connect, send, receive, decode, reset, or "" """
    outcome: str = "not_sent"
    """what became of the statement: "not_sent", "refused", "rolled_back" or "unknown" """
    details: tuple[tuple[str, str], ...] = ()
    """more, as (key, value): "constraint", "file", "line", "key", "suggestion", "holders", …; a key may repeat"""


class InterfaceError(Error):
    pass


class DatabaseError(Error):
    pass


class DataError(DatabaseError):
    """A value does not fit: into its column, or into a Python type."""


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    """A constraint refused the statement."""


class InternalError(DatabaseError):
    """A fault of the library."""


class ProgrammingError(DatabaseError):
    pass


class NotSupportedError(DatabaseError):
    """This database or build cannot do it."""


class Misuse(ProgrammingError):
    """The call itself is wrong: an argument, an order of calls."""


class ConfigurationError(InterfaceError):
    """The configuration is wrong; `details` say file, line, key and suggestion."""


class NotFound(InterfaceError):
    """No connection of that name, or no configuration file."""


class Closed(InterfaceError):
    """The connection was closed, or its session is gone."""


class Busy(OperationalError):
    """Another call runs on this handle, or waiting would be waiting for oneself."""


class Unavailable(OperationalError):
    """The server cannot be reached, or was lost on the way; or this build has no driver for it."""


class AuthenticationError(OperationalError):
    pass


class TlsError(OperationalError):
    pass


class Timeout(OperationalError):
    """Base of what was not done in time."""


class AcquireTimeout(Timeout):
    """No session came free in time; `details` tell who holds them."""


class ConnectTimeout(Timeout):
    pass


class StatementTimeout(Timeout):
    pass


class LockTimeout(Timeout):
    """A lock of the database was not to be had in time."""


class Cancelled(OperationalError):
    pass


class ReadOnlyError(OperationalError):
    """A write where none is allowed."""


class Deadlock(OperationalError):
    pass


class SerializationFailure(OperationalError):
    pass


class UniqueViolation(IntegrityError):
    pass


class ForeignKeyViolation(IntegrityError):
    pass


class NotNullViolation(IntegrityError):
    pass


class CheckViolation(IntegrityError):
    pass


class StatementError(ProgrammingError):
    """The statement is wrong: syntax, unknown table, unknown column, …"""


class PermissionDenied(ProgrammingError):
    pass


class TooLarge(DataError):
    """More than `result_bytes`, or than a column can hold."""


class ResourceError(OperationalError):
    """The server is out of disk or memory, or an I/O error."""


class OutOfMemory(OperationalError):
    """This process is out of memory."""


class Shutdown(OperationalError):
    """The registry or the process is going down."""


_CLASSES: dict[int, type[Error]] = {
    _ffi.TL_E_MISUSE: Misuse,
    _ffi.TL_E_CONFIGURATION: ConfigurationError,
    _ffi.TL_E_NOT_FOUND: NotFound,
    _ffi.TL_E_CLOSED: Closed,
    _ffi.TL_E_BUSY: Busy,
    _ffi.TL_E_UNAVAILABLE: Unavailable,
    _ffi.TL_E_AUTHENTICATION: AuthenticationError,
    _ffi.TL_E_TLS: TlsError,
    _ffi.TL_E_ACQUIRE_TIMEOUT: AcquireTimeout,
    _ffi.TL_E_CONNECT_TIMEOUT: ConnectTimeout,
    _ffi.TL_E_STATEMENT_TIMEOUT: StatementTimeout,
    _ffi.TL_E_CANCELLED: Cancelled,
    _ffi.TL_E_READ_ONLY: ReadOnlyError,
    _ffi.TL_E_DEADLOCK: Deadlock,
    _ffi.TL_E_SERIALIZATION: SerializationFailure,
    _ffi.TL_E_LOCK_TIMEOUT: LockTimeout,
    _ffi.TL_E_UNIQUE: UniqueViolation,
    _ffi.TL_E_FOREIGN_KEY: ForeignKeyViolation,
    _ffi.TL_E_NOT_NULL: NotNullViolation,
    _ffi.TL_E_CHECK: CheckViolation,
    _ffi.TL_E_CONSTRAINT: IntegrityError,
    _ffi.TL_E_STATEMENT: StatementError,
    _ffi.TL_E_DATA: DataError,
    _ffi.TL_E_PERMISSION: PermissionDenied,
    _ffi.TL_E_TOO_LARGE: TooLarge,
    _ffi.TL_E_UNSUPPORTED: NotSupportedError,
    _ffi.TL_E_RESOURCE: ResourceError,
    _ffi.TL_E_NO_MEMORY: OutOfMemory,
    _ffi.TL_E_INTERNAL: InternalError,
    _ffi.TL_E_SHUTDOWN: Shutdown,
}


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


for _status, _class in _CLASSES.items():
    _class.status, _class.name = _status, _text(_ffi.tl_status_name(_status))


def of_status(status: int, message: str, **fields: str) -> Error:
    """An error that this package found itself, of the class that the library would use."""
    error = _CLASSES.get(status, OperationalError)(message)
    error.status = status
    error.name = _text(_ffi.tl_status_name(status))
    for field, value in fields.items():
        setattr(error, field, value)
    return error


def raise_from(status: int, pointer: int) -> NoReturn:
    """Raises what a failed call reported. The tl_error at `pointer`, which may be 0, stays the caller's to release."""
    # No local name for it here: an error that its own traceback leads to would keep every frame, and the sessions pinned
    # in them, until the garbage collector comes by.
    raise read(status, pointer)


def read(status: int, pointer: int) -> Error:
    """What a failed call reported, of which no tl_error need be there."""
    if not pointer:
        return of_status(status, _text(_ffi.tl_status_name(status)).replace("_", " "), outcome="unknown")
    error = of_status(status, _text(_ffi.tl_error_message(pointer)))
    error.sqlstate = _text(_ffi.tl_error_sqlstate(pointer))
    error.native = _ffi.tl_error_native(pointer)
    error.connection = _text(_ffi.tl_error_connection(pointer))
    error.endpoint = _text(_ffi.tl_error_endpoint(pointer))
    error.phase = _text(_ffi.tl_error_phase(pointer))
    outcome = _ffi.tl_error_outcome(pointer)
    error.outcome = _OUTCOMES[outcome] if 0 <= outcome < len(_OUTCOMES) else "unknown"
    error.details = _details(pointer)
    return error


def _details(pointer: int) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    key, value = ctypes.c_char_p(), ctypes.c_char_p()
    while _ffi.tl_error_detail(pointer, len(found), ctypes.byref(key), ctypes.byref(value)) == _ffi.TL_OK:
        found.append((_text(key.value), _text(value.value)))
    return tuple(found)
