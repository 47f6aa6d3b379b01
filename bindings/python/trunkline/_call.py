"""How a verb is called: buffers for what it answers, options, Ctrl-C, and errors."""

from __future__ import annotations

import ctypes
import math
import os
from struct import Struct
from time import time_ns
from typing import Any, Callable

from . import _errors, _ffi, _interrupt

_CALL = Struct("<IIq16xQ32x")  # tl_call: struct_size, flags, timeout_ms, op; the rest zero
_CALL_SIZE = ctypes.sizeof(_ffi.tl_call)
_ANSWER = Struct("<QQ")  # what came out, tl_error *
assert _CALL.size == _CALL_SIZE


class Scratch:
    """Memory for the out parameters of one call."""

    __slots__ = ("answer", "out", "error")

    def __init__(self) -> None:
        self.answer = bytearray(_ANSWER.size)
        self.out = address(self.answer)
        self.error = self.out + 8


def address(buffer: bytearray) -> int:
    # The view keeps the buffer from being resized; nothing resizes it, so that it may go.
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


# Taken and given back by single list operations, which are atomic: safe between threads, and also when a signal handler
# or finalizer makes a call in the middle of another.
_free: list[Scratch] = []


def take() -> Scratch:
    try:
        return _free.pop()
    except IndexError:
        return Scratch()


give = _free.append


process = [os.getpid()]
"""The pid, without a system call. What a process made, a forked child must not release: it is the parent's."""


def _in_child() -> None:
    process[0] = os.getpid()


os.register_at_fork(after_in_child=_in_child)


class Core:
    """The tl_registry; everything made from it holds this."""

    __slots__ = ("pointer", "pid")

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        self.pid = process[0]

    # What a finalizer needs is bound here: the module may be gone when it runs.
    def __del__(self, release: Any = _ffi.tl_registry_release, process: list[int] = process) -> None:
        if self.pid == process[0]:
            release(self.pointer)


def milliseconds(timeout: float | None) -> int:
    """Seconds as the library wants them: None is the connection's default, infinity is no limit at all."""
    if timeout is None:
        return 0
    if timeout == math.inf:
        return -1
    if not timeout >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
    return max(1, math.ceil(timeout * 1000))


def verb(core: Core, function: Callable[..., int], arguments: tuple[Any, ...], release: Any = None, timeout: int = 0,
         flags: int = 0, op: int = 0) -> int:
    """Runs function(*arguments, call, out, error), without `out` where there is nothing to `release`, and gives what came
    out. Raises what the call reported; KeyboardInterrupt when Ctrl-C cut it short. `op` is a new one, or 0."""
    if not op and _interrupt.armed():
        op = _ffi.tl_op_new(core.pointer)
    call = _CALL.pack(_CALL_SIZE, flags, timeout, op) if op or timeout or flags else None
    try:
        return run(core, op, function, arguments + (call,), release)
    except BaseException:
        _ffi.tl_op_release(core.pointer, op)
        raise


def run(core: Core, op: int, function: Callable[..., int], arguments: tuple[Any, ...], release: Any) -> int:
    """Runs function(*arguments, out, error); while it waits, Ctrl-C cancels what runs under the op, if there is one."""
    scratch = take()
    _ANSWER.pack_into(scratch.answer, 0, 0, 0)
    before = _interrupt.current
    try:
        if op:
            _interrupt.current = (core, op, time_ns())
        if release is None:
            status = function(*arguments, scratch.error)
        else:
            status = function(*arguments, scratch.out, scratch.error)
        if status:
            _errors.raise_from(status, _ANSWER.unpack_from(scratch.answer)[1])
        out: int = _ANSWER.unpack_from(scratch.answer)[0]
        return out
    except BaseException:
        # KeyboardInterrupt may come between the answer and its receipt.
        out, error = _ANSWER.unpack_from(scratch.answer)
        if out:
            release(out)
        _ffi.tl_error_release(error)
        raise
    finally:
        if op:
            _interrupt.current = before
        give(scratch)


def check(status: int, error: ctypes.c_void_p) -> None:
    """For calls that do not wait: raises what was reported in `error`."""
    if status:
        try:
            _errors.raise_from(status, error.value or 0)
        finally:
            _ffi.tl_error_release(error)
