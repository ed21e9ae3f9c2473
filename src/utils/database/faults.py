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
