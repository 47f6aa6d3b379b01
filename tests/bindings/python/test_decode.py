"""Columns of memory become Python values: fast ways, slow ways and nulls all give the same."""

import ctypes
import random
import struct
import unittest
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import support  # noqa: F401 - finds the package
from trunkline import Interval, _ffi
from trunkline._decode import COLUMN_SIZE, Unrepresentable, decode, records, single

INT64_MAX, INT64_MIN = 2**63 - 1, -2**63


class Memory:
    """A tl_column over memory that lives as long as this."""

    def __init__(self, kind, rows, **parts):
        self.rows = rows
        self.column = _ffi.tl_column(struct_size=COLUMN_SIZE, type=kind, length=rows)
        self.kept = []
        for name, value in parts.items():
            setattr(self.column, name, self.place(value) if isinstance(value, bytes) else value)

    def place(self, data):
        buffer = ctypes.create_string_buffer(data, len(data) + 1)
        self.kept.append(buffer)
        return ctypes.addressof(buffer)

    def with_nulls(self, nulls):
        bits = bytearray((self.rows + 7) // 8)
        for row in range(self.rows):
            if row not in nulls:
                bits[row // 8] |= 1 << row % 8
        self.column.validity = self.place(bytes(bits))
        self.column.null_count = len(nulls)
        return self

    def record(self):
        (record,) = records(bytes(self.column))
        return record

    def decode(self):
        return decode(self.record(), self.rows)


def fixed(kind, code, values):
    data = struct.pack(f"<{len(values)}{code}", *values)
    return Memory(kind, len(values), data=data, data_len=len(data))


def sized(kind, values):
    data = b"".join(values)
    offsets = [0]
    for value in values:
        offsets.append(offsets[-1] + len(value))
    return Memory(kind, len(values), data=data, data_len=len(data), offsets=struct.pack(f"<{len(offsets)}i", *offsets))


def any_column(values, uniform):
    data, tags, heap = b"", [], b""
    for value in values:
        if value is None:
            tags.append(_ffi.TL_NULL)
            data += struct.pack("<q", len(heap))
        elif isinstance(value, int):
            tags.append(_ffi.TL_INT64)
            data += struct.pack("<q", value)
        elif isinstance(value, float):
            tags.append(_ffi.TL_FLOAT64)
            data += struct.pack("<d", value)
        else:
            tags.append(_ffi.TL_TEXT if isinstance(value, str) else _ffi.TL_BYTES)
            heap += value.encode() if isinstance(value, str) else value
            data += struct.pack("<q", len(heap))
    return Memory(_ffi.TL_ANY, len(values), data=data, data_len=len(data), tags=bytes(tags), heap=heap,
                  heap_len=len(heap), uniform=uniform, null_count=values.count(None))


class Samples:
    """For each type: how to lay values out, and what they are in Python."""

    def all(self):
        microseconds = [0, -1, 1, 1_600_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999]
        epoch = datetime(1970, 1, 1)
        utc = datetime(1970, 1, 1, tzinfo=timezone.utc)
        words = ["", "abc", "naïve", "日本語", "x" * 300, "\x00", "plain"]
        uuids = [UUID(int=n) for n in (0, 1, 2**128 - 1)]
        intervals = [(0, 1, 2), (0, -3, -4), (14, 3, 4_000_000), (0, 0, 0)]
        numbers = ["0", "-1.50", "NaN", "123456789012345678901234567890.000000000001", "1E+10"]
        documents = [b'{"a": [1, 2.5, null]}', b"[]", b'"text"', b"null", b"true"]
        yield "int64", fixed(_ffi.TL_INT64, "q", [0, -1, INT64_MAX, INT64_MIN]), [0, -1, INT64_MAX, INT64_MIN]
        yield "uint64", fixed(_ffi.TL_UINT64, "Q", [0, 2**64 - 1]), [0, 2**64 - 1]
        yield "float64", fixed(_ffi.TL_FLOAT64, "d", [0.1, -2.5, 1e300]), [0.1, -2.5, 1e300]
        yield "decimal", sized(_ffi.TL_DECIMAL, [n.encode() for n in numbers]), [Decimal(n) for n in numbers]
        yield "text", sized(_ffi.TL_TEXT, [w.encode() for w in words]), words
        yield "ascii", sized(_ffi.TL_TEXT, [b"a", b"", b"bc"]), ["a", "", "bc"]
        yield "bytes", sized(_ffi.TL_BYTES, [b"\x00\xff", b"", b"abc"]), [b"\x00\xff", b"", b"abc"]
        yield ("date", fixed(_ffi.TL_DATE, "i", [0, -719162, 2932896]),
               [date(1970, 1, 1), date(1, 1, 1), date(9999, 12, 31)])
        yield ("time", fixed(_ffi.TL_TIME, "q", [0, 86_399_999_999, 3_723_000_001]),
               [time(0), time(23, 59, 59, 999_999), time(1, 2, 3, 1)])
        yield ("timestamp", fixed(_ffi.TL_TIMESTAMP, "q", microseconds),
               [epoch + timedelta(microseconds=value) for value in microseconds])
        yield ("timestamptz", fixed(_ffi.TL_TIMESTAMPTZ, "q", microseconds),
               [utc + timedelta(microseconds=value) for value in microseconds])
        yield ("duration", fixed(_ffi.TL_DURATION, "q", [0, -1, 90_061_000_001]),
               [timedelta(0), timedelta(microseconds=-1), timedelta(days=1, hours=1, minutes=1, seconds=1, microseconds=1)])
        yield ("interval", Memory(_ffi.TL_INTERVAL, 4, data=b"".join(struct.pack("<iiq", *i) for i in intervals)),
               [timedelta(1, 0, 2), timedelta(-3, 0, -4), Interval(14, 3, 4_000_000), timedelta(0)])
        yield "uuid", Memory(_ffi.TL_UUID, 3, data=b"".join(u.bytes for u in uuids)), uuids
        yield "json", sized(_ffi.TL_JSON, documents), [{"a": [1, 2.5, None]}, [], "text", None, True]
        bits = [random.Random(1).random() < 0.5 for _ in range(21)]
        packed = sum(bit << row for row, bit in enumerate(bits)).to_bytes(3, "little")
        yield "bool", Memory(_ffi.TL_BOOL, 21, data=packed, data_len=3), bits


class Values(unittest.TestCase):
    def same(self, found, expected):
        self.assertEqual([(type(value), repr(value)) for value in found],
                         [(type(value), repr(value)) for value in expected])

    def test_each_type(self):
        for name, memory, expected in Samples().all():
            with self.subTest(name):
                self.same(memory.decode(), expected)

    def test_each_type_with_nulls_in_every_place(self):
        for name, memory, expected in Samples().all():
            for null in range(len(expected)):
                with self.subTest(name, null=null):
                    memory.with_nulls({null})
                    self.same(memory.decode(), expected[:null] + [None] + expected[null + 1:])
            with self.subTest(name, null="all"):
                memory.with_nulls(set(range(memory.rows)))
                self.same(memory.decode(), [None] * memory.rows)

    def test_a_single_row_takes_its_short_way_to_the_same(self):
        def row(*columns):
            for column in columns:
                self.assertEqual(len(bytes(column.column)), COLUMN_SIZE)
            return single(b"".join(bytes(column.column) for column in columns))

        quick = (fixed(_ffi.TL_INT64, "q", [-7]), fixed(_ffi.TL_FLOAT64, "d", [0.1]),
                 sized(_ffi.TL_TEXT, ["é\x00".encode()]), any_column(["é"], _ffi.TL_TEXT), any_column([2**62], _ffi.TL_INT64),
                 any_column([-0.5], _ffi.TL_FLOAT64), any_column([None], _ffi.TL_NULL),
                 fixed(_ffi.TL_INT64, "q", [0]).with_nulls({0}), fixed(_ffi.TL_DATE, "i", [0]).with_nulls({0}))
        self.same(row(*quick), [column.decode()[0] for column in quick])
        for slow in (fixed(_ffi.TL_DATE, "i", [0]), sized(_ffi.TL_TEXT, [b"\xff"]), any_column([b"\xff"], _ffi.TL_BYTES)):
            self.assertIsNone(row(quick[0], slow))

    def test_the_first_rows_of_a_column_can_be_decoded(self):
        for name, memory, expected in Samples().all():
            for nulls in (set(), {0}):
                memory.with_nulls(nulls)
                memory.column.null_count = len(nulls)
                for rows in range(len(expected)):
                    with self.subTest(name, rows=rows, nulls=nulls):
                        self.same(decode(memory.record(), rows), [None if i in nulls else value
                                                                  for i, value in enumerate(expected[:rows])])

    def test_no_rows(self):
        self.assertEqual(Memory(_ffi.TL_TEXT, 0).decode(), [])
        self.assertEqual(Memory(_ffi.TL_LIST, 0).decode(), [])

    def test_timestamps_are_exact_to_the_microsecond(self):
        picker = random.Random(7)
        values = [picker.randrange(-62_135_596_800_000_000, 253_402_300_800_000_000) for _ in range(20_000)]
        found = fixed(_ffi.TL_TIMESTAMPTZ, "q", values).decode()
        utc = datetime(1970, 1, 1, tzinfo=timezone.utc)
        self.assertEqual([(value - utc) // timedelta(microseconds=1) for value in found], values)

    def test_lists(self):
        child = sized(_ffi.TL_TEXT, [b"a", b"b", b"c"]).with_nulls({1})
        memory = Memory(_ffi.TL_LIST, 3, offsets=struct.pack("<4i", 0, 2, 2, 3), n_children=1,
                        children=bytes(child.column))
        self.assertEqual(memory.decode(), [["a", None], [], ["c"]])
        self.assertEqual(memory.with_nulls({1}).decode(), [["a", None], None, ["c"]])


class Any(unittest.TestCase):
    def test_uniform_and_mixed_ways_agree(self):
        for values, kind in (([1, 2, -3], _ffi.TL_INT64), ([1.5, -2.0], _ffi.TL_FLOAT64), (["a", "", "é"], _ffi.TL_TEXT),
                             ([b"\x00", b"", b"xyz"], _ffi.TL_BYTES)):
            for nulls in ([], [0], [1], [0, 1]):
                values_with = [None if i in nulls else value for i, value in enumerate(values)]
                with self.subTest(kind=kind, nulls=nulls):
                    self.assertEqual(any_column(values_with, kind).decode(), values_with)
                    self.assertEqual(any_column(values_with, _ffi.TL_ANY).decode(), values_with)

    def test_mixed(self):
        values = [1, "eins", None, 2.5, b"\xff\x00", "zwölf", None, 3, "", b"", "end"]
        self.assertEqual(any_column(values, _ffi.TL_ANY).decode(), values)

    def test_only_nulls(self):
        self.assertEqual(any_column([None, None], _ffi.TL_NULL).decode(), [None, None])


class Unfit(unittest.TestCase):
    def reason(self, memory, row):
        with self.assertRaises(Unrepresentable) as caught:
            memory.decode()
        self.assertEqual(caught.exception.row, row)
        return caught.exception.reason

    def test_infinity_is_named(self):
        for kind, code, worst in ((_ffi.TL_TIMESTAMP, "q", INT64_MAX), (_ffi.TL_TIMESTAMPTZ, "q", INT64_MAX),
                                  (_ffi.TL_DURATION, "q", INT64_MAX), (_ffi.TL_DATE, "i", 2**31 - 1)):
            with self.subTest(kind=kind):
                self.assertRegex(self.reason(fixed(kind, code, [0, 0, worst]), 2), "^infinity does not fit")
                self.assertRegex(self.reason(fixed(kind, code, [0, -worst - 1]), 1), "^-infinity does not fit")

    def test_outside_python_s_years(self):
        self.assertIn("years 1 to 9999", self.reason(fixed(_ffi.TL_DATE, "i", [0, -719163]), 1))
        self.assertIn("years 1 to 9999", self.reason(fixed(_ffi.TL_TIMESTAMP, "q", [253_402_300_800_000_000]), 0))

    def test_midnight_at_the_end_of_a_day(self):
        self.assertIn("24:00", self.reason(fixed(_ffi.TL_TIME, "q", [86_400_000_000]), 0))

    def test_rows_are_counted_past_nulls(self):
        memory = fixed(_ffi.TL_TIMESTAMP, "q", [0, 0, 0, INT64_MAX]).with_nulls({0, 2})
        self.reason(memory, 3)

    def test_what_stands_in_a_null_s_place_does_not_matter(self):
        memory = fixed(_ffi.TL_TIMESTAMP, "q", [INT64_MAX, 0]).with_nulls({0})
        self.assertEqual(memory.decode(), [None, datetime(1970, 1, 1)])

    def test_text_that_is_not_utf8(self):
        self.assertIn("UTF-8", self.reason(sized(_ffi.TL_TEXT, [b"ok", b"\xff"]), 1))
        self.assertIn("UTF-8", self.reason(sized(_ffi.TL_TEXT, [b"\xff"]), 0))

    def test_a_list_s_element_names_the_list_s_row(self):
        child = fixed(_ffi.TL_DATE, "i", [0, 0, 2**31 - 1])
        memory = Memory(_ffi.TL_LIST, 4, offsets=struct.pack("<5i", 0, 1, 1, 2, 3), n_children=1,
                        children=bytes(child.column))
        self.reason(memory, 3)


if __name__ == "__main__":
    unittest.main()
