"""What a database's absence looks like: the exceptions after which one waits and tries again."""

import asyncpg
import sqlalchemy.exc

# InternalClientError: asyncpg's own confusion when the server dies in the middle of an answer.
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
# For loops that hold a connection of their own: whatever the database says, they begin anew with another.
DATABASE_FAULTS: tuple[type[Exception], ...] = (
    *CONNECTION_FAULTS,
    asyncpg.PostgresError,
    sqlalchemy.exc.SQLAlchemyError,
)


def is_connection_fault(error: BaseException) -> bool:
    """Say whether `error` tells of the database's absence, not of what it was asked."""
    if isinstance(error, CONNECTION_FAULTS):
        return True
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return False
    driver_error = getattr(error.orig, "__cause__", None)
    return error.connection_invalidated or isinstance(driver_error, CONNECTION_FAULTS)
