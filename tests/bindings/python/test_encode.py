"""Python values become tl_value records: the right type, the exact value, and errors that name the parameter."""

import enum
import struct
import unittest
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from uuid import UUID

import support  # noqa: F401 - finds the package
from trunkline import DataError, Interval, Json, _ffi
from trunkline._encode import Arena, encode
from trunkline._encode_rows import encode_rows


def records(parameters):
    """[(type, element, length, payload, arena)] of each record."""
    packed, n, arena, size = encode(parameters)
    assert len(packed) == 16 * n and len(arena) == size
    return [(*struct.unpack_from("<BxHIq", packed, 16 * i), arena) for i in range(n)]


def bytes_of(record):
    _, _, length, offset, arena = record
    return arena[offset:offset + length]


class Colour(enum.IntEnum):
    RED = 7


class Wandering(tzinfo):
    """A zone with summer time: of a time alone it cannot tell the offset."""

    def utcoffset(self, when):
        return when and timedelta(hours=1)


class Text(str):
    pass


class Index:
    def __index__(self):
        return 41


class Encoding(unittest.TestCase):
    def test_what_is_in_the_record(self):
        plus2 = timezone(timedelta(hours=2))
        for value, kind, payload in (
                (None, _ffi.TL_NULL, 0), (True, _ffi.TL_BOOL, 1), (False, _ffi.TL_BOOL, 0), (42, _ffi.TL_INT64, 42),
                (-2**63, _ffi.TL_INT64, -2**63), (2**63 - 1, _ffi.TL_INT64, 2**63 - 1), (2**63, _ffi.TL_UINT64, -2**63),
                (2**64 - 1, _ffi.TL_UINT64, -1), (Colour.RED, _ffi.TL_INT64, 7), (Index(), _ffi.TL_INT64, 41),
                (0.1, _ffi.TL_FLOAT64, struct.unpack("<q", struct.pack("<d", 0.1))[0]),
                (date(1969, 12, 31), _ffi.TL_DATE, -1), (time(1, 2, 3, 4), _ffi.TL_TIME, 3_723_000_004),
                (datetime(1970, 1, 2, 0, 0, 0, 1), _ffi.TL_TIMESTAMP, 86_400_000_001),
                (datetime(1970, 1, 1, 2, tzinfo=plus2), _ffi.TL_TIMESTAMPTZ, 0),
                (datetime(1, 1, 1), _ffi.TL_TIMESTAMP, -62_135_596_800_000_000),
                (timedelta(days=-1, microseconds=1), _ffi.TL_DURATION, -86_399_999_999)):
            with self.subTest(repr(value)):
                ((found, element, length, found_payload, _),) = records([value])
                self.assertEqual((found, element, length, found_payload), (kind, 0, 0, payload))

    def test_what_is_in_the_arena(self):
        for value, kind, data in (
                ("", _ffi.TL_TEXT, b""), ("naïve", _ffi.TL_TEXT, "naïve".encode()), (Text("sub"), _ffi.TL_TEXT, b"sub"),
                (b"\x00\xff", _ffi.TL_BYTES, b"\x00\xff"), (bytearray(b"ab"), _ffi.TL_BYTES, b"ab"),
                (memoryview(b"abcd")[::2], _ffi.TL_BYTES, b"ac"), (Decimal("1.50"), _ffi.TL_DECIMAL, b"1.50"),
                (Decimal("1E+3"), _ffi.TL_DECIMAL, b"1000"), (Decimal("NaN"), _ffi.TL_DECIMAL, b"NaN"),
                (Decimal("-Infinity"), _ffi.TL_DECIMAL, b"-Infinity"), (2**64, _ffi.TL_DECIMAL, str(2**64).encode()),
                (-2**63 - 1, _ffi.TL_DECIMAL, str(-2**63 - 1).encode()), (10**40 + 1, _ffi.TL_DECIMAL, b"1" + b"0" * 39 + b"1"),
                (UUID(int=5), _ffi.TL_UUID, UUID(int=5).bytes), ({"ä": [1]}, _ffi.TL_JSON, '{"ä": [1]}'.encode()),
                (OrderedDict(a=1), _ffi.TL_JSON, b'{"a": 1}'), (Json([1, None]), _ffi.TL_JSON, b"[1, null]"),
                (Interval(1, -2, 3), _ffi.TL_INTERVAL, struct.pack("<iiq", 1, -2, 3))):
            with self.subTest(repr(value)):
                (record,) = records([value])
                self.assertEqual((record[0], bytes_of(record)), (kind, data))

    def test_several_share_the_arena(self):
        first, second, third = records(["ab", 5, "cde"])
        self.assertEqual((bytes_of(first), second[3], bytes_of(third)), (b"ab", 5, b"cde"))

    def test_many(self):
        self.assertEqual([record[3] for record in records(list(range(100)))], list(range(100)))

    def test_names_stand_before_their_values(self):
        name, value, other, text = records({"a": 1, "bé": "x"})
        self.assertEqual((name[0], bytes_of(name), value[3]), (_ffi.TL_NAME, b"a", 1))
        self.assertEqual((other[0], bytes_of(other), bytes_of(text)), (_ffi.TL_NAME, "bé".encode(), b"x"))


class Lists(unittest.TestCase):
    def elements(self, values):
        ((kind, element, length, offset, arena),) = records([values])
        self.assertEqual((kind, length), (_ffi.TL_LIST, len(values)))
        self.assertEqual(offset % 8, 0)
        found = [(*struct.unpack_from("<BxHIq", arena, offset + 16 * i), arena) for i in range(length)]
        return element, found

    def test_integers_and_nulls(self):
        element, found = self.elements([1, None, 3])
        self.assertEqual(element, _ffi.TL_INT64)
        self.assertEqual([(record[0], record[3]) for record in found],
                         [(_ffi.TL_INT64, 1), (_ffi.TL_NULL, 0), (_ffi.TL_INT64, 3)])

    def test_texts_of_odd_lengths_keep_the_records_aligned(self):
        element, found = self.elements(("a", "bcd", ""))
        self.assertEqual(element, _ffi.TL_TEXT)
        self.assertEqual([bytes_of(record) for record in found], [b"a", b"bcd", b""])

    def test_empty(self):
        self.assertEqual(self.elements([]), (_ffi.TL_NULL, []))

    def test_numbers_of_several_types_become_one_that_is_exact(self):
        element, found = self.elements([1, 2**63, None, Decimal("0.5")])
        self.assertEqual(element, _ffi.TL_DECIMAL)
        self.assertEqual([bytes_of(record) for record in found], [b"1", str(2**63).encode(), b"", b"0.5"])
        self.assertEqual(self.elements([1, 0.5])[0], _ffi.TL_FLOAT64)

    def test_what_does_not_go_together(self):
        for values in ([1, "a"], [[1], [2]], [2**53 + 1, 0.5], [Decimal(1), 0.5]):
            with self.subTest(values), self.assertRaisesRegex(TypeError, "^parameter 1: a list"):
                encode([values])


class Refusals(unittest.TestCase):
    def test_types_without_a_way_name_the_parameter(self):
        with self.assertRaisesRegex(TypeError, "parameter 2: .*complex"):
            encode([1, 1j])
        with self.assertRaisesRegex(TypeError, "parameter :b: .*object"):
            encode({"a": 1, "b": object()})
        with self.assertRaisesRegex(TypeError, "parameter 1: .*set"):
            encode([{1}])
        with self.assertRaisesRegex(TypeError, "parameter 1: .*zone needs a date"):
            encode([time(1, tzinfo=Wandering())])

    def test_values_that_do_not_fit_name_the_parameter(self):
        for value in ("\ud800", timedelta.max, Interval(2**40, 0, 0), {"a": float("nan")}):
            with self.subTest(repr(value)), self.assertRaisesRegex((DataError, TypeError), "parameter 1: "):
                encode([value])

    def test_parameters_are_not_a_text(self):
        for wrong in ("abc", b"abc", {1, 2}, 5):
            with self.subTest(repr(wrong)), self.assertRaisesRegex(TypeError, "parameters are a sequence"):
                encode(wrong)


class Rows(unittest.TestCase):
    """Many rows become what each of them does by itself, however they are put together."""

    def check(self, rows):
        arena = Arena()
        packed, n, count = encode_rows(iter(rows), arena)
        together = b"".join(arena.pieces)
        self.assertEqual((count, len(packed), len(together)), (len(rows), 16 * n * count, arena.size))
        for number, row in enumerate(rows):
            alone = records(row)
            self.assertEqual(n, len(alone))
            for i, expected in enumerate(alone):
                found = (*struct.unpack_from("<BxHIq", packed, 16 * (number * n + i)), together)
                self.assertEqual(self.value_of(found), self.value_of(expected), (number, i))

    def value_of(self, record):
        kind, element, length, payload, arena = record
        if kind == _ffi.TL_NULL:
            return kind, element, length
        if kind == _ffi.TL_LIST:
            items = [(*struct.unpack_from("<BxHIq", arena, payload + 16 * i), arena) for i in range(length)]
            return kind, element, [self.value_of(item) for item in items]
        if kind in (_ffi.TL_INTERVAL, _ffi.TL_UUID):
            return kind, element, arena[payload:payload + 16]
        if kind in (_ffi.TL_TEXT, _ffi.TL_BYTES, _ffi.TL_DECIMAL, _ffi.TL_JSON, _ffi.TL_NAME):
            return kind, element, arena[payload:payload + length]
        return kind, element, length, payload

    def test_columns_of_one_type_with_and_without_nulls(self):
        values = {"int": [-2**63, 0, 2**63 - 1], "float": [0.1, -0.0, float("inf")], "str": ["", "abc", "naïve 日本"],
                  "bytes": [b"", b"\x00\xff", b"x"], "none": [None, None, None]}
        self.check(list(zip(*values.values())))
        self.check(list(zip(*([*column, None] for column in values.values()))))
        self.check([list(row) for row in zip(*([None, *column] for column in values.values()))])

    def test_other_columns(self):
        at = datetime(2024, 2, 29, tzinfo=timezone.utc)
        self.check([(True, Decimal("1.5"), date(2024, 2, 29), at, Interval(1, 2, 3), UUID(int=7), [1, None], {"a": 1}),
                    (None, None, None, None, None, None, None, None),
                    (False, 7, "x", time(1), timedelta(1), b"x", ["a"], Json(None))])
        self.check([(2**63,), (1,), (None,), (10**30,), (Colour.RED,), (Index(),), (Text("t"),), (bytearray(b"b"),)])

    def test_more_rows_than_are_encoded_together(self):
        self.check([(i, f"name {i}", None if i % 3 else i / 7) for i in range(2500)])
        self.check([(i if i < 2000 else str(i),) for i in range(2500)])
        self.check([(i,) if i % 2000 else range(i, i + 1) for i in range(2500)])

    def test_mappings(self):
        self.check([{"a": i, "b": str(i)} for i in range(1500)])
        self.check([{"a": 1, "b": "x"}, {"b": "y", "a": 2}, OrderedDict(a=3, b=None)])
        self.check([{"a": 1}, (Text("z"), 2)])

    def test_rows_of_nothing(self):
        for rows in ([], [()], [(), []], [{}, {}]):
            self.assertEqual(encode_rows(rows, Arena()), (b"", 0, len(rows)))

    def test_what_is_wrong_is_told_with_its_row(self):
        for row, failure, text in (
                ((object(), "x"), TypeError, "row 1501: parameter 1: "),
                ((1, "\ud800"), DataError, "row 1501: parameter 2: not valid Unicode"),
                ((timedelta.max, "x"), DataError, "row 1501: parameter 1: "), ("ab", TypeError, "row 1501: "),
                ((1, {1: {2}}), TypeError, "row 1501: parameter 2: "), (None, TypeError, "row 1501: "),
                ((1,), ValueError, "row 1501 "), ((), ValueError, "row 1501 "), ({"a": 1, 2: 3}, TypeError, "row 1501: ")):
            for after in ([], [(1, "x")] * 600):
                with self.subTest(row), self.assertRaises(failure) as caught:
                    encode_rows([(i, "x") for i in range(1500)] + [row] + after, Arena())
                self.assertTrue(str(caught.exception).startswith(text), str(caught.exception))
        with self.assertRaisesRegex(ValueError, "^row 1025 "):
            encode_rows([(1, 2)] * 1024 + [(1,)] * 1024, Arena())


if __name__ == "__main__":
    unittest.main()
