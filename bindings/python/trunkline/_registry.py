"""The registry: every name of one configuration."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from ctypes import addressof
from typing import Any, Callable, Generic, Iterator, Literal, Mapping, TypeVar, overload

from . import _call, _errors, _ffi
from ._connection import (MODES, Answer, Block, Blocking, Connection, Nothing, Owner, Streamed,
                          Transaction, With)
from ._encode import Parameters
from ._events import Listens
from ._result import Result

# Core.number -> name, of the `using` blocks that are open in this context. One variable for all registries: context
# variables are never freed.
_using: ContextVar[Mapping[int, str]] = ContextVar("trunkline_using", default={})


Pooled = TypeVar("Pooled", bound=Any)  # a Connection
Names = TypeVar("Names")  # list[str]
Text = TypeVar("Text")  # str


class RegistryHandle(Listens, Generic[Answer, Streamed, Nothing, Block, Pooled, Names, Text]):
    """Named connections. May be shared by threads. Opens nothing by itself: the first statement does."""

    __slots__ = ("_core", "_handles", "__weakref__")

    _perform: Any
    _whole: Any
    _connection: Any

    def __init__(self, core: _call.Core) -> None:
        self._core = core
        self._handles: dict[tuple[str | None, str], Pooled] = {}

    # ---- connections ----

    def on(self, name: str | None = None, mode: str = "dual") -> Pooled:
        """The connection of that name; without one that of the `using` block, else the default.

        `mode`: "dual" reads from a replica where there is one and writes to the primary; "read" refuses writes; "write"
        sends everything to the primary.
        """
        if name is None:
            name = _using.get().get(self._core.number)
        handle = self._handles.get((name, mode))
        if handle is None:
            handle = self._handles[name, mode] = self._get(name, mode)
        return handle

    def _get(self, name: str | None, mode: str) -> Pooled:
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        text, size = _name(name)
        owner = Owner(self._core)
        _call.run(None, _ffi.tl_conn_get, (self._core.slot, text, size, MODES[mode], addressof(owner.slot)))
        return self._connection(owner)

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None,
              stream: Literal[False] = False, read: bool = False, write: bool = False) -> Answer: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: Literal[True],
              read: bool = False, write: bool = False) -> Streamed: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool,
              read: bool = False, write: bool = False) -> Answer | Streamed: ...

    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool = False,
              read: bool = False, write: bool = False) -> Any:
        """`on().query(…)`"""
        return self.on().query(sql, params, timeout=timeout, stream=stream, read=read, write=write)

    def transaction(self, *, read_only: bool = False, isolation: str | None = None,
                    timeout: float | None = None) -> Block:
        """`on().transaction(…)`"""
        return self.on().transaction(read_only=read_only, isolation=isolation, timeout=timeout)

    @contextmanager
    def using(self, name: str) -> Iterator[Pooled]:
        """``with registry.using("analytics"):`` makes it the default within the block, for this thread or task."""
        connection = self.on(name)
        token = _using.set({**_using.get(), self._core.number: name})
        try:
            yield connection
        finally:
            _using.reset(token)

    # ---- what is there ----

    def has(self, name: str) -> bool:
        text, size = _name(name)
        return bool(_ffi.tl_registry_has(self._core.slot, text, size))

    __contains__ = has

    def names(self) -> Names:
        return self._inspect("connections", None, _names)

    def inspect(self, what: str, name: str | None = None) -> Answer:
        """What the library knows, as a result: "connections", "endpoints", "pools", "sessions", "leases", "metrics",
        "prometheus" (see `metrics()`), "settings", "warnings" or "check" (which asks servers for their limits: at most
        3 s each); of one name, or of all."""
        return self._inspect(what, name)

    def metrics(self) -> Text:
        """What has been counted of the connections that are open, in Prometheus' text format."""
        return self._inspect("prometheus", None, _text)

    def _inspect(self, what: str, name: str | None, then: Callable[[Any], Any] | None = None) -> Any:
        return self._perform(self._core, self._core, _ffi.tl_inspect, (what.encode(), *_name(name)),
                             self._whole(self._core), 0, 0, then)

    # ---- opening and closing ----

    def connect(self, name: str | None = None, *, timeout: float | None = None) -> Nothing:
        """Opens a connection now instead of at its first statement; reopens a closed one."""
        return self._state(_ffi.tl_registry_connect, name if name is not None else _using.get().get(self._core.number),
                           timeout)

    def close(self, name: str | None = None, *, timeout: float | None = None) -> Nothing:
        """Closes one connection, or all: idle sessions at once, busy ones as they come home. Raises Busy when that takes
        longer than `timeout` seconds (default: `pool.destroy_timeout`)."""
        return self._state(_ffi.tl_registry_close, name, timeout, self._closed)

    def _state(self, function: Any, name: str | None, timeout: float | None,
               then: Callable[[None], None] | None = None) -> Any:
        return self._perform(self._core, self._core, function, _name(name), None, _call.milliseconds(timeout), 0, then)

    def _closed(self, _: None) -> None:
        """After a connection, or all, were closed."""

    def _leave(self, failed: bool) -> Any:
        return self.close()


class Registry(Blocking, With, RegistryHandle[Result, Result, None, Transaction, Connection, "list[str]", str]):
    __doc__ = RegistryHandle.__doc__
    __slots__ = ()

    _connection: Any = Connection

    @staticmethod
    def _loop() -> None:
        """A thread calls who listens to events."""

    def _enter(self) -> Registry:
        return self


def _names(connections: Result) -> list[str]:
    return [row["name"] for row in connections.dicts()]


def _text(counted: Result) -> str:
    return counted.one()[0]


def _name(name: str | None) -> tuple[bytes | None, int]:
    if name is None:
        return None, 0
    text = name.encode()
    return text, len(text)


def open(path: str | os.PathLike[str] | None = None, environment: str | None = None) -> Registry:  # noqa: A001
    """Reads a configuration file; without a path the one that TRUNKLINE_CONFIG names, else trunkline.toml upward from the
    working folder. `environment`: whose settings are laid over it; default: TRUNKLINE_ENV."""
    return Registry(core_of_file(path, environment))


def parse(toml_text: str, source: str | None = None, environment: str | None = None) -> Registry:
    """Reads a configuration from text; `source` names it in errors."""
    return Registry(core_of_text(toml_text, source, environment))


def core_of_file(path: str | os.PathLike[str] | None, environment: str | None) -> _call.Core:
    where = None if path is None else os.fsencode(path)
    return _make(_ffi.tl_registry_open, where, _environment(environment))


def core_of_text(toml_text: str, source: str | None, environment: str | None) -> _call.Core:
    text = toml_text.encode()
    named = None if source is None else source.encode()
    return _make(_ffi.tl_registry_parse, text, len(text), named, _environment(environment))


def _environment(name: str | None) -> bytes | None:
    return None if name is None else name.encode()


def _make(function: Any, *arguments: Any) -> _call.Core:
    core = _call.Core()
    _call.run(None, function, (*arguments, addressof(core.slot)))
    _warn(core)
    return core


def _warn(core: _call.Core) -> None:
    for row in Registry(core).inspect("warnings").dicts():
        warnings.warn(row["warning"], _errors.TrunklineConfigWarning, stacklevel=5)
