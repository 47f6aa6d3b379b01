"""Answers to the questions that a registry has to the application."""

from __future__ import annotations

import logging
import weakref
from asyncio import AbstractEventLoop
from inspect import iscoroutinefunction
from typing import Any, Callable

from . import _call, _errors, _ffi, _toml
from ._events import Event, Subscription, subscribe

_log = logging.getLogger("trunkline")


def answer_names(core: _call.Core, loop: AbstractEventLoop | None, find: Callable[[str], Any],
                 unused: float | None) -> Subscription:
    answers = _Answers(core, find, unused)
    return subscribe(core, loop, _ffi.TL_ASK_NAME,
                     answers.later if loop is not None and iscoroutinefunction(find) else answers.now)


class _Answers:
    def __init__(self, core: _call.Core, find: Callable[[str], Any], unused: float | None) -> None:
        self._core = weakref.ref(core)  # the subscription does not keep the registry
        self._find = find
        self._unused = 0 if unused is None else max(1, round(unused * 1000))

    def now(self, event: Event) -> None:
        try:
            text = _text(self._find(event.connection))
        except Exception as error:
            self._fail(event, error)
        else:
            self._give(event, text)

    async def later(self, event: Event) -> None:
        try:
            text = _text(await self._find(event.connection))
        except Exception as error:
            self._fail(event, error)
        else:
            self._give(event, text)

    def _give(self, event: Event, text: str | None) -> None:
        if text is None:
            return self._answer(event, _ffi.TL_E_NOT_FOUND, "")
        try:
            self._answer(event, _ffi.TL_OK, text)
        except _errors.ConfigurationError as error:
            _log.error("what %r gave for %r cannot be used: %s", self._find, event.connection, error)

    def _fail(self, event: Event, error: Exception) -> None:
        if isinstance(error, _errors.Error):
            return self._answer(event, error.status, str(error))
        _log.exception("%r, which was asked for %r, failed", self._find, event.connection, exc_info=error)
        self._answer(event, _ffi.TL_E_UNAVAILABLE, f"it failed with {type(error).__name__}")

    def _answer(self, event: Event, status: int, text: str) -> None:
        core, told = self._core(), text.encode()
        if core is None:
            return
        try:
            _call.run(None, _ffi.tl_answer, (core.slot, event.question, status, told, len(told), self._unused))
        except _errors.NotFound:
            """Whoever asked has given up."""


def _text(settings: Any) -> str | None:
    return settings if settings is None or isinstance(settings, str) else _toml.text_of(settings)
