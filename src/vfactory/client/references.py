"""Finds the resource for an id, a prefix of one, a name or a tag; an error lists the candidates."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import quote
from uuid import UUID

from contracts.platform import PLATFORM_FACTORY_ID
from plant_client import Json, PlantClient, PlantError, RefusedError
from utils.ids import fold_name
from vfactory.client.answers import Equipment, Incident, Named, Rule, checked, each_checked
from vfactory.client.errors import CommandError, UsageError

FACTORY_VARIABLE: Final = "VFACTORY_FACTORY"
FACTORIES: Final = "/v1/factories"
_NOT_FOUND = 404
_MOST_NAMED = 8
_ID_PREFIX = re.compile(r"[0-9A-Fa-f]{4}[0-9A-Fa-f-]{0,32}")


class NoSuchThingError(CommandError):
    """The named resource does not exist; the text says how to add it."""


class AmbiguousError(UsageError):
    """More than one resource is meant; the text lists them."""


def find_factory(client: PlantClient, reference: str | None) -> Json:
    """Return the factory with this name, id or prefix of an id; without a reference, the only one.

    The platform's own factory does not count as one; it must be named.

    Raises:
        NoSuchThingError: There is no such factory.
        AmbiguousError: There is more than one.
    """
    if reference and is_id(reference):
        return _get_factory(client, reference)
    factories = list(each_checked(Named, client.items("factory-core", FACTORIES)))
    if not reference:
        return _only([factory for factory in factories if factory["id"] != str(PLATFORM_FACTORY_ID)])
    named = _named(factories, reference)
    if len(named) > 1:
        raise AmbiguousError(
            f"more than one factory is called {reference!r}{_source(reference)}; use the id of the one you "
            f"mean: {_candidates(named)}"
        )
    found = named or [factory for factory in factories if begins_with(factory["id"], reference)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous_prefix("factories", reference, found, _source(reference))
    known = _there_is([str(factory["name"]) for factory in factories])
    add = f"vfactory factories add {_quoted(reference)}"
    raise NoSuchThingError(
        f"there is no factory called {reference!r}{_source(reference)}{known}; add it: {add}"
    )


def _named(things: list[Json], name: str) -> list[Json]:
    """Return the things with this name; if there are none, those whose name differs in case or form only."""
    exact = [thing for thing in things if thing["name"] == name]
    return exact or [thing for thing in things if fold_name(str(thing["name"])) == fold_name(name)]


def known_factories(client: PlantClient) -> dict[str, Json]:
    """Return the factories by their ids; none if the plant cannot tell them now."""
    try:
        return {
            factory["id"]: factory for factory in each_checked(Named, client.items("factory-core", FACTORIES))
        }
    except PlantError:
        return {}


def find_equipment(client: PlantClient, factory: Json, tag: str) -> Json:
    """Return the equipment with this tag.

    Raises:
        CommandError: The factory has no such equipment; the text lists its equipment and says how to add one.
    """
    known: list[str] = []
    items = client.items("factory-core", f"/v1/factories/{in_path(factory['id'])}/equipment")
    for equipment in each_checked(Equipment, items):
        if equipment["tag"] == tag:
            return equipment
        known.append(str(equipment["tag"]))
    add = f"vfactory equipment add {_quoted(tag)} --factory {_quoted(str(factory['name']))}"
    raise NoSuchThingError(
        f"factory {factory['name']!r} has no equipment with the tag {tag!r}{_there_is(known)}; add it: {add}"
    )


def find_rule(client: PlantClient, factory_reference: str | None, reference: str) -> Json:
    """Return the rule with this id, prefix or name; of all factories if none is given.

    Raises:
        NoSuchThingError: There is no such rule.
        AmbiguousError: There is more than one.
    """
    if is_id(reference):
        return checked(Rule, client.get("incident-event", f"/v1/rules/{in_path(reference)}"))
    scope = find_factory(client, factory_reference)["id"] if factory_reference else None
    rules = list(each_checked(Rule, client.items("incident-event", "/v1/rules", factory=scope)))
    named = _named(rules, reference)
    if len(named) > 1:
        raise AmbiguousError(
            f"more than one rule is called {reference!r}; use the id of the one you mean: "
            f"{_candidates(named, known_factories(client))}"
        )
    found = named or [rule for rule in rules if begins_with(rule["id"], reference)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous_prefix("rules", reference, found)
    known = _there_is([str(rule["name"]) for rule in rules])
    raise NoSuchThingError(f"there is no rule called {reference!r}{known}; add it: vfactory rules add --help")


def find_incident_id(client: PlantClient, reference: str) -> str:
    """Return the id of the incident whose id begins with `reference`.

    Raises:
        UsageError: The reference is not a prefix of an id.
        NoSuchThingError: There is no such incident.
        AmbiguousError: There is more than one.
    """
    if is_id(reference):
        return reference
    if not is_prefix(reference):
        raise UsageError(
            f"{reference!r} is not an incident's id, nor at least 4 characters of one; "
            "see: vfactory incidents list"
        )
    page = client.get("incident-event", "/v1/incidents", id_prefix=reference, limit=_MOST_NAMED + 1)
    items = page.get("items")
    found = list(each_checked(Incident, items if isinstance(items, list) else []))
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        raise _ambiguous_prefix("incidents", reference, found)
    raise NoSuchThingError(f"there is no incident whose id begins with {reference}")


def is_id(text: str) -> bool:
    """Return whether the text is a whole UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def is_prefix(text: str) -> bool:
    """Return whether the text may be the beginning of a UUID: at least 4 hexadecimal digits."""
    return _ID_PREFIX.fullmatch(text) is not None


def begins_with(known_id: str, prefix: str) -> bool:
    """Return whether an id begins with a prefix, with or without its hyphens."""
    return is_prefix(prefix) and _digits(known_id).startswith(_digits(prefix))


def shortest_prefixes(ids: Iterable[str], least: int = 8) -> dict[str, str]:
    """Return each id's shortest prefix of at least `least` characters that no other one begins with."""
    known = sorted(set(ids))
    shared = [_shared(one, other) for one, other in pairwise(known)]
    return {
        one: one[: max(least, 1 + max(before, after))].rstrip("-")
        for one, before, after in zip(known, [0, *shared], [*shared, 0], strict=True)
    }


def in_path(part: object) -> str:
    """Return a part of a URL's path with everything quoted that would lead elsewhere."""
    return quote(str(part), safe="")


def _shared(one: str, other: str) -> int:
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)


def _digits(text: str) -> str:
    return text.replace("-", "").lower()


def _get_factory(client: PlantClient, factory_id: str) -> Json:
    try:
        return checked(Named, client.get("factory-core", f"/v1/factories/{in_path(factory_id)}"))
    except RefusedError as error:
        if error.status == _NOT_FOUND:
            missing = f"there is no factory with the id {factory_id}{_source(factory_id)}"
            raise NoSuchThingError(f"{missing}; see: vfactory factories list") from error
        raise


def _only(factories: list[Json]) -> Json:
    if len(factories) == 1:
        return factories[0]
    if not factories:
        raise CommandError("there is no factory yet; add one: vfactory factories add NAME")
    raise AmbiguousError(
        f"which factory? say it with --factory{_there_is([str(f['name']) for f in factories])}"
        f", or set {FACTORY_VARIABLE}"
    )


def _ambiguous_prefix(kind: str, prefix: str, found: Sequence[Json], source: str = "") -> AmbiguousError:
    return AmbiguousError(
        f"the ids of several {kind} begin with {prefix}{source}; type more of it: {_candidates(found)}"
    )


def _candidates(found: Sequence[Json], factories: Mapping[str, Json] | None = None) -> str:
    told = [_candidate(thing, factories or {}) for thing in found[:_MOST_NAMED]]
    return ", ".join([*told, "…"] if len(found) > _MOST_NAMED else told)


def _candidate(thing: Json, factories: Mapping[str, Json]) -> str:
    factory = factories.get(str(thing.get("factory_id")))
    where = "" if factory is None else f" of {factory['name']}"
    return f"{thing['id']} ({thing.get('title') or thing.get('name')}{where})"


def _source(reference: str) -> str:
    """Return where a reference comes from, if it is the environment."""
    return f" (from {FACTORY_VARIABLE})" if os.environ.get(FACTORY_VARIABLE) == reference else ""


def _there_is(known: list[str]) -> str:
    if not known:
        return ""
    more = ", …" if len(known) > _MOST_NAMED else ""
    return f" (there is: {', '.join(known[:_MOST_NAMED])}{more})"


def _quoted(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() else f'"{text}"'
