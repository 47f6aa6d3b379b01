"""Values that Python has no type of its own for."""

from __future__ import annotations

from typing import Any, NamedTuple


class Json:
    """A parameter that is sent as JSON, whatever its Python type: ``Json([1, 2])``, ``Json("text")``, ``Json(None)``."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Json({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Json) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]


class Interval(NamedTuple):
    """A calendar interval. Its parts are kept apart: a month has no fixed number of days, nor a day of hours."""

    months: int = 0
    days: int = 0
    microseconds: int = 0


class Column(NamedTuple):
    """What a result says of one of its columns; -1 and None stand for unknown."""

    name: str
    type: str
    """trunkline's name: "int64", "text", "timestamptz", …; "any" where every value has its own type"""
    type_name: str
    """the database's own name"""
    type_id: int
    """and its number, 0: none"""
    precision: int
    scale: int
    nullable: bool | None
    code: int
    """the number of `type`"""
