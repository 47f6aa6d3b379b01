"""The same for asyncio: what waits is awaited, everything else is as in `trunkline`.

    from trunkline import aio

    async with aio.open() as registry:
        db = registry.on("main")
        (await db.query("SELECT name FROM people WHERE id = ?", [42])).one()
        async for id, name in await db.query("SELECT id, name FROM people", stream=True):
            ...
        async with db.transaction() as tx:
            await tx.query("INSERT INTO people (name) VALUES (?)", ["Ada"])

The answer of a statement has been read when `query` gives it, so that a `Result` does not wait; one that is streamed is
a `Stream`, which does. A task that is cancelled, by a timeout too, cancels its statement on the server, and ends when the
statement has. Works with every loop that has `add_reader`; each has a queue of its own, and handles may be shared by
loops in several threads. An object that is awaited belongs to one task at a time; statements of several tasks on one
transaction or pin run in the order in which they were asked for.
"""

from __future__ import annotations

import os
from asyncio import get_running_loop, sleep
from ctypes import c_void_p
from itertools import count
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Coroutine, TypeVar

from . import _awaiting, _call, _errors, _ffi, _registry
from ._connection import PinnedHandle, PooledHandle, Self, TransactionHandle, pause_before
from ._health import Health
from ._result import Result as WholeResult
from ._result import Row, not_one
from ._values import Column

__all__ = ["open", "parse", "shared", "of", "Registry", "Connection", "Pin", "Transaction", "Result", "Stream"]

Found = TypeVar("Found")
Waiting = Coroutine[Any, Any, Found]


class Result(WholeResult):
    """The answer of a statement, read whole: nothing of it waits. ``async for`` works as ``for`` does."""

    async def __aiter__(self) -> AsyncIterator[Row]:
        for row in self:
            yield row


class _NotArrived(Exception):
    """The next batch is to be asked for first."""


class _Arriving(WholeResult):
    """A streamed result whose batches are put there as they come, for the methods of a blocking one to read."""

    _arrived: _call.Owned | None = None

    def _run(self, function: Any, place: Any) -> None:
        batch, self._arrived = self._arrived, None
        if batch is None:
            raise _NotArrived
        c_void_p.from_address(place).value, batch.slot.value = batch.slot.value, None


class Stream:
    """The answer of a statement, read as it is asked for and no further. Holds its session until its last row is read, it
    is closed, or nobody has it any more. One task at a time."""

    __slots__ = ("_rows", "__weakref__")

    def __init__(self, rows: _Arriving) -> None:
        self._rows = rows

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; () of a statement that gives no rows."""
        return self._rows.columns

    @property
    def schema(self) -> tuple[Column, ...]:
        """Name, type and more of each column."""
        return self._rows.schema

    @property
    def affected(self) -> int:
        """Rows that the statement inserted, changed, deleted or gave; -1: unknown."""
        return self._rows.affected

    @property
    def last_id(self) -> int:
        """SQLite: the id that the last INSERT made; 0: none."""
        return self._rows.last_id

    @property
    def endpoint(self) -> str:
        """Who served it."""
        return self._rows.endpoint

    @property
    def connection(self) -> str:
        """The name that is an endpoint of: the one asked, or its fallback."""
        return self._rows.connection

    @property
    def role(self) -> str | None:
        """What that was when it began with the statement: "primary" or "replica"; None: nobody served it."""
        return self._rows.role

    @property
    def lag(self) -> float | None:
        """Seconds that it was behind the primary then, at most; None: not known."""
        return self._rows.lag

    async def __aiter__(self) -> AsyncIterator[Row]:
        while True:
            current = await self._read(self._rows._reading)
            if current is None:
                return
            for row in current:
                yield row
            self._rows._current = None

    async def all(self) -> list[Row]:
        """The rows that have not been read yet."""
        return [row async for row in self]

    async def first(self) -> Row | None:
        """The next row, or None where there is none."""
        return await self._read(self._rows.first)

    async def one(self) -> Row:
        """The only row. Raises ProgrammingError where there is none, or more than one."""
        row = await self.first()
        if row is None or await self.first() is not None:
            raise not_one(row is not None)
        return row

    async def batches(self) -> AsyncIterator[list[Row]]:
        """The rows that have not been read yet, in lists of those that came together."""
        while True:
            current = await self._read(self._rows._reading)
            if current is None:
                return
            rows, self._rows._current = list(current), None
            if rows:
                yield rows

    async def dicts(self) -> AsyncIterator[dict[str, Any]]:
        """The rows that have not been read yet, as dicts. Of columns with the same name the last counts."""
        names = self.columns
        async for row in self:
            yield dict(zip(names, row))

    async def next_set(self) -> bool:
        """Moves to the next result set, dropping what is left of this one; False where there is none."""
        rows = self._rows
        rows._open()
        more = _call.Owned(_registry._nothing)
        await _awaiting.perform(rows._core, rows, _ffi.tl_result_next_set, (), more, reads=rows._op)
        rows._begin_set()
        return bool(more.slot)

    async def close(self) -> None:
        """Lets go of what is left. Harmless when repeated."""
        self._rows.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        traceback: TracebackType | None) -> None:
        self._rows.close()

    async def _read(self, read: Callable[[], Found]) -> Found:
        """What the blocking method answers, once the batches that it wants have come."""
        while True:
            try:
                return read()
            except _NotArrived:
                pass
            rows = self._rows
            rows._arrived = await _awaiting.perform(rows._core, rows, _ffi.tl_result_next_streamed, (),
                                                    _call.Owned(_ffi.tl_batch_release), reads=rows._op)


async def _run(block: Callable[[], Any], work: Callable[[Any], Awaitable[Any]], retry: int) -> Any:
    for rerun in count():
        tx = None
        try:
            async with block() as tx:
                result = await work(tx)
            return result
        except _errors.Error as failure:
            if tx is None or rerun >= retry or not tx._may_run_again(failure):
                raise
        await sleep(pause_before(rerun))


class Awaited:
    """The verbs of a handle are awaited."""

    __slots__ = ()

    _perform: Any = staticmethod(_awaiting.perform)
    _whole: Any = Result
    _streamed: Any = _Arriving
    _of_stream: Any = Stream
    _run: Any = staticmethod(_run)
    _transaction: Any
    _pin: Any


class AsyncWith:
    """``async with``, as `With` is ``with``."""

    __slots__ = ()

    async def __aenter__(self: Self) -> Self:
        return await self._enter()

    async def __aexit__(self: Any, kind: type[BaseException] | None, value: BaseException | None,
                        traceback: TracebackType | None) -> None:
        try:
            leaving = self._leave(kind is not None)
            if leaving is not None:
                await leaving
        except _errors.Error:
            if kind is None:
                raise


class Connection(Awaited, PooledHandle[Waiting[Result], Waiting[Stream], Waiting[int], Waiting[None], "Transaction",
                                       "Pin"]):
    __doc__ = PooledHandle.__doc__
    __slots__ = ()


class Pin(Awaited, AsyncWith,
          PinnedHandle[Waiting[Result], Waiting[Stream], Waiting[int], Waiting[None], "Transaction"]):
    __doc__ = PinnedHandle.__doc__
    __slots__ = ()


class Transaction(Awaited, AsyncWith,
                  TransactionHandle[Waiting[Result], Waiting[Stream], Waiting[int], Waiting[None], "Transaction"]):
    __doc__ = TransactionHandle.__doc__
    __slots__ = ()


Awaited._transaction = Transaction
Awaited._pin = Pin


class Registry(Awaited, AsyncWith, _registry.RegistryHandle[Waiting[Result], Waiting[Stream], Waiting[None], Transaction,
                                                            Connection, Waiting["list[str]"], Waiting[str],
                                                            Waiting[bool], Waiting[Health]]):
    __doc__ = _registry.RegistryHandle.__doc__
    __slots__ = ()

    _connection: Any = Connection
    _loop: Any = staticmethod(get_running_loop)

    async def _enter(self) -> Registry:
        return self

    def _closed(self, _: None) -> None:
        _awaiting.forget(self._core)


def open(path: str | os.PathLike[str] | None = None, environment: str | None = None) -> Registry:  # noqa: A001
    """As `trunkline.open`: reads a file, and opens no connection."""
    return Registry(_registry.core_of_file(path, environment))


def parse(toml_text: str, source: str | None = None, environment: str | None = None) -> Registry:
    """As `trunkline.parse`."""
    return Registry(_registry.core_of_text(toml_text, source, environment))


def shared(path: str | os.PathLike[str] | None = None, environment: str | None = None) -> Registry:
    """As `trunkline.shared`: the registry that all code of the process shares."""
    return Registry(_registry.shared_core(path, environment))


def of(registry: _registry.Registry) -> Registry:
    """The same registry, its pools and all, for asyncio: what closes one of the two closes both."""
    return Registry(registry._core)
