"""Results: sets of rows, decoded a batch at a time."""

from __future__ import annotations

import ctypes
from ctypes import addressof, c_int32, c_int64, c_void_p
from itertools import chain
from struct import Struct
from types import TracebackType
from typing import Any, Iterator, Tuple

from . import _arrow, _call, _errors, _ffi, _interrupt
from ._decode import COLUMN_SIZE, Unrepresentable, decode, records, single
from ._ffi import tl_batch_columns, tl_batch_release, tl_result_columns, tl_result_next, tl_result_release
from ._values import Column

Row = Tuple[Any, ...]  # one value per column

_SIZE = Struct("<I")
_ROLES = {_ffi.TL_NO_ROLE: None, _ffi.TL_PRIMARY: "primary", _ffi.TL_REPLICA: "replica"}


class Columns:
    """Memory for a batch's array of tl_column, its number of rows, and the batch while it is being read."""

    __slots__ = ("array", "view", "place", "rows", "rows_place", "batch", "batch_place")

    def __init__(self, n: int) -> None:
        self.array = bytearray(n * COLUMN_SIZE)
        self.view = memoryview(self.array)
        self.place = addressof(ctypes.c_char.from_buffer(self.array))
        self.rows = c_int64()
        self.rows_place = addressof(self.rows)
        self.batch = c_void_p()
        self.batch_place = addressof(self.batch)
        _SIZE.pack_into(self.array, 0, COLUMN_SIZE)


_free: dict[int, list[Columns]] = {}  # by number of columns; taken and given back as _call's reports are


def _take(n: int) -> Columns:
    try:
        return _free[n].pop()
    except (KeyError, IndexError):
        _free.setdefault(n, [])
        return Columns(n)


_own = _call.Owned.__init__  # super() would take as long again


class Result(_call.Owned):
    """The answer of a statement. Iterating gives the rows that have not been read yet, as tuples. It is true where the
    current set has rows, read or not.

    One thread at a time. A streamed result holds its session until its last row is read, or it is closed.
    """

    _op = 0  # of a streamed one: its statement's
    _streamed = False
    _given = 0  # rows decoded so far
    _current: Iterator[Row] | None = None  # what is left of the batch that is being read
    _schema: tuple[Column, ...] | None = None
    _n = -1  # the number of columns, once it is known
    _rows: int | None = None  # where they are not what the statement affected: how many there are
    _failure: str | None = None  # what the value after the last row was

    # The library has not written anything into the slot yet.
    def __init__(self, core: _call.Core, streamed: bool = False) -> None:
        _own(self, tl_result_release)
        self._core = core
        if streamed:
            self._streamed = True

    def _begin_set(self) -> None:
        self._given, self._n = 0, -1
        self._current = self._schema = self._failure = None

    # ---- what it is ----

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; () of a statement that gives no rows."""
        return tuple(column.name for column in self.schema)

    @property
    def schema(self) -> tuple[Column, ...]:
        """Name, type and more of each column."""
        if self._schema is None:
            self._schema = _read_schema(self._open())
        return self._schema

    @property
    def affected(self) -> int:
        """Rows that the statement inserted, changed, deleted or gave; -1: unknown."""
        return int(_ffi.tl_result_affected(self._open()))

    @property
    def last_id(self) -> int:
        """SQLite: the id that the last INSERT made; 0: none."""
        return int(_ffi.tl_result_last_id(self._open()))

    @property
    def endpoint(self) -> str:
        """Who served it."""
        return (_ffi.tl_result_endpoint(self._open()) or b"").decode("utf-8", "replace")

    @property
    def connection(self) -> str:
        """The name that is an endpoint of: the one asked, or its fallback."""
        return (_ffi.tl_result_connection(self._open()) or b"").decode("utf-8", "replace")

    @property
    def role(self) -> str | None:
        """What that was when it began with the statement: "primary" or "replica"; None: nobody served it."""
        return _ROLES[_ffi.tl_result_role(self._open())]

    @property
    def lag(self) -> float | None:
        """Seconds that it was behind the primary then, at most; None: not known."""
        lag = _ffi.tl_result_lag_ms(self._open())
        return None if lag < 0 else lag / 1000

    def __len__(self) -> int:
        """All rows of the current set, read or not. Raises TypeError for a streamed result, which does not know."""
        if self._streamed:
            raise TypeError("a streamed result does not know its length")
        if not tl_result_columns(self._open()):
            return 0
        return self.affected if self._rows is None else self._rows

    def __bool__(self) -> bool:
        if self._given > 0 or not self._streamed and len(self) > 0:
            return True
        return self._reading() is not None

    # ---- rows ----

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(self._batches())

    def _batches(self) -> Iterator[Iterator[Row]]:
        while True:
            current = self._reading()
            if current is None:
                return
            yield current
            self._current = None

    def _reading(self) -> Iterator[Row] | None:
        """What is left of the batch that is being read, or the next one; None: the set has ended."""
        if self._current is None:
            rows = self._next_rows()
            if rows is not None:
                self._current = iter(rows)
        return self._current

    def all(self) -> list[Row]:
        """The rows that have not been read yet."""
        if self._current is not None:
            return list(self)
        rows = self._next_rows()
        if rows is None:
            return []
        while True:
            more = self._next_rows()
            if more is None:
                return rows
            rows += more

    def first(self) -> Row | None:
        """The next row, or None where there is none."""
        while True:
            current = self._current
            if current is None:
                rows = self._next_rows()
                if rows is None:
                    return None
                if len(rows) == 1:
                    return rows[0]
                current = self._current = iter(rows)
            for row in current:
                return row
            self._current = None

    def one(self) -> Row:
        """The only row. Raises ProgrammingError where there is none, or more than one."""
        rows = self._next_rows() if self._current is None else list(self)
        if rows and len(rows) == 1 and self._next_rows() is None:
            return rows[0]
        raise not_one(bool(rows))

    def batches(self) -> Iterator[list[Row]]:
        """The rows that have not been read yet, in lists of those that came together."""
        for current in self._batches():
            rows = list(current)
            if rows:
                yield rows

    def dicts(self) -> Iterator[dict[str, Any]]:
        """The rows that have not been read yet, as dicts. Of columns with the same name the last counts."""
        names = self.columns
        for row in self:
            yield dict(zip(names, row))

    def next_set(self) -> bool:
        """Moves to the next result set, dropping what is left of this one; False where there is none."""
        more = c_int32()
        self._run(_ffi.tl_result_next_set, addressof(more))
        self._begin_set()
        return bool(more.value)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows that have not been read yet as an Arrow C stream, which takes them from this result."""
        if self._given:
            raise _errors.of_status(_ffi.TL_E_MISUSE, "rows of the result have been read already", outcome="unknown")
        return _arrow.export(self._open())

    # ---- the end ----

    def close(self) -> None:
        """Lets go of what is left. Harmless when repeated."""
        self.slot = None
        self.__del__()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    # ---- batches ----

    def _open(self) -> c_void_p:
        if self.slot is None:
            raise _errors.of_status(_ffi.TL_E_CLOSED, "the result is closed", outcome="unknown")
        return self.slot

    def _run(self, function: Any, place: Any) -> None:
        watch = _interrupt.watch(self._core, self._op) if self._streamed else None
        _call.run(watch, function, (self._open(), None, place))

    def _next_rows(self) -> list[Row] | None:
        """The rows of the next batch, at least one; None: the set has ended."""
        if self._failure is not None:
            raise _errors.of_status(_ffi.TL_E_DATA, self._failure, phase="decode", outcome="unknown")
        slot = self.slot or self._open()
        n = self._n
        if n < 0:
            n = self._n = tl_result_columns(slot)
        if not n:
            return None
        columns = _take(n)
        batch = columns.batch
        try:
            if self._streamed:
                self._run(_ffi.tl_result_next_streamed, columns.batch_place)
            else:
                status = tl_result_next(slot, None, columns.batch_place, None)
                if status:
                    _errors.raise_from(status, 0)
            if not batch:
                return None
            tl_batch_columns(batch, columns.place, n, columns.rows_place)
            count = columns.rows.value
            row = single(columns.view) if count == 1 else None
            rows = self._decoded(columns.view, count) if row is None else [row]
        finally:
            if batch:
                tl_batch_release(batch)
                batch.value = None
            _free[n].append(columns)
        self._given += len(rows)
        return rows or self._next_rows()

    def _decoded(self, view: memoryview, count: int) -> list[Row]:
        """The rows of a batch, up to the first that has a value which Python cannot hold."""
        decoded: list[list[Any]] = []
        fit = count
        for column in records(view):
            try:
                values = decode(column, count)
            except Unrepresentable as failure:
                values = decode(column, failure.row)
                if failure.row < fit:
                    fit = failure.row
                    name = self.schema[len(decoded)].name
                    self._failure = f"row {self._given + fit + 1}, column \"{name}\": {failure.reason}"
            decoded.append(values)
        return list(zip(*decoded))


def not_one(any_row: bool) -> _errors.Error:
    return _errors.of_status(_ffi.TL_E_MISUSE,
                             "the result has more than one row" if any_row else "the result has no row",
                             outcome="unknown")


def _read_schema(result: c_void_p) -> tuple[Column, ...]:
    n = tl_result_columns(result)
    if not n:
        return ()
    columns = _take(n)
    try:
        status = _ffi.tl_result_schema(result, columns.place, n, None)
        if status:
            _errors.raise_from(status, 0)
        return tuple(_column(_ffi.tl_column.from_buffer(columns.array, i * COLUMN_SIZE)) for i in range(n))
    finally:
        _free[n].append(columns)


def _column(found: _ffi.tl_column) -> Column:
    return Column(_text(found.name), _ffi.tl_type_name(found.type).decode(), _text(found.type_name), found.type_id,
                  found.precision, found.scale, None if found.nullable < 0 else bool(found.nullable), found.type)


def _text(address: int | None) -> str:
    return ctypes.string_at(address).decode("utf-8", "replace") if address else ""
