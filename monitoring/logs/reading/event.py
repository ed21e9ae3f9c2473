"""What comes out of a pipeline, the same for all of them."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


class NotReadError(Exception):
    """A configuration uses what its small reading does not know, or is wrong."""


@dataclass(frozen=True)
class Pod:
    """The pod and container whose lines are read."""

    namespace: str = "v-factory"
    name: str = "factory-core-7d9f8c5b6-x2x4z"
    uid: str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    container: str = "factory-core"
    app: str = "factory-core"

    @property
    def path(self) -> str:
        """Its log file on the node."""
        return f"/var/log/pods/{self.namespace}_{self.name}_{self.uid}/{self.container}/0.log"


@dataclass
class Event:
    """A line as its store has it.

    `fields` are those of the line under the names of the specification, None for a line that is no JSON
    object of a service; `text` is what a reader is shown.
    """

    nanoseconds: int
    text: str
    fields: dict[str, Any] | None
    severity: object = None
    labels: dict[str, str] = field(default_factory=dict)
    searchable: dict[str, Any] = field(default_factory=dict)


def nanoseconds(text: str) -> int:
    """The time of an RFC 3339 text in UTC, in nanoseconds since 1970.

    Raises:
        ValueError: it is none.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time in UTC")
    seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))


def milliseconds(at: int) -> int:
    """The same time, as far as milliseconds tell it."""
    return at // 1_000_000 * 1_000_000


def find(tree: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    for part in path.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return None
        tree = tree[part]
    return tree


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path."""
    *parents, last = path.split(".")
    for part in parents:
        tree = tree.setdefault(part, {})
    tree[last] = value


def take(tree: Any, path: str) -> Any:
    """Remove the value at a dotted path and return it; None where there is none."""
    *parents, last = path.split(".")
    for part in parents:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree.pop(last, None) if isinstance(tree, dict) else None
