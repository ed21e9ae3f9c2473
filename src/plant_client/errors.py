"""The errors of requests to a plant; each text is a sentence for people."""

from collections.abc import Mapping


class PlantError(Exception):
    """The plant did not fulfil a request; the text says why."""

    status: int | None = None


class UnreachableError(PlantError):
    """The plant did not answer, or answered that it cannot do so now.

    Args:
        sentence: Which service was not reached, its address and the reason.
        status: The HTTP status of the answer; None without one.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class RefusedError(PlantError):
    """The plant refused the request.

    Args:
        status: The HTTP status.
        problem: The answer's problem document (RFC 9457); empty if it is not one.
    """

    status: int

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        super().__init__(_describe_problem(status, problem))
        self.status = status
        self.problem = problem


def _describe_problem(status: int, problem: Mapping[str, object]) -> str:
    """Return a problem document as one sentence that names each wrong field and what is wrong with it."""
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
