"""Ctrl-C while the main thread waits inside the library.

Python runs signal handlers between bytecodes, so a call into C would answer first. What a signal does at once is to
write a byte to the wakeup descriptor: a thread that reads the other end cancels the operation that the main thread
waits for. The call then returns, and Python raises KeyboardInterrupt.

This stays out of the way of others: it is used only while SIGINT has Python's own handler, and only where nobody else
(an asyncio loop with signal handlers, trio, …) has set a wakeup descriptor.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import socket
import threading
from _thread import get_ident
from struct import Struct
from time import monotonic_ns, time_ns
from typing import Any

from ._ffi import tl_cancel, tl_op_new

try:
    # The one of `signal` makes an enum of each answer.
    from _signal import getsignal  # type: ignore[import]
except ImportError:
    from signal import getsignal

_CLOCKS_APART = 20_000  # nanoseconds; ten times what two readings take
_RECHECK = 100_000_000  # nanoseconds: how long another user of the wakeup descriptor may go unnoticed

_SO_TIMESTAMPNS = 35  # which Python has no name for
_TIMESPEC = Struct("@ll")

_default_handler = signal.default_int_handler
_SIGINT = int(signal.SIGINT)

_main_thread = threading.main_thread().ident
_watched = False
_next_check = 0
_ends: tuple[socket.socket, socket.socket] | None = None  # the watcher's, the signals'

current: tuple[Any, int, int] | None = None
"""(registry core, op, since when by monotonic_ns()) that the main thread waits for; keeps the registry alive while the
watcher cancels"""


def watch(core: Any, op: int = 0) -> tuple[Any, int, int] | None:
    """What is to be `current` during a call of this thread, with a new op unless there is one; None where Ctrl-C shall
    not interrupt it."""
    if get_ident() != _main_thread:
        return None
    now = monotonic_ns()
    if not (_watched if now < _next_check else _check(now)):
        return None
    return core, op or tl_op_new(core.slot), now


def _check(now: int) -> bool:
    """Makes the wakeup descriptor ours unless it is someone else's, or Ctrl-C is."""
    global _watched, _next_check
    _next_check = now + _RECHECK
    _watched = False
    if getsignal(_SIGINT) is not _default_handler:
        return False
    ends = _ends or _start()
    try:
        before = signal.set_wakeup_fd(ends[1].fileno(), warn_on_full_buffer=False)
    except ValueError:  # the main thread of another interpreter
        return False
    _watched = before in (-1, ends[1].fileno())
    if not _watched:
        signal.set_wakeup_fd(before)
    return _watched


def _start() -> tuple[socket.socket, socket.socket]:
    global _ends
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    writer.setblocking(False)
    _ends = (reader, writer)
    for end in _ends:  # they go with the process, and nobody shall be warned of that
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(end))
    threading.Thread(target=_watch, args=(reader,), name="trunkline-interrupt", daemon=True).start()
    return _ends


def _watch(reader: socket.socket) -> None:
    while True:
        number, ancillary, _, _ = reader.recvmsg(1, 64)
        waiting = current
        if waiting is None or number[0] != _SIGINT or getsignal(_SIGINT) is not _default_handler:
            continue
        # A signal from before the call has raised its KeyboardInterrupt already; its news may come late, when the program
        # has caught that and gone on to this call.
        if _arrival(ancillary) >= waiting[2]:
            tl_cancel(waiting[0].slot, waiting[1])


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> int:
    """When the kernel got the message, in nanoseconds as monotonic_ns() counts them."""
    stamps = [data for level, kind, data in ancillary if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS]
    if not stamps:
        return monotonic_ns()
    seconds, nanoseconds = _TIMESPEC.unpack(stamps[0])
    # The kernel tells it by the wall clock, which may be set while a call waits: only how long ago it was counts. Both
    # clocks are read again if this thread was stopped in between.
    while True:
        before, wall, now = monotonic_ns(), time_ns(), monotonic_ns()
        if now - before < _CLOCKS_APART:
            return int(now - (wall - (seconds * 1_000_000_000 + nanoseconds)))


def _give_back() -> None:
    """Takes our descriptor out of the interpreter, if it is there."""
    global _watched, _next_check
    _watched, _next_check = False, 0
    if _ends is None:
        return
    try:
        before = signal.set_wakeup_fd(-1)
        if before not in (-1, _ends[1].fileno()):
            signal.set_wakeup_fd(before)
    except ValueError:  # not the main thread: the descriptor stays, and stays valid
        pass


def _in_child() -> None:
    """The thread is not there any more, and the descriptors are the parent's: a signal here must not reach it."""
    global _main_thread, _ends, current
    _main_thread = get_ident()
    _give_back()
    if _ends is not None:
        for end in _ends:
            end.close()
    _ends, current = None, None


atexit.register(_give_back)
os.register_at_fork(after_in_child=_in_child)
