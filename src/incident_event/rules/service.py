"""What people do with rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from contracts.incident_event import RuleCreated
from incident_event.rules.models import Rule, RuleState
from incident_event.rules.repository import RuleRepository
from utils.auth import Principal
from utils.database import Transaction
from utils.errors import ConflictError, NotFoundError
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """What a threshold rule says; delays and lateness in seconds, the rest in the metric's own unit."""

    factory_id: UUID
    name: str
    equipment: str
    metric: str
    operator: str
    threshold: float
    on_delay_seconds: float
    deadband: float
    lateness_seconds: float
    severity: int
    incident_type: str


class RuleService:
    """The use cases of rules, each inside the caller's transaction."""

    def __init__(self, rules: RuleRepository, outbox: Outbox, now: datetime, *, max_rules: int) -> None:
        self._rules = rules
        self._outbox = outbox
        self._now = now
        self._max_rules = max_rules

    @classmethod
    def within(cls, transaction: Transaction, now: datetime, *, max_rules: int) -> Self:
        """Return the use cases inside a transaction that is handled at `now` (aware)."""
        return cls(RuleRepository(transaction), Outbox(transaction), now, max_rules=max_rules)

    async def create(self, by: Principal, wanted: ThresholdRule) -> tuple[Rule, RuleState]:
        """Create a rule: once this is committed it applies to every reading accepted from then on.

        Raises NotFoundError when `by` does not see the factory, ConflictError when it has too many rules.
        """
        by.require_factory(wanted.factory_id)
        if await self._rules.count_up(wanted.factory_id) > self._max_rules:
            raise ConflictError(f"A factory may have at most {self._max_rules} rules.")
        rule = _to_rule(by, wanted, self._now)
        state = RuleState(
            factory_id=rule.factory_id,
            rule_id=rule.id,
            subject=rule.equipment,
            evaluated_readings=0,
            late_readings=0,
            bad_readings=0,
        )
        await self._rules.add(rule, state)
        self._outbox.publish(rule.factory_id, _created(rule), at=rule.created_at)
        logger.info("Rule created", extra={"factory_id": str(rule.factory_id), "rule_id": str(rule.id)})
        return rule, state

    async def get(self, by: Principal, rule_id: UUID) -> tuple[Rule, RuleState]:
        """Give one rule and its state; raises NotFoundError where there is none that `by` may see."""
        found = await self._rules.find(rule_id)
        if found is None or not by.sees(found[0].factory_id):
            raise NotFoundError(f"There is no rule {rule_id}.")
        return found

    async def list_after(
        self,
        by: Principal,
        factory_id: UUID | None,
        after: UUID | None,
        limit: int,
        *,
        ids: tuple[UUID, UUID] | None = None,
    ) -> Sequence[tuple[Rule, RuleState]]:
        """Return the rules of a factory, or of all that `by` sees, oldest first; only those within `ids`.

        Raises:
            NotFoundError: `by` does not see the factory.
        """
        return await self._rules.list_after(by.scope(factory_id), after, limit, ids=ids)


def _to_rule(by: Principal, wanted: ThresholdRule, now: datetime) -> Rule:
    return Rule(
        factory_id=wanted.factory_id,
        id=uuid7(),
        version=1,
        name=wanted.name,
        kind="threshold",
        equipment=wanted.equipment,
        metric=wanted.metric,
        operator=wanted.operator,
        threshold=wanted.threshold,
        on_delay_seconds=wanted.on_delay_seconds,
        deadband=wanted.deadband,
        lateness_seconds=wanted.lateness_seconds,
        severity=wanted.severity,
        incident_type=wanted.incident_type,
        created_by=by.subject,
        created_at=now,
    )


def _created(rule: Rule) -> RuleCreated:
    return RuleCreated(
        rule_id=rule.id,
        version=rule.version,
        name=rule.name,
        kind=rule.kind,
        equipment=rule.equipment,
        metric=rule.metric,
        operator=rule.operator,
        threshold=rule.threshold,
        on_delay_seconds=rule.on_delay_seconds,
        deadband=rule.deadband,
        lateness_seconds=rule.lateness_seconds,
        severity=rule.severity,
        incident_type=rule.incident_type,
        by=rule.created_by,
    )
