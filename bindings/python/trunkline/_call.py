"""How a verb is called: what it answers and who owns that, options, Ctrl-C, and errors."""

from __future__ import annotations

import ctypes
import itertools
import math
import os
from ctypes import addressof, c_void_p
from functools import partial
from itertools import compress
from struct import Struct
from typing import Any, Callable, Tuple

from . import _errors, _ffi, _interrupt
from ._ffi import TL_CALL_STREAM

_CALL = Struct("<IIq16xQ40x")  # tl_call: struct_size, flags, timeout_ms, op; the rest zero
_CALL_AND_WHERE = Struct("<IIq16xQ16xqQ8x")  # the same, max_lag_ms and fallback
_CALL_SIZE = ctypes.sizeof(_ffi.tl_call)
assert _CALL.size == _CALL_AND_WHERE.size == _CALL_SIZE

Where = Tuple[int, "ctypes.Array[ctypes.c_char] | None"]
"""Who may serve a verb: how many milliseconds a replica may be behind, 0 as configured; a connection that may serve
instead, as C's text, None as configured."""
ANYWHERE: Where = (0, None)

_ours = [True]
"""Whether what was made while this list stood here is this process's. A forked child must not release its parent's."""


def _in_child() -> None:
    global _ours
    _ours[0] = False
    _ours = [True]


os.register_at_fork(after_in_child=_in_child)


class Owned:
    """Holds what the library hands out: the pointer that it writes into `slot`, and that is released once, by calling
    `__del__` or when nobody has this any more.

    `__del__` is an attribute and no function: one chain of calls in C. A signal handler may raise wherever Python begins
    a function or a bytecode, and what is raised in a finalizer is lost. Where there is neither, Ctrl-C can neither keep
    a session from going home nor vanish. For the same reason the library writes into what has a finalizer already.
    """

    __slots__ = ("slot", "__del__", "__weakref__")

    def __init__(self, release: Callable[[c_void_p], None]) -> None:
        slot = self.slot = c_void_p()
        self.__del__ = partial(next, map(release, compress((slot,), _ours)), None)


_numbers = itertools.count()


class Core(Owned):
    """The tl_registry; everything made from it holds this."""

    __slots__ = ("number", "queues", "listening", "changes", "shared")

    def __init__(self) -> None:
        super().__init__(_ffi.tl_registry_release)
        self.number = next(_numbers)
        self.queues: dict[Any, Any] = {}  # of `_awaiting`, by asyncio loop
        self.listening: dict[Any, Any] = {}  # of `_events`, by asyncio loop; None: a thread's
        self.shared = False  # with all code of the process
        self.changes = 0  # another number after every change of the names: handles from before may be stale


# Places for a tl_error *, and their addresses. Taken and given back by single list operations, which are atomic: safe
# between threads, and also when a signal handler or finalizer makes a call in the middle of another.
_reports: list[tuple[c_void_p, int]] = []


def _report() -> tuple[c_void_p, int]:
    error = c_void_p()
    return error, addressof(error)


def milliseconds(seconds: float | None, what: str = "a timeout") -> int:
    """Seconds as the library wants them: None is the connection's default, infinity is no limit at all."""
    if seconds is None:
        return 0
    if seconds == math.inf:
        return -1
    if not seconds >= 0:
        raise ValueError(f"{what} is a number of seconds, not {seconds!r}")
    return max(1, math.ceil(seconds * 1000))


def where(max_lag: float | None, fallback: str | None = None) -> Where:
    """`max_lag` in seconds."""
    if max_lag is None and fallback is None:
        return ANYWHERE
    name = None if fallback is None else ctypes.create_string_buffer(fallback.encode())
    if name is not None and b"\0" in name.raw[:-1]:
        raise ValueError("the name of a connection holds no NUL")
    return milliseconds(max_lag, "max_lag"), name


def packed(where: Where) -> tuple[int, int]:
    """As tl_call has it, while `where` is there."""
    max_lag, fallback = where
    return max_lag, 0 if fallback is None else addressof(fallback)


def perform(core: Core, owner: Owned, function: Callable[..., int], arguments: tuple[Any, ...], out: Any = None,
            timeout: int = 0, flags: int = 0, then: Callable[[Any], Any] | None = None, where: Where = ANYWHERE) -> Any:
    """Runs a verb, function(owner.slot, *arguments, call, out.slot, error), blocking; without `out` where it is None.
    What `then` makes of `out`, or `out`. Raises as `run` does. `_awaiting.perform` is the same for asyncio."""
    if flags & TL_CALL_STREAM:
        # Always under an op: the thread that reads the rows may be the one that Ctrl-C interrupts.
        out._op = _ffi.tl_op_new(core.slot)
        watch = _interrupt.watch(core, out._op)
        op = out._op
    else:
        watch = _interrupt.watch(core)
        op = watch[1] if watch else 0
    if where is not ANYWHERE:
        call = _CALL_AND_WHERE.pack(_CALL_SIZE, flags, timeout, op, *packed(where))
    else:
        call = _CALL.pack(_CALL_SIZE, flags, timeout, op) if op or timeout or flags else None
    # The rest is `run`, written out for the sake of a statement's time.
    try:
        report = _reports.pop()
    except IndexError:
        report = _report()
    error, place = report
    before = _interrupt.current
    try:
        if watch:
            _interrupt.current = watch
        if out is None:
            status = function(*(owner.slot,) + arguments + (call, place))
        else:
            status = function(*(owner.slot,) + arguments + (call, addressof(out.slot), place))
        if status:
            _errors.raise_from(status, error.value or 0)
    except BaseException:
        _ffi.tl_op_release(core.slot, op)
        raise
    finally:
        if watch:
            _interrupt.current = before
        if error:
            _ffi.tl_error_release(error)
            error.value = None
        _reports.append(report)
    return out if then is None else then(out)


def run(watch: tuple[Core, int, int] | None, function: Callable[..., int], arguments: tuple[Any, ...]) -> None:
    """Runs function(*arguments, error). Raises what it reported, and KeyboardInterrupt when Ctrl-C cut it short: while it
    waits, that cancels what `watch` names."""
    try:
        report = _reports.pop()
    except IndexError:
        report = _report()
    error, place = report
    before = _interrupt.current
    try:
        if watch:
            _interrupt.current = watch
        status = function(*arguments, place)
        if status:
            _errors.raise_from(status, error.value or 0)
    finally:
        if watch:
            _interrupt.current = before
        if error:
            _ffi.tl_error_release(error)
            error.value = None
        _reports.append(report)
