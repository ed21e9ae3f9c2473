"""Formats a message with its arguments, also if they do not fit together."""

from collections.abc import Mapping
from typing import Any, Final

from utils.logging.values import Budget, describe, fit

_CONTAINERS: Final = (list, tuple, dict, set, frozenset)
_TAME: Final = frozenset({str, int, float, bool, type(None)})  # types whose methods cannot raise
_MOST_MEMBERS: Final = 1_000


def format_message(message: object, args: Any) -> str:
    """Return `message % args` as `logging` does; if that fails, the message followed by its arguments."""
    text = message if type(message) is str else describe(bounded(message))
    if not args:
        return text
    try:
        if type(args) is tuple and _TAME.issuperset(map(type, args)):
            return str(text % args)
        if type(args) is tuple and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]
        return str.__str__(text % bounded_arguments(args))
    except Exception:  # noqa: BLE001 - wrong number or kind of arguments, or one that cannot be printed
        return f"{text} [arguments: {describe(fit(args, Budget(200, 20, 2, 50)))}]"


def bounded(value: Any) -> Any:
    """Return the value itself, or a shortened copy of a container that is too large or cyclic."""
    if not isinstance(value, _CONTAINERS) or _is_small(value):
        return value
    return fit(value, Budget(500, 20, 4, 200))


def bounded_arguments(args: Any) -> Any:
    """Return the arguments of a call, each of them `bounded`; `args` may also be one mapping."""
    return tuple(map(bounded, args)) if type(args) is tuple else bounded(args)


def _is_small(value: Any) -> bool:
    """Return whether a container has few enough members, nested ones included; a cyclic one has not."""
    waiting, seen = [value], 0
    try:
        while waiting:
            members = waiting.pop()
            seen += len(members)
            if seen > _MOST_MEMBERS:
                return False
            inner = members.values() if isinstance(members, dict) else members
            waiting.extend(member for member in inner if isinstance(member, _CONTAINERS))
    except Exception:  # noqa: BLE001 - a subclass may misbehave
        return False
    return True
