"""An exception as fields of its line: type, message and stack trace."""

import sys
import traceback
from typing import Final

from utils.logging.values import describe, shorten

_MESSAGE_CHARACTERS: Final = 2_000
_STACK_CHARACTERS: Final = 5_000


def exception_from(exc_info: object) -> BaseException | None:
    """Return the exception that a value of `exc_info` stands for; None if there is none."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return next((part for part in exc_info if isinstance(part, BaseException)), None)
    return sys.exc_info()[1] if exc_info is not None and exc_info is not False else None


def describe_exception(exception: BaseException) -> dict[str, str]:
    """Return `type`, `message` and `stacktrace`; the latter two are shortened in the middle if too long."""
    return {
        "type": _type_name(type(exception)),
        "message": shorten(describe(exception), _MESSAGE_CHARACTERS),
        "stacktrace": shorten(_stacktrace(exception), _STACK_CHARACTERS),
    }


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _stacktrace(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 - an exception may misbehave when it is printed
        return "".join(traceback.format_tb(exception.__traceback__))
