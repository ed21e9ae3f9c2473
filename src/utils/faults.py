"""The faults of dependencies, in the fixed words that `/health` and problem documents use."""

import errno
import socket
from enum import StrEnum

import asyncpg
import redis.exceptions
import sqlalchemy.exc


class Fault(StrEnum):
    """All that callers learn about a dependency's fault; further detail is only logged."""

    REFUSED = "Connection refused"
    TIMEOUT = "Connection timeout"
    RESET = "Connection reset"
    AUTHENTICATION = "Authentication failed"
    NAME_RESOLUTION = "Name resolution failed"
    LOADING = "Loading dataset"
    UNAVAILABLE = "Unavailable"


_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], Fault], ...] = (
    (
        (asyncpg.InvalidAuthorizationSpecificationError, redis.exceptions.AuthenticationError),
        Fault.AUTHENTICATION,
    ),
    ((redis.exceptions.BusyLoadingError,), Fault.LOADING),
    ((TimeoutError, redis.exceptions.TimeoutError, sqlalchemy.exc.TimeoutError), Fault.TIMEOUT),
    ((ConnectionRefusedError,), Fault.REFUSED),
    ((socket.gaierror,), Fault.NAME_RESOLUTION),
    (
        (
            ConnectionError,
            EOFError,
            asyncpg.ConnectionDoesNotExistError,
            asyncpg.AdminShutdownError,
            asyncpg.InternalClientError,  # the session ended in the middle of an operation
        ),
        Fault.RESET,
    ),
)

_BY_ERRNO = {
    errno.ECONNREFUSED: Fault.REFUSED,
    errno.ETIMEDOUT: Fault.TIMEOUT,
    errno.ECONNRESET: Fault.RESET,
    errno.EPIPE: Fault.RESET,
}


_DEEPEST = 8


def fault_of(error: BaseException) -> Fault:
    """Return the fault that a driver's exception, or one that it was raised from, stands for."""
    current: BaseException | None = error
    for _ in range(_DEEPEST):
        if current is None:
            break
        fault = _own_fault(current)
        if fault is not Fault.UNAVAILABLE:
            return fault
        current = _inner(current)
    return Fault.UNAVAILABLE


def _inner(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    return getattr(error, "orig", None) or error.__cause__ or error.__context__


def _own_fault(error: BaseException) -> Fault:
    for types, fault in _BY_TYPE:
        if isinstance(error, types):
            return fault
    if isinstance(error, OSError):
        return _by_errno(error)
    if isinstance(error, redis.exceptions.ConnectionError):
        return _by_text(str(error))
    return Fault.UNAVAILABLE


def _by_errno(error: OSError) -> Fault:
    if error.errno is not None:
        return _BY_ERRNO.get(error.errno, Fault.UNAVAILABLE)
    # asyncio joins the errors of several addresses into one text and drops their numbers
    return _by_text(str(error))


def _by_text(text: str) -> Fault:
    for number, fault in _BY_ERRNO.items():
        if f"[Errno {number}]" in text or f"Error {number} " in text:
            return fault
    return Fault.RESET if "closed by server" in text.lower() else Fault.UNAVAILABLE
