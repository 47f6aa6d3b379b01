"""The registry: every name of one configuration."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from ctypes import addressof, c_int32, c_void_p
from typing import Any, Callable, Generic, Iterator, Literal, Mapping, TypeVar, overload

from . import _call, _errors, _ffi, _toml
from ._connection import (MODES, Answer, Block, Blocking, Connection, Nothing, Owner, Streamed, Transaction, With,
                          Worked)
from ._encode import Parameters
from ._events import Listens, Subscription
from ._questions import answer_credentials, answer_names
from ._health import Health, health_of
from ._result import Result

# Core.number -> name, of the `using` blocks that are open in this context. One variable for all registries: context
# variables are never freed.
_using: ContextVar[Mapping[int, str]] = ContextVar("trunkline_using", default={})


_MOST_HANDLES = 512  # kept for the next `on`, which costs some microseconds without

Pooled = TypeVar("Pooled", bound=Any)  # a Connection
Names = TypeVar("Names")  # list[str]
Text = TypeVar("Text")  # str
Truth = TypeVar("Truth")  # bool
Verdict = TypeVar("Verdict")  # Health


class RegistryHandle(Listens, Generic[Answer, Streamed, Nothing, Block, Pooled, Names, Text, Truth,
                              Verdict]):
    """Named connections. May be shared by threads. Opens nothing by itself: the first statement does."""

    __slots__ = ("_core", "_handles", "__weakref__")

    _perform: Any
    _whole: Any
    _connection: Any

    def __init__(self, core: _call.Core) -> None:
        self._core = core
        self._handles: tuple[int, dict[tuple[str | None, str], Pooled]] = core.changes, {}

    # ---- connections ----

    def on(self, name: str | None = None, mode: str = "dual", *, after: str | None = None) -> Pooled:
        """The connection of that name; without one that of the `using` block, else the default.

        `mode`: "dual" reads from a replica where there is one and writes to the primary; "read" refuses writes; "write"
        sends everything to the primary.

        `after`: a token of `Connection.token`, which the reads of the handle then find; "" for none. Callers of the same
        name and mode are given the same handle, but with `after` one of their own: where ``consistency = "session"``, a
        program asks with it once for each request, so that one's reads do not wait for another's writes.
        """
        if name is None:
            name = _using.get().get(self._core.number)
        if after is not None:
            own = self._get(name, mode)
            return own.after(after) if after else own
        if self._core.shared:  # others may remove the name and add it again
            return self._get(name, mode)
        changes, handles = self._handles
        if changes != self._core.changes:
            changes, handles = self._handles = self._core.changes, {}
        handle = handles.get((name, mode))
        if handle is None:
            handle = self._get(name, mode)
            if name is None or self.has(name):  # else somebody is asked for it, and it may never be there
                if len(handles) >= _MOST_HANDLES:
                    handles.clear()
                handles[name, mode] = handle
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
              stream: Literal[False] = False, read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Answer: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: Literal[True],
              read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Streamed: ...

    @overload
    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool,
              read: bool = False, write: bool = False, max_lag: float | None = None,
              fallback: str | None = None) -> Answer | Streamed: ...

    def query(self, sql: str, params: Parameters = None, *, timeout: float | None = None, stream: bool = False,
              read: bool = False, write: bool = False, max_lag: float | None = None, fallback: str | None = None) -> Any:
        """`on().query(…)`"""
        return self.on().query(sql, params, timeout=timeout, stream=stream, read=read, write=write,
                               max_lag=max_lag, fallback=fallback)

    @overload
    def transaction(self, *, read_only: bool = False, isolation: str | None = None, timeout: float | None = None,
                    max_lag: float | None = None) -> Block: ...

    @overload
    def transaction(self, work: Callable[[Block], Worked], *, retry: int = 0, read_only: bool = False,
                    isolation: str | None = None, timeout: float | None = None,
                    max_lag: float | None = None) -> Worked: ...

    def transaction(self, work: Callable[[Any], Any] | None = None, *, retry: int = 0, read_only: bool = False,
                    isolation: str | None = None, timeout: float | None = None, max_lag: float | None = None) -> Any:
        """`on().transaction(…)`"""
        return self.on().transaction(work, retry=retry, read_only=read_only, isolation=isolation, timeout=timeout,
                                     max_lag=max_lag)

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
        """By order of registration."""
        return self._inspect("names", None, _names)

    def inspect(self, what: str, name: str | None = None) -> Answer:
        """What the library knows, as a result: "names", "connections", "endpoints", "pools", "sessions", "leases",
        "metrics", "prometheus" (see `metrics()`), "settings", "warnings", "health" (see `health()`), "budget" (the
        sessions that are planned on each server, and how many it allows) or "check" (what is weak, also in that); of one
        name, or of all. The last three ask servers, all at once and for 3 s."""
        return self._inspect(what, name)

    def health(self, name: str | None = None, *, open: bool = False, timeout: float | None = None) -> Verdict:  # noqa: A002
        """Whether the servers answer, all asked at once and each for `timeout` seconds at most (default: 3); of one name,
        or of all. `open`: also opens connections that nobody has used yet; what was closed stays closed."""
        return self._inspect("health_open" if open else "health", name, health_of, timeout)

    def metrics(self) -> Text:
        """What has been counted of the connections that are open, in Prometheus' text format."""
        return self._inspect("prometheus", None, _text)

    def _inspect(self, what: str, name: str | None, then: Callable[[Any], Any] | None = None,
                 timeout: float | None = None) -> Any:
        return self._perform(self._core, self._core, _ffi.tl_inspect, (what.encode(), *_name(name)),
                             self._whole(self._core), _call.milliseconds(timeout), 0, then)

    # ---- adding and removing ----

    def add(self, name: str, settings: str | Mapping[str, Any]) -> bool:
        """Registers a connection as if `settings`, TOML or a mapping, stood under ``[connections.NAME]`` of the file, whose
        defaults hold for it. Opens nothing. False where there is one with the same settings; with others it raises
        ConfigurationError, which tells the keys that differ, never their values."""
        text, size = _name(name)
        toml = _toml_of(settings)
        added = c_int32()
        _call.run(None, _ffi.tl_registry_add, (self._core.slot, text, size, toml, len(toml), addressof(added)))
        if added:
            self._core.changes += 1
        return bool(added)

    def remove(self, name: str, *, timeout: float | None = None) -> Truth:
        """Closes a connection for good and forgets its name at once, then waits as `close` does. Handles that somebody has
        raise Closed for ever, also where the name is added again; those on names of a `resolver`, if they have used
        it. False where there is no such name."""
        return self._remove(name, timeout, self._removed)

    def _remove(self, name: str, timeout: float | None, then: Callable[[_call.Owned], Any]) -> Any:
        self._core.changes += 1
        return self._perform(self._core, self._core, _ffi.tl_registry_remove, _name(name), _call.Owned(_nothing),
                             _call.milliseconds(timeout), 0, then)

    def _removed(self, was_there: _call.Owned) -> bool:
        self._core.changes += 1
        self._closed(None)
        return _truth(was_there)

    def _closed_for_good(self, was_there: _call.Owned) -> None:
        self._removed(was_there)

    def resolver(self, find: Callable[[str], Any], *, unused: float | None = None) -> Subscription:
        """Asks the application for connections that the registry does not have, until what this returns is closed:
        ``find(name)`` gives settings as `add` takes them, or None where there is no such connection. It is called once
        while many want the same name; what it gives is added. `unused`: forgotten again when nobody used it for about so
        many seconds; the next use asks again. In `aio` it may be a coroutine function. What it raises is raised by
        whoever wanted the name: errors of trunkline as they are, others as Unavailable."""
        return answer_names(self._core, self._loop(), find, unused)

    def credentials(self, give: Callable[[str], Any], *, valid: float | None = None) -> Subscription:
        """Asks the application for what sessions log in with, of connections with ``credentials = "ask"``, until what this
        returns is closed: ``give(name)`` gives a password, ``(user, password)``, or a dict of "user", "password" and
        "valid"; None where there are none, which is raised as AuthenticationError. It is called once while many sessions are
        opened, and again when what it gave is no longer valid (`valid`: for how many seconds; None: until the server refuses
        it). Sessions of older credentials go when nobody uses them. In `aio` it may be a coroutine function. What it raises
        is raised as `resolver` does. It must not wait for a connection whose credentials it is asked for."""
        return answer_credentials(self._core, self._loop(), give, valid)

    # ---- changing ----

    def patch(self, name: str, settings: str | Mapping[str, Any], *, verify: bool = False,
              timeout: float | None = None) -> Truth:
        """Lays `settings`, TOML or a mapping, over those of a connection, key by key. New calls have them at once, on new
        sessions; what runs or waits ends on the old ones. False where they were so already. `verify`: only if sessions can be
        opened with them, else the error of that is raised and nothing is changed."""
        toml = _toml_of(settings)
        arguments = (*_name(name), toml, len(toml), _verified(verify))
        return self._perform(self._core, self._core, _ffi.tl_registry_patch, arguments, _call.Owned(_nothing),
                             _call.milliseconds(timeout), 0, _truth)

    def reload(self, *, verify: bool = False, timeout: float | None = None) -> Answer:
        """Reads the file again and does what it says: adds names, patches them, releases those that it no longer has. All of
        it, or nothing and an error. The result has a row for each name that is another now: name, change ("added", "patched",
        "released") and keys, the settings that differ. `verify`: see `patch`; for connections that are open."""
        return self._perform(self._core, self._core, _ffi.tl_registry_reload, (_verified(verify),), self._whole(self._core),
                             _call.milliseconds(timeout), 0, self._reloaded)

    def _reloaded(self, changes: Any) -> Any:
        self._core.changes += 1
        return changes

    # ---- opening and closing ----

    def connect(self, name: str | None = None, *, timeout: float | None = None) -> Nothing:
        """Opens a connection now instead of at its first statement; reopens a closed one."""
        if name is None:
            name = _using.get().get(self._core.number)
        return self._state(_ffi.tl_registry_connect, _name(name), timeout)

    def connect_all(self, *, timeout: float | None = None) -> Nothing:
        """Opens all connections, one after the other; goes on after a failure, and raises the first one."""
        return self._state(_ffi.tl_registry_connect_all, (), timeout)

    def trim(self, name: str | None = None) -> None:
        """Closes the sessions of a connection, or of all: idle ones at once, busy ones as they come home. The next call opens
        others. Waits for nothing."""
        _call.run(None, _ffi.tl_registry_trim, (self._core.slot, *_name(name)))

    def close(self, name: str | None = None, *, release: bool = False, timeout: float | None = None) -> Nothing:
        """Closes one connection, or all: idle sessions at once, busy ones as they come home. Raises Busy when that takes
        longer than `timeout` seconds (default: `pool.destroy_timeout`). `release`: also forgets the name, as `remove`."""
        if not release:
            return self._state(_ffi.tl_registry_close, _name(name), timeout, self._closed)
        if name is None:
            raise ValueError("which name is to be released?")
        return self._remove(name, timeout, self._closed_for_good)

    def _state(self, function: Any, name: tuple[Any, ...], timeout: float | None,
               then: Callable[[None], None] | None = None) -> Any:
        return self._perform(self._core, self._core, function, name, None, _call.milliseconds(timeout), 0, then)

    def _closed(self, _: None) -> None:
        """After a connection, or all, were closed."""

    def _leave(self, failed: bool) -> Any:
        return None if self._core.shared else self.close()

    # ---- sharing ----

    def share(self) -> None:
        """Makes this the registry that all code of the process shares: see `shared()`. Raises ConfigurationError where
        there is another one."""
        _call.run(None, _ffi.tl_registry_share, (self._core.slot,))
        self._core.shared = True
        _shared.setdefault(None, self._core)


class Registry(Blocking, With, RegistryHandle[Result, Result, None, Transaction, Connection, "list[str]", str, bool,
                                        Health]):
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


def _truth(number: _call.Owned) -> bool:
    return bool(number.slot)


def _toml_of(settings: str | Mapping[str, Any]) -> bytes:
    return (settings if isinstance(settings, str) else _toml.text_of(settings)).encode()


def _verified(verify: bool) -> int:
    return _ffi.TL_CHANGE_VERIFY if verify else 0


def _nothing(slot: c_void_p) -> None:
    """Releases what is a number."""


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


def shared(path: str | os.PathLike[str] | None = None, environment: str | None = None) -> Registry:
    """The registry that all code of the process shares: that of the program which embeds this Python where there is one,
    else opened as `open` does. It lives as long as the process; the end of a ``with`` block leaves it open, `close` is
    everybody's. Raises ConfigurationError where it is that of another file or environment, or of another copy of the
    library."""
    return Registry(shared_core(path, environment))


_shared: dict[None, _call.Core] = {}
"""The one of this process, so that `using` means the same to all of its code."""


def shared_core(path: str | os.PathLike[str] | None, environment: str | None) -> _call.Core:
    core = _call.Core()
    _call.run(None, _ffi.tl_registry_shared, (None if path is None else os.fsencode(path), _environment(environment),
                                              addressof(core.slot)))
    core.shared = True
    if _shared.setdefault(None, core) is core:
        _warn(core, stacklevel=4)
    return _shared[None]


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


def _warn(core: _call.Core, stacklevel: int = 5) -> None:
    for row in Registry(core).inspect("warnings").dicts():
        warnings.warn(row["warning"], _errors.TrunklineConfigWarning, stacklevel=stacklevel)
