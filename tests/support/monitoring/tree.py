"""A copy of the monitoring in which a test may break something, and what may be broken."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT

FOLDERS = (
    "monitoring/prometheus",
    "monitoring/alertmanager",
    "monitoring/grafana",
    "monitoring/logs",
    "docs/runbooks",
)
FILES = ("monitoring/slo.yml", "docs/scaling.md")

Change = Callable[[str], str]


class Tree:
    """The copy; what is changed in a `with` is as before afterwards."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, folder / name)

    @contextmanager
    def changed(self, file: str, change: Change) -> Iterator[None]:
        """Another text in a file; one that was not there is new, and none at the end is no file."""
        path = self.root / file
        before = path.read_text("utf-8") if path.exists() else ""
        after = change(before)
        assert after != before, f"nothing has changed in {file}"
        _write(path, after)
        try:
            yield
        finally:
            _write(path, before)


@dataclass(frozen=True)
class Mutation:
    """A change of a file, and what has to be said about which alert, panel, ... of it then.

    `by` is the changed file where something is said about another.
    """

    file: str
    change: Change
    subject: str
    said: str
    by: str = ""

    @property
    def changed(self) -> str:
        """The file that is changed."""
        return self.by or self.file

    def __str__(self) -> str:
        return f"{self.subject}: {self.said}"


def swap(old: str, new: str) -> Change:
    """Put `new` in the place of the first `old`."""

    def change(text: str) -> str:
        assert old in text, f"there is no {old}"
        return text.replace(old, new, 1)

    return change


def write(text: str) -> Change:
    """Put this text in the place of all; none takes the file away."""
    return lambda _: text


def without_lines(part: str) -> Change:
    """Leave out the lines that hold `part`."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if part not in line)


def in_board(change: Callable[[Any], object]) -> Change:
    """Change a dashboard's document."""

    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document, ensure_ascii=False)

    return edit


def in_panel(title: str, change: Callable[[Any], object]) -> Change:
    """Change the panel with this title."""

    def edit(document: Any) -> None:
        [panel] = [one for one in document["panels"] if one["title"] == title]
        change(panel)

    return in_board(edit)


def put(value: object, *path: str | int) -> Callable[[Any], None]:
    """Put a value below these keys."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Any], None]:
    """Take away what is below these keys."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


def _write(path: Path, text: str) -> None:
    if text:
        path.write_text(text, "utf-8")
    else:
        path.unlink(missing_ok=True)
