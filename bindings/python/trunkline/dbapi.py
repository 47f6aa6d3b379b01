"""PEP 249 on top of a registry."""

from __future__ import annotations

import datetime
import os
import threading
import time as _time
import weakref
from itertools import islice
from types import TracebackType
from typing import Any, Iterable, Iterator, Mapping, Sequence

from . import _errors, _ffi, _registry
from ._connection import Connection as Pooled
from ._connection import Transaction
from ._encode import Parameters
from ._errors import (DatabaseError, DataError, Error, IntegrityError, InterfaceError, InternalError, NotSupportedError,
                      OperationalError, ProgrammingError, Warning)
from ._result import Result, Row

__all__ = [
    "apilevel", "threadsafety", "paramstyle", "connect", "Connection", "Cursor", "Date", "Time", "Timestamp",
    "DateFromTicks", "TimeFromTicks", "TimestampFromTicks", "Binary", "STRING", "BINARY", "NUMBER", "DATETIME", "ROWID",
    "Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "IntegrityError",
    "InternalError", "ProgrammingError", "NotSupportedError",
]

apilevel = "2.0"
threadsafety = 2  # threads may share the module and connections
paramstyle = "qmark"

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    return Date(*_time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:
    return Time(*_time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    return Timestamp(*_time.localtime(ticks)[:6])


class TypeObject:
    """Equal to the type code of every column of its kind."""

    def __init__(self, name: str, *codes: int) -> None:
        self._name = name
        self._codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        return other in self._codes if isinstance(other, int) else self is other

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"trunkline.{self._name}"


STRING = TypeObject("STRING", _ffi.TL_TEXT, _ffi.TL_JSON, _ffi.TL_UUID)
BINARY = TypeObject("BINARY", _ffi.TL_BYTES)
NUMBER = TypeObject("NUMBER", _ffi.TL_BOOL, _ffi.TL_INT64, _ffi.TL_UINT64, _ffi.TL_FLOAT64, _ffi.TL_DECIMAL)
DATETIME = TypeObject("DATETIME", _ffi.TL_DATE, _ffi.TL_TIME, _ffi.TL_TIMESTAMP, _ffi.TL_TIMESTAMPTZ,
                      _ffi.TL_DURATION, _ffi.TL_INTERVAL)
ROWID = TypeObject("ROWID")

Description = Sequence["tuple[str, int | None, None, None, int | None, int | None, bool | None]"]

_registries: dict[tuple[str | None, str | None], _registry.Registry] = {}
_registries_lock = threading.Lock()


def connect(name: str | None = None, path: str | os.PathLike[str] | None = None, environment: str | None = None, *,
            autocommit: bool = False, registry: _registry.Registry | None = None) -> Connection:
    """A PEP 249 connection to the name (default: the configuration's). A configuration is read once in a process; with
    `registry`, `trunkline.shared()` for example, its own is used and none is read."""
    if registry is None:
        registry = _read_once(path, environment)
    return Connection(registry.on(name, "write"), autocommit, _reader(registry, name))


def _read_once(path: str | os.PathLike[str] | None, environment: str | None) -> _registry.Registry:
    key = (None if path is None else os.path.abspath(path), environment)
    with _registries_lock:
        registry = _registries.get(key)
        if registry is None:
            registry = _registries[key] = _registry.open(path, environment)
    return registry


def _reader(registry: _registry.Registry, name: str | None) -> Pooled | None:
    """What runs queries outside a transaction. On SQLite a transaction holds the file's only writer, so that, as with
    sqlite3, it does not begin before a statement that is not a query."""
    (driver,) = (row["driver"] for row in registry.inspect("connections").dicts()
                 if row["name"] == name or name is None and row["default"])
    return registry.on(name, "read") if driver == "sqlite" else None


class Connection:
    """Takes a session from the pool at the first statement of a transaction (SQLite: the first that is not a query), and
    gives it back at commit or rollback."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, pooled: Pooled, autocommit: bool = False, reader: Pooled | None = None) -> None:
        self._pooled: Pooled | None = pooled
        self._reader = reader
        self._streams: weakref.WeakSet[Result] = weakref.WeakSet()
        self._transaction: Transaction | None = None
        self._autocommit = autocommit
        self._lock = threading.RLock()

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own. Cannot change while a transaction is open."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        with self._lock:
            if self._transaction is not None:
                raise _errors.of_status(_ffi.TL_E_MISUSE, "autocommit cannot change within a transaction")
            self._autocommit = bool(value)

    def cursor(self, *, stream: bool = False, timeout: float | None = None) -> Cursor:
        """`stream`: rows are read as they are fetched, for answers of any size; until the last one is, or the cursor is
        closed, the connection's transaction takes no other statement. `timeout`: seconds for each statement."""
        self._open()
        return Cursor(self, stream, timeout)

    def commit(self) -> None:
        with self._lock:
            transaction = self._end()
            if transaction is not None:
                transaction.commit()

    def rollback(self) -> None:
        with self._lock:
            transaction = self._end()
            if transaction is not None:
                try:
                    transaction.rollback()
                except (_errors.Closed, _errors.Unavailable):
                    pass  # with its session the transaction is gone

    def _end(self) -> Transaction | None:
        """Closes what is still streamed from the transaction, and gives it up."""
        self._open()
        for result in list(self._streams):
            result.close()
        transaction, self._transaction = self._transaction, None
        return transaction

    def close(self) -> None:
        """Rolls back what is not committed."""
        with self._lock:
            try:
                if self._pooled is not None:
                    self.rollback()
            finally:
                self._pooled = None

    def execute(self, sql: str, parameters: Parameters = None) -> Cursor:
        """A new cursor that has executed the statement."""
        return self.cursor().execute(sql, parameters)

    def __enter__(self) -> Connection:
        self._open()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        """Commits, or rolls back on an exception; the connection stays open."""
        if kind is None:
            self.commit()
            return
        try:
            self.rollback()
        except Error:
            pass  # the exception that is on its way says more

    def _open(self) -> Pooled:
        if self._pooled is None:
            raise _errors.of_status(_ffi.TL_E_CLOSED, "the connection is closed")
        return self._pooled

    def _query(self, sql: str, parameters: Parameters, stream: bool = False, timeout: float | None = None) -> Result:
        pooled = self._open()
        if self._autocommit:
            return pooled.query(sql, parameters, timeout=timeout, stream=stream)
        if self._transaction is None:
            if self._reader is not None:
                try:
                    return self._reader.query(sql, parameters, timeout=timeout, stream=stream)
                except _errors.ReadOnlyError:
                    pass  # it is not a query, and has not been sent
        result = self._begun(timeout).query(sql, parameters, timeout=timeout, stream=stream)
        if stream:
            self._streams.add(result)
        return result

    def _begun(self, timeout: float | None) -> Transaction:
        if self._transaction is None:
            transaction = self._open().transaction(timeout=timeout)
            transaction.begin()
            self._transaction = transaction
        return self._transaction


class Cursor:
    """Runs statements of its connection and holds the answer of the last one."""

    def __init__(self, connection: Connection, stream: bool = False, timeout: float | None = None) -> None:
        self._connection: Connection | None = connection
        self._stream = stream
        self._timeout = timeout
        self._result: Result | None = None
        self.arraysize = 1
        self.description: Description | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise _errors.of_status(_ffi.TL_E_CLOSED, "the cursor is closed")
        return self._connection

    def execute(self, operation: str, parameters: Parameters = None) -> Cursor:
        connection = self.connection
        with connection._lock:
            self._forget()
            self._result = connection._query(operation, parameters, self._stream, self._timeout)
            self._describe(self._result)
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Sequence[Any] | Mapping[str, Any]]) -> Cursor:
        """All of them take effect, or none. Rows that the statements give are dropped."""
        connection = self.connection
        with connection._lock:
            self._forget()
            handle = connection._open() if connection._autocommit else connection._begun(self._timeout)
            self.rowcount = handle.execute_many(operation, seq_of_parameters, timeout=self._timeout).affected
        return self

    def fetchone(self) -> Row | None:
        return self._rows().first()

    def fetchmany(self, size: int | None = None) -> list[Row]:
        return list(islice(self._rows(), self.arraysize if size is None else size))

    def fetchall(self) -> list[Row]:
        return self._rows().all()

    def nextset(self) -> bool | None:
        """True: the next result set is current; None: there is none."""
        self._open()
        if self._result is None or not self._result.next_set():
            self._forget()
            return None
        self._describe(self._result)
        return True

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing, as PEP 249 allows."""

    def close(self) -> None:
        self._forget()
        self._connection = None

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        self.connection._open()

    def _rows(self) -> Result:
        self._open()
        if self._result is None or self.description is None:
            raise _errors.of_status(_ffi.TL_E_MISUSE,
                                    "there are no rows to fetch: no statement was executed, or it gives none")
        return self._result

    def _forget(self) -> None:
        result, self._result = self._result, None
        self.description, self.rowcount, self.lastrowid = None, -1, None
        if result is not None:
            result.close()

    def _describe(self, result: Result) -> None:
        schema = result.schema
        self.description = [
            (column.name, None if column.code == _ffi.TL_ANY else column.code, None, None, _known(column.precision),
             _known(column.scale), column.nullable)
            for column in schema] or None
        self.rowcount = result.affected
        self.lastrowid = result.last_id or None


def _known(value: int) -> int | None:
    return None if value < 0 else value
