"""Results: sets of rows, decoded a batch at a time."""

from __future__ import annotations

import ctypes
from collections import deque
from itertools import chain
from struct import Struct
from types import TracebackType
from typing import Any, Iterator, Tuple

from . import _arrow, _call, _errors, _ffi
from ._decode import COLUMN_SIZE, Unrepresentable, decode, records
from ._values import Column

Row = Tuple[Any, ...]  # one value per column

_SIZE = Struct("<I")
_TAIL = Struct("<QQq")


class _Columns:
    """Memory for a batch's array of tl_column; beside it the batch, the error of getting it, and how many rows."""

    __slots__ = ("array", "view", "address", "tail", "batch", "error", "rows")

    def __init__(self, n: int) -> None:
        self.array = bytearray(n * COLUMN_SIZE)
        self.view = memoryview(self.array)
        self.address = _call.address(self.array)
        self.tail = bytearray(_TAIL.size)
        self.batch = _call.address(self.tail)
        self.error = self.batch + 8
        self.rows = self.batch + 16
        _SIZE.pack_into(self.array, 0, COLUMN_SIZE)


_free: dict[int, list[_Columns]] = {}  # by number of columns; taken and given back as _call's scratches are


def _take(n: int) -> _Columns:
    try:
        return _free[n].pop()
    except (KeyError, IndexError):
        _free.setdefault(n, [])
        return _Columns(n)


class Result:
    """The answer of a statement. Iterating gives the rows that have not been read yet, as tuples.

    One thread at a time. A streamed result holds its session until its last row is read, or it is closed.
    """

    __slots__ = ("_core", "_pointer", "_pid", "_op", "_streamed", "_ahead", "_given", "_current", "_schema", "_n",
                 "__weakref__")

    def __init__(self, core: _call.Core, pointer: int, op: int = 0, streamed: bool = False) -> None:
        self._core = core
        self._pointer = pointer
        self._pid = _call.process[0]
        self._op = op
        self._streamed = streamed
        self._begin_set()

    def _begin_set(self) -> None:
        self._ahead: deque[tuple[int, int]] | None = None  # batches that len() had to look at: (tl_batch, rows)
        self._given = 0  # rows decoded so far
        self._current: Iterator[Row] | None = None  # what is left of the batch that is being read
        self._schema: tuple[Column, ...] | None = None
        self._n = -1

    # What a finalizer needs is bound here: the modules may be gone when it runs.
    def __del__(self, process: list[int] = _call.process, release: Any = _ffi.tl_result_release,
                release_batch: Any = _ffi.tl_batch_release) -> None:
        try:
            if self._pid == process[0]:
                for batch, _ in self._ahead or ():
                    release_batch(batch)
                release(self._pointer)
        except AttributeError:
            pass  # KeyboardInterrupt came before it was made

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

    def __len__(self) -> int:
        """All rows of the current set, read or not. Raises TypeError for a streamed result, which does not know."""
        if self._streamed:
            raise TypeError("a streamed result does not know its length")
        if self._ahead is None:
            self._ahead = self._look_ahead()
        return self._given + sum(rows for _, rows in self._ahead)

    # ---- rows ----

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(self._batches())

    def _batches(self) -> Iterator[Iterator[Row]]:
        while True:
            if self._current is None:
                rows = self._next_rows()
                if rows is None:
                    return
                self._current = iter(rows)
            yield self._current
            self._current = None

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
            if self._current is None:
                rows = self._next_rows()
                if rows is None:
                    return None
                self._current = iter(rows)
            for row in self._current:
                return row
            self._current = None

    def one(self) -> Row:
        """The only row. Raises ProgrammingError where there is none, or more than one."""
        rows = self._next_rows() if self._current is None else list(self)
        if rows and len(rows) == 1 and self._next_rows() is None:
            return rows[0]
        raise _errors.ProgrammingError("the result has no row" if not rows else "the result has more than one row")

    def dicts(self) -> Iterator[dict[str, Any]]:
        """The rows that have not been read yet, as dicts. Of columns with the same name the last counts."""
        names = self.columns
        for row in self:
            yield dict(zip(names, row))

    def next_set(self) -> bool:
        """Moves to the next result set, dropping what is left of this one; False where there is none."""
        self._drop_ahead()
        more = _call.run(self._core, self._op, _ffi.tl_result_next_set, (self._open(), None), _nothing)
        self._begin_set()
        return bool(more & 0xFFFF_FFFF)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows that have not been read yet as an Arrow C stream, which takes them from this result."""
        if self._given or self._ahead:
            raise _errors.of_status(_ffi.TL_E_MISUSE, "rows of the result have been read already")
        return _arrow.export(self._open())

    # ---- the end ----

    def close(self) -> None:
        """Lets go of what is left. Harmless when repeated."""
        pointer, self._pointer = self._pointer, 0
        self._drop_ahead()
        if self._pid == _call.process[0]:
            _ffi.tl_result_release(pointer)

    def __enter__(self) -> Result:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    # ---- batches ----

    def _open(self) -> int:
        if not self._pointer:
            raise _errors.of_status(_ffi.TL_E_CLOSED, "the result is closed")
        return self._pointer

    def _next_rows(self) -> list[Row] | None:
        """The rows of the next batch; None: the set has ended."""
        n = self._n
        if n < 0:
            n = self._n = _ffi.tl_result_columns(self._open())
        if not n:
            return None
        columns = _take(n)
        batch = 0
        try:
            batch = self._next_batch(columns)
            if not batch:
                return None
            _ffi.tl_batch_columns(batch, columns.address, n, columns.rows)
            rows: int = _TAIL.unpack(columns.tail)[2]
            decoded: list[list[Any]] = []
            for column in records(columns.view):
                decoded.append(decode(column, rows))
        except Unrepresentable as failure:
            name = self.schema[len(decoded)].name
            raise _errors.of_status(
                _ffi.TL_E_DATA, f"row {self._given + failure.row + 1}, column \"{name}\": {failure.reason}",
                phase="decode") from None
        finally:
            _ffi.tl_batch_release(batch)
            _free[n].append(columns)
        self._given += rows
        return list(zip(*decoded))

    def _next_batch(self, columns: _Columns) -> int:
        if self._ahead is not None:
            return self._ahead.popleft()[0] if self._ahead else 0
        if self._streamed:
            return _call.run(self._core, self._op, _ffi.tl_result_next_streamed, (self._open(), None),
                             _ffi.tl_batch_release)
        status = _ffi.tl_result_next(self._pointer or self._open(), None, columns.batch, columns.error)
        batch: int
        batch, error, _ = _TAIL.unpack(columns.tail)
        if status:
            try:
                _errors.raise_from(status, error)
            finally:
                _TAIL.pack_into(columns.tail, 0, 0, 0, 0)
                _ffi.tl_error_release(error)
        return batch

    def _look_ahead(self) -> deque[tuple[int, int]]:
        """Takes all batches of a whole result, with their numbers of rows."""
        ahead: deque[tuple[int, int]] = deque()
        n = self._n = _ffi.tl_result_columns(self._open())
        if not n:
            return ahead
        columns = _take(n)
        while True:
            batch = self._next_batch(columns)
            if not batch:
                break
            _ffi.tl_batch_columns(batch, columns.address, n, columns.rows)
            ahead.append((batch, _TAIL.unpack(columns.tail)[2]))
        _free[n].append(columns)
        return ahead

    def _drop_ahead(self) -> None:
        while self._ahead:
            _ffi.tl_batch_release(self._ahead.popleft()[0])


def _nothing(_: int) -> None:
    """What came out owns nothing."""


def _read_schema(result: int) -> tuple[Column, ...]:
    n = _ffi.tl_result_columns(result)
    if not n:
        return ()
    columns = _take(n)
    try:
        status = _ffi.tl_result_schema(result, columns.address, n, None)
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
