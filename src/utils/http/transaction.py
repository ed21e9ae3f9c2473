"""The transaction of a request: opened for its endpoint, committed before its answer is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from utils.database import Database, Transaction


async def open_transaction(request: Request) -> AsyncIterator[Transaction]:
    """Yield the request's transaction; it commits after the endpoint returns and before the answer is sent.

    If the acknowledgement of a commit is lost (the server died at that moment), the client gets a 503
    although the commit may have happened: it repeats the request with the same idempotency key or batch id.
    """
    database: Database = request.app.state.kit.database
    async with database.transaction() as transaction:
        yield transaction


# Not for streaming routes: the transaction ends before the body is sent.
DatabaseTransaction = Annotated[Transaction, Depends(open_transaction, scope="function")]
