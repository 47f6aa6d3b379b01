"""Handles that take statements: pooled, pinned to one session, or in a transaction.

Each verb is written once, for blocking callers and for asyncio: it prepares what the call takes and returns what
`_perform` makes of that, a blocking call's answer or a coroutine that gives it. The classes at the end are the blocking
ones; those of `aio` inherit the same bodies.
"""

from __future__ import annotations

import random
import time
from ctypes import addressof, c_size_t, create_string_buffer
from functools import partial
from itertools import count
from struct import Struct
from types import TracebackType
from typing import Any, Callable, Generic, Iterable, Literal, Sequence, TypeVar, overload

from . import _call, _errors, _ffi
from ._encode import Arena, Parameters, encode
from ._encode_rows import encode_rows
from ._ffi import (TL_CALL_READ, TL_CALL_STREAM, TL_CALL_WRITE, TL_TEXT, tl_conn_release, tl_execute_many, tl_load,
                   tl_query)
from ._result import Result

MODES = {"dual": _ffi.TL_DUAL, "read": _ffi.TL_READ, "write": _ffi.TL_WRITE}

_NO_PARAMETERS = (None, 0, None, 0)
_PLACE = Struct("<Qq")  # a tl_value
_TOKEN = 256  # bytes; few tokens are longer
_ISOLATION = {
    None: 0,
    "read committed": _ffi.TL_BEGIN_READ_COMMITTED,
    "repeatable read": _ffi.TL_BEGIN_REPEATABLE_READ,
    "serializable": _ffi.TL_BEGIN_SERIALIZABLE,
}


Answer = TypeVar("Answer")  # what a verb gives: blocking Result, Result, int, None; for asyncio a coroutine of it
Streamed = TypeVar("Streamed")
Count = TypeVar("Count")
Nothing = TypeVar("Nothing")
Block = TypeVar("Block")  # a Transaction
Session = TypeVar("Session")  # a Pin
Worked = TypeVar("Worked")  # what a function makes of its transaction
Self = TypeVar("Self", bound=Any)


class Owner(_call.Owned):
    """The tl_conn. Whoever calls holds this, so that closing a handle in one thread leaves another's call alone."""

    __slots__ = ("core",)

    def __init__(self, core: _call.Core) -> None:
        super().__init__(tl_conn_release)
        self.core = core


class Handle(Generic[Answer, Streamed, Count, Nothing, Block]):
    """What statements are run on. May be shared by threads."""

    __slots__ = ("_owner", "__weakref__")

    _missing = "the handle is closed"
    _perform: Any
    _run: Any
    _whole: Any  # the Result of a whole answer, and of a streamed one
    _streamed: Any
    _of_stream: Any  # what a caller gets for the streamed one, made of it; None: itself
    _transaction: Any

    def __init__(self, owner: Owner | None) -> None:
        self._owner = owner

    def _held(self) -> Owner:
        owner = self._owner
        if owner is None:
            raise _errors.of_status(_ffi.TL_E_CLOSED, self._missing)
        return owner

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None,
              stream: Literal[False] = False, read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Answer: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: Literal[True],
              read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Streamed: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool,
              read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Answer | Streamed: ...

    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool = False,
              read: bool = False, write: bool = False, max_lag: float | None = None, fallback: str | None = None) -> Any:
        """Runs a statement.

        `params`: a sequence for ``?`` (PostgreSQL also ``$1``), or a mapping for ``:name``; a list or tuple among them is
        an array, for ``= ANY(?)``. `timeout`: seconds for all of it, ``math.inf`` for none; the default is the
        connection's. `stream`: rows come as they are read, and the result holds its session until then. `read`, `write`:
        what the statement does, where its text does not show it. `max_lag`: seconds that a replica may be behind to
        serve it, ``math.inf`` for however far; the default is the connection's. `fallback`: the connection that serves it
        while no server of this one can be reached or lent; the default is the one that is configured.
        """
        owner = self._owner or self._held()
        text = sql.encode()
        arguments = (text, len(text)) + (encode(params) if params else _NO_PARAMETERS)
        milliseconds = 0 if timeout is None else _call.milliseconds(timeout)
        flags = read * TL_CALL_READ | write * TL_CALL_WRITE
        core = owner.core
        if stream:
            return self._perform(core, owner, tl_query, arguments, self._streamed(core, True), milliseconds,
                                 flags | TL_CALL_STREAM, self._of_stream, _call.where(max_lag, fallback))
        if max_lag is None and fallback is None:
            return self._perform(core, owner, tl_query, arguments, self._whole(core), milliseconds, flags)
        return self._perform(core, owner, tl_query, arguments, self._whole(core), milliseconds, flags, None,
                             _call.where(max_lag, fallback))

    def execute_many(self, sql: str, rows: Iterable[Any], *, timeout: float | None = None) -> Answer:
        """Runs a statement for each of the rows, which are what `params` of `query` is; all of them take effect, or none.

        `affected` of the result is how many rows were changed in all. The result has a row for each of those given, with
        how many it changed (``None`` where that is not known); on MariaDB it has none. Rows that the statement gives are
        dropped. Everything is sent from memory: what does not fit in there goes in parts, within a transaction.
        """
        arena = Arena()
        records, n, count = encode_rows(rows, arena)
        text = sql.encode()
        return self._many(tl_execute_many, (text, len(text), records, n, count), arena, timeout, count)

    def load(self, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str], *,
             timeout: float | None = None) -> Count:
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
        return self._many(tl_load, (text, len(text), asked, len(names), records, count), arena, timeout, count,
                          _affected)

    def _many(self, function: Any, arguments: tuple[Any, ...], arena: Arena, timeout: float | None, count: int,
              then: Callable[[Any], Any] | None = None) -> Any:
        owner = self._held()
        result = self._whole(owner.core)
        result._rows = count
        return self._perform(owner.core, owner, function, (*arguments, b"".join(arena.pieces), arena.size), result,
                             _call.milliseconds(timeout), 0, then)

    def explain(self, sql: str, *, read: bool = False, write: bool = False, max_lag: float | None = None,
                timeout: float | None = None) -> Answer:
        """Where `query` would send a statement now, and why, without running it. A row for each server, those first that
        would be asked, in their order: kind, reason, choice (from 1; None: it would not be asked), connection, endpoint
        (None: the fallback's, whichever serves there), role, lag (seconds) and why. ``for row in handle.explain(sql).dicts(): …``"""
        owner = self._held()
        text = sql.encode()
        return self._perform(owner.core, owner, _ffi.tl_explain, (text, len(text)), self._whole(owner.core),
                             _call.milliseconds(timeout), read * TL_CALL_READ | write * TL_CALL_WRITE, None,
                             _call.where(max_lag))

    def token(self) -> str:
        """A place behind all that was written through the handle and that its reads find, for `after`, also in another
        process; "": nothing was written yet. Fits into a cookie or a header. Asks nobody. Wants
        ``consistency = "session"``. Raises Unavailable where it is not known where the last write is, because its answer
        was lost: a read finds out."""
        owner = self._held()
        text, size = create_string_buffer(_TOKEN), c_size_t()
        while True:
            _call.run(None, _ffi.tl_conn_token, (owner.slot, addressof(text), len(text), addressof(size)))
            if size.value < len(text):
                return text.value.decode()
            text = create_string_buffer(size.value + _TOKEN)

    @overload
    def transaction(self, *, read_only: bool = False, isolation: str | None = None, timeout: float | None = None,
                    max_lag: float | None = None) -> Block: ...

    @overload
    def transaction(self, work: Callable[[Block], Worked], *, retry: int = 0, read_only: bool = False,
                    isolation: str | None = None, timeout: float | None = None,
                    max_lag: float | None = None) -> Worked: ...

    def transaction(self, work: Callable[[Any], Any] | None = None, *, retry: int = 0, read_only: bool = False,
                    isolation: str | None = None, timeout: float | None = None, max_lag: float | None = None) -> Any:
        """``with handle.transaction() as tx:`` commits at the end, and rolls back on an exception. Within a transaction it
        is a savepoint. `isolation`: "read committed", "repeatable read" or "serializable". `max_lag`: as of `query`, for
        one that is `read_only`.

        ``handle.transaction(work, retry=3)`` calls ``work(tx)`` in such a block, and answers what it does (for asyncio
        both are awaited). `retry`: how often it is run again, in a new transaction, where this one certainly had no
        effect and may succeed now: after a deadlock, a serialization failure, or the loss of its session before COMMIT
        was sent. Between are pauses, from some 10 ms on. A commit whose answer was lost is not run again: it raises
        an error whose outcome is "unknown".
        """
        if isolation not in _ISOLATION:
            raise ValueError(f"isolation is one of {', '.join(filter(None, _ISOLATION))}, not {isolation!r}")
        flags = _ISOLATION[isolation] | read_only * _ffi.TL_BEGIN_READ_ONLY
        block = partial(self._transaction, self, flags, _call.milliseconds(timeout), _call.where(max_lag))
        self._held()
        if retry and isinstance(self, TransactionHandle):
            raise _errors.of_status(_ffi.TL_E_MISUSE, "a savepoint is not run again by itself; its transaction may be")
        if work is not None:
            return self._run(block, work, retry)
        if retry:
            raise TypeError("only what is a function can be run again: transaction(work, retry=…)")
        return block()


def _affected(result: Result) -> int:
    return result.affected


class PooledHandle(Handle[Answer, Streamed, Count, Nothing, Block],
                   Generic[Answer, Streamed, Count, Nothing, Block, Session]):
    """A connection by name. Each statement takes a session from the pool and gives it back."""

    __slots__ = ()

    _pin: Any

    def pin(self, *, timeout: float | None = None, max_lag: float | None = None) -> Session:
        """``with connection.pin() as session:`` keeps one session for several statements. `max_lag`: as of `query`, in
        mode "read"."""
        self._held()
        return self._pin(self, _call.milliseconds(timeout), _call.where(max_lag))

    def tag(self: Self, text: str) -> Self:
        """The same connection under a tag, which is shown wherever its leases are listed. Cheap: one per request."""
        return self._derive(text.encode(), b"")

    def after(self: Self, token: str) -> Self:
        """The same connection for reads that also find what was written before `token` was taken (see `token()`; "":
        nothing more), from whatever server. A session of its own: what it writes reads of this one do not wait for, nor
        the other way round from now on. Cheap: one per request. Raises Misuse for text that is no token; the first
        read does for a token of another system."""
        return self._derive(None, token.encode())

    def _derive(self: Self, tag: bytes | None, after: bytes) -> Self:
        owner = self._held()
        derived = Owner(owner.core)
        _call.run(None, _ffi.tl_conn_derive, (owner.slot, tag, len(tag or b""), after, len(after), -1,
                                              addressof(derived.slot)))
        return type(self)(derived)


class PinnedHandle(Handle[Answer, Streamed, Count, Nothing, Block]):
    """One session, between entering and leaving the ``with`` block."""

    __slots__ = ("_parent", "_timeout", "_where")

    _missing = "a pinned session is used inside its with block"

    def __init__(self, parent: Handle[Any, Any, Any, Any, Any], timeout: int, where: _call.Where) -> None:
        super().__init__(None)
        self._parent = parent
        self._timeout = timeout
        self._where = where

    def _enter(self: Self) -> Self:
        parent = self._parent._held()
        return self._perform(parent.core, parent, _ffi.tl_pin, (), Owner(parent.core), self._timeout, 0, self._entered,
                             self._where)

    def _entered(self: Self, owner: Owner) -> Self:
        self._owner = owner
        return self

    def _leave(self, failed: bool) -> None:
        self._owner = None


class TransactionHandle(Handle[Answer, Streamed, Count, Nothing, Block]):
    """A transaction, or a savepoint in one, between entering and leaving the ``with`` block."""

    __slots__ = ("_parent", "_flags", "_timeout", "_where", "_ended_by_hand")

    _missing = "a transaction is used inside its with block, until it is committed or rolled back"

    def __init__(self, parent: Handle[Any, Any, Any, Any, Any], flags: int, timeout: int, where: _call.Where) -> None:
        super().__init__(None)
        # Not what it holds: the session of a pin goes home with its block, whoever has a transaction on it still.
        self._parent = parent
        self._flags = flags
        self._timeout = timeout
        self._where = where
        self._ended_by_hand = False

    def begin(self) -> Nothing:
        """What entering the ``with`` block does."""
        return self._begin(self._begun)

    def _begin(self, then: Callable[[Owner], Any]) -> Any:
        if self._owner is not None:
            raise _errors.of_status(_ffi.TL_E_MISUSE, "the transaction has begun already")
        parent = self._parent._held()
        return self._perform(parent.core, parent, _ffi.tl_begin, (self._flags,), Owner(parent.core), self._timeout, 0,
                             then, self._where)

    def _begun(self, owner: Owner) -> None:
        self._owner = owner

    def commit(self, *, timeout: float | None = None) -> Nothing:
        """Ends it; what follows in its block cannot use it any more."""
        self._ended_by_hand = True
        return self._end(_ffi.tl_commit, timeout)

    def rollback(self, *, timeout: float | None = None) -> Nothing:
        """Undoes and ends it."""
        self._ended_by_hand = True
        return self._end(_ffi.tl_rollback, timeout)

    def _end(self, function: Any, timeout: float | None) -> Any:
        owner = self._held()
        # Whatever comes of it, the handle is let go; if the transaction is still open then, the library rolls it back.
        self._owner = None
        return self._perform(owner.core, owner, function, (), None, _call.milliseconds(timeout))

    def _enter(self) -> Any:
        return self._begin(self._entered)

    def _entered(self: Self, owner: Owner) -> Self:
        self._owner = owner
        return self

    def _leave(self, failed: bool) -> Any:
        if self._owner is None:
            return None
        # Where the rollback fails, the exception that is on its way says more, and letting go of the handle rolls back.
        return self._end(_ffi.tl_rollback if failed else _ffi.tl_commit, None)

    def _may_run_again(self, failure: _errors.Error) -> bool:
        """Once its block was left: whether it certainly had no effect, and may succeed now."""
        passing = (_errors.Deadlock, _errors.SerializationFailure, _errors.Unavailable)
        return isinstance(failure, passing) and failure.outcome != "unknown" and not self._ended_by_hand


def pause_before(rerun: int) -> float:
    """Seconds; with others that met the same conflict, not all at once."""
    return min(0.01 * 2 ** min(rerun, 7), 1.0) * random.uniform(0.5, 1)


# ---- blocking ----


def _run(block: Callable[[], Any], work: Callable[[Any], Worked], retry: int) -> Worked:
    for rerun in count():
        tx = None
        try:
            with block() as tx:
                result = work(tx)
            return result
        except _errors.Error as failure:
            if tx is None or rerun >= retry or not tx._may_run_again(failure):
                raise
        time.sleep(pause_before(rerun))
    raise AssertionError


class Blocking:
    """The verbs of a handle answer when they are done."""

    __slots__ = ()

    _perform: Any = staticmethod(_call.perform)
    _whole: Any = Result
    _streamed: Any = Result
    _of_stream: Any = None
    _run: Any = staticmethod(_run)
    _transaction: Any
    _pin: Any


class With:
    """``with``: `_enter` gives what is named by it; an error in leaving does not hide the exception of the block."""

    __slots__ = ()

    def __enter__(self: Self) -> Self:
        return self._enter()

    def __exit__(self: Any, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self._leave(kind is not None)
        except _errors.Error:
            if kind is None:
                raise


class Connection(Blocking, PooledHandle[Result, Result, int, None, "Transaction", "Pin"]):
    __doc__ = PooledHandle.__doc__
    __slots__ = ()


class Pin(Blocking, With, PinnedHandle[Result, Result, int, None, "Transaction"]):
    __doc__ = PinnedHandle.__doc__
    __slots__ = ()


class Transaction(Blocking, With, TransactionHandle[Result, Result, int, None, "Transaction"]):
    __doc__ = TransactionHandle.__doc__
    __slots__ = ()


Blocking._transaction = Transaction
Blocking._pin = Pin
