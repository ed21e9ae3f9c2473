"""Finds the event whose handling ends the process: written down before, as nothing can be afterwards.

Only the first events after a start are written down. If the process ends while it handles them, the next
one takes them one at a time, so that in the end the event is known.
"""

from dataclasses import dataclass
from uuid import UUID

from utils.database import Database, Transaction

MAX_ATTEMPTS = 2
"""How many processes may end while they handle one event alone."""

BEGIN = """
    INSERT INTO consumer_trials AS trial (consumer, publisher, factory_id, seq, upto, attempts, process)
    VALUES ($1, $2, $3, $4, $5, 1, $6)
    ON CONFLICT (consumer, publisher, factory_id) DO UPDATE SET
        attempts = CASE WHEN trial.seq <> excluded.seq THEN 1
            WHEN trial.process = excluded.process THEN trial.attempts ELSE trial.attempts + 1 END,
        process = excluded.process,
        upto = greatest(trial.upto, excluded.upto), seq = excluded.seq
    RETURNING attempts, upto
"""
END = "DELETE FROM consumer_trials WHERE consumer = $1 AND publisher = $2 AND factory_id = $3"


@dataclass(frozen=True, slots=True)
class Trial:
    """How many processes have begun with an event, and up to which event they were not heard of again."""

    attempts: int
    upto: int


class Trials:
    """What processes began and did not finish, for one consumer and publisher."""

    def __init__(self, consumer: str, publisher: str, process: UUID) -> None:
        self._names = (consumer, publisher)
        self._process = process

    async def begin(self, database: Database, factory_id: UUID, first: int, last: int) -> Trial:
        """Write down that the events from seq `first` to `last` are about to be handled."""
        async with database.transaction() as transaction:
            connection = await transaction.connection()
            row = await connection.fetchrow(BEGIN, *self._names, factory_id, first, last, self._process)
        return Trial(row["attempts"], row["upto"])

    async def end(self, transaction: Transaction, factory_id: UUID) -> None:
        """Forget what was written down: it is handled."""
        await (await transaction.connection()).execute(END, *self._names, factory_id)
