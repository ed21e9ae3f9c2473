"""Turns any Python value into one that JSON can hold, within a budget, even if its methods raise."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from itertools import islice
from typing import Any, Final

from utils.logging.redaction import redact_text

_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1
_LONGEST_TEXT: Final = 20_000  # characters; the rest of a text is ignored


def describe(value: object) -> str:
    """Return `str(value)`, or a placeholder if that fails."""
    try:
        return str.__str__(str(value))
    except Exception:  # noqa: BLE001 - `__str__` of any class may raise; the line must still be written
        return f"<unprintable {type(value).__name__}>"


def shorten(text: str, characters: int) -> str:
    """Return the text without secrets and lone surrogates; a longer one loses its middle, and says how much.

    Secrets are removed first, so that no cut can leave half a password.
    """
    clean = redact_text(text[:_LONGEST_TEXT])
    missing = max(0, len(text) - _LONGEST_TEXT)
    if len(clean) <= characters and not missing:
        return clean
    half = characters // 2
    missing += len(clean) - 2 * half
    return f"{clean[:half]} … {missing} characters left out … {clean[-half:]}"


@dataclasses.dataclass
class Budget:
    """How much of a value is kept: characters of a text, members of a collection, levels, total values."""

    characters: int
    members: int
    depth: int
    values: int
    text: int = 16_000  # characters of all texts together: more than a line holds
    cut: bool = False  # set once something has been left out

    def clip(self, text: str) -> str:
        """Return the text without secrets and lone surrogates, cut to the budget."""
        exact = str.__str__(text)
        room = min(self.characters, max(0, self.text))
        self.cut |= len(exact) > room
        short = shorten(exact, room) if room else "…"
        self.text -= len(short)
        return short


def fit(value: object, budget: Budget, depth: int = 0) -> Any:
    """Return a JSON-safe copy of any value within the budget. Never raises an `Exception`."""
    try:
        return _fit(value, budget, depth)
    except Exception:  # noqa: BLE001 - any method of a value may raise
        return f"<unprintable {type(value).__name__}>"


def _fit(value: object, budget: Budget, depth: int) -> Any:
    budget.values -= 1
    if isinstance(value, Enum):
        return _fit(value.value, budget, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int(value)
        return number if _INT64_MIN <= number <= _UINT64_MAX else budget.clip(_digits(number))
    if isinstance(value, float):
        return float(value)  # orjson writes NaN and the infinities as null
    if isinstance(value, str):
        return budget.clip(value)
    return _fit_compound(value, budget, depth)


def _fit_compound(value: object, budget: Budget, depth: int) -> Any:
    if depth >= budget.depth or budget.values <= 0:
        budget.cut = True
        return "…"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.repr]  # others may be secrets
        return _fit_mapping({name: getattr(value, name, None) for name in names}, budget, depth)
    if isinstance(value, Mapping):
        return _fit_mapping(value, budget, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return _fit_members(value, len(value), budget, depth)
    return budget.clip(_text(value))


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value[:_LONGEST_TEXT]).decode("utf-8", "backslashreplace")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return describe(value)


def _fit_mapping(value: Mapping[Any, Any], budget: Budget, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key in islice(value, budget.members):
        if budget.values <= 0:
            break
        result[free_key(result, budget.clip(describe(key)))] = fit(value[key], budget, depth + 1)
    budget.cut |= len(result) < len(value)
    return result


def _fit_members(value: Iterable[Any], length: int, budget: Budget, depth: int) -> list[Any]:
    result: list[Any] = []
    for member in islice(value, budget.members):
        if budget.values <= 0:
            break
        result.append(fit(member, budget, depth + 1))
    budget.cut |= len(result) < length
    return result


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # beyond sys.get_int_max_str_digits()
        return hex(number)


def free_key(taken: Mapping[str, Any], key: str) -> str:
    """Return the key, prefixed with `extra_` until it is not taken."""
    while key in taken:
        key = f"extra_{key}"
    return key
