"""One log call becomes one line: UTF-8 JSON, the guide's keys first, below 16 KiB, whatever was passed."""

import sys
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final

import orjson

from utils.logging.context import bound_var, request_id_var, trace_id_var
from utils.logging.levels import level_name
from utils.logging.redaction import redact
from utils.logging.values import Budget, describe, fit, free_key, plain

MAX_LINE_BYTES: Final = 16_000  # container runtimes split lines at 16,384 bytes, their own wrapping included
_STACK_CHARACTERS: Final = 6_000
# Ever smaller budgets (characters, members, depth, values in all) until the line fits.
_BUDGETS: Final = ((6_000, 100, 8, 1_000), (1_500, 50, 5, 200), (300, 20, 3, 50), (80, 8, 1, 12))

ExceptionInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def render(
    *,
    timestamp: str,
    level: int,
    name: str,
    message: str,
    head: Mapping[str, str],
    extra: object,
    exception: BaseException | None = None,
    stack: str | None = None,
) -> bytes:
    """Return one line, newline included. `head` are the kit's own fields that follow the first four."""
    fields: dict[str, Any] = {
        "timestamp": timestamp,
        "level": level_name(level),
        "name": name,
        "message": message,
    }
    if head:
        fields.update(head)
    request_id = request_id_var.get()
    if request_id is not None:
        fields["request_id"] = request_id
    trace_id = trace_id_var.get()
    if trace_id is not None:
        fields["trace_id"] = trace_id
    bound = bound_var.get()
    if bound is not None:
        _merge(fields, bound)
    if extra is not None:
        _merge(fields, extra)
    if exception is not None:
        fields[free_key(fields, "exception")] = _describe_exception(exception)
    if stack:
        fields[free_key(fields, "stack")] = stack
    return encode(fields)


def encode(fields: dict[str, Any]) -> bytes:
    """Return the fields as one line; the first four keys always survive."""
    try:
        line = orjson.dumps(fields, plain, orjson.OPT_APPEND_NEWLINE)
    except Exception:  # noqa: BLE001 - surrogates, huge integers, cycles, odd keys: the careful way copes with all
        return _encode_carefully(fields)
    if len(line) > MAX_LINE_BYTES:
        return _encode_carefully(fields)
    return _one_line(redact(line))


def format_message(message: object, args: object) -> str:
    """Return `message % args` as `logging` does, or both side by side where they do not go together."""
    text = message if type(message) is str else describe(message)
    if not args:
        return text
    try:
        if type(args) is tuple and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]
        return str.__str__(text % args)
    except Exception:  # noqa: BLE001 - wrong number or kind of arguments, or one that cannot be printed
        return f"{text} [arguments: {describe(fit(args, Budget(200, 20, 2, 50)))}]"


def exception_from(exc_info: object) -> BaseException | None:
    """Return the exception that any value of `exc_info` means, or None."""
    if not exc_info:
        return None
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return next((part for part in exc_info if isinstance(part, BaseException)), None)
    return sys.exc_info()[1]


def _merge(fields: dict[str, Any], extra: object) -> None:
    if type(extra) is not dict:
        extra = _as_dict(extra)
    for key, value in extra.items():
        if key not in fields:
            fields[key] = value
        elif fields[key] is not value and not (key == "request_id" and fields[key] == value):
            fields[free_key(fields, f"extra_{key}")] = value


def _as_dict(extra: object) -> dict[Any, Any]:
    try:
        return dict(extra) if isinstance(extra, Mapping) else {"extra": extra}
    except Exception:  # noqa: BLE001 - a mapping may misbehave
        return {"extra": extra}


def _describe_exception(exception: BaseException) -> dict[str, str]:
    return {
        "type": _type_name(type(exception)),
        "message": describe(exception),
        "stacktrace": _shorten(_stacktrace(exception)),
    }


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _stacktrace(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 - an exception may misbehave when it is printed
        return "".join(traceback.format_tb(exception.__traceback__))


def _shorten(text: str) -> str:
    """Keep both ends: where it came from, and what was raised."""
    if len(text) <= _STACK_CHARACTERS:
        return text
    half = _STACK_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _encode_carefully(fields: dict[str, Any]) -> bytes:
    for budget in (Budget(*sizes) for sizes in _BUDGETS):
        line = _dump(_fit_fields(fields.items(), budget), cut=budget.cut)
        if len(line) <= MAX_LINE_BYTES:
            return line
    first = Budget(80, 4, 1, 4)
    return _dump(_fit_fields(list(fields.items())[:4], first), cut=True)


def _fit_fields(items: Iterable[tuple[Any, Any]], budget: Budget) -> dict[str, Any]:
    fitted: dict[str, Any] = {}
    for key, value in items:
        if len(fitted) > budget.members or budget.values <= 0:
            budget.cut = True
            break
        fitted[free_key(fitted, budget.clip(describe(key)))] = fit(value, budget)
    return fitted


def _dump(fields: dict[str, Any], *, cut: bool) -> bytes:
    if cut:
        fields[free_key(fields, "truncated")] = True
    return _one_line(redact(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)))


def _one_line(line: bytes) -> bytes:
    """Escape the three line separators that JSON leaves as they are (NEL, LS, PS)."""
    if b"\xe2\x80\xa8" in line or b"\xe2\x80\xa9" in line or b"\xc2\x85" in line:
        line = line.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        line = line.replace(b"\xc2\x85", b"\\u0085")
    return line
