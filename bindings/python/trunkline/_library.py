"""Finds libtrunkline and opens it.

A copy that the process has loaded already comes first, so that a host program and the Python inside it may share one
registry of connections: one that is linked into the program itself, or a file, however it was loaded. Then
TRUNKLINE_LIBRARY, the system's copy, and one beside this package.
"""

from __future__ import annotations

import ctypes
import os

SONAME = "libtrunkline.so.0"
ABI_VERSION = 0x00000001  # of the header that _ffi.py was written for


def load() -> ctypes.CDLL:
    """Opens the library. Raises ImportError, saying what to do, where there is none or one that does not fit."""
    library = _of_the_program() or _loaded() or _named_by_environment() or _of_the_system() or _beside_the_package()
    if library is None:
        raise ImportError(
            f"trunkline: {SONAME} was not found: install the trunkline library, or set TRUNKLINE_LIBRARY to its path"
        )
    _check_version(library)
    return library


def file_of(library: ctypes.CDLL) -> str:
    """The file whose functions they are."""
    found = _Found()
    address = ctypes.cast(library.tl_abi_version, ctypes.c_void_p)
    if not ctypes.CDLL(None).dladdr(address, ctypes.byref(found)):
        return str(library._name)
    return os.path.realpath(os.fsdecode(found.file))


class _Found(ctypes.Structure):
    """A Dl_info."""

    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p),
                ("address", ctypes.c_void_p)]


def _of_the_program() -> ctypes.CDLL | None:
    """The program's own, where it shares its registry."""
    program = ctypes.CDLL(None)
    return program if hasattr(program, "tl_registry_shared") else None


def _open(name: str, mode: int = os.RTLD_NOW | os.RTLD_LOCAL) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name, mode=mode)
    except OSError:
        return None


def _loaded() -> ctypes.CDLL | None:
    return _open(SONAME, os.RTLD_NOW | os.RTLD_NOLOAD)


def _named_by_environment() -> ctypes.CDLL | None:
    path = os.environ.get("TRUNKLINE_LIBRARY")
    if not path:
        return None
    try:
        return ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as failure:
        raise ImportError(f"trunkline: TRUNKLINE_LIBRARY names a library that cannot be loaded: {failure}") from None


def _of_the_system() -> ctypes.CDLL | None:
    return _open(SONAME)


def _beside_the_package() -> ctypes.CDLL | None:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), SONAME)
    return _open(path) if os.path.exists(path) else None


def _check_version(library: ctypes.CDLL) -> None:
    library.tl_abi_version.restype = ctypes.c_uint32
    found = library.tl_abi_version()
    # Major 0 is still being shaped: every minor version stands alone.
    fits = found == ABI_VERSION if ABI_VERSION >> 16 == 0 else (
        found >> 16 == ABI_VERSION >> 16 and found >= ABI_VERSION)
    if not fits:
        raise ImportError(
            f"trunkline: the library {file_of(library)} has ABI {_version(found)}, this package needs "
            f"{_version(ABI_VERSION)}: install the two in matching versions"
        )


def _version(number: int) -> str:
    return f"{number >> 16}.{number & 0xFFFF}"
