"""Lists over several factories, which cost a page of each and not their history."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, column, func, literal, select, true
from sqlalchemy.orm import aliased

T = TypeVar("T")


def of_each(
    factories: Collection[UUID],
    model: type[T],
    query: Select[T],
    keys: Sequence[str],
    limit: int,
    *,
    descending: bool = True,
) -> Select[T]:
    """Return the query for the first `limit` rows of the factories, merged in their order.

    Each factory's first rows are read by its own index (LATERAL): a condition `factory_id IN …` would let
    PostgreSQL walk through the rows of all factories until it has met enough of these.

    Args:
        factories: whose rows are wanted.
        model: of the rows, with `factory_id`.
        query: for the rows of all factories, with its order and limit.
        keys: names of the columns that the query is ordered by.
        limit: of the query.
        descending: whether the query's order is.
    """
    mapped: Any = model
    if len(factories) == 1:
        return query.where(mapped.factory_id == next(iter(factories)))
    ids = func.unnest(literal(sorted(factories), ARRAY(Uuid))).table_valued(column("factory_id", Uuid))
    wanted = ids.render_derived("wanted")
    first = query.where(mapped.factory_id == wanted.c.factory_id).lateral("first_rows")
    row: Any = aliased(mapped, first)
    order = (getattr(row, key) for key in keys)
    merged = select(row).select_from(wanted).join(first, true()).limit(limit)
    return merged.order_by(*(key.desc() if descending else key.asc() for key in order))
