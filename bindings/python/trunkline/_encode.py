"""Python values -> tl_value records and the arena beside them."""

from __future__ import annotations

import json
import struct
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from operator import index
from struct import Struct
from typing import Any, Callable, Mapping, Sequence, Tuple, Union
from uuid import UUID

from . import _errors
from ._ffi import (TL_BOOL, TL_BYTES, TL_DATE, TL_DECIMAL, TL_DURATION, TL_E_DATA, TL_FLOAT64, TL_INT64, TL_INTERVAL,
                   TL_JSON, TL_LIST, TL_NAME, TL_NULL, TL_TEXT, TL_TIME, TL_TIMESTAMP, TL_TIMESTAMPTZ, TL_UINT64,
                   TL_UUID)
from ._values import Interval, Json

Encoded = Tuple[bytes, int, bytes, int]  # records, how many; arena, its size
Parameters = Union[Sequence[Any], Mapping[str, Any], None]

# A tl_value is two words: type | element << 16 | length << 32, and the payload as a signed integer.
_WORDS = tuple(Struct("<" + "Qq" * n) for n in range(17))
_FLOAT, _SIGNED = Struct("<d"), Struct("<q")
_INTERVAL = Struct("<iiq")

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400_000_000


class Arena:
    """The bytes of one call's parameters, as pieces."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, data: bytes) -> int:
        offset = self.size
        self.pieces.append(data)
        self.size = offset + len(data)
        return offset

    def align(self) -> None:
        self.add(bytes(-self.size % 8))


def _sized(kind: int, data: bytes, arena: Arena) -> tuple[int, int]:
    if len(data) > 0xFFFF_FFFF:
        raise OverflowError("more than 4 GiB")
    return kind | len(data) << 32, arena.add(data)


def _null(_: None, __: Arena) -> tuple[int, int]:
    return TL_NULL, 0


def _bool(value: bool, _: Arena) -> tuple[int, int]:
    return TL_BOOL, int(value)


def _int(value: int, arena: Arena) -> tuple[int, int]:
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return TL_INT64, int(value)
    if 0 <= value <= 0xFFFF_FFFF_FFFF_FFFF:
        return TL_UINT64, int(value) - 0x1_0000_0000_0000_0000
    return _sized(TL_DECIMAL, str(Decimal(int(value))).encode(), arena)


def _float(value: float, _: Arena) -> tuple[int, int]:
    return TL_FLOAT64, _SIGNED.unpack(_FLOAT.pack(value))[0]


def _decimal(value: Decimal, arena: Arena) -> tuple[int, int]:
    # "f" writes no exponent; NaN and infinities come out as words.
    return _sized(TL_DECIMAL, format(value, "f").encode(), arena)


def _str(value: str, arena: Arena) -> tuple[int, int]:
    return _sized(TL_TEXT, value.encode(), arena)


def _bytes(value: Any, arena: Arena) -> tuple[int, int]:
    return _sized(TL_BYTES, bytes(value), arena)


def _microseconds(delta: timedelta) -> int:
    return delta.days * _DAY + delta.seconds * 1_000_000 + delta.microseconds


def _datetime(value: datetime, _: Arena) -> tuple[int, int]:
    if value.tzinfo is None:
        return TL_TIMESTAMP, _microseconds(value - _EPOCH)
    return TL_TIMESTAMPTZ, _microseconds(value - _EPOCH_UTC)


def _date(value: date, _: Arena) -> tuple[int, int]:
    return TL_DATE, value.toordinal() - _EPOCH_DAY


def _time(value: time, arena: Arena) -> tuple[int, int]:
    if value.tzinfo is not None:
        if value.utcoffset() is None:
            raise TypeError("a time whose zone needs a date to tell its offset; use a datetime")
        return _str(value.isoformat(), arena)
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return TL_TIME, seconds * 1_000_000 + value.microsecond


def _timedelta(value: timedelta, _: Arena) -> tuple[int, int]:
    total = _microseconds(value)
    if not -0x8000_0000_0000_0000 < total < 0x7FFF_FFFF_FFFF_FFFF:
        raise OverflowError("a timedelta of more than 292,000 years does not fit")
    return TL_DURATION, total


def _interval(value: Interval, arena: Arena) -> tuple[int, int]:
    arena.align()
    return _sized(TL_INTERVAL, _INTERVAL.pack(*value), arena)


def _uuid(value: UUID, arena: Arena) -> tuple[int, int]:
    return _sized(TL_UUID, value.bytes, arena)


def _dict(value: Any, arena: Arena) -> tuple[int, int]:
    return _sized(TL_JSON, json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), arena)


def _json(value: Json, arena: Arena) -> tuple[int, int]:
    return _dict(value.value, arena)


def _list(values: Sequence[Any], arena: Arena) -> tuple[int, int]:
    words = [word for value in values for word in _element(value, arena)]
    element = _common_type(values, words, arena)
    arena.align()
    packed = Struct("<" + "Qq" * len(values)).pack(*words)
    return TL_LIST | element << 16 | len(values) << 32, arena.add(packed)


def _element(value: Any, arena: Arena) -> tuple[int, int]:
    if isinstance(value, (list, tuple)) and not isinstance(value, Interval):
        raise TypeError("a list within a list")
    return encoder(type(value))(value, arena)


def _common_type(values: Sequence[Any], words: list[int], arena: Arena) -> int:
    """The one type of a list's values; numbers of several types become the exact one that holds them all."""
    kinds = {word & 0xFF for word in words[::2]} - {TL_NULL}
    if len(kinds) <= 1:
        return kinds.pop() if kinds else TL_NULL
    if not kinds <= {TL_INT64, TL_UINT64, TL_DECIMAL, TL_FLOAT64} or TL_FLOAT64 in kinds and TL_DECIMAL in kinds:
        raise TypeError("a list of values of different types")
    if TL_FLOAT64 in kinds:
        convert: Callable[[Any, Arena], tuple[int, int]] = _exact_float
    else:
        convert = _number
    for i, value in enumerate(values):
        if value is not None:
            words[2 * i:2 * i + 2] = convert(value, arena)
    return TL_FLOAT64 if convert is _exact_float else TL_DECIMAL


def _exact_float(value: Any, arena: Arena) -> tuple[int, int]:
    if float(value) != value and value == value:
        raise TypeError("a list of floats and an integer that no float holds exactly")
    return _float(float(value), arena)


def _number(value: Any, arena: Arena) -> tuple[int, int]:
    return _decimal(Decimal(value), arena)


_ENCODERS: dict[type, Callable[[Any, Arena], tuple[int, int]]] = {
    type(None): _null, bool: _bool, int: _int, float: _float, Decimal: _decimal, str: _str, bytes: _bytes,
    bytearray: _bytes, memoryview: _bytes, datetime: _datetime, date: _date, time: _time, timedelta: _timedelta,
    Interval: _interval, UUID: _uuid, dict: _dict, Json: _json, list: _list, tuple: _list,
}


def encoder(kind: type) -> Callable[[Any, Arena], tuple[int, int]]:
    """How values of this class are sent: as its nearest base that has a way, or as the integer it says it is."""
    for base in kind.__mro__:
        found = _ENCODERS.get(base)
        if found is not None:
            return found
    if hasattr(kind, "__index__"):
        return _indexed
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be sent")


def _indexed(value: Any, arena: Arena) -> tuple[int, int]:
    return _int(index(value), arena)


def encode(parameters: Any) -> Encoded:
    """What tl_query takes. Raises TypeError or DataError naming the parameter."""
    arena = Arena()
    words = words_of(parameters, arena)
    n = len(words) // 2
    return packer(n)(*words), n, b"".join(arena.pieces), arena.size


def packer(n: int) -> Callable[..., bytes]:
    return (_WORDS[n] if n < len(_WORDS) else Struct("<" + "Qq" * n)).pack


def words_of(parameters: Any, arena: Arena) -> list[int]:
    if type(parameters) not in (tuple, list):
        if isinstance(parameters, Mapping):
            return _named_words(parameters, arena)
        if isinstance(parameters, (str, bytes, bytearray)) or not isinstance(parameters, Sequence):
            raise TypeError("parameters are a sequence, or a mapping of names to values, not "
                            f"{type(parameters).__qualname__}")
    words: list[int] = []
    position = 0
    for value in parameters:
        position += 1
        if type(value) is int and -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
            words += (TL_INT64, value)
        elif type(value) is str and value.isascii():
            words += (TL_TEXT | len(value) << 32, arena.add(value.encode()))
        else:
            words += _one(value, arena, position)
    return words


def _named_words(parameters: Mapping[str, Any], arena: Arena) -> list[int]:
    words: list[int] = []
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of parameters are str, not {type(name).__qualname__}")
        words += _sized(TL_NAME, name.encode(), arena)
        words += _one(value, arena, f":{name}")
    return words


def _one(value: Any, arena: Arena, where: int | str) -> tuple[int, int]:
    try:
        return encoder(type(value))(value, arena)
    except TypeError as failure:
        raise TypeError(f"parameter {where}: {failure}") from None
    except (ValueError, OverflowError, RecursionError, struct.error) as failure:
        reason = "not valid Unicode" if isinstance(failure, UnicodeError) else failure
        raise _errors.of_status(TL_E_DATA, f"parameter {where}: {reason}") from None

