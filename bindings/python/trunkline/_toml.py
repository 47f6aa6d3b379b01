"""Settings as a mapping, written as TOML: the values that a configuration knows, and no others."""

from __future__ import annotations

from typing import Any, Mapping

_ESCAPES = {**{code: f"\\u{code:04x}" for code in (*range(32), 127)}, ord('"'): '\\"', ord("\\"): "\\\\"}


def text_of(settings: Mapping[str, Any]) -> str:
    """A line for each key. Raises TypeError for what TOML has no value for."""
    return "".join(f"{_key(key)} = {_value(value, key)}\n" for key, value in settings.items())


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the keys of settings are str, not {type(key).__name__}")
    return _text(key)


def _text(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _value(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)} = {_value(inner, name)}" for name, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item, key) for item in value) + "]"
    raise TypeError(f"{key}: a setting is a str, int, float, bool, list or mapping, not {type(value).__name__}")
