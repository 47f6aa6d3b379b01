"""Many rows of Python values -> tl_value records and the arena beside them: a column at a time, because Python does for
all values of one type in a few calls what would take one for each of them."""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate, chain, islice
from typing import Any, Callable, Iterable, Sequence, Tuple

from . import _errors
from ._encode import Arena, encoder, packer, words_of
from ._ffi import TL_BYTES, TL_E_DATA, TL_FLOAT64, TL_INT64, TL_NAME, TL_NULL, TL_TEXT

_TOGETHER = 1024  # rows whose columns are encoded at once

Column = Tuple["array[int]", "array[int]"]  # the two words of each value


def encode_rows(rows: Iterable[Any], arena: Arena) -> tuple[bytes, int, int]:
    """The records of all rows, how many values each has, and how many rows there are; names count. Raises as `encode`
    does, naming the row."""
    records: list[bytes] = []
    width = count = 0
    remaining = iter(rows)
    while True:
        part = list(islice(remaining, _TOGETHER))
        if not part:
            return b"".join(records), width, count
        columns = _columns(part, arena)
        if columns is None or count and len(columns) != width:
            packed, width = _by_rows(part, count, width, arena)
        else:
            packed, width = _interleaved(columns, len(part)), len(columns)
        records.append(packed)
        count += len(part)


def _columns(rows: list[Any], arena: Arena) -> list[Column] | None:
    """None: the rows are not all alike, or something is wrong with a value."""
    names: tuple[str, ...] = ()
    kinds = set(map(type, rows))
    if kinds == {dict}:
        names = tuple(rows[0])
        if not all(type(name) is str for name in names) or any(tuple(row) != names for row in rows):
            return None
        rows = [row.values() for row in rows]
    elif not kinds <= {tuple, list} or len(set(map(len, rows))) != 1:
        return None
    try:
        named = [_repeated(name.encode(), len(rows), arena) for name in names]
        values = [_column(column, arena) for column in zip(*rows)]
    except (TypeError, ValueError, OverflowError, RecursionError, struct.error):
        return None
    return list(chain.from_iterable(zip(named, values))) if names else values


def _repeated(name: bytes, n: int, arena: Arena) -> Column:
    return array("q", [TL_NAME | len(name) << 32]) * n, array("q", [arena.add(name)]) * n


def _column(values: Sequence[Any], arena: Arena) -> Column:
    kinds = set(map(type, values))
    has_nulls = type(None) in kinds
    kinds.discard(type(None))
    kind = kinds.pop() if len(kinds) == 1 else None
    encode = _ENCODERS.get(kind)
    if kind is None or encode is None:
        return _mixed(values, arena)
    try:
        if not has_nulls:
            return encode(values, arena)
        first, second = encode([kind() if value is None else value for value in values], arena)
        return array("q", [TL_NULL if value is None else word for value, word in zip(values, first)]), second
    except OverflowError:
        return _mixed(values, arena)


def _mixed(values: Sequence[Any], arena: Arena) -> Column:
    first, second = zip(*[encoder(type(value))(value, arena) for value in values])
    return array("q", first), array("q", second)


def _ints(values: Sequence[int], _: Arena) -> Column:
    return array("q", [TL_INT64]) * len(values), array("q", values)


def _floats(values: Sequence[float], _: Arena) -> Column:
    return array("q", [TL_FLOAT64]) * len(values), array("q", array("d", values).tobytes())


def _strs(values: Sequence[str], arena: Arena) -> Column:
    return _sized(TL_TEXT, [value.encode() for value in values], arena)


def _blobs(values: Sequence[bytes], arena: Arena) -> Column:
    return _sized(TL_BYTES, values, arena)


def _sized(kind: int, values: Sequence[bytes], arena: Arena) -> Column:
    lengths = list(map(len, values))
    offsets = array("q", accumulate(lengths[:-1], initial=arena.add(b"".join(values))))
    return array("q", [kind | length << 32 for length in lengths]), offsets


_ENCODERS: dict[type | None, Callable[[Sequence[Any], Arena], Column]] = {
    int: _ints, float: _floats, str: _strs, bytes: _blobs,
}


def _interleaved(columns: list[Column], rows: int) -> bytes:
    stride = 2 * len(columns)
    words = array("q", bytes(8 * stride * rows))
    for i, (first, second) in enumerate(columns):
        words[2 * i::stride] = first
        words[2 * i + 1::stride] = second
    return words.tobytes()


def _by_rows(rows: list[Any], before: int, width: int, arena: Arena) -> tuple[bytes, int]:
    records: list[bytes] = []
    pack = packer(width)
    for number, parameters in enumerate(rows, before + 1):
        try:
            words = words_of(parameters, arena)
        except (TypeError, _errors.DataError) as failure:
            if isinstance(failure, TypeError):
                raise TypeError(f"row {number}: {failure}") from None
            raise _errors.of_status(TL_E_DATA, f"row {number}: {failure}") from None
        if number == 1:
            width, pack = len(words) // 2, packer(len(words) // 2)
        elif len(words) != 2 * width:
            raise ValueError(f"row {number} has another number of values than those before it")
        records.append(pack(*words))
    return b"".join(records), width
