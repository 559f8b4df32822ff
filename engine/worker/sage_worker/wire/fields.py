"""Reads the fields of a message, each of the type that it must have; a fault names the field."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

Positive = Annotated[int, 1]
"""A whole number of at least 1, where `int` is one of at least 0."""


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

    def has(self, key: str) -> bool:
        """Whether it is there and not null."""
        return self._value.get(key) is not None

    def inner(self, key: str) -> Fields:
        """An object."""
        return Fields(self._value.get(key), f"{self._where}.{key}")

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


Taker = Callable[[Fields, str], Any]


def read(record: type[T], fields: Fields) -> T:
    """A dataclass from the fields of its fields' names, learningRate for learning_rate, each of its field's type."""
    takers: list[tuple[str, str, Taker]] = _takers(record)  # type: ignore[arg-type]
    return record(**{name: take(fields, key) for name, key, take in takers})


@cache
def _takers(record: Any) -> list[tuple[str, str, Taker]]:
    types = get_type_hints(record, include_extras=True)
    return [(field.name, camel(field.name), _taker(types[field.name])) for field in dataclasses.fields(record)]


def _taker(kind: Any) -> Taker:
    """How a value of a type is taken from its key."""
    if dataclasses.is_dataclass(kind):
        record: Any = kind
        return lambda fields, key: read(record, fields.inner(key))
    of, args = get_origin(kind), get_args(kind)
    if NoneType in args:
        take = _taker(args[0])
        return lambda fields, key: take(fields, key) if fields.has(key) else None
    if of is Annotated:
        return lambda fields, key: fields.whole(key, args[1])
    if of is Literal:
        return lambda fields, key: fields.choice(key, args)
    if of is tuple and dataclasses.is_dataclass(args[0]):
        return lambda fields, key: fields.each(key, partial(read, args[0]))
    return _PLAIN[kind]


_PLAIN: dict[Any, Taker] = {
    str: Fields.text,
    bool: Fields.flag,
    int: Fields.whole,
    float: Fields.number,
    Path: lambda fields, key: Path(fields.text(key)),
    tuple[str, ...]: Fields.texts,
    tuple[int, ...]: Fields.wholes,
    tuple[float, ...]: Fields.numbers,
    dict[str, str]: Fields.texts_by_name,
}


def camel(name: str) -> str:
    """A field's name in JSON: ratioDeviation for ratio_deviation."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
