"""The registry: every name of one configuration."""

from __future__ import annotations

import itertools
import os
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from ctypes import addressof
from types import TracebackType
from typing import Any, Iterator, Mapping

from . import _call, _errors, _ffi
from ._connection import MODES, Connection, Transaction, Owner
from ._encode import Parameters
from ._result import Result

_numbers = itertools.count()

# registry number -> name, of the `using` blocks that are open in this context. One variable for all registries: context
# variables are never freed.
_using: ContextVar[Mapping[int, str]] = ContextVar("trunkline_using", default={})


class Registry:
    """Named connections. May be shared by threads. Opens nothing by itself: the first statement does."""

    __slots__ = ("_core", "_number", "_handles", "__weakref__")

    def __init__(self, core: _call.Core) -> None:
        self._core = core
        self._number = next(_numbers)
        self._handles: dict[tuple[str | None, str], Connection] = {}

    # ---- connections ----

    def on(self, name: str | None = None, mode: str = "dual") -> Connection:
        """The connection of that name; without one that of the `using` block, else the default.

        `mode`: "dual" reads from a replica where there is one and writes to the primary; "read" refuses writes; "write"
        sends everything to the primary.
        """
        if name is None:
            name = _using.get().get(self._number)
        handle = self._handles.get((name, mode))
        if handle is None:
            handle = self._handles[name, mode] = self._get(name, mode)
        return handle

    def _get(self, name: str | None, mode: str) -> Connection:
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        text, size = _name(name)
        owner = Owner(self._core)
        _call.run(None, _ffi.tl_conn_get, (self._core.slot, text, size, MODES[mode], addressof(owner.slot)))
        return Connection(owner)

    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool = False,
              read: bool = False, write: bool = False) -> Result:
        """`on().query(…)`"""
        return self.on().query(sql, params, timeout=timeout, stream=stream, read=read, write=write)

    def transaction(self, *, read_only: bool = False, isolation: str | None = None,
                    timeout: float | None = None) -> Transaction:
        """`on().transaction(…)`"""
        return self.on().transaction(read_only=read_only, isolation=isolation, timeout=timeout)

    @contextmanager
    def using(self, name: str) -> Iterator[Connection]:
        """``with registry.using("analytics"):`` makes it the default within the block, for this thread or task."""
        connection = self.on(name)
        token = _using.set({**_using.get(), self._number: name})
        try:
            yield connection
        finally:
            _using.reset(token)

    # ---- what is there ----

    def has(self, name: str) -> bool:
        text, size = _name(name)
        return bool(_ffi.tl_registry_has(self._core.slot, text, size))

    __contains__ = has

    def names(self) -> list[str]:
        return [row["name"] for row in self.inspect("connections").dicts()]

    def inspect(self, what: str, name: str | None = None) -> Result:
        """What the library knows, as a result: "connections", "endpoints", "pools", "sessions", "leases", "metrics",
        "prometheus" (see `metrics()`), "settings", "warnings" or "check" (which asks servers for their limits: at most
        3 s each); of one name, or of all."""
        text, size = _name(name)
        result = Result(self._core)
        _call.verb(self._core, _ffi.tl_inspect, (self._core.slot, what.encode(), text, size), result.slot)
        return result

    def metrics(self) -> str:
        """What has been counted of the connections that are open, in Prometheus' text format."""
        return self.inspect("prometheus").one()[0]

    # ---- opening and closing ----

    def connect(self, name: str | None = None, *, timeout: float | None = None) -> None:
        """Opens a connection now instead of at its first statement; reopens a closed one."""
        self._state(_ffi.tl_registry_connect, name if name is not None else _using.get().get(self._number), timeout)

    def close(self, name: str | None = None, *, timeout: float | None = None) -> None:
        """Closes one connection, or all: idle sessions at once, busy ones as they come home. Raises Busy when that takes
        longer than `timeout` seconds (default: `pool.destroy_timeout`)."""
        self._state(_ffi.tl_registry_close, name, timeout)

    def _state(self, function: Any, name: str | None, timeout: float | None) -> None:
        text, size = _name(name)
        _call.verb(self._core, function, (self._core.slot, text, size), timeout=_call.milliseconds(timeout))

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self.close()
        except _errors.Error:
            if kind is None:
                raise


def _name(name: str | None) -> tuple[bytes | None, int]:
    if name is None:
        return None, 0
    text = name.encode()
    return text, len(text)


def open(path: str | os.PathLike[str] | None = None, environment: str | None = None) -> Registry:  # noqa: A001
    """Reads a configuration file; without a path the one that TRUNKLINE_CONFIG names, else trunkline.toml upward from the
    working folder. `environment`: whose settings are laid over it; default: TRUNKLINE_ENV."""
    where = None if path is None else os.fsencode(path)
    return _make(_ffi.tl_registry_open, where, _environment(environment))


def parse(toml_text: str, source: str | None = None, environment: str | None = None) -> Registry:
    """Reads a configuration from text; `source` names it in errors."""
    text = toml_text.encode()
    named = None if source is None else source.encode()
    return _make(_ffi.tl_registry_parse, text, len(text), named, _environment(environment))


def _environment(name: str | None) -> bytes | None:
    return None if name is None else name.encode()


def _make(function: Any, *arguments: Any) -> Registry:
    core = _call.Core()
    _call.run(None, function, (*arguments, addressof(core.slot)))
    registry = Registry(core)
    _warn(registry)
    return registry


def _warn(registry: Registry) -> None:
    for row in registry.inspect("warnings").dicts():
        warnings.warn(row["warning"], _errors.TrunklineConfigWarning, stacklevel=4)
