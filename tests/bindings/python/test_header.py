"""_ffi.py says what trunkline.h says."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import support
from trunkline import _ffi


def header() -> str:
    with open(support.HEADER, encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


class Constants(unittest.TestCase):
    def test_every_constant_has_the_header_s_value(self):
        found = re.findall(r"^#define (TL_[A-Z0-9_]+) ([(]?-?(?:UINT32_C[(])?[0-9a-fx]+u?[)]*)[ ]*$", header(), flags=re.M)
        self.assertGreater(len(found), 60)
        for name, text in found:
            value = int(text.replace("UINT32_C", "").strip("()").rstrip("u"), 0)
            self.assertEqual(getattr(_ffi, name, None), value, name)

    def test_nothing_is_made_up(self):
        text = header()
        for name in dir(_ffi):
            if name.startswith("TL_"):
                self.assertIn(f"#define {name} ", text)


class Structs(unittest.TestCase):
    def fields(self, name: str) -> list:
        body = re.search(r"typedef struct %s \{(.*?)\} %s;" % (name, name), header(), flags=re.S).group(1)
        body = re.sub(r"union \{.*?\} v;", "uint64_t v;", body, flags=re.S)
        declared = (part for line in body.split(";") for part in line.split(",") if part.strip())
        return [re.search(r"(\w+)\s*$", part).group(1) for part in declared]

    def test_fields_stand_in_the_header_s_order(self):
        for struct in (_ffi.tl_call, _ffi.tl_value, _ffi.tl_column):
            self.assertEqual([field[0] for field in struct._fields_], self.fields(struct.__name__), struct.__name__)

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_sizes_and_offsets_are_the_compiler_s(self):
        lines, expected = [], []
        for struct in (_ffi.tl_call, _ffi.tl_value, _ffi.tl_column):
            name = struct.__name__
            lines.append(f"sizeof({name})")
            expected.append(ctypes.sizeof(struct))
            for field, *_ in struct._fields_:
                lines.append(f"offsetof({name}, {field})")
                expected.append(getattr(struct, field).offset)
        prints = "".join(f'printf("%zu\\n", {line});' for line in lines)
        program = f'#include <stdio.h>\n#include <trunkline/trunkline.h>\nint main(void) {{ {prints} return 0; }}'
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "sizes")
            include = os.path.dirname(os.path.dirname(support.HEADER))
            subprocess.run(["cc", "-x", "c", "-", "-I", include, "-o", binary], input=program, text=True, check=True)
            found = subprocess.run([binary], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(list(map(int, found)), expected)


class Functions(unittest.TestCase):
    def test_every_function_of_the_header_is_declared_with_as_many_parameters(self):
        found = re.findall(r"^TL_API [\w\s*]*?\b(tl_\w+)\(([^;]*)\);", header(), flags=re.M | re.S)
        self.assertGreater(len(found), 40)
        for name, parameters in found:
            if name == "tl_abi_version":
                continue  # asked by _library, before anything else may be
            function = getattr(_ffi, name, None)
            self.assertIsNotNone(function, name)
            count = 0 if parameters.strip() == "void" else parameters.count(",") + 1
            self.assertEqual(len(function.argtypes), count, name)


if __name__ == "__main__":
    unittest.main()
