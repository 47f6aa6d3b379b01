"""A result as an Arrow C stream in a capsule: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html"""

from __future__ import annotations

import ctypes
import os
from typing import Any

from . import _call, _ffi

_NAME = ctypes.create_string_buffer(b"arrow_array_stream")


class Stream(ctypes.Structure):
    """struct ArrowArrayStream"""

    _fields_ = [
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.c_void_p),
        ("get_last_error", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


_release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, _destructor)(
    ("PyCapsule_New", ctypes.pythonapi))
# The capsule's address, not an object: in its destructor it must not be taken hold of again.
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi))

_streams: dict[int, tuple[Stream, int]] = {}  # what living capsules point to, and the process that made it


def _destroy(capsule: int, name: Any = _NAME, pointer: Any = _pointer, streams: Any = _streams, release: Any = _release,
             getpid: Any = os.getpid) -> None:
    stream, pid = streams.pop(pointer(capsule, ctypes.addressof(name)))
    if stream.release and pid == getpid():
        release(stream.release)(ctypes.addressof(stream))


_on_destroy = _destructor(_destroy)
# Capsules may outlive this module at the end of the process: their destructor must not go before them.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_on_destroy))


def export(result: ctypes.c_void_p) -> object:
    """The rest of the current set of the tl_result, in a capsule that owns it."""
    stream = Stream()
    place = ctypes.addressof(stream)
    _streams[place] = (stream, os.getpid())
    capsule = _new(place, ctypes.addressof(_NAME), _on_destroy)
    _call.run(None, _ffi.tl_result_export_stream, (result, place))
    return capsule
