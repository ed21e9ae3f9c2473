"""Which overlays and components there are, and which of them go together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KUBERNETES: Final = Path("deploy/kubernetes")
# Parts that others bring along; nobody names them alone.
PARTS: Final = frozenset({"exporters"})
# What cannot be built together, and what kustomize says of it.
CONFLICTS: Final[Mapping[frozenset[str], str]] = {
    frozenset({"local", "cloudnative-pg"}): "one-postgresql-per-plant",
    frozenset({"prometheus", "prometheus-operator"}): "one-prometheus-per-plant",
    frozenset({"scale", "read-replica"}): "to-read-replica",
}


@dataclass(frozen=True)
class Combination:
    """An overlay (or the base) and the components on top of it."""

    overlay: str
    components: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As people say it."""
        return " + ".join((self.overlay, *self.components))

    @property
    def conflict(self) -> str | None:
        """What kustomize must say when it refuses; None when the parts go together."""
        parts = {self.overlay, *self.components}
        return next((words for pair, words in CONFLICTS.items() if pair <= parts), None)


def overlays(root: Path) -> list[str]:
    """The overlays' names."""
    return sorted(path.parent.name for path in (root / KUBERNETES / "overlays").glob("*/kustomization.yaml"))


def components(root: Path) -> list[str]:
    """The names of the components one can choose."""
    found = {path.parent.name for path in (root / KUBERNETES / "components").glob("*/kustomization.yaml")}
    return sorted(found - PARTS)


def folder_of(overlay: str, root: Path) -> Path:
    """Where an overlay, or the base, is."""
    return root / KUBERNETES / ("base" if overlay == "base" else f"overlays/{overlay}")


def combinations(root: Path) -> Iterator[Combination]:
    """Each overlay alone, with each component (conflicts included), and with all that go together."""
    chosen = components(root)
    yield Combination("base")
    for overlay in overlays(root):
        yield Combination(overlay)
        yield from (Combination(overlay, (component,)) for component in chosen)
        yield from everything(overlay, chosen)
    yield from (Combination("production", tuple(sorted(pair))) for pair in CONFLICTS if pair.issubset(chosen))


def everything(overlay: str, chosen: list[str]) -> Iterator[Combination]:
    """The largest sets of components that go with the overlay: one for each side of a conflict."""
    left_out = [sorted(pair - {overlay}) for pair in CONFLICTS if pair <= {overlay, *chosen}]
    sets = [frozenset[str]()]
    for sides in left_out:
        sets = [without | {side} for without in sets for side in sides]
    for without in dict.fromkeys(sets):
        yield Combination(overlay, tuple(name for name in chosen if name not in without))
