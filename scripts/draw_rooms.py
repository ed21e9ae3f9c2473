"""Draws the packages and the kit's rooms from the code's imports: an arrow leads to what a room stands on.

An arrow that follows from two others is left out. Rooms in one row do not import each other.
"""

import argparse
import sys
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "docs/pictures/rooms.svg"

Graph: TypeAlias = dict[str, set[str]]
Place: TypeAlias = tuple[float, float, float]

WIDTH, BOX_HEIGHT, ROW_HEIGHT, MARGIN, LETTER = 900, 34, 78, 24, 8.2
STYLE: Final = (
    "text{font:14px ui-monospace,monospace;fill:#1c2733;text-anchor:middle}"
    ".title{font-weight:700;text-anchor:start}rect{fill:#eef4fb;stroke:#4a6785}"
    ".whole{fill:#fff;stroke:none}path{fill:none;stroke:#7d92a8}"
)


def main() -> None:
    """Write the picture, or compare it with the code's imports and exit with 1 where they differ."""
    parser = argparse.ArgumentParser(prog="scripts/draw_rooms.py", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where the picture is out of date"
    )
    arguments = parser.parse_args()
    picture = draw()
    if not arguments.check:
        PICTURE.write_text(picture, encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"{PICTURE} is out of date: run `make rooms`")


def draw() -> str:
    """Return the picture as SVG: packages above, the kit's rooms below."""
    packages = sorted(path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").exists())
    sys.path.insert(0, str(ROOT / "src"))
    modules = grimp.build_graph(*packages, cache_dir=None)
    parts = [
        (
            "Packages: services stand on contracts, contracts on the kit (utils)",
            reduce(rooms(modules, "", packages)),
        ),
        ("The kit, room by room", reduce(rooms(modules, "utils", packages))),
    ]
    y, shapes = MARGIN, list[str]()
    for title, graph in parts:
        shapes.append(f'<text class="title" x="{MARGIN}" y="{y + 14}">{escape(title)}</text>')
        drawn, y = draw_graph(graph, y + 34)
        shapes.extend(drawn)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}">'
    background = f'<rect class="whole" width="{WIDTH}" height="{y}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", background, *shapes, "</svg>", ""])


def rooms(modules: grimp.ImportGraph, parent: str, packages: list[str]) -> Graph:
    """Return what each child of `parent` imports of its siblings; an empty parent stands for all packages."""
    children = modules.find_children(parent) if parent else set(packages)
    graph: Graph = {child: set() for child in children}
    for child in children:
        for module in {child} | modules.find_descendants(child):
            for imported in modules.find_modules_directly_imported_by(module):
                room = next(
                    (one for one in children if imported == one or imported.startswith(one + ".")), child
                )
                graph[child] |= {room} - {child}
    return {name(child): {name(room) for room in uses} for child, uses in graph.items()}


def name(module: str) -> str:
    """Return the last part of a module's dotted name."""
    return module.rpartition(".")[2]


def reduce(graph: Graph) -> Graph:
    """Return the graph without the arrows that a longer way already shows."""
    return {room: uses - set().union(*(reached(graph, one) for one in uses)) for room, uses in graph.items()}


def reached(graph: Graph, room: str) -> set[str]:
    """Return every room below one, itself left out."""
    below = graph[room]
    return below | set().union(*(reached(graph, one) for one in below))


def draw_graph(graph: Graph, top: int) -> tuple[list[str], int]:
    """Return the shapes of one graph in rows, and where the next one may begin."""
    rows = rank(graph)
    ways = {
        (room, one): [
            room,
            *(f"{room} {one} {level}" for level in range(start + 1, level_of(rows, one))),
            one,
        ]
        for start, row in enumerate(rows)
        for room in row
        for one in sorted(graph[room])
    }
    for way in ways.values():  # a long arrow keeps a place free in each row it passes
        for level, passing in enumerate(way[1:-1], start=level_of(rows, way[0]) + 1):
            rows[level].append(passing)
    steps = [step for way in ways.values() for step in pairwise(way)]
    for _ in range(8):
        sort_by_neighbours(rows, {(below, above) for above, below in steps})
        sort_by_neighbours(rows[::-1], set(steps))
    place = set_places(rows, set(graph), top)
    lines = [arrow(place[above], place[below]) for above, below in steps]
    stems = [stem(place[passing]) for way in ways.values() for passing in way[1:-1]]
    boxes = [box(room, *place[room]) for row in rows for room in row if room in graph]
    return [*lines, *stems, *boxes], top + len(rows) * ROW_HEIGHT


def rank(graph: Graph) -> list[list[str]]:
    """Return rows of rooms, each room below everything that stands on it and as near to that as can be."""
    level = dict.fromkeys(sorted(graph), 0)
    for _ in graph:
        for room, uses in graph.items():
            for one in uses:
                level[one] = max(level[one], level[room] + 1)
    for room in sorted(graph, key=lambda room: -level[room]):
        level[room] = max(level[room], min((level[one] for one in graph[room]), default=level[room] + 1) - 1)
    return [[room for room in level if level[room] == number] for number in range(max(level.values()) + 1)]


def level_of(rows: list[list[str]], room: str) -> int:
    """Return the number of a room's row."""
    return next(number for number, row in enumerate(rows) if room in row)


def sort_by_neighbours(rows: list[list[str]], steps: set[tuple[str, str]]) -> None:
    """Order each row but the first by where its neighbours in the row before it stand."""
    for before, row in pairwise(rows):
        at = {room: number / len(before) for number, room in enumerate(before)}
        middle = {room: [at[one] for one in before if (room, one) in steps] for room in row}
        row.sort(key=lambda room: sum(middle[room]) / len(middle[room]) if middle[room] else 0.5)


def set_places(rows: list[list[str]], graph: set[str], top: int) -> dict[str, Place]:
    """Return left edge, head and width of every room, and of every place an arrow keeps free."""
    place: dict[str, Place] = {}
    for number, row in enumerate(rows):
        widths = [len(room) * LETTER + 24 if room in graph else 0 for room in row]
        gap = (WIDTH - 2 * MARGIN - sum(widths)) / (len(row) + 1)
        x = MARGIN + gap
        for room, width in zip(row, widths, strict=True):
            place[room] = (x, top + number * ROW_HEIGHT, width)
            x += width + gap
    return place


def box(room: str, x: float, y: float, width: float) -> str:
    """Return one room."""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX_HEIGHT}" rx="5"/>'
        f'<text x="{x + width / 2:.0f}" y="{y + 22:.0f}">{escape(room)}</text>'
    )


def arrow(above: Place, below: Place) -> str:
    """Return a curve from the foot of one room to the head of another."""
    x1, y1 = above[0] + above[2] / 2, above[1] + BOX_HEIGHT
    x2, y2 = below[0] + below[2] / 2, below[1]
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"/>'


def stem(place: Place) -> str:
    """Return the part of a long arrow that passes a row."""
    x, y, _ = place
    return f'<path d="M{x:.0f} {y:.0f}v{BOX_HEIGHT}"/>'


if __name__ == "__main__":
    main()
