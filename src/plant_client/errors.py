"""What a request to a plant can fail with, as a sentence for people."""

from collections.abc import Mapping


class PlantError(Exception):
    """The plant did not do what it was asked for; the text says why."""

    status: int | None = None


class UnreachableError(PlantError):
    """No answer from the plant, or only that it cannot answer now.

    Args:
        sentence: What could not be reached, where, and why.
        status: The HTTP status of such an answer (429, 502, 503, 504); None without an answer.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class RefusedError(PlantError):
    """The plant answered, and said no.

    Args:
        status: The HTTP status.
        problem: The answer's problem document (RFC 9457), as far as it is one.
    """

    status: int

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        super().__init__(_describe_problem(status, problem))
        self.status = status
        self.problem = problem


def _describe_problem(status: int, problem: Mapping[str, object]) -> str:
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
