"""Reads what a plant answers, for both clients: an object, a stream, or the error it means."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from plant_client.errors import RefusedError, UnreachableError
from plant_client.plant import Json, Service

_UNABLE_NOW = frozenset({429, 502, 503, 504})


@contextmanager
def reaching(service: Service, url: str) -> Iterator[None]:
    """Turn a failure of the connection into a sentence.

    Raises:
        UnreachableError: The block could not reach the service; the text says which, where, and why.
    """
    try:
        yield
    except httpx.RequestError as error:
        why = str(error).rpartition("] ")[2] or type(error).__name__
        raise UnreachableError(f"cannot reach {service} at {url} ({why})") from error


def read_object(service: Service, answer: httpx.Response) -> Json:
    """Return the answer's JSON object.

    Raises:
        UnreachableError: The service is there but cannot answer now.
        RefusedError: The service said no, or the answer is not the plant's.
    """
    try:
        body = answer.json()
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    if answer.is_success and known:
        return known
    if answer.is_success or answer.is_redirect:
        raise RefusedError(answer.status_code, {"title": _somebody_else(service, answer)})
    refused = RefusedError(answer.status_code, known)
    if answer.status_code in _UNABLE_NOW:
        raise UnreachableError(f"{service} cannot answer now: {refused}", answer.status_code)
    raise refused


def is_stream(answer: httpx.Response) -> bool:
    """Whether the answer is a stream of events."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return answer.is_success and kind == "text/event-stream"


def refuse_stream(service: Service, answer: httpx.Response) -> None:
    """Raise the error for an answer that is no stream of events; its body has been read.

    Raises:
        UnreachableError: The service cannot answer now, or a page of somebody else stands in its place.
        RefusedError: The service said no.
    """
    if answer.is_success:
        raise UnreachableError(_somebody_else(service, answer), answer.status_code)
    read_object(service, answer)


def _somebody_else(service: Service, answer: httpx.Response) -> str:
    return f"{answer.request.url} does not answer like {service}; is the address right?"
