"""Answers to the questions that a registry has to the application."""

from __future__ import annotations

import logging
import weakref
from asyncio import AbstractEventLoop
from inspect import iscoroutinefunction
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
    answers = _Answers(core, question, find, keep)
    return subscribe(core, loop, question.kind,
                     answers.later if loop is not None and iscoroutinefunction(find) else answers.now)


class _Answers:
    def __init__(self, core: _call.Core, question: _Question, find: Callable[[str], Any], keep: float | None) -> None:
        self._core = weakref.ref(core)  # the subscription does not keep the registry
        self._question = question
        self._find = find
        self._keep = keep

    def now(self, event: Event) -> None:
        try:
            given = self._text(self._find(event.connection))
        except Exception as error:
            self._fail(event, error)
        else:
            self._give(event, given)

    async def later(self, event: Event) -> None:
        try:
            given = self._text(await self._find(event.connection))
        except Exception as error:
            self._fail(event, error)
        else:
            self._give(event, given)

    def _text(self, given: Any) -> tuple[str, float | None] | None:
        return None if given is None else self._question.text_of(given)

    def _give(self, event: Event, given: tuple[str, float | None] | None) -> None:
        if given is None:
            return self._answer(event, self._question.nothing, "")
        text, keep = given
        try:
            self._answer(event, _ffi.TL_OK, text, self._keep if keep is None else keep)
        except _errors.ConfigurationError as error:
            _log.error("what %r gave for %r cannot be used: %s", self._find, event.connection, error)

    def _fail(self, event: Event, error: Exception) -> None:
        if isinstance(error, _errors.Error):
            return self._answer(event, error.status, str(error))
        _log.exception("%r, which was asked for %r, failed", self._find, event.connection, exc_info=error)
        self._answer(event, _ffi.TL_E_UNAVAILABLE, f"it failed with {type(error).__name__}")

    def _answer(self, event: Event, status: int, text: str, keep: float | None = None) -> None:
        core, told = self._core(), text.encode()
        if core is None:
            return
        milliseconds = 0 if keep is None else max(1, round(keep * 1000))
        try:
            _call.run(None, _ffi.tl_answer, (core.slot, event.question, status, told, len(told), milliseconds))
        except _errors.NotFound:
            """Whoever asked has given up."""


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
