"""The use cases of corrections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from contracts.factory_core import ReadingCorrected
from factory_core.readings.batch import Series
from factory_core.readings.corrections import metrics
from factory_core.readings.corrections.lifecycle import Decision, Decisions, Outcome, Wanted
from factory_core.readings.corrections.models import Correction
from factory_core.readings.corrections.repository import CorrectionRepository
from factory_core.readings.directory import SeriesLookup
from factory_core.readings.lifecycle import QUALITIES
from factory_core.readings.repository import ReadingRepository
from utils.auth import Principal
from utils.database import Transaction
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox


class CorrectionService:
    """The use cases of corrections, within the caller's transaction."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self._transaction = transaction
        self._corrections = CorrectionRepository(transaction)
        self._series = SeriesLookup(transaction, now)
        self._outbox = Outbox(transaction)
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases within a transaction that is handled at `now` (aware)."""
        return cls(transaction, now)

    async def correct(
        self, by: Principal, factory_id: UUID, wanted: Sequence[Wanted]
    ) -> list[tuple[Decision, Correction | None]]:
        """Change readings, record what they were and publish events; return what became of each item.

        The readings are locked until the transaction ends, in the order of their keys.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        names = {(one.source, one.metric) for one in wanted}
        sources = await self._series.find_sources(by, factory_id, {source for source, _ in names})
        series = await self._series.find(factory_id, sources, names)
        readings = ReadingRepository(await self._transaction.connection())
        keys = {
            (series[one.source, one.metric].id, one.at): (one.source, one.metric, one.at)
            for one in wanted
            if (one.source, one.metric) in series
        }
        stored = {
            keys[key]: (value, QUALITIES[quality])
            for key, (value, quality) in (await readings.lock_readings(factory_id, sorted(keys))).items()
        }
        decisions = Decisions(stored, frozenset(sources)).decide_all(wanted)
        made = [
            self._record(by, factory_id, one, decision)
            for one, decision in zip(wanted, decisions, strict=True)
        ]
        corrections = [correction for correction in made if correction is not None]
        if corrections:
            await self._keep(readings, factory_id, corrections, series)
        return list(zip(decisions, made, strict=True))

    async def list_after(
        self,
        by: Principal,
        factory_id: UUID,
        after: UUID | None,
        limit: int,
        *,
        source: str | None,
        metric: str | None,
    ) -> Sequence[Correction]:
        """Return corrections after the id `after`, in the order in which they were made.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        await self._series.find_sources(by, factory_id, ())
        return await self._corrections.list_after(factory_id, after, limit, source=source, metric=metric)

    def _record(
        self, by: Principal, factory_id: UUID, wanted: Wanted, decision: Decision
    ) -> Correction | None:
        if decision.outcome is not Outcome.CORRECTED or decision.before is None or decision.now is None:
            return None
        return Correction(
            factory_id=factory_id,
            id=uuid7(),
            source=wanted.source,
            metric=wanted.metric,
            at=wanted.at,
            old_value=decision.before[0],
            old_quality=QUALITIES.index(decision.before[1]),
            value=decision.now[0],
            quality=QUALITIES.index(decision.now[1]),
            reason=wanted.reason,
            corrected_by=by.subject,
            corrected_at=self._now,
        )

    async def _keep(
        self,
        readings: ReadingRepository,
        factory_id: UUID,
        corrections: Sequence[Correction],
        series: dict[tuple[str, str], Series],
    ) -> None:
        changed = [(series[one.source, one.metric].id, one.at, one.value, one.quality) for one in corrections]
        await readings.change_readings(factory_id, changed)
        await self._corrections.add_all(corrections)
        for one in corrections:
            event = _corrected(one, series[one.source, one.metric].equipment_id)
            self._outbox.publish(factory_id, event, at=self._now)
        self._transaction.on_commit(lambda: metrics.CORRECTED.inc(len(corrections)))
        logger.info("Readings corrected", extra={"factory_id": str(factory_id), "readings": len(corrections)})


def _corrected(correction: Correction, equipment_id: UUID) -> ReadingCorrected:
    return ReadingCorrected(
        correction_id=correction.id,
        factory_id=correction.factory_id,
        equipment_id=equipment_id,
        source=correction.source,
        metric=correction.metric,
        at=correction.at,
        old_value=correction.old_value,
        old_quality=QUALITIES[correction.old_quality],
        value=correction.value,
        quality=QUALITIES[correction.quality],
        reason=correction.reason,
        corrected_by=correction.corrected_by,
        corrected_at=correction.corrected_at,
    )
