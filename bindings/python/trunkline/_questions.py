"""Answers to the questions that a registry has to the application."""

from __future__ import annotations

import logging
import weakref
from asyncio import AbstractEventLoop, CancelledError, Future, ensure_future, isfuture
from functools import partial
from inspect import isawaitable, iscoroutine, iscoroutinefunction
from math import inf
from typing import Any, Callable, NamedTuple

from . import _call, _errors, _ffi, _toml
from ._events import Event, Subscription, subscribe

_log = logging.getLogger("trunkline")


def answer_names(core: _call.Core, loop: AbstractEventLoop | None, find: Callable[[str], Any],
                 unused: float | None) -> Subscription:
    return _answer(core, loop, _Question(_ffi.TL_ASK_NAME, _settings, _ffi.TL_E_NOT_FOUND), find, unused)


def answer_credentials(core: _call.Core, loop: AbstractEventLoop | None, give: Callable[[str], Any],
                       valid: float | None) -> Subscription:
    return _answer(core, loop, _Question(_ffi.TL_ASK_CREDENTIALS, _login, _ffi.TL_E_AUTHENTICATION), give, valid)


class _Question(NamedTuple):
    kind: int
    text_of: Callable[[Any], "tuple[str, float | None]"]
    """what was given as the text of an answer, and for how many seconds it holds where that is said with it"""
    nothing: int
    """the status where None was given"""


def _answer(core: _call.Core, loop: AbstractEventLoop | None, question: _Question, find: Callable[[str], Any],
            keep: float | None) -> Subscription:
    if loop is None and iscoroutinefunction(find):
        raise TypeError(f"{find!r} is a coroutine function: only a registry of trunkline.aio awaits it")
    return subscribe(core, loop, question.kind, _Answers(core, loop, question, find, keep).take)


class _Answers:
    """Each question is answered, whatever becomes of the function."""

    def __init__(self, core: _call.Core, loop: AbstractEventLoop | None, question: _Question,
                 find: Callable[[str], Any], keep: float | None) -> None:
        self._core = weakref.ref(core)  # the subscription does not keep the registry
        self._loop = loop
        self._question = question
        self._find = find
        self._keep = keep
        self._awaited: set[Future[Any]] = set()  # asyncio itself does not keep them

    def take(self, event: Event) -> None:
        def called() -> Any:
            given = self._find(event.connection)
            return given if given is None or not isawaitable(given) else self._awaitable(given)

        self._settle(event, called)

    def _awaitable(self, given: Any) -> Any:
        if self._loop is not None:
            return ensure_future(given, loop=self._loop)
        if iscoroutine(given):
            given.close()
        raise TypeError("only a registry of trunkline.aio awaits what it gives")

    def _settle(self, event: Event, give: Callable[[], Any]) -> None:
        """Answers with what `give` returns or raises; later where it returns a future."""
        answer: tuple[int, str, float | None] | None = None
        try:
            given = give()
            if isfuture(given):
                self._awaited.add(given)
                return given.add_done_callback(partial(self._awaited_one, event))
            answer = self._answer_of(given)
        except Exception as error:
            answer = self._failure_of(event, error)
        except BaseException as error:
            answer = self._failure_of(event, error)
            raise
        finally:
            if answer is not None:
                self._send(event, *answer)

    def _awaited_one(self, event: Event, future: Future[Any]) -> None:
        self._awaited.discard(future)
        try:
            self._settle(event, future.result)
        except (CancelledError, KeyboardInterrupt, SystemExit):
            """It is answered, and the loop has been told of it by the task."""

    def _answer_of(self, given: Any) -> tuple[int, str, float | None]:
        if given is None:
            return self._question.nothing, "", None
        text, keep = self._question.text_of(given)
        text.encode()  # may raise
        keep = self._keep if keep is None else keep
        _milliseconds(keep)  # likewise
        return _ffi.TL_OK, text, keep

    def _failure_of(self, event: Event, error: BaseException) -> tuple[int, str, None]:
        if isinstance(error, _errors.Error):
            return error.status, str(error), None
        if not isinstance(error, CancelledError):
            _log.error("%r, which was asked for %r, failed", self._find, event.connection, exc_info=error)
        return _ffi.TL_E_UNAVAILABLE, f"it failed with {type(error).__name__}", None

    def _send(self, event: Event, status: int, text: str, keep: float | None) -> None:
        core = self._core()
        if core is None:
            return
        told = text.encode(errors="replace")
        try:
            _call.run(None, _ffi.tl_answer,
                      (core.slot, event.question, status, told, len(told), _milliseconds(keep)))
        except _errors.NotFound:
            """It is not open any more."""
        except _errors.ConfigurationError as error:
            _log.error("what %r gave for %r cannot be used: %s", self._find, event.connection, error)


def _milliseconds(keep: float | None) -> int:
    """None and what is no end of time are 0; beyond what the library takes it keeps for ever."""
    return 0 if keep is None or keep == inf else min(max(1, round(keep * 1000)), 2**63 - 1)


def _settings(given: Any) -> tuple[str, None]:
    return given if isinstance(given, str) else _toml.text_of(given), None


def _login(given: Any) -> tuple[str, float | None]:
    if isinstance(given, str):
        return _toml.text_of({"password": given}), None
    if isinstance(given, tuple):
        user, password = given
        return _toml.text_of({"user": user, "password": password}), None
    login = dict(given)
    valid = login.pop("valid", None)
    return _toml.text_of(login), valid
