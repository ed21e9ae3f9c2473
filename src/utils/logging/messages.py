"""A message and its arguments become one text, also where they do not go together."""

from collections.abc import Mapping
from typing import Any

from utils.logging.values import Budget, describe, fit


def format_message(message: object, args: Any) -> str:
    """Return `message % args` as `logging` does, or both side by side where that fails."""
    text = message if type(message) is str else describe(message)
    if not args:
        return text
    try:
        if type(args) is tuple and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]
        return str.__str__(text % args)
    except Exception:  # noqa: BLE001 - wrong number or kind of arguments, or one that cannot be printed
        return f"{text} [arguments: {describe(fit(args, Budget(200, 20, 2, 50)))}]"
