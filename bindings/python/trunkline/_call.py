"""How a verb is called: what it answers and who owns that, options, Ctrl-C, and errors."""

from __future__ import annotations

import ctypes
import math
import os
from ctypes import byref, c_void_p
from functools import partial
from itertools import compress
from struct import Struct
from time import monotonic_ns
from typing import Any, Callable

from . import _errors, _ffi, _interrupt

_CALL = Struct("<IIq16xQ32x")  # tl_call: struct_size, flags, timeout_ms, op; the rest zero
_CALL_SIZE = ctypes.sizeof(_ffi.tl_call)
assert _CALL.size == _CALL_SIZE

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


class Core(Owned):
    """The tl_registry; everything made from it holds this."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_ffi.tl_registry_release)


# Places for a tl_error *, and references to them. Taken and given back by single list operations, which are atomic: safe
# between threads, and also when a signal handler or finalizer makes a call in the middle of another.
_reports: list[tuple[c_void_p, Any]] = []


def take_report() -> tuple[c_void_p, Any]:
    try:
        return _reports.pop()
    except IndexError:
        error = c_void_p()
        return error, byref(error)


def give_report(report: tuple[c_void_p, Any]) -> None:
    error = report[0]
    if error:
        _ffi.tl_error_release(error)
        error.value = None
    _reports.append(report)


def milliseconds(timeout: float | None) -> int:
    """Seconds as the library wants them: None is the connection's default, infinity is no limit at all."""
    if timeout is None:
        return 0
    if timeout == math.inf:
        return -1
    if not timeout >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
    return max(1, math.ceil(timeout * 1000))


def verb(core: Core, function: Callable[..., int], arguments: tuple[Any, ...], out: c_void_p | None = None,
         timeout: int = 0, flags: int = 0, op: int = 0) -> None:
    """Runs function(*arguments, call, out, error), without `out` where it is None. Raises what the call reported, and
    KeyboardInterrupt when Ctrl-C cut it short. `op` is one that the caller made for it, or 0."""
    watched = _interrupt.armed()
    if watched and not op:
        op = _ffi.tl_op_new(core.slot)
    call = _CALL.pack(_CALL_SIZE, flags, timeout, op) if op or timeout or flags else None
    try:
        run(core, op if watched else 0, function, (*arguments, call), out)
    except BaseException:
        _ffi.tl_op_release(core.slot, op)
        raise


def run(core: Core, op: int, function: Callable[..., int], arguments: tuple[Any, ...], out: Any) -> None:
    """Runs function(*arguments, out, error); while it waits, Ctrl-C cancels what runs under the op, if there is one."""
    report = take_report()
    before = _interrupt.current
    try:
        if op:
            _interrupt.current = (core, op, monotonic_ns())
        if out is None:
            status = function(*arguments, report[1])
        else:
            status = function(*arguments, byref(out), report[1])
        if status:
            _errors.raise_from(status, report[0].value or 0)
    finally:
        if op:
            _interrupt.current = before
        give_report(report)
