"""A request's transaction: opened for its endpoint, committed before its answer is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from utils.database import Database, Transaction


async def open_transaction(request: Request) -> AsyncIterator[Transaction]:
    """Open the request's transaction; it commits when the endpoint has returned, before the answer is sent.

    A commit whose acknowledgement is lost (the server died at that moment) is a 503 to the client although
    it may have happened: clients repeat such a request with the same idempotency key or batch id.
    """
    database: Database = request.app.state.kit.database
    async with database.transaction() as transaction:
        yield transaction


# Not for streaming routes: the scope ends before the body flows.
DatabaseTransaction = Annotated[Transaction, Depends(open_transaction, scope="function")]
