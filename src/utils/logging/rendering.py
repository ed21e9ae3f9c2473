"""Renders a log call as one line of UTF-8 JSON: the guide's keys first, below 16 KiB, for any arguments."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import orjson

from utils.logging.context import add_trace, bound_var, request_id_var
from utils.logging.exceptions import describe_exception
from utils.logging.levels import LEVEL_NAMES, level_name
from utils.logging.redaction import redact
from utils.logging.values import Budget, describe, fit, free_key

MAX_LINE_BYTES: Final = 16_000  # container runtimes split lines at 16,384 bytes, their own wrapping included
_FIRST_OF_LS_AND_PS: Final = 0xE2  # in UTF-8; no Korean letter begins with either
_FIRST_OF_NEL: Final = 0xC2
_MOST_EXTRAS: Final = 1_000
_SIMPLE: Final = frozenset({str, int, float, bool, type(None), UUID, datetime})
# Smaller and smaller budgets (characters, members, depth, values in all) are tried until the line fits.
_BUDGETS: Final = ((6_000, 100, 8, 1_000), (1_500, 50, 5, 200), (300, 20, 3, 50), (80, 8, 1, 12))


def render(
    timestamp: str,
    level: int,
    message: str,
    head: Mapping[str, str],
    extra: object,
    *,
    exception: BaseException | None = None,
    stack: str | None = None,
) -> bytes:
    """Return one line, newline included.

    `head` holds the kit's fields after the first ones: `name` and, if they apply, `process` and `logger`. An
    extra whose name is taken by another field is written as `extra_<name>`.
    """
    fields: dict[str, Any] = {
        "timestamp": timestamp,
        "level": LEVEL_NAMES.get(level) or level_name(level),
        "name": "",
        "message": message,
        **head,
    }
    request_id = request_id_var.get()
    if request_id is not None:
        fields["request_id"] = request_id
    add_trace(fields)
    bound = bound_var.get()
    simple = bound is None or _merge(fields, bound)
    if extra is not None:
        simple = _merge(fields, extra) and simple
    if exception is not None:
        fields[free_key(fields, "exception")] = describe_exception(exception)
    if stack:
        fields[free_key(fields, "stack")] = stack
    return _encode(fields) if simple else _encode_carefully(fields)


def _merge(fields: dict[str, Any], extra: object) -> bool:
    """Add the extras; return whether all were of simple types, so that orjson can encode them directly."""
    if type(extra) is dict and _SIMPLE.issuperset(map(type, extra.values())):
        try:
            if fields.keys().isdisjoint(extra):
                fields.update(extra)
                return True
        except Exception:  # noqa: BLE001, S110 - comparing a key may raise: it is taken as text below
            pass
    for key, value in _items(extra):
        name = describe(key)
        if name == "request_id" and type(value) is str and fields.get(name) == value:
            continue  # the same id again
        fields[free_key(fields, name)] = value
    return False


def _items(extra: object) -> Iterable[tuple[Any, Any]]:
    try:
        return list(islice(extra.items(), _MOST_EXTRAS)) if isinstance(extra, Mapping) else [("extra", extra)]
    except Exception:  # noqa: BLE001 - any method of a mapping may raise
        return [("extra", extra)]


def _encode(fields: dict[str, Any]) -> bytes:
    try:
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except Exception:  # noqa: BLE001 - surrogates, integers over 64 bits, keys that are not text
        return _encode_carefully(fields)
    return _encode_carefully(fields) if len(line) > MAX_LINE_BYTES else _finish(line)


def _finish(line: bytes) -> bytes:
    """Return the line without secrets, and with the line separators escaped that JSON keeps (NEL, LS, PS)."""
    line = redact(line)
    if _FIRST_OF_LS_AND_PS in line:
        line = line.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    if _FIRST_OF_NEL in line:
        line = line.replace(b"\xc2\x85", b"\\u0085")
    return line


def _encode_carefully(fields: dict[str, Any]) -> bytes:
    line = b""
    for sizes in _BUDGETS:
        budget = Budget(*sizes)
        fitted = _fit_fields(fields, budget)
        if budget.cut:
            fitted[free_key(fitted, "truncated")] = True
        line = _finish(orjson.dumps(fitted, option=orjson.OPT_APPEND_NEWLINE))
        if len(line) <= MAX_LINE_BYTES:
            return line
    return line


def _fit_fields(fields: dict[str, Any], budget: Budget) -> dict[str, Any]:
    fitted: dict[str, Any] = {}
    for key, value in fields.items():
        if len(fitted) > budget.members or budget.values <= 0:
            budget.cut = True
            break
        fitted[free_key(fitted, budget.clip(describe(key)))] = fit(value, budget)
    return fitted
