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


class WriteFault(StrEnum):
    """Why a dependency that answers takes no writes."""

    DISK_FULL = "disk full"
    READ_ONLY = "read-only"
    OUT_OF_MEMORY = "out of memory"
    NO_REPLICAS = "too few replicas"


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


_WRITE_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], WriteFault], ...] = (
    ((asyncpg.DiskFullError,), WriteFault.DISK_FULL),
    ((asyncpg.ReadOnlySQLTransactionError, redis.exceptions.ReadOnlyError), WriteFault.READ_ONLY),
    ((asyncpg.OutOfMemoryError, redis.exceptions.OutOfMemoryError), WriteFault.OUT_OF_MEMORY),
)

_WRITE_BY_ERRNO = {
    errno.ENOSPC: WriteFault.DISK_FULL,
    errno.EDQUOT: WriteFault.DISK_FULL,
    errno.EFBIG: WriteFault.DISK_FULL,
    errno.EROFS: WriteFault.READ_ONLY,
    errno.EACCES: WriteFault.READ_ONLY,
    errno.EPERM: WriteFault.READ_ONLY,
}

# What the servers write of the operating system's errors, and Redis of its own.
_WRITE_BY_TEXT = (
    ("No space left on device", WriteFault.DISK_FULL),
    ("Disk quota exceeded", WriteFault.DISK_FULL),
    ("File too large", WriteFault.DISK_FULL),
    ("Read-only file system", WriteFault.READ_ONLY),
    ("MISCONF", WriteFault.DISK_FULL),  # its file could not be written
    ("NOREPLICAS", WriteFault.NO_REPLICAS),
    ("READONLY", WriteFault.READ_ONLY),
    ("OOM command not allowed", WriteFault.OUT_OF_MEMORY),
)


def write_fault_of(error: BaseException) -> WriteFault | None:
    """Return why a dependency refused a write; None if neither the error nor its causes say so."""
    current: BaseException | None = error
    for _ in range(_DEEPEST):
        if current is None:
            break
        if fault := _own_write_fault(current):
            return fault
        current = _inner(current)
    return None


def _own_write_fault(error: BaseException) -> WriteFault | None:
    for types, fault in _WRITE_BY_TYPE:
        if isinstance(error, types):
            return fault
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return _WRITE_BY_ERRNO.get(error.errno or 0)
    if isinstance(error, asyncpg.PostgresError | redis.exceptions.ResponseError):
        return next((fault for words, fault in _WRITE_BY_TEXT if words in str(error)), None)
    return None
