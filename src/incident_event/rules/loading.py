"""Reads what a factory's rules are and where they stand from the database into memory."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from incident_event.rules.repository import EvaluationRepository, StoredRule
from incident_event.rules.watch import FactoryWatch, SeriesKey, Watched, WatchedSeries
from utils.ids import normalize_name


class Stored(NamedTuple):
    """What the database knows of a factory's rules."""

    version: int | None
    rules: Sequence[StoredRule]
    readings: list[tuple[SeriesKey, int, int, bytes]]
    held: list[tuple[SeriesKey, int, bytes]]
    clock: int


async def read(
    repository: EvaluationRepository, factory_id: UUID, kept: Mapping[SeriesKey, WatchedSeries]
) -> Stored:
    """Read a factory's rules, and the readings of those series that are not in `kept`."""
    version = await repository.version(factory_id)
    if version is None:
        return Stored(None, [], [], [], 0)
    rules = await repository.rules(factory_id)
    unknown = {_key(rule) for rule in rules} - set(kept)
    readings = list(await repository.readings(factory_id, unknown)) if unknown else []
    held = [one for one in await repository.held(factory_id) if one[0] in unknown] if unknown else []
    return Stored(version, rules, readings, held, await repository.clock(factory_id))


def restore(
    factory_id: UUID, stored: Stored, kept: Mapping[SeriesKey, WatchedSeries], position: int
) -> Generator[None, None, FactoryWatch]:
    """Make the watch of a factory after the event `position`; yields where others may have their turn."""
    known = {watched.condition.rule_id: watched for series in kept.values() for watched in series.rules}
    watch = FactoryWatch(stored.version, position, {}, clock=stored.clock)
    fresh: list[tuple[SeriesKey, Watched]] = []
    for rule in stored.rules:
        key = _key(rule)
        watched = known.get(rule.id)
        if watched is None or watched.condition.rule_version != rule.version:
            watched = Watched.of(factory_id, rule, first_seq=position + 1)
            fresh.append((key, watched))
        if key not in watch.series:
            before = kept.get(key)
            watch.series[key] = WatchedSeries(*key) if before is None else replace(before, rules=[])
        watch.series[key].rules.append(watched)
        yield
    for key, rows in groupby(stored.readings, key=lambda row: row[0]):
        watch.series[key].restore((seq, held_until, readings) for _, seq, held_until, readings in rows)
        yield
    for key, seq, readings in stored.held:
        watch.series[key].restore_held(seq, readings, stored.clock)
        yield
    for key, watched in fresh:
        watched.window.restore(watched.kind, watch.series[key].series)
        yield
    return watch


def _key(rule: StoredRule) -> SeriesKey:
    return rule.equipment, normalize_name(rule.metric)  # an older rule may have another form
