"""Reads a plant's answers, for both clients: an object, a stream, or an error."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from plant_client.errors import RefusedError, UnreachableError, UnsendableError
from plant_client.plant import Json, Service
from plant_client.requests import WRONG_REQUEST

_UNABLE_NOW = frozenset({408, 429})
_SERVERS_FAULT = 500


@contextmanager
def reaching(service: Service, url: str) -> Iterator[None]:
    """Turn a connection's failure within the block into an error of this package.

    Raises:
        UnreachableError: The service was not reached; the text names it, its address and the reason.
        UnsendableError: A header cannot be sent.
    """
    try:
        yield
    except httpx.LocalProtocolError:
        raise UnsendableError(WRONG_REQUEST) from None  # its text quotes the header
    except httpx.RequestError as error:
        why = str(error).rpartition("] ")[2] or type(error).__name__
        raise UnreachableError(f"cannot reach {service} at {url} ({why})") from error


def read_object(service: Service, answer: httpx.Response) -> Json:
    """Return the answer's JSON object.

    Raises:
        UnreachableError: The service cannot answer now (408, 429, 5xx).
        RefusedError: The service refused the request, or the answer is not a plant's.
    """
    known = _read_body(answer)
    if answer.is_success and known:
        return known
    if answer.is_success or answer.is_redirect:
        raise RefusedError(answer.status_code, {"title": _somebody_else(service, answer)})
    if answer.status_code in _UNABLE_NOW or answer.status_code >= _SERVERS_FAULT:
        raise _unable_now(service, answer, known)
    raise RefusedError(answer.status_code, known or {"title": _no_problem(service, answer)})


def is_stream(answer: httpx.Response) -> bool:
    """Return whether the answer is a stream of events."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return answer.is_success and kind == "text/event-stream"


def refuse_stream(service: Service, answer: httpx.Response) -> None:
    """Raise the error for an answer that is not a stream of events; its body has been read.

    Raises:
        UnreachableError: The service cannot answer now, or another server answered in its place.
        RefusedError: The service refused the request.
    """
    if answer.is_success:
        raise UnreachableError(_somebody_else(service, answer), answer.status_code)
    if answer.is_redirect or not _read_body(answer):
        raise _unable_now(service, answer, {})
    read_object(service, answer)


def _read_body(answer: httpx.Response) -> Json:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _unable_now(service: Service, answer: httpx.Response, problem: Json) -> UnreachableError:
    why = RefusedError(answer.status_code, problem)
    return UnreachableError(f"{service} cannot answer now: {why}", answer.status_code)


def _no_problem(service: Service, answer: httpx.Response) -> str:
    return f"{service} answered with HTTP status {answer.status_code} and no reason; is the address right?"


def _somebody_else(service: Service, answer: httpx.Response) -> str:
    url = answer.request.url.copy_with(query=None, fragment=None)
    return f"{url} does not answer like {service}; is the address right?"
