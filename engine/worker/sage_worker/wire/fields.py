"""Reads the fields of a message, each of the type that it must have; a fault names the field."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class MessageFault(Exception):
    """A message is not what it must be: a defect of one of the two programs, not of the user's input."""


class Fields:
    """The fields of one JSON object. `where` is its place in the message, for faults."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise MessageFault(f"{where} must be an object, not {_shown(value)}")
        self._value = value
        self._where = where

    def _take(self, key: str, kind: str, fits: Callable[[Any], bool]) -> Any:
        value = self._value.get(key)
        if key not in self._value or not fits(value):
            raise MessageFault(f"{self._where}.{key} must be {kind}, not {_shown(value)}")
        return value

    def text(self, key: str) -> str:
        """A string that is not empty."""
        return str(self._take(key, "a text", lambda value: isinstance(value, str) and value != ""))

    def text_or_none(self, key: str) -> str | None:
        """A string, or null."""
        return None if self._value.get(key) is None else self.text(key)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of some strings."""
        return str(self._take(key, "one of " + ", ".join(choices), lambda value: value in choices))

    def flag(self, key: str) -> bool:
        """true or false."""
        return bool(self._take(key, "true or false", lambda value: isinstance(value, bool)))

    def whole(self, key: str, least: int = 0) -> int:
        """A whole number."""
        return int(self._take(key, f"a whole number of at least {least}", lambda value: _is_whole(value, least)))

    def number(self, key: str) -> float:
        """A finite number."""
        return float(self._take(key, "a finite number", _is_number))

    def number_or_none(self, key: str) -> float | None:
        """A finite number, or null."""
        return None if self._value.get(key) is None else self.number(key)

    def inner(self, key: str) -> Fields:
        """An object."""
        return Fields(self._value.get(key), f"{self._where}.{key}")

    def inner_or_none(self, key: str) -> Fields | None:
        """An object, or null."""
        return None if self._value.get(key) is None else self.inner(key)

    def each(self, key: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of objects."""
        items = self._list(key)
        return tuple(read(Fields(item, f"{self._where}.{key}[{i}]")) for i, item in enumerate(items))

    def wholes(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        return tuple(int(item) for item in self._list(key, "a whole number", lambda item: _is_whole(item, 0)))

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(float(item) for item in self._list(key, "a finite number", _is_number))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._list(key, "a text", lambda item: isinstance(item, str)))

    def texts_by_name(self, key: str) -> dict[str, str]:
        """An object whose values are strings."""
        found = self._take(key, "an object", lambda value: isinstance(value, dict))
        for name, value in found.items():
            if not isinstance(value, str):
                raise MessageFault(f"{self._where}.{key}.{name} must be a text, not {_shown(value)}")
        return dict(found)

    def _list(self, key: str, kind: str = "", fits: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        items = self._take(key, "a list", lambda value: isinstance(value, list))
        for i, item in enumerate(items):
            if not fits(item):
                raise MessageFault(f"{self._where}.{key}[{i}] must be {kind}, not {_shown(item)}")
        return list(items)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
