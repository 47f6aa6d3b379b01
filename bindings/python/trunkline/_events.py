"""Events: `on_checkout(fn)` and its like, and who calls `fn`.

The library calls nobody: events arrive on a queue of their own, one for each registry and asyncio loop, and one for
each registry whose events a thread of this package waits for. The queue is shut down with its last subscription, or
when nobody has the registry any more; whoever takes from it then lets go of it.
"""

from __future__ import annotations

import atexit
import logging
import os
from asyncio import AbstractEventLoop, Task
from ctypes import addressof, c_size_t, c_void_p, sizeof
from datetime import datetime, timedelta, timezone
from inspect import iscoroutine, iscoroutinefunction
from struct import Struct
from threading import RLock, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Callable, NamedTuple

from . import _call, _errors, _ffi
from ._decode import plain
from ._result import Columns

_COMPLETION = Struct("<Q8xiIQQ8xQQ")  # tl_completion: user_data, status, kind, value, error, arg[1], arg[2]
_CALL = Struct("<II8xQQQ40x")  # tl_call: struct_size, flags, queue, user_data, op; the rest zero
_COMPLETION_SIZE = sizeof(_ffi.tl_completion)
_CALL_SIZE = sizeof(_ffi.tl_call)
assert _COMPLETION.size == _COMPLETION_SIZE and _CALL.size == _CALL_SIZE

_TOGETHER = 64  # completions taken at once
_COLUMNS = 11  # of an event
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FAREWELL = 1.0  # seconds at exit for what has happened to be told

_log = logging.getLogger("trunkline")


class Event(NamedTuple):
    """What has happened. None stands for what there is not."""

    kind: str
    """"connect", "disconnect", "checkout", "checkin", "dial_failed", "timeout", "query", "slow_query", "state_change",
    "role_change", "ask_name" or "ask_credentials"
    """
    at: datetime
    connection: str
    endpoint: str | None
    session: int | None
    """a number that is never used again"""
    backend: str | None
    """the server's own number of the session"""
    tag: str | None
    """of the borrower"""
    duration: timedelta | None
    status: str | None
    """the class of a failure, as `Error.name`"""
    statement: str | None
    """its text as it was given, never the values of its parameters"""
    message: str | None
    lost: int
    """events of the registry that were dropped before this one, since too many waited to be told"""
    question: int | None = None
    """the number of a question, which somebody waits to be answered"""


Listen = Callable[[Event], object]


class _Listener:
    """Who wants to be called."""

    __slots__ = ("fn", "lock", "lost")

    def __init__(self, fn: Listen) -> None:
        self.fn: Listen | None = fn
        self.lock = RLock()
        self.lost = 0
        """that it has not been told of"""

    def tell(self, event: Event, caught: type[BaseException]) -> object:
        with self.lock:
            if self.fn is None:
                return None
            try:
                return self.fn(event)
            except caught:
                _log.exception("%r, which listens to events, failed with %r", self.fn, event)
                return None

    def end(self) -> None:
        """Not called any more once this returns."""
        with self.lock:
            self.fn = None


class _Queue(_call.Owned):
    """The tl_queue of events, held by whoever takes from it."""

    __slots__ = ("ours", "listeners", "loop", "_tasks", "_columns", "_view", "_place", "_count", "_count_place")

    def __init__(self, core: _call.Core, loop: AbstractEventLoop | None) -> None:
        super().__init__(_ffi.tl_queue_release)
        self.ours = _call._ours
        _call.run(None, _ffi.tl_queue_new, (core.slot, 0, addressof(self.slot)))
        self.listeners: dict[int, _Listener] = {}
        """by op"""
        self.loop = loop
        self._tasks: set[Task[Any]] = set()  # asyncio itself does not keep them
        self._columns = Columns(_COLUMNS)
        array = (_ffi.tl_completion * _TOGETHER)()
        self._view = memoryview(array).cast("B")
        self._place = addressof(array)
        self._count = c_size_t()
        self._count_place = addressof(self._count)
        if loop is None:
            thread = Thread(target=self._work, name="trunkline-events", daemon=True)
            thread.start()
            _threads[self] = thread
        else:
            loop.add_reader(_ffi.tl_queue_fd(self.slot), self._drain, loop)

    def _work(self) -> None:
        """Of the thread."""
        while not self._take(-1):
            pass
        _threads.pop(self, None)

    def _drain(self, loop: AbstractEventLoop) -> None:
        """Of the loop."""
        if self._take(0):
            loop.remove_reader(_ffi.tl_queue_fd(self.slot))
        elif self._count.value:
            loop.call_soon(self._drain, loop)  # the last that is taken does not say that it is; others have their turn

    def _take(self, timeout: int) -> bool:
        """Tells what has arrived; True: nothing will arrive any more."""
        ended = bool(_ffi.tl_queue_wait(self.slot, self._place, _TOGETHER, timeout, self._count_place))
        told = []
        taken = self._view[:self._count.value * _COMPLETION_SIZE]
        for op, status, kind, value, error, lost, question in _COMPLETION.iter_unpack(taken):
            listener = self.listeners.get(op)
            if kind in (_ffi.TL_EVENT, _ffi.TL_QUESTION):
                if lost:  # which is told once for all who listen here
                    for each in list(self.listeners.values()):
                        each.lost += lost
                event = self._read(value, 0 if listener is None else listener.lost, question)
                if listener is not None:
                    listener.lost = 0
                    told.append((listener, event))
                continue
            if listener is not None and status != _ffi.TL_E_SHUTDOWN:
                _log.error("a subscription to events has ended: %s", _errors.read(status, error))
            if error:
                _ffi.tl_error_release(error)
        caught = BaseException if self.loop is None else Exception  # what ends the loop is not for us to stop
        for listener, event in told:
            started = listener.tell(event, caught)
            if self.loop is not None and iscoroutine(started):
                task = self.loop.create_task(started)
                self._tasks.add(task)
                task.add_done_callback(self._done)
        return ended

    def _read(self, value: int, lost: int, question: int) -> Event:
        batch = c_void_p(value)
        try:
            _ffi.tl_batch_columns(batch, self._columns.place, _COLUMNS, self._columns.rows_place)
            kind, at, connection, endpoint, session, backend, tag, duration, status, statement, message = plain(
                self._columns.view)
        finally:
            _ffi.tl_batch_release(batch)
        return Event(kind, _EPOCH + timedelta(microseconds=at), connection, endpoint, session, backend, tag,
                     None if duration is None else timedelta(microseconds=duration), status, statement, message, lost,
                     question or None)

    def _done(self, task: Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%r, which listens to events, failed", task.get_coro(), exc_info=task.exception())


class _Open(_call.Owned):
    """A queue that events arrive on: shut down when this goes. Its registry's core holds it."""

    __slots__ = ("queue",)

    def __init__(self, queue: _Queue) -> None:
        super().__init__(_ffi.tl_queue_shutdown)
        self.queue = queue
        self.slot.value = queue.slot.value


_lock = RLock()  # of each core's `listening`
_threads: dict[_Queue, Thread] = {}


def _in_child() -> None:
    global _lock
    _lock = RLock()
    _threads.clear()


def _at_exit() -> None:
    """What has happened is told before the interpreter ends, by threads that would not outlive it."""
    threads = list(_threads.items())
    for queue, _ in threads:
        _ffi.tl_queue_shutdown(queue.slot)
    until = monotonic() + _FAREWELL
    for _, thread in threads:
        thread.join(max(0.0, until - monotonic()))


os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)  # after that of `logging`, so that it runs before


class Subscription:
    """Has a function called with events until it is closed, which leaving its ``with`` block does, too; whether anybody
    holds this makes no difference."""

    __slots__ = ("_core", "_queue", "_op", "_listener")

    def __init__(self, core: _call.Core, queue: _Queue, op: int, listener: _Listener) -> None:
        self._core = core
        self._queue = queue
        self._op = op
        self._listener = listener

    def close(self) -> None:
        """The function is not called any more when this returns: it waits for a call in another thread. Harmless when
        repeated, and in a forked child."""
        if not self._queue.ours[0]:
            return
        with _lock:
            if self._queue.listeners.pop(self._op, None) is not None:
                _end(self._core, self._queue, self._op)
        self._listener.end()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()


def subscribe(core: _call.Core, loop: AbstractEventLoop | None, kinds: int, fn: Listen) -> Subscription:
    """`loop` calls it, or where that is None a thread."""
    if not callable(fn):
        raise TypeError(f"a function is called with events, not {fn!r}")
    if loop is None and iscoroutinefunction(fn):
        raise TypeError(f"{fn!r} is a coroutine function: only a registry of trunkline.aio awaits it")
    listener = _Listener(fn)
    with _lock:
        queue = _queue_of(core, loop)
        op = _ffi.tl_op_new(core.slot)
        queue.listeners[op] = listener
        try:
            call = _CALL.pack(_CALL_SIZE, 0, queue.slot.value, op, op)
            _call.run(None, _ffi.tl_subscribe, (core.slot, kinds, call))
        except BaseException:
            del queue.listeners[op]
            _end(core, queue, op)
            raise
    return Subscription(core, queue, op, listener)


def _queue_of(core: _call.Core, loop: AbstractEventLoop | None) -> _Queue:
    """That of the loop or the thread, made when it is wanted first."""
    for other, found in list(core.listening.items()):
        if not found.queue.ours[0] or other is not None and other.is_closed():
            del core.listening[other]
    if loop not in core.listening:
        core.listening[loop] = _Open(_Queue(core, loop))
    return core.listening[loop].queue


def _end(core: _call.Core, queue: _Queue, op: int) -> None:
    """One listener has left."""
    _ffi.tl_cancel(core.slot, op)
    found = core.listening.get(queue.loop)
    if not queue.listeners and found is not None and found.queue is queue:
        del core.listening[queue.loop]
        found.__del__()


def _on(kind: int, name: str, meaning: str) -> Callable[[Any, Listen], Subscription]:
    def listen(self: Any, fn: Listen) -> Subscription:
        return subscribe(self._core, self._loop(), kind, fn)

    listen.__name__ = name
    listen.__qualname__ = f"Listens.{name}"
    listen.__doc__ = f"Calls ``fn(event)`` when {meaning}, until what this returns is closed. See `Event`."
    return listen


class Listens:
    """The events of a registry. A blocking one has a thread call the functions, one of `aio` the loop that runs when
    they are given; there they may be coroutine functions: each event is a task then. An exception is logged by
    "trunkline", and the next event is told all the same."""

    __slots__ = ()

    _loop: Callable[[], AbstractEventLoop | None]

    on_connect = _on(_ffi.TL_EVENT_CONNECT, "on_connect", "a session was opened; `duration` is of the dial")
    on_disconnect = _on(_ffi.TL_EVENT_DISCONNECT, "on_disconnect",
                        "a session leaves its pool, to be closed; `duration` is its age")
    on_checkout = _on(_ffi.TL_EVENT_CHECKOUT, "on_checkout",
                      "a session is lent; `duration` is how long its borrower waited")
    on_checkin = _on(_ffi.TL_EVENT_CHECKIN, "on_checkin",
                     "a session comes home; `duration` is how long it was held")
    on_dial_failed = _on(_ffi.TL_EVENT_DIAL_FAILED, "on_dial_failed",
                         "a session could not be opened; `message` says why")
    on_timeout = _on(_ffi.TL_EVENT_TIMEOUT, "on_timeout",
                     "a caller's time was up, while it waited for a session or for its statement")
    on_query = _on(_ffi.TL_EVENT_QUERY, "on_query",
                   "a statement has ended: it was read to its end, failed, or was given up; `status` is of a failure")
    on_slow_query = _on(_ffi.TL_EVENT_SLOW_QUERY, "on_slow_query",
                        "a statement has ended that took the connection's `slow_query` or longer")
    on_retry = _on(_ffi.TL_EVENT_RETRY, "on_retry",
                   "a call that did not run is tried once more; `duration` is of the pause, `message` says why")
    on_fallback = _on(_ffi.TL_EVENT_FALLBACK, "on_fallback",
                      "a call that no server of its connection serves is asked of another connection; `message` says which, "
                      "and why")
    on_state_change = _on(_ffi.TL_EVENT_STATE_CHANGE, "on_state_change",
                          "a connection was added, opened, closed or removed; `message` is its state")
    on_role_change = _on(_ffi.TL_EVENT_ROLE_CHANGE, "on_role_change",
                         "a server counts as another now; `message` is \"primary\", \"replica\", \"set aside\" (it has "
                         "failed, and others serve what it did) or \"serves again\"")

    def log_events(self: Any, *, echo: bool = True, echo_pool: bool = False) -> Subscription:
        """Tells `logging` what happens, until what this returns is closed: to "trunkline.sql" slow statements and those
        whose time was up (WARNING) and with `echo` every statement (INFO), never with parameters; to "trunkline.pool"
        what could not be opened, waits that ran out and servers set aside (WARNING), connections opened and closed and
        other changes of servers (INFO) and with `echo_pool` also sessions (INFO), and when they are lent and come home (DEBUG)."""
        from ._log_events import kinds, log

        return subscribe(self._core, self._loop(), kinds(echo, echo_pool), log)
