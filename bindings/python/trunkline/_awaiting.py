"""How a verb is awaited: a queue of the library for each asyncio loop, whose descriptor the loop watches.

A call is submitted by the task that awaits it and answers through a future. Nothing here starts a thread or a task.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Future, get_running_loop
from ctypes import addressof, c_size_t, c_void_p, sizeof
from struct import Struct
from typing import Any, Callable
from weakref import ref

from . import _errors, _ffi
from ._call import ANYWHERE, Core, Owned, Where, packed

# tl_call: struct_size, flags, timeout, queue, user_data, op, max_lag, fallback; the rest zero
_CALL = Struct("<IIqQQQ16xqQ8x")
_CALL_SIZE = sizeof(_ffi.tl_call)
_COMPLETION = Struct("<Q8xi4xQQQ16x")  # tl_completion: user_data, status, value, error, arg[0]
_COMPLETION_SIZE = sizeof(_ffi.tl_completion)
assert _CALL.size == _CALL_SIZE and _COMPLETION.size == _COMPLETION_SIZE

_TOGETHER = 256  # completions taken at once


class Queue(Owned):
    """The tl_queue of one registry and loop. The loop holds it, by its reader, and lets go of it when it is closed."""

    __slots__ = ("pointer", "waiting", "report", "report_place", "_view", "_place", "_count", "_count_place")

    def __init__(self, core: Core, loop: AbstractEventLoop) -> None:
        super().__init__(_ffi.tl_queue_release)
        self.report = c_void_p()
        self.report_place = addressof(self.report)
        self.check(_ffi.tl_queue_new(core.slot, 0, addressof(self.slot), self.report_place))
        self.pointer = self.slot.value
        self.waiting: dict[int, tuple[Future[Any], Owned | None]] = {}
        """by op: who awaits the answer, and where what it hands out goes"""
        array = (_ffi.tl_completion * _TOGETHER)()
        self._view = memoryview(array).cast("B")
        self._place = addressof(array)
        self._count = c_size_t()
        self._count_place = addressof(self._count)
        loop.add_reader(_ffi.tl_queue_fd(self.slot), self._drain)

    def check(self, status: int) -> None:
        """Raises what a call has reported that was not accepted."""
        if status:
            try:
                _errors.raise_from(status, self.report.value or 0)
            finally:
                _ffi.tl_error_release(self.report)
                self.report.value = None

    def _drain(self) -> None:
        waiting = self.waiting
        _ffi.tl_queue_wait(self.slot, self._place, _TOGETHER, 0, self._count_place)
        count = self._count.value
        if count == _TOGETHER:
            get_running_loop().call_soon(self._drain)  # the others in the loop have their turn in between
        for op, status, value, error, more in _COMPLETION.iter_unpack(self._view[:count * _COMPLETION_SIZE]):
            future, out = waiting.pop(op)
            if out is not None:
                out.slot.value = value or more
            if not future.done():
                future.set_result(_errors.read(status, error) if status else None)
            if error:
                _ffi.tl_error_release(error)


def _queue_of(core: Core, loop: AbstractEventLoop) -> Queue:
    """That of the loop, made when it is wanted first. What `core` keeps of it does not keep it alive."""
    found = core.queues.get(loop)
    queue = found and found()
    if queue is None:
        for other in list(core.queues):
            if other.is_closed():
                core.queues.pop(other, None)
        queue = Queue(core, loop)
        core.queues[loop] = ref(queue)
    return queue


def forget(core: Core) -> None:
    """Lets go of the running loop's queue, if nobody awaits anything there."""
    loop = get_running_loop()
    queue = _queue_of(core, loop)
    if not queue.waiting:
        loop.remove_reader(_ffi.tl_queue_fd(queue.slot))
        del core.queues[loop]


async def perform(core: Core, owner: Owned, function: Any, arguments: tuple[Any, ...], out: Any = None,
                  timeout: int = 0, flags: int = 0, then: Callable[[Any], Any] | None = None,
                  where: Where = ANYWHERE, reads: int = 0) -> Any:
    """Runs a verb as `_call.perform` does, without blocking. `reads`: the op of the statement whose answer it reads.

    A task that is cancelled cancels the verb, and goes on when that has ended: by then its session is free again.
    """
    loop = get_running_loop()
    queue = _queue_of(core, loop)
    op = reads or _ffi.tl_op_new(core.slot)
    if not op:
        raise _errors.of_status(_ffi.TL_E_NO_MEMORY, "out of memory")
    if op in queue.waiting:
        raise _errors.of_status(_ffi.TL_E_BUSY, "another task reads from this result")
    if flags & _ffi.TL_CALL_STREAM:
        out._op = op
    call = _CALL.pack(_CALL_SIZE, flags, timeout, queue.pointer, op, 0 if reads else op, *packed(where))
    place = queue.report_place
    status = function.submit(owner.slot, *arguments, call, place) if out is None else (
        function.submit(owner.slot, *arguments, call, None, place))
    if status:
        if not reads:
            _ffi.tl_op_release(core.slot, op)
        queue.check(status)
    future = loop.create_future()
    queue.waiting[op] = future, out
    del queue, arguments, call  # a task that waits keeps nobody's queue, and no values
    try:
        failure = await future
    except CancelledError:
        try:
            await _cancelled(core, loop, op)
        finally:
            if out is not None:
                out.__del__()  # also what arrived all the same
        raise
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # an error that its own traceback leads to would keep all frames
    return out if then is None else then(out)


async def _cancelled(core: Core, loop: AbstractEventLoop, op: int) -> None:
    """Has the verb end, and waits for that, however often the task is cancelled meanwhile."""
    waiting = _queue_of(core, loop).waiting
    if op in waiting:
        _ffi.tl_cancel(core.slot, op)
    while op in waiting:
        future = loop.create_future()
        waiting[op] = future, waiting[op][1]
        try:
            await future
        except CancelledError:
            pass
