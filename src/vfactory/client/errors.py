"""What a command ends with when it cannot do its work: a sentence and an exit code."""

from collections.abc import Mapping
from typing import ClassVar

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class CommandError(Exception):
    """The command could not do its work; the text is the sentence shown."""

    exit_code: ClassVar[int] = EXIT_REFUSED


class UsageError(CommandError):
    """What was typed cannot be meant; nothing was sent."""

    exit_code = EXIT_USAGE


class UnreachableError(CommandError):
    """No answer from the plant, or only that it cannot answer now (502, 503, 504)."""

    exit_code = EXIT_UNREACHABLE


class RefusedError(CommandError):
    """The plant answered, and said no.

    Args:
        status: The HTTP status.
        problem: The answer's problem document (RFC 9457), as far as it is one.
    """

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        super().__init__(describe_problem(status, problem))
        self.status = status
        self.problem = problem


def describe_problem(status: int, problem: Mapping[str, object]) -> str:
    """Return a problem document as one sentence that names each field and what is wrong with it."""
    title = str(problem.get("title") or f"HTTP status {status}")
    detail = str(problem.get("detail") or "")
    sentence = f"{title}: {detail}" if detail and detail != title else title
    errors = problem.get("errors")
    fields = [_describe_field(error) for error in errors] if isinstance(errors, list) else []
    return f"{sentence.rstrip('.')} ({'; '.join(fields)})" if fields else sentence


def _describe_field(error: object) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    field, detail = error.get("field"), error.get("detail")
    return f"{field}: {detail}" if field else str(detail)
