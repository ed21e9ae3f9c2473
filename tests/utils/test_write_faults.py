"""Why a write was refused, from the errors that the real drivers raise."""

import errno

import asyncpg
import pytest
import redis.exceptions
import sqlalchemy.exc

from utils.faults import WriteFault, write_fault_of

DISK_FULL = asyncpg.DiskFullError('could not extend file "base/1/2": No space left on device')


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (DISK_FULL, WriteFault.DISK_FULL),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), WriteFault.READ_ONLY),
        (asyncpg.OutOfMemoryError("out of memory"), WriteFault.OUT_OF_MEMORY),
        (asyncpg.PostgresIOError("could not write: No space left on device"), WriteFault.DISK_FULL),
        (asyncpg.InternalServerError("could not extend file: File too large"), WriteFault.DISK_FULL),
        (
            redis.exceptions.ReadOnlyError("You can't write against a read only replica."),
            WriteFault.READ_ONLY,
        ),
        (redis.exceptions.OutOfMemoryError("command not allowed"), WriteFault.OUT_OF_MEMORY),
        (redis.exceptions.ResponseError("OOM command not allowed when …"), WriteFault.OUT_OF_MEMORY),
        (redis.exceptions.ResponseError("MISCONF Errors writing to the AOF file"), WriteFault.DISK_FULL),
        (redis.exceptions.ResponseError("NOREPLICAS Not enough good replicas"), WriteFault.NO_REPLICAS),
        (OSError(errno.ENOSPC, "No space left on device"), WriteFault.DISK_FULL),
        (OSError(errno.EROFS, "Read-only file system"), WriteFault.READ_ONLY),
        (PermissionError(errno.EACCES, "Permission denied"), WriteFault.READ_ONLY),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), None),
        (asyncpg.UniqueViolationError("duplicate"), None),
        (TimeoutError(), None),
        (ValueError("No space left on device"), None),
    ],
)
def test_an_error_says_why_nothing_is_written(error: Exception, fault: WriteFault | None) -> None:
    assert write_fault_of(error) is fault


def test_what_the_driver_raised_is_found_within_what_it_is_wrapped_in() -> None:
    driver = Exception("adapter")
    driver.__cause__ = DISK_FULL
    assert write_fault_of(sqlalchemy.exc.DBAPIError("INSERT", {}, driver)) is WriteFault.DISK_FULL
