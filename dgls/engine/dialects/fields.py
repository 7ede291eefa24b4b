"""The fields of a JSON body, read by type; unknown fields are ignored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from dgls.errors import EngineProtocolError, FieldError
from dgls.text.encodings import whole

_BITS = 63
"""The bits of a number without its sign; no requested number needs more."""


class Fields:
    """One JSON object. A field that is null counts as missing.

    Every method raises `FieldError`, which names the field, if the field has another type.
    """

    def __init__(self, values: Mapping[str, Any], inside: str = "") -> None:
        self._values = values
        self._inside = inside

    @classmethod
    def of_body(cls, body: bytes) -> Fields:
        """The body's object. Raises `EngineProtocolError` for anything else."""
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            # The parser's message has a position and never quotes the text.
            raise EngineProtocolError(
                f"The body is not JSON ({error}); nothing was filled."
            ) from error
        if not isinstance(values, dict):
            raise EngineProtocolError("The body must be a JSON object; nothing was filled.")
        return cls(values)

    def has(self, name: str) -> bool:
        """Whether the field is present."""
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without a default it is required."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._error(name, "a string")
        return whole(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Strings: a list of them, a single one, or none."""
        value = self._values.get(name)
        found = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self._error(name, "a string or a list of strings")
        return tuple(map(whole, found))

    def integer(self, name: str, default: int | None = None) -> int | None:
        """An integer, also if it is written as 8.0."""
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
        # JSON's true is an int in Python, but it is not accepted as a number here.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(name, "a number")
        if isinstance(value, int) and value.bit_length() > _BITS:
            raise self._error(name, f"a number of at most {_BITS + 1} bits")
        if not math.isfinite(value) or abs(value) >= 2.0**_BITS:
            raise self._error(name, "a finite number")
        return value

    def flag(self, name: str) -> bool:
        """A truth value; False if it is missing."""
        value = self._values.get(name, False)
        if value is not None and not isinstance(value, bool):
            raise self._error(name, "true or false")
        return bool(value)

    def object(self, name: str) -> Fields:
        """An object; an empty one if it is missing."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._error(name, "an object")
        return Fields(value or {}, f"{self._inside}{name}.")

    def objects(self, name: str) -> tuple[Fields, ...]:
        """A list of objects; empty if it is missing."""
        value = self._values.get(name)
        found = [] if value is None else value
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self._error(name, "a list of objects")
        return tuple(
            Fields(item, f"{self._inside}{name}[{index}].") for index, item in enumerate(found)
        )

    def _error(self, name: str, wanted: str) -> FieldError:
        return FieldError.must_be(f"{self._inside}{name}", wanted)
