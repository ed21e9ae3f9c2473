"""The errors of requests to a plant; each text is one printable line of at most 2,000 characters."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from plant_client.text import one_line

_BETWEEN = "; "
_AND_MORE = re.compile(r" \(and (\d+) more\)\Z")
_FIELD_NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_PART = re.compile(r"[.\[]")


class PlantError(Exception):
    """The plant did not fulfil a request; the text says why."""

    status: int | None = None

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


class UnsendableError(PlantError):
    """Nothing was sent: the address, the token or the request is not valid. The text never repeats them."""


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

    def tell(self, names: Mapping[str, str]) -> str:
        """Return what is wrong in the caller's words, each thing once.

        Args:
            names: what the caller calls fields of the API: `{"on_delay_seconds": "--for"}`.
        """
        return one_line(_tell_problem(self.status, self.problem, names))


def _tell_problem(status: int, problem: Mapping[str, object], names: Mapping[str, str]) -> str:
    errors, detail = problem.get("errors"), str(problem.get("detail") or "")
    if not isinstance(errors, list) or not errors:
        return detail or str(problem.get("title") or f"HTTP status {status}")
    fields = [_describe_field(error) for error in errors]
    unnamed = _count_unnamed(detail, fields)
    told = [_describe_field(error, names) for error in errors]
    if unnamed is None:
        return f"{detail.rstrip('.')} ({'; '.join(told)})" if detail else "; ".join(told)
    return "; ".join([*told, f"and {unnamed} more"] if unnamed else told)


def _describe_problem(status: int, problem: Mapping[str, object]) -> str:
    """Return a problem document as one sentence that names each wrong field and what is wrong with it."""
    title = str(problem.get("title") or f"HTTP status {status}")
    detail = str(problem.get("detail") or "")
    errors = problem.get("errors")
    fields = [_describe_field(error) for error in errors] if isinstance(errors, list) else []
    unnamed = _count_unnamed(detail, fields)
    if unnamed is not None:
        detail = ""
        fields += [f"and {unnamed} more"] if unnamed else []
    sentence = f"{title}: {detail}" if detail and detail != title else title
    return f"{sentence.rstrip('.')} ({'; '.join(fields)})" if fields else sentence


def _count_unnamed(detail: str, fields: Sequence[str]) -> int | None:
    """Return how many errors `fields` leaves out; None if `detail` does more than join fields."""
    more = _AND_MORE.search(detail)
    joined = detail[: more.start()] if more else detail
    place = 0
    for count, field in enumerate(fields, start=1):
        if not joined.startswith(field, place):
            return None
        place += len(field)
        if place == len(joined):
            return max(0, count + int(more[1] if more else 0) - len(fields))
        if not joined.startswith(_BETWEEN, place):
            return None
        place += len(_BETWEEN)
    return None


def _describe_field(error: object, names: Mapping[str, str] = MappingProxyType({})) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    field, detail = error.get("field"), str(error.get("detail"))
    detail = _FIELD_NAME.sub(lambda found: names.get(found[0], found[0]), detail)
    return f"{_rename(str(field), names)}: {detail}" if field else detail


def _rename(field: str, names: Mapping[str, str]) -> str:
    """Return the caller's name of a field, or of the field that it is a part of (`floor.width_m`)."""
    return names.get(field) or names.get(_PART.split(field)[0]) or field
