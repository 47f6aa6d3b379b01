"""The C ABI, as include/trunkline/trunkline.h declares it: constants, structs, functions. Nothing else knows it.

Functions that may wait release the interpreter lock (CDLL); those that never do keep it (PyDLL), which is cheaper.
Pointers are plain integers, 0 for NULL.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

from . import _library

TL_ABI_VERSION = _library.ABI_VERSION

TL_OK = 0
TL_E_MISUSE = -1
TL_E_CONFIGURATION = -2
TL_E_NOT_FOUND = -3
TL_E_CLOSED = -4
TL_E_BUSY = -5
TL_E_UNAVAILABLE = -6
TL_E_AUTHENTICATION = -7
TL_E_TLS = -8
TL_E_ACQUIRE_TIMEOUT = -9
TL_E_CONNECT_TIMEOUT = -10
TL_E_STATEMENT_TIMEOUT = -11
TL_E_CANCELLED = -12
TL_E_READ_ONLY = -13
TL_E_DEADLOCK = -14
TL_E_SERIALIZATION = -15
TL_E_LOCK_TIMEOUT = -16
TL_E_UNIQUE = -17
TL_E_FOREIGN_KEY = -18
TL_E_NOT_NULL = -19
TL_E_CHECK = -20
TL_E_CONSTRAINT = -21
TL_E_STATEMENT = -22
TL_E_DATA = -23
TL_E_PERMISSION = -24
TL_E_TOO_LARGE = -25
TL_E_UNSUPPORTED = -26
TL_E_RESOURCE = -27
TL_E_NO_MEMORY = -28
TL_E_INTERNAL = -29
TL_E_SHUTDOWN = -30

TL_NOT_SENT = 0
TL_REFUSED = 1
TL_ROLLED_BACK = 2
TL_UNKNOWN = 3

TL_CALL_READ = 0x1
TL_CALL_WRITE = 0x2
TL_CALL_STREAM = 0x4

TL_CHANGE_VERIFY = 0x1

TL_DONE = 1
TL_DONE_RESULT = 2
TL_DONE_CONN = 3
TL_DONE_BATCH = 4

TL_EVENT = 64
TL_QUESTION = 65

TL_EVENT_CONNECT = 0x1
TL_EVENT_DISCONNECT = 0x2
TL_EVENT_CHECKOUT = 0x4
TL_EVENT_CHECKIN = 0x8
TL_EVENT_DIAL_FAILED = 0x10
TL_EVENT_TIMEOUT = 0x20
TL_EVENT_QUERY = 0x40
TL_EVENT_SLOW_QUERY = 0x80
TL_EVENT_STATE_CHANGE = 0x100
TL_ASK_NAME = 0x200
TL_ASK_CREDENTIALS = 0x400
TL_EVENT_ROLE_CHANGE = 0x800
TL_EVENT_RETRY = 0x1000
TL_EVENT_FALLBACK = 0x2000

TL_QUEUE_THREAD = 0x1

TL_DUAL = 0
TL_READ = 1
TL_WRITE = 2

TL_NO_ROLE = 0
TL_PRIMARY = 1
TL_REPLICA = 2

TL_BEGIN_READ_ONLY = 0x1
TL_BEGIN_READ_COMMITTED = 0x10
TL_BEGIN_REPEATABLE_READ = 0x20
TL_BEGIN_SERIALIZABLE = 0x30

TL_NULL = 0
TL_BOOL = 1
TL_INT64 = 2
TL_UINT64 = 3
TL_FLOAT64 = 4
TL_DECIMAL = 5
TL_TEXT = 6
TL_BYTES = 7
TL_DATE = 8
TL_TIME = 9
TL_TIMESTAMP = 10
TL_TIMESTAMPTZ = 11
TL_DURATION = 12
TL_INTERVAL = 13
TL_UUID = 14
TL_JSON = 15
TL_LIST = 16
TL_ANY = 17
TL_NAME = 18


class tl_call(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("timeout_ms", c_int64),
        ("queue", c_void_p),
        ("user_data", c_uint64),
        ("op", c_uint64),
        ("batch_rows", c_uint32),
        ("batch_bytes", c_uint32),
        ("owner", c_uint64),
        ("max_lag_ms", c_int64),
        ("fallback", c_char_p),
        ("priority", c_int32),
        ("reserved", c_int32),
    ]


class _payload(ctypes.Union):
    _fields_ = [("i64", c_int64), ("f64", c_double), ("offset", c_uint64)]


class tl_value(ctypes.Structure):
    _fields_ = [
        ("type", c_uint8),
        ("flags", c_uint8),
        ("element", c_uint16),
        ("length", c_uint32),
        ("v", _payload),
    ]


class tl_column(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("type", c_int32),
        ("length", c_int64),
        ("null_count", c_int64),
        ("validity", c_void_p),
        ("offsets", c_void_p),
        ("data", c_void_p),
        ("data_len", c_uint64),
        ("tags", c_void_p),
        ("heap", c_void_p),
        ("heap_len", c_uint64),
        ("uniform", c_int32),
        ("n_children", c_uint32),
        ("children", c_void_p),
        ("name", c_void_p),
        ("type_name", c_void_p),
        ("type_id", c_uint32),
        ("precision", c_int32),
        ("scale", c_int32),
        ("nullable", c_int32),
        ("reserved", c_int32),
    ]


class tl_completion(ctypes.Structure):
    _fields_ = [
        ("user_data", c_uint64),
        ("op", c_uint64),
        ("status", c_int32),
        ("kind", c_uint32),
        ("value", c_void_p),
        ("error", c_void_p),
        ("arg", c_uint64 * 3),
    ]


_waiting = _library.load()
_quick = ctypes.PyDLL(_waiting._name, handle=_waiting._handle)


def _declare(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    try:
        function = getattr(library, name)
    except AttributeError:
        raise ImportError(f"trunkline: {_library.file_of(_waiting)} has no {name}: a program that is linked with "
                          "libtrunkline.a needs all of it (-Wl,--whole-archive)") from None
    function.restype = result
    function.argtypes = arguments
    return function


def _declare_verb(name: str, *arguments: Any, quick: bool = True) -> Any:
    """A function that may wait. Its attribute `submit` is the same one for calls on a queue, where it never does; one that
    has much to copy before it returns is not `quick`."""
    function = _declare(_waiting, name, c_int32, *arguments)
    function.submit = _declare(_quick, name, c_int32, *arguments) if quick else function
    return function


_ptr = c_void_p
_size = c_void_p  # as wide as a size_t; ctypes converts an integer to it in a third of the time
_call = c_char_p
_status = c_int32

# versions, names
tl_version = _declare(_quick, "tl_version", c_char_p)
tl_has_feature = _declare(_quick, "tl_has_feature", c_int32, c_char_p)
tl_status_name = _declare(_quick, "tl_status_name", c_char_p, _status)
tl_type_name = _declare(_quick, "tl_type_name", c_char_p, c_int32)

# releases: those that may have to close sessions let the other threads run
tl_registry_release = _declare(_waiting, "tl_registry_release", None, _ptr)
tl_conn_release = _declare(_waiting, "tl_conn_release", None, _ptr)
tl_result_release = _declare(_quick, "tl_result_release", None, _ptr)
tl_batch_release = _declare(_quick, "tl_batch_release", None, _ptr)
tl_error_release = _declare(_quick, "tl_error_release", None, _ptr)

# errors
tl_error_status = _declare(_quick, "tl_error_status", _status, _ptr)
tl_error_message = _declare(_quick, "tl_error_message", c_char_p, _ptr)
tl_error_connection = _declare(_quick, "tl_error_connection", c_char_p, _ptr)
tl_error_endpoint = _declare(_quick, "tl_error_endpoint", c_char_p, _ptr)
tl_error_phase = _declare(_quick, "tl_error_phase", c_char_p, _ptr)
tl_error_sqlstate = _declare(_quick, "tl_error_sqlstate", c_char_p, _ptr)
tl_error_native = _declare(_quick, "tl_error_native", c_int32, _ptr)
tl_error_outcome = _declare(_quick, "tl_error_outcome", c_int32, _ptr)
tl_error_detail = _declare(_quick, "tl_error_detail", _status, _ptr, _size, ctypes.POINTER(c_char_p),
                           ctypes.POINTER(c_char_p))

# operations
tl_op_new = _declare(_quick, "tl_op_new", c_uint64, _ptr)
tl_op_release = _declare(_quick, "tl_op_release", None, _ptr, c_uint64)
tl_cancel = _declare(_waiting, "tl_cancel", _status, _ptr, c_uint64)

# queues
tl_completion_release = _declare(_waiting, "tl_completion_release", None, _ptr)
tl_queue_new = _declare(_quick, "tl_queue_new", _status, _ptr, c_uint32, _ptr, _ptr)
tl_queue_release = _declare(_waiting, "tl_queue_release", None, _ptr)
tl_queue_fd = _declare(_quick, "tl_queue_fd", ctypes.c_int, _ptr)
tl_queue_wait = _declare(_waiting, "tl_queue_wait", _status, _ptr, _ptr, _size, c_int64, _ptr)
tl_queue_wake = _declare(_quick, "tl_queue_wake", None, _ptr)
tl_queue_shutdown = _declare(_quick, "tl_queue_shutdown", None, _ptr)

tl_answer = _declare(_waiting, "tl_answer", _status, _ptr, c_uint64, c_int32, c_char_p, _size, c_int64, _ptr)
tl_subscribe = _declare(_quick, "tl_subscribe", _status, _ptr, c_uint32, _call, _ptr)

# registry; the last parameters of every verb are: const tl_call * (packed bytes), [out **], tl_error **
tl_registry_open = _declare(_waiting, "tl_registry_open", _status, c_char_p, c_char_p, _ptr, _ptr)
tl_registry_parse = _declare(_waiting, "tl_registry_parse", _status, c_char_p, _size, c_char_p, c_char_p, _ptr, _ptr)
tl_registry_shared = _declare(_waiting, "tl_registry_shared", _status, c_char_p, c_char_p, _ptr, _ptr)
tl_registry_share = _declare(_waiting, "tl_registry_share", _status, _ptr, _ptr)
tl_registry_has = _declare(_waiting, "tl_registry_has", c_int32, _ptr, c_char_p, _size)
tl_registry_add = _declare(_waiting, "tl_registry_add", _status, _ptr, c_char_p, _size, c_char_p, _size, _ptr, _ptr)
tl_registry_remove = _declare_verb("tl_registry_remove", _ptr, c_char_p, _size, _call, _ptr, _ptr, quick=False)
tl_registry_connect = _declare_verb("tl_registry_connect", _ptr, c_char_p, _size, _call, _ptr, quick=False)
tl_registry_connect_all = _declare_verb("tl_registry_connect_all", _ptr, _call, _ptr, quick=False)
tl_registry_trim = _declare(_waiting, "tl_registry_trim", _status, _ptr, c_char_p, _size, _ptr)
tl_registry_patch = _declare_verb("tl_registry_patch", _ptr, c_char_p, _size, c_char_p, _size, c_uint32, _call, _ptr, _ptr,
                                  quick=False)
tl_registry_reload = _declare_verb("tl_registry_reload", _ptr, c_uint32, _call, _ptr, _ptr, quick=False)
tl_registry_close = _declare_verb("tl_registry_close", _ptr, c_char_p, _size, _call, _ptr, quick=False)
tl_inspect = _declare_verb("tl_inspect", _ptr, c_char_p, c_char_p, _size, _call, _ptr, _ptr, quick=False)

# connections
tl_conn_get = _declare(_waiting, "tl_conn_get", _status, _ptr, c_char_p, _size, c_int32, _ptr, _ptr)
tl_conn_derive = _declare(_waiting, "tl_conn_derive", _status, _ptr, c_char_p, _size, c_char_p, _size, c_int32,
                          _ptr, _ptr)
tl_conn_token = _declare(_quick, "tl_conn_token", _status, _ptr, _ptr, _size, _ptr, _ptr)
tl_explain = _declare_verb("tl_explain", _ptr, c_char_p, _size, _call, _ptr, _ptr, quick=False)
tl_pin = _declare_verb("tl_pin", _ptr, _call, _ptr, _ptr)
tl_begin = _declare_verb("tl_begin", _ptr, c_uint32, _call, _ptr, _ptr)
tl_commit = _declare_verb("tl_commit", _ptr, _call, _ptr)
tl_rollback = _declare_verb("tl_rollback", _ptr, _call, _ptr)
tl_query = _declare_verb("tl_query", _ptr, c_char_p, _size, c_char_p, _size, c_char_p, _size, _call, _ptr, _ptr)
tl_execute_many = _declare_verb("tl_execute_many", _ptr, c_char_p, _size, c_char_p, _size, _size, c_char_p, _size,
                                _call, _ptr, _ptr, quick=False)
tl_load = _declare_verb("tl_load", _ptr, c_char_p, _size, c_char_p, _size, c_char_p, _size, c_char_p, _size, _call,
                        _ptr, _ptr, quick=False)

# results; of a whole result the next batch is there, of a streamed one it may have to be waited for
tl_result_affected = _declare(_quick, "tl_result_affected", c_int64, _ptr)
tl_result_last_id = _declare(_quick, "tl_result_last_id", c_int64, _ptr)
tl_result_connection = _declare(_quick, "tl_result_connection", c_char_p, _ptr)
tl_result_endpoint = _declare(_quick, "tl_result_endpoint", c_char_p, _ptr)
tl_result_role = _declare(_quick, "tl_result_role", c_int32, _ptr)
tl_result_lag_ms = _declare(_quick, "tl_result_lag_ms", c_int64, _ptr)
tl_result_columns = _declare(_quick, "tl_result_columns", c_size_t, _ptr)
tl_result_schema = _declare(_quick, "tl_result_schema", _status, _ptr, _ptr, _size, _ptr)
tl_result_next = _declare(_quick, "tl_result_next", _status, _ptr, _call, _ptr, _ptr)
tl_result_next_streamed = _declare_verb("tl_result_next", _ptr, _call, _ptr, _ptr)
tl_result_next_set = _declare_verb("tl_result_next_set", _ptr, _call, _ptr, _ptr)
tl_batch_columns = _declare(_quick, "tl_batch_columns", _status, _ptr, _ptr, _size, _ptr)
tl_result_export_stream = _declare(_quick, "tl_result_export_stream", _status, _ptr, _ptr, _ptr)
