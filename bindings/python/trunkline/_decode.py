"""tl_column records -> lists of Python values: one vectorised conversion per column, no call per row or value.

A column is decoded in two steps. `extract` reads its memory into plain values (int, float, bool, str, bytes, tuples);
`convert` makes of them what Python has a type for. A conversion that fails is done again value by value, to say which
row it was.
"""

from __future__ import annotations

import ctypes
import json
import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import chain, compress, islice
from struct import Struct
from typing import Any, Callable
from uuid import UUID

from . import _ffi
from ._ffi import (TL_ANY, TL_BOOL, TL_BYTES, TL_DATE, TL_DECIMAL, TL_DURATION, TL_FLOAT64, TL_INT64, TL_INTERVAL,
                   TL_JSON, TL_LIST, TL_NULL, TL_TEXT, TL_TIME, TL_TIMESTAMP, TL_TIMESTAMPTZ, TL_UINT64, TL_UUID)
from ._values import Interval


COLUMN_SIZE = ctypes.sizeof(_ffi.tl_column)

# What decoding needs of a tl_column, as a plain tuple: reading it by index costs a third of reading a field by name.
# Pointers are integers.
_COLUMN = Struct("<4xi8xqQQQQQQQi4xQ16xI20x")
(_TYPE, _NULL_COUNT, _VALIDITY, _OFFSETS, _DATA, _DATA_LEN, _TAGS, _HEAP, _HEAP_LEN, _UNIFORM, _CHILDREN,
 _TYPE_ID) = range(12)
# And what reading one row needs: type, null_count, data, data_len, heap, heap_len, uniform, type_id.
_SINGLE = Struct("<4xi8xq16xQQ8xQQi28xI20x")
assert _COLUMN.size == _SINGLE.size == COLUMN_SIZE

_bytes_at = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi))
_text_at = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p)(
    ("PyUnicode_FromStringAndSize", ctypes.pythonapi))
_int64_at = ctypes.c_int64.from_address
_double_at = ctypes.c_double.from_address

_TIMETZ = 1266  # PostgreSQL's number of a time with a time zone, which the library gives as text

_BITS = tuple(tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256))
_CONVERSION_ERRORS = (ValueError, OverflowError, ArithmeticError, RecursionError)


class Unrepresentable(Exception):
    """A value that Python cannot hold exactly: `row` counts from 0 within the batch. Those before it can be decoded."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason


def decode(column: Any, rows: int) -> list[Any]:
    """The first values of one column, as many as `rows`. Raises Unrepresentable."""
    if not rows:
        return []
    kind = column[_TYPE]
    if kind == TL_ANY:
        return _any(column, rows)
    values = _EXTRACT[kind](column, rows)
    conversion = _CONVERT.get(kind) if column[_TYPE_ID] != _TIMETZ else _zoned_clocks
    if not column[_NULL_COUNT]:
        return values if conversion is None else _converted(values, conversion, range(rows))
    valid = _bits(column[_VALIDITY], rows)
    if conversion is None:
        return [value if ok else None for value, ok in zip(values, valid)]
    return _spread(_converted(list(compress(values, valid)), conversion, list(compress(range(rows), valid))), valid)


def single(buffer: Any) -> tuple[Any, ...] | None:
    """The only row of a batch, where its values are those that are quick to read; else None."""
    row: list[Any] = []
    for kind, null, data, size, heap, heap_size, uniform, type_id in _SINGLE.iter_unpack(buffer):
        if kind == TL_ANY:
            kind = uniform
            if kind != TL_INT64 and kind != TL_FLOAT64:
                data, size = heap, heap_size
        if null:
            row.append(None)
        elif kind == TL_INT64:
            row.append(_int64_at(data).value)
        elif kind == TL_TEXT and type_id != _TIMETZ:
            try:
                row.append(_text_at(data, size))
            except UnicodeDecodeError:
                return None
        elif kind == TL_FLOAT64:
            row.append(_double_at(data).value)
        else:
            return None
    return tuple(row)


def plain(buffer: Any) -> tuple[Any, ...]:
    """The only row of a batch whose columns are texts and what is held in 64 bits, which comes as an integer."""
    return tuple(None if null else
                 _bytes_at(data, size).decode("utf-8", "replace") if kind == TL_TEXT else _int64_at(data).value
                 for kind, null, data, size, *_ in _SINGLE.iter_unpack(buffer))


def records(buffer: Any) -> Any:
    """The columns in an array of tl_column, as tuples."""
    return _COLUMN.iter_unpack(buffer)


def _spread(values: list[Any], valid: Any) -> list[Any]:
    following = iter(values).__next__
    return [following() if ok else None for ok in valid]


# ---- reading memory ----


def _bits(address: int, rows: int) -> list[bool]:
    return list(islice(chain.from_iterable(map(_BITS.__getitem__, _bytes_at(address, rows + 7 >> 3))), rows))


def _words(address: int, rows: int, code: str, width: int) -> list[Any]:
    return memoryview(_bytes_at(address, rows * width)).cast(code).tolist()


def _bools(column: Any, rows: int) -> list[bool]:
    return _bits(column[_DATA], rows)


def _int64s(column: Any, rows: int) -> list[int]:
    return memoryview(_bytes_at(column[_DATA], rows * 8)).cast("q").tolist()


def _uint64s(column: Any, rows: int) -> list[int]:
    return _words(column[_DATA], rows, "Q", 8)


def _int32s(column: Any, rows: int) -> list[int]:
    return _words(column[_DATA], rows, "i", 4)


def _doubles(column: Any, rows: int) -> list[float]:
    return _words(column[_DATA], rows, "d", 8)


def _intervals(column: Any, rows: int) -> list[tuple[Any, ...]]:
    return list(_INTERVAL.iter_unpack(_bytes_at(column[_DATA], rows * 16)))


def _uuids(column: Any, rows: int) -> list[bytes]:
    raw = _bytes_at(column[_DATA], rows * 16)
    return [raw[i:i + 16] for i in range(0, rows * 16, 16)]


def _blobs(column: Any, rows: int) -> list[bytes]:
    return _cut(_bytes_at(column[_DATA], column[_DATA_LEN]), _words(column[_OFFSETS], rows + 1, "i", 4))


def _texts(column: Any, rows: int) -> list[str]:
    return _decoded(_bytes_at(column[_DATA], column[_DATA_LEN]), _words(column[_OFFSETS], rows + 1, "i", 4))


def _lists(column: Any, rows: int) -> list[list[Any]]:
    offsets = _words(column[_OFFSETS], rows + 1, "i", 4)
    (child,) = records(_bytes_at(column[_CHILDREN], COLUMN_SIZE))
    try:
        elements = decode(child, offsets[-1])
    except Unrepresentable as failure:
        row = sum(1 for end in offsets[1:] if end <= failure.row)
        raise Unrepresentable(row, failure.reason) from None
    return _cut(elements, offsets)


def _cut(whole: Any, offsets: list[int]) -> list[Any]:
    return [whole[begin:end] for begin, end in zip(offsets, offsets[1:])]


def _decoded(data: bytes, offsets: list[int]) -> list[str]:
    """Text values. One decoding for all: as Latin-1 each byte is one character, so that offsets stay true, and a value
    that is ASCII is right already."""
    values = _cut(str(data, "latin-1"), offsets)
    if data.isascii():
        return values
    return [value if value.isascii() else _strict(value.encode("latin-1"), row) for row, value in enumerate(values)]


def _strict(value: bytes, row: int) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unrepresentable(row, "the text is not valid UTF-8") from None


# ---- the types that Python has a class for; each conversion is exact or raises ----

_INTERVAL = Struct("<iiq")
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LARGEST, _SMALLEST = 0x7FFF_FFFF_FFFF_FFFF, -0x8000_0000_0000_0000

_after = datetime(1970, 1, 1).__add__
_after_utc = datetime(1970, 1, 1, tzinfo=timezone.utc).__add__
_times_microsecond = timedelta.resolution.__mul__
_from_ordinal = date.fromordinal


def _timestamps(values: list[int]) -> list[datetime]:
    return list(map(_after, map(_times_microsecond, values)))


def _timestamptzs(values: list[int]) -> list[datetime]:
    return list(map(_after_utc, map(_times_microsecond, values)))


def _dates(values: list[int]) -> list[date]:
    return [_from_ordinal(value + _EPOCH_DAY) for value in values]


def _clock(value: int) -> time:
    seconds, microseconds = divmod(value, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return time(hour, minute, second, microseconds)


def _clocks(values: list[int]) -> list[time]:
    return [_clock(value) for value in values]


def _zoned_clocks(values: list[str]) -> list[time]:
    return [_zoned_clock(value) for value in values]


_ZONED_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")


def _zoned_clock(value: str) -> time:
    found = _ZONED_CLOCK.fullmatch(value)
    if found is None:
        raise ValueError
    hour, minute, second, fraction, sign, *zone = found.groups("0")
    offset = timedelta(hours=int(zone[0]), minutes=int(zone[1]), seconds=int(zone[2]))
    return time(int(hour), int(minute), int(second), int(fraction.ljust(6, "0")),
                timezone(-offset if sign == "-" else offset))


def _durations(values: list[int]) -> list[timedelta]:
    if _LARGEST in values or _SMALLEST in values:
        raise OverflowError
    return list(map(_times_microsecond, values))


def _calendar(value: tuple[int, int, int]) -> timedelta | Interval:
    months, days, microseconds = value
    if microseconds in (_LARGEST, _SMALLEST):
        raise OverflowError
    return Interval(*value) if months else timedelta(days, 0, microseconds)


def _calendars(values: list[tuple[int, int, int]]) -> list[timedelta | Interval]:
    return [_calendar(value) for value in values]


def _identifiers(values: list[bytes]) -> list[UUID]:
    return [UUID(bytes=value) for value in values]


def _decimals(values: list[str]) -> list[Decimal]:
    return list(map(Decimal, values))


def _documents(values: list[str]) -> list[Any]:
    return list(map(json.loads, values))


_CONVERT: dict[int, Callable[[list[Any]], list[Any]]] = {
    TL_DECIMAL: _decimals, TL_DATE: _dates, TL_TIME: _clocks, TL_TIMESTAMP: _timestamps,
    TL_TIMESTAMPTZ: _timestamptzs, TL_DURATION: _durations, TL_INTERVAL: _calendars, TL_UUID: _identifiers,
    TL_JSON: _documents,
}

_EXTRACT: dict[int, Callable[[Any, int], list[Any]]] = {
    TL_BOOL: _bools, TL_INT64: _int64s, TL_UINT64: _uint64s, TL_FLOAT64: _doubles, TL_DECIMAL: _texts,
    TL_TEXT: _texts, TL_BYTES: _blobs, TL_DATE: _int32s, TL_TIME: _int64s, TL_TIMESTAMP: _int64s,
    TL_TIMESTAMPTZ: _int64s, TL_DURATION: _int64s, TL_INTERVAL: _intervals, TL_UUID: _uuids, TL_JSON: _texts,
    TL_LIST: _lists,
}

_WHAT = {
    TL_DATE: "a date of Python (years 1 to 9999)", TL_TIME: "a time of Python (below 24:00)",
    TL_TIMESTAMP: "a datetime of Python (years 1 to 9999)", TL_TIMESTAMPTZ: "a datetime of Python (years 1 to 9999)",
    TL_DURATION: "a timedelta of Python", TL_INTERVAL: "a timedelta of Python", TL_DECIMAL: "a Decimal of Python",
    TL_JSON: "what Python's json can read", TL_UUID: "a UUID of Python",
}
_INFINITE = {_LARGEST: "infinity", _SMALLEST: "-infinity", 0x7FFF_FFFF: "infinity", -0x8000_0000: "-infinity"}


def _converted(values: list[Any], conversion: Callable[[list[Any]], list[Any]], rows: Any) -> list[Any]:
    try:
        return conversion(values)
    except _CONVERSION_ERRORS:
        return _one_by_one(values, conversion, rows)


def _one_by_one(values: list[Any], conversion: Callable[[list[Any]], list[Any]], rows: Any) -> list[Any]:
    converted: list[Any] = []
    for row, value in zip(rows, values):
        try:
            converted += conversion([value])
        except _CONVERSION_ERRORS:
            kind = next((kind for kind, candidate in _CONVERT.items() if candidate is conversion), TL_TIME)
            found = value[2] if kind == TL_INTERVAL else value
            what = _INFINITE.get(found, "the value") if isinstance(found, int) else "the value"
            raise Unrepresentable(row, f"{what} does not fit into {_WHAT[kind]}") from None
    return converted


# ---- SQLite's columns, where every value has its own type ----


def _any(column: Any, rows: int) -> list[Any]:
    uniform = column[_UNIFORM]
    if uniform == TL_INT64:
        values: list[Any] = _int64s(column, rows)
    elif uniform == TL_FLOAT64:
        values = _doubles(column, rows)
    elif uniform == TL_NULL:
        return [None] * rows
    elif uniform == TL_ANY:
        return _mixed(column, rows)
    else:
        return _heap_values(column, rows, uniform)
    if not column[_NULL_COUNT]:
        return values
    return [value if tag else None for value, tag in zip(values, _bytes_at(column[_TAGS], rows))]


def _heap_values(column: Any, rows: int, kind: int) -> list[Any]:
    heap = _bytes_at(column[_HEAP], column[_HEAP_LEN])
    if not column[_NULL_COUNT]:
        ends = _int64s(column, rows)
        return _decoded(heap, [0] + ends) if kind == TL_TEXT else _cut(heap, [0] + ends)
    tags = _bytes_at(column[_TAGS], rows)
    ends = [0, *compress(_int64s(column, rows), tags)]
    if kind == TL_BYTES:
        return _spread(_cut(heap, ends), tags)
    try:
        return _spread(_decoded(heap, ends), tags)
    except Unrepresentable as failure:
        raise Unrepresentable(list(compress(range(rows), tags))[failure.row], failure.reason) from None


def _mixed(column: Any, rows: int) -> list[Any]:
    tags = _bytes_at(column[_TAGS], rows)
    heap = _bytes_at(column[_HEAP], column[_HEAP_LEN])
    raw = memoryview(_bytes_at(column[_DATA], rows * 8))
    values: list[Any] = raw.cast("q").tolist()
    doubles = raw.cast("d")
    begin = 0
    for row, tag in enumerate(tags):
        if tag == TL_INT64:
            continue
        if tag == TL_NULL:
            values[row] = None
        elif tag == TL_FLOAT64:
            values[row] = doubles[row]
        else:
            end = values[row]
            value = heap[begin:end]
            values[row] = _strict(value, row) if tag == TL_TEXT else value
            begin = end
    return values
