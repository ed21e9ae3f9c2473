"""The column that names the factory of each row, in lists over several factories."""

from collections.abc import Mapping, Sequence

from contracts.platform import PLATFORM_FACTORY_ID
from plant_client import Json
from vfactory.client.output import print_columns

FACTORY = "FACTORY"


def print_with_factories(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    things: Sequence[Json],
    known: Mapping[str, Json],
    *,
    words: Sequence[str],
) -> None:
    """Print a row for each thing, and before the first column `words` its factory, if there are several.

    Args:
        headers: of the columns.
        rows: one for each thing.
        things: with their `factory_id`.
        known: all factories by their ids; the platform's own one does not count.
        words: the columns that may be folded.
    """
    factories = {str(thing["factory_id"]) for thing in things} | known.keys() - {str(PLATFORM_FACTORY_ID)}
    if len(factories) <= 1:
        print_columns(headers, rows, words=words)
        return
    place = headers.index(words[0])
    told = [
        known[thing["factory_id"]]["name"] if thing["factory_id"] in known else thing["factory_id"]
        for thing in things
    ]
    print_columns(
        [*headers[:place], FACTORY, *headers[place:]],
        [[*row[:place], name, *row[place:]] for row, name in zip(rows, told, strict=True)],
        words=(*words, FACTORY),
    )
