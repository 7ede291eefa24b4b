"""The fields of a JSON body, read by type; fields that nobody asks for are passed over."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from dgls.errors import EngineProtocolError, FieldError
from dgls.text.encodings import whole

_BITS = 63
"""Of a number without its sign; none of the numbers that are asked for needs more."""


class Fields:
    """One JSON object. A field that is null counts as left out.

    Every method raises `FieldError`, which names the field, where its type is another one.
    """

    def __init__(self, values: Mapping[str, Any], inside: str = "") -> None:
        self._values = values
        self._inside = inside

    @classmethod
    def of_body(cls, body: bytes) -> Fields:
        """The body's object. Raises `EngineProtocolError` where it is none."""
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            # The parser's message names a position and never quotes the text.
            raise EngineProtocolError(
                f"The body is not JSON ({error}); nothing was filled."
            ) from error
        if not isinstance(values, dict):
            raise EngineProtocolError("The body must be a JSON object; nothing was filled.")
        return cls(values)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without a default it must be there."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._error(name, "a string")
        return whole(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Strings: a list of them, one alone, or none."""
        value = self._values.get(name)
        found = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self._error(name, "a string or a list of strings")
        return tuple(map(whole, found))

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number, also where it is written as 8.0."""
        value = self.number(name)
        if value is None:
            return default
        if value != int(value):
            raise self._error(name, "a whole number")
        return int(value)

    def number(self, name: str) -> float | None:
        """A finite number of at most 64 bits."""
        value = self._values.get(name)
        if value is None:
            return None
        # JSON's true is an int in Python; it is none here.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(name, "a number")
        if isinstance(value, int) and value.bit_length() > _BITS:
            raise self._error(name, f"a number of at most {_BITS + 1} bits")
        if not math.isfinite(value) or abs(value) >= 2.0**_BITS:
            raise self._error(name, "a finite number")
        return value

    def flag(self, name: str) -> bool:
        """A truth value; false where it is left out."""
        value = self._values.get(name, False)
        if value is not None and not isinstance(value, bool):
            raise self._error(name, "true or false")
        return bool(value)

    def object(self, name: str) -> Fields:
        """An object; an empty one where it is left out."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._error(name, "an object")
        return Fields(value or {}, f"{self._inside}{name}.")

    def objects(self, name: str) -> tuple[Fields, ...]:
        """A list of objects; an empty one where it is left out."""
        value = self._values.get(name)
        found = [] if value is None else value
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self._error(name, "a list of objects")
        return tuple(
            Fields(item, f"{self._inside}{name}[{index}].") for index, item in enumerate(found)
        )

    def _error(self, name: str, wanted: str) -> FieldError:
        return FieldError.must_be(f"{self._inside}{name}", wanted)
