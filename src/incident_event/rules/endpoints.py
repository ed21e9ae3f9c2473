"""The routes of rules."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, status

from incident_event.rules.schemas import RuleCreate, RuleRead
from incident_event.rules.service import RuleService
from utils.clock import utc_now
from utils.http import (
    PROBLEM_RESPONSES,
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    IdPrefix,
    Limit,
    Page,
    ids_like,
    start_after,
)

router = APIRouter(tags=["rules"])


async def rule_service(transaction: DatabaseTransaction, request: Request) -> RuleService:
    """Put the use cases into the request's transaction."""
    max_rules = request.app.state.kit.settings.max_rules_per_factory
    return RuleService.within(transaction, utc_now(), max_rules=max_rules)


Rules = Annotated[RuleService, Depends(rule_service, scope="function")]


@router.post("/rules", status_code=status.HTTP_201_CREATED, responses={409: PROBLEM_RESPONSES[409]})
async def create_rule(body: RuleCreate, by: CurrentPrincipal, rules: Rules) -> RuleRead:
    """Create a rule. It applies to every reading accepted after this answer."""
    return RuleRead.of(*await rules.create(by, body.to_rule()))


@router.get("/rules")
async def list_rules(
    by: CurrentPrincipal,
    rules: Rules,
    *,
    factory: Annotated[
        UUID | None, Query(description="Only this factory's; by default those of all that the token is for")
    ] = None,
    id_prefix: IdPrefix = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RuleRead]:
    """List rules, oldest first."""
    ids = ids_like(id_prefix)
    rows = await rules.list_after(by, factory, start_after(cursor, UUID), limit + 1, ids=ids)
    return Page.of(rows, limit, key=lambda row: row[0].id, read=lambda row: RuleRead.of(*row))


@router.get("/rules/{rule_id}")
async def get_rule(rule_id: UUID, by: CurrentPrincipal, rules: Rules) -> RuleRead:
    """Read one rule and where its condition stands."""
    return RuleRead.of(*await rules.get(by, rule_id))
