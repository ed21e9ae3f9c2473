"""Finds the resource for an id, name or tag on the command line, or lists the known ones in the error."""

from uuid import UUID

from contracts.platform import PLATFORM_FACTORY_ID
from plant_client import Json, PlantClient, RefusedError
from vfactory.client.errors import CommandError

_NOT_FOUND = 404
_MOST_NAMED = 8


class NoSuchThingError(CommandError):
    """The named resource does not exist; the text says how to add it."""


def find_factory(client: PlantClient, reference: str | None) -> Json:
    """Return the factory with this id or unique name; without a reference, the only factory.

    The platform's own factory does not count as one; it must be named.

    Raises:
        CommandError: There is no such factory, or more than one.
    """
    if reference is not None and _is_id(reference):
        return _get(client, f"/v1/factories/{reference}", f"there is no factory with the id {reference}")
    factories = list(client.items("factory-core", "/v1/factories"))
    if reference is None:
        return _only([factory for factory in factories if factory["id"] != str(PLATFORM_FACTORY_ID)])
    return _by_name(factories, reference, "factory", f"vfactory factories add {_quoted(reference)}")


def find_equipment(client: PlantClient, factory: Json, tag: str) -> Json:
    """Return the equipment with this tag.

    Raises:
        CommandError: The factory has no such equipment; the text lists its equipment and says how to add one.
    """
    known: list[str] = []
    for equipment in client.items("factory-core", f"/v1/factories/{factory['id']}/equipment"):
        if equipment["tag"] == tag:
            return equipment
        known.append(str(equipment["tag"]))
    add = f"vfactory equipment add {_quoted(tag)} --factory {_quoted(str(factory['name']))}"
    raise NoSuchThingError(
        f"factory {factory['name']!r} has no equipment with the tag {tag!r}{_there_is(known)}; add it: {add}"
    )


def find_rule(client: PlantClient, factory_reference: str | None, reference: str) -> Json:
    """Return the rule with this id, or with this unique name in the factory.

    Raises:
        CommandError: There is no such rule, or more than one.
    """
    if _is_id(reference):
        return client.get("incident-event", f"/v1/rules/{reference}")
    factory = find_factory(client, factory_reference)
    rules = list(client.items("incident-event", "/v1/rules", factory=factory["id"]))
    found = _by_name(rules, reference, "rule", "vfactory rules add --help")
    return client.get("incident-event", f"/v1/rules/{found['id']}")


def _get(client: PlantClient, path: str, missing: str) -> Json:
    try:
        return client.get("factory-core", path)
    except RefusedError as error:
        if error.status == _NOT_FOUND:
            raise NoSuchThingError(f"{missing}; see: vfactory factories list") from error
        raise


def _only(factories: list[Json]) -> Json:
    if len(factories) == 1:
        return factories[0]
    if not factories:
        raise CommandError("there is no factory yet; add one: vfactory factories add NAME")
    raise CommandError(
        f"which factory? say it with --factory{_there_is([str(f['name']) for f in factories])}"
    )


def _by_name(things: list[Json], name: str, kind: str, add: str) -> Json:
    found = [thing for thing in things if thing["name"] == name]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(thing["id"]) for thing in found[:_MOST_NAMED])
        raise CommandError(f"more than one {kind} is called {name!r}; use the id of the one you mean: {ids}")
    known = _there_is([str(thing["name"]) for thing in things])
    raise NoSuchThingError(f"there is no {kind} called {name!r}{known}; add it: {add}")


def _there_is(known: list[str]) -> str:
    if not known:
        return ""
    more = ", …" if len(known) > _MOST_NAMED else ""
    return f" (there is: {', '.join(known[:_MOST_NAMED])}{more})"


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() else f'"{text}"'
