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


def is_connection_fault(error: BaseException) -> bool:
    """Return whether `error` means that the database is unreachable, not that a statement was wrong."""
    if isinstance(error, CONNECTION_FAULTS):
        return True
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return False
    driver_error = getattr(error.orig, "__cause__", None)
    return error.connection_invalidated or isinstance(driver_error, CONNECTION_FAULTS)
