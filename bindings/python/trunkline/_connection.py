"""Handles that take statements: pooled, pinned to one session, or in a transaction."""

from __future__ import annotations

from ctypes import addressof
from struct import Struct
from types import TracebackType
from typing import Any, Iterable, Sequence

from . import _call, _errors, _ffi, _interrupt
from ._encode import Arena, Parameters, encode
from ._encode_rows import encode_rows
from ._ffi import TL_TEXT, tl_conn_release, tl_execute_many, tl_load, tl_query
from ._result import Result

MODES = {"dual": _ffi.TL_DUAL, "read": _ffi.TL_READ, "write": _ffi.TL_WRITE}

_NO_PARAMETERS = (None, 0, None, 0)
_PLACE = Struct("<Qq")  # a tl_value
_ISOLATION = {
    None: 0,
    "read committed": _ffi.TL_BEGIN_READ_COMMITTED,
    "repeatable read": _ffi.TL_BEGIN_REPEATABLE_READ,
    "serializable": _ffi.TL_BEGIN_SERIALIZABLE,
}


class Owner(_call.Owned):
    """The tl_conn. Whoever calls holds this, so that closing a handle in one thread leaves another's call alone."""

    __slots__ = ("core",)

    def __init__(self, core: _call.Core) -> None:
        super().__init__(tl_conn_release)
        self.core = core


class Handle:
    """What statements are run on. May be shared by threads."""

    __slots__ = ("_owner", "__weakref__")

    _missing = "the handle is closed"

    def __init__(self, owner: Owner | None) -> None:
        self._owner = owner

    def _held(self) -> Owner:
        owner = self._owner
        if owner is None:
            raise _errors.of_status(_ffi.TL_E_CLOSED, self._missing)
        return owner

    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool = False,
              read: bool = False, write: bool = False) -> Result:
        """Runs a statement.

        `params`: a sequence for ``?`` (PostgreSQL also ``$1``), or a mapping for ``:name``; a list or tuple among them is
        an array, for ``= ANY(?)``. `timeout`: seconds for all of it, ``math.inf`` for none; the default is the
        connection's. `stream`: rows come as they are read, and the result holds its session until then. `read`, `write`:
        what the statement does, where its text does not show it.
        """
        owner = self._owner or self._held()
        records, n, arena, size = encode(params) if params else _NO_PARAMETERS
        milliseconds = 0 if timeout is None else _call.milliseconds(timeout)
        flags = read * _ffi.TL_CALL_READ | write * _ffi.TL_CALL_WRITE
        core = owner.core
        if stream:
            flags |= _ffi.TL_CALL_STREAM
            # Always under an op: the thread that reads the rows may be the one that Ctrl-C interrupts.
            op = _ffi.tl_op_new(core.slot)
            watch = _interrupt.watch(core, op)
        else:
            watch = _interrupt.watch(core)
            op = watch[1] if watch else 0
        result = Result(core, op, stream)
        text = sql.encode()
        try:
            _call.run(watch, tl_query, (owner.slot, text, len(text), records, n, arena, size,
                                        _call.options(milliseconds, flags, op), addressof(result.slot)))
        except BaseException:
            _ffi.tl_op_release(core.slot, op)
            raise
        return result

    def execute_many(self, sql: str, rows: Iterable[Any], *, timeout: float | None = None) -> Result:
        """Runs a statement for each of the rows, which are what `params` of `query` is; all of them take effect, or none.

        `affected` of the result is how many rows were changed in all. The result has a row for each of those given, with
        how many it changed (``None`` where that is not known); on MariaDB it has none. Rows that the statement gives are
        dropped. Everything is sent from memory: what does not fit in there goes in parts, within a transaction.
        """
        arena = Arena()
        records, n, count = encode_rows(rows, arena)
        text = sql.encode()
        result = self._many(tl_execute_many, (text, len(text), records, n, count), arena, timeout)
        result._rows = count
        return result

    def load(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str], *,
             timeout: float | None = None) -> int:
        """Fills columns of a table with rows, all of them or none, by the fastest way that the database has: COPY on
        PostgreSQL, which takes each value as a literal of its column's type. How many rows there are more.

        Names are those that the database keeps, letter for letter; ``schema.table`` is two. As with `execute_many`, the
        rows are sent from memory.
        """
        if isinstance(columns, str):
            raise TypeError("columns are a sequence of names, not one str")
        arena = Arena()
        names = [name.encode() for name in columns]
        places = [(TL_TEXT | len(name) << 32, arena.add(name)) for name in names]
        records, n, count = encode_rows(rows, arena)
        if count and n != len(names):
            raise ValueError(f"a row has {n} values, and there are {len(names)} columns")
        text = table.encode()
        asked = b"".join(_PLACE.pack(*place) for place in places)
        return self._many(tl_load, (text, len(text), asked, len(names), records, count), arena, timeout).affected

    def _many(self, function: Any, arguments: tuple[Any, ...], arena: Arena, timeout: float | None) -> Result:
        owner = self._held()
        result = Result(owner.core, 0, False)
        _call.verb(owner.core, function, (owner.slot, *arguments, b"".join(arena.pieces), arena.size), result.slot,
                   _call.milliseconds(timeout))
        return result

    def transaction(self, *, read_only: bool = False, isolation: str | None = None,
                    timeout: float | None = None) -> Transaction:
        """``with handle.transaction() as tx:`` commits at the end, and rolls back on an exception. Within a transaction it
        is a savepoint. `isolation`: "read committed", "repeatable read" or "serializable"."""
        if isolation not in _ISOLATION:
            raise ValueError(f"isolation is one of {', '.join(filter(None, _ISOLATION))}, not {isolation!r}")
        flags = _ISOLATION[isolation] | read_only * _ffi.TL_BEGIN_READ_ONLY
        return Transaction(self._held(), flags, _call.milliseconds(timeout))


class Connection(Handle):
    """A connection by name. Each statement takes a session from the pool and gives it back."""

    __slots__ = ()

    def pin(self, *, timeout: float | None = None) -> Pin:
        """``with connection.pin() as session:`` keeps one session for several statements."""
        return Pin(self._held(), _call.milliseconds(timeout))

    def tag(self, text: str) -> Connection:
        """The same connection under a tag, which is shown wherever its leases are listed. Cheap: one per request."""
        owner = self._held()
        tag = text.encode()
        tagged = Owner(owner.core)
        _call.run(None, _ffi.tl_conn_derive, (owner.slot, tag, len(tag), None, 0, -1, addressof(tagged.slot)))
        return Connection(tagged)


class Pin(Handle):
    """One session, between entering and leaving the ``with`` block."""

    __slots__ = ("_parent", "_timeout")

    _missing = "a pinned session is used inside its with block"

    def __init__(self, parent: Owner, timeout: int) -> None:
        super().__init__(None)
        self._parent = parent
        self._timeout = timeout

    def __enter__(self) -> Pin:
        parent = self._parent
        owner = Owner(parent.core)
        _call.verb(parent.core, _ffi.tl_pin, (parent.slot,), owner.slot, self._timeout)
        self._owner = owner
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._owner = None


class Transaction(Handle):
    """A transaction, or a savepoint in one, between entering and leaving the ``with`` block."""

    __slots__ = ("_parent", "_flags", "_timeout")

    _missing = "a transaction is used inside its with block, until it is committed or rolled back"

    def __init__(self, parent: Owner, flags: int, timeout: int) -> None:
        super().__init__(None)
        self._parent = parent
        self._flags = flags
        self._timeout = timeout

    def begin(self) -> None:
        """What entering the ``with`` block does."""
        if self._owner is not None:
            raise _errors.of_status(_ffi.TL_E_MISUSE, "the transaction has begun already")
        parent = self._parent
        owner = Owner(parent.core)
        _call.verb(parent.core, _ffi.tl_begin, (parent.slot, self._flags), owner.slot, self._timeout)
        self._owner = owner

    def commit(self, *, timeout: float | None = None) -> None:
        """Ends it; what follows in its block cannot use it any more."""
        self._end(_ffi.tl_commit, timeout)

    def rollback(self, *, timeout: float | None = None) -> None:
        """Undoes and ends it."""
        self._end(_ffi.tl_rollback, timeout)

    def _end(self, function: Any, timeout: float | None) -> None:
        owner = self._held()
        # Whatever comes of it, the handle is let go; if the transaction is still open then, the library rolls it back.
        self._owner = None
        _call.verb(owner.core, function, (owner.slot,), timeout=_call.milliseconds(timeout))

    def __enter__(self) -> Transaction:
        self.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self._owner is None:
            return
        if kind is None:
            self.commit()
            return
        try:
            self.rollback()
        except _errors.Error:
            pass  # the exception that is on its way says more, and letting go of the handle has rolled back
