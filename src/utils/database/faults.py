"""The exceptions that mean the database is unreachable, after which a caller waits and retries."""

import asyncpg
import sqlalchemy.exc

# InternalClientError: what asyncpg raises when the server dies in the middle of an answer.
CONNECTION_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,  # such as a disk that cannot be read or written
    asyncpg.ReadOnlySQLTransactionError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.TimeoutError,
)
# For loops with a connection of their own: after any of these they start again on a new connection.
DATABASE_FAULTS: tuple[type[Exception], ...] = (
    *CONNECTION_FAULTS,
    asyncpg.PostgresError,
    sqlalchemy.exc.SQLAlchemyError,
)


# The database works, but not for this statement at this moment.
PASSING_FAULTS: tuple[type[Exception], ...] = (
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)


def is_passing_fault(error: BaseException) -> bool:
    """Return whether the same statement may succeed later: the database is away, full, read-only or busy."""
    if is_connection_fault(error) or isinstance(error, PASSING_FAULTS):
        return True
    driver_error = getattr(getattr(error, "orig", None), "__cause__", None)
    return isinstance(driver_error, PASSING_FAULTS)


def is_connection_fault(error: BaseException) -> bool:
    """Return whether `error` means that the database is unreachable, not that a statement was wrong."""
    if isinstance(error, CONNECTION_FAULTS):
        return True
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return False
    driver_error = getattr(error.orig, "__cause__", None)
    return error.connection_invalidated or isinstance(driver_error, CONNECTION_FAULTS)
