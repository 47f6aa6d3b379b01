"""A result as an Arrow C stream, read by ctypes, and by pyarrow where it is installed."""

import ctypes
import gc
import unittest
from ctypes import POINTER, c_char_p, c_int, c_int64, c_void_p

import support
import trunkline

try:
    import pyarrow
except ImportError:
    pyarrow = None


class Schema(ctypes.Structure):
    pass


Schema._fields_ = [("format", c_char_p), ("name", c_char_p), ("metadata", c_void_p), ("flags", c_int64),
                   ("n_children", c_int64), ("children", POINTER(POINTER(Schema))), ("dictionary", c_void_p),
                   ("release", ctypes.CFUNCTYPE(None, c_void_p)), ("private_data", c_void_p)]


class Array(ctypes.Structure):
    pass


Array._fields_ = [("length", c_int64), ("null_count", c_int64), ("offset", c_int64), ("n_buffers", c_int64),
                  ("n_children", c_int64), ("buffers", POINTER(c_void_p)), ("children", POINTER(POINTER(Array))),
                  ("dictionary", c_void_p), ("release", ctypes.CFUNCTYPE(None, c_void_p)), ("private_data", c_void_p)]


class Stream(ctypes.Structure):
    _fields_ = [("get_schema", ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Schema))),
                ("get_next", ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Array))),
                ("get_last_error", ctypes.CFUNCTYPE(c_char_p, c_void_p)),
                ("release", ctypes.CFUNCTYPE(None, c_void_p)), ("private_data", c_void_p)]


def stream_of(capsule):
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    return Stream.from_address(pointer(capsule, b"arrow_array_stream"))


def int64_columns(stream):
    """The values of every int64 column, batch after batch, and the names and formats of all."""
    schema = Schema()
    assert stream.get_schema(ctypes.addressof(stream), ctypes.byref(schema)) == 0
    fields = [(schema.children[i].contents.name, schema.children[i].contents.format) for i in range(schema.n_children)]
    schema.release(ctypes.addressof(schema))
    columns = [[] for _ in fields]
    while True:
        array = Array()
        assert stream.get_next(ctypes.addressof(stream), ctypes.byref(array)) == 0
        if not array.release:
            return fields, columns
        for i, (_, kind) in enumerate(fields):
            child = array.children[i].contents
            if kind == b"l":
                columns[i] += (c_int64 * child.length).from_address(child.buffers[1])[:]
        array.release(ctypes.addressof(array))


class Capsule(support.PostgresqlTest):
    def query(self, n):
        return self.db.query("SELECT i::int8 AS i, (i * 2)::int8 AS j, 'x' || i AS t FROM generate_series(1, ?::int8) i",
                             [n])

    def test_a_consumer_in_c(self):
        capsule = self.query(100_000).__arrow_c_stream__()
        fields, columns = int64_columns(stream_of(capsule))
        self.assertEqual(fields[:2], [(b"i", b"l"), (b"j", b"l")])
        self.assertIn(fields[2], [(b"t", b"u"), (b"t", b"U")])
        self.assertEqual(columns[0], list(range(1, 100_001)))
        self.assertEqual(columns[1], list(range(2, 200_001, 2)))

    def test_a_capsule_that_nobody_reads(self):
        for _ in range(20):
            self.query(1000).__arrow_c_stream__()
        gc.collect()
        self.assertEqual(len(trunkline._arrow._streams), 0)

    def test_a_stream_that_the_consumer_released(self):
        capsule = self.query(10).__arrow_c_stream__()
        stream = stream_of(capsule)
        stream.release(ctypes.addressof(stream))
        self.assertFalse(stream.release)
        del capsule

    def test_a_result_that_was_read_is_refused(self):
        result = self.query(10)
        result.first()
        with self.assertRaises(trunkline.ProgrammingError):
            result.__arrow_c_stream__()

    def test_looking_at_a_result_does_not_read_it(self):
        result = self.query(100_000)
        self.assertTrue(result)
        self.assertEqual((len(result), result.columns), (100_000, ("i", "j", "t")))
        capsule = result.__arrow_c_stream__()
        _, columns = int64_columns(stream_of(capsule))
        self.assertEqual(len(columns[0]), 100_000)

    @unittest.skipIf(pyarrow is None, "pyarrow is not installed")
    def test_pyarrow(self):
        table = pyarrow.RecordBatchReader.from_stream(self.query(1000)).read_all()
        self.assertEqual(table.column("j").to_pylist(), list(range(2, 2001, 2)))
        self.assertEqual(table.column("t")[0].as_py(), "x1")


class Sqlite(support.SqliteTest):
    def test_a_column_of_one_type_or_a_union(self):
        capsule = self.db.query("SELECT 1 AS a, 'x' AS b").__arrow_c_stream__()
        fields, _ = int64_columns(stream_of(capsule))
        self.assertEqual([name for name, _ in fields], [b"a", b"b"])


if __name__ == "__main__":
    unittest.main()
