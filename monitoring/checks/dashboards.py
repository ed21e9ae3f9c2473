"""What must hold for every dashboard beyond being JSON that Grafana can read."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding, UnreadableError
from monitoring.checks.panels import is_logs, panel_problems
from monitoring.checks.rule_files import alerts
from monitoring.grafana.generated_boards import FOLDER, DrawnBoard, DrawnPanel, Json, boards
from monitoring.grafana.variables import names_in

COLUMNS: Final = 24
ON_TIME_CHANGE: Final = 2
RUNBOOKS: Final = Path("docs/runbooks")
RUNBOOK: Final = re.compile(r"\$\{runbooks\}/(\w+)\.md")
BOARD: Final = re.compile(r"/d/([a-z-]+)")
FILLED: Final = re.compile(r"[?&]var-(\w+)=")

Problems = Iterator[tuple[str, str]]


def check(root: Path) -> list[Finding]:
    """Everything that is wrong with the dashboards below `root`.

    Raises:
        UnreadableError: one is no JSON.
    """
    try:
        known = boards(root)
    except ValueError as error:
        raise UnreadableError(FOLDER, error) from error
    return [
        Finding(str(board.path.relative_to(root)), subject, message)
        for board in known
        for subject, message in _problems(board, known, root)
    ] + [*_unseen(known, root), *_unfilled(known, root)]


def _unfilled(known: Sequence[DrawnBoard], root: Path) -> Iterator[Finding]:
    """Alerts whose link fills a variable that the dashboard does not have."""
    variables = {board.path.stem: set(board.variables) for board in known}
    for alert in alerts(root):
        address = str(alert.annotations.get("dashboard_url", ""))
        for uid in BOARD.findall(address):
            for name in sorted(set(FILLED.findall(address)) - variables.get(uid, set())):
                yield Finding(alert.file, alert.name, f"fills ${name}, which {uid} does not have")


def _unseen(known: Sequence[DrawnBoard], root: Path) -> list[Finding]:
    """Alerts whose dashboard has no panel that leads to their runbook, so nothing shows what they look at."""
    explained = {
        (board.path.stem, page)
        for board in known
        for panel in board.panels
        for link in panel.document.get("links", [])
        for page in RUNBOOK.findall(link.get("url") or "")
    }
    return [
        Finding(alert.file, alert.name, f"is shown by no panel of {uid}")
        for alert in alerts(root)
        for uid in BOARD.findall(str(alert.annotations.get("dashboard_url", "")))
        if (uid, alert.name) not in explained
    ]


def _problems(board: DrawnBoard, known: Sequence[DrawnBoard], root: Path) -> Problems:
    for problem in BOARD_RULES:
        yield from (("dashboard", message) for message in problem(board))
    for name, variable in board.variables.items():
        yield from ((f"${name}", message) for message in _variable(board, name, variable))
    names = tuple(board.variables)
    for panel in board.panels:
        yield from ((panel.title, message) for message in panel_problems(panel, names))
    yield from _grid(board)
    yield from _targets_of_links(board, known, root)


def _settings(board: DrawnBoard) -> Iterator[str]:
    document = board.document
    if document.get("editable", True):
        yield "can be edited in Grafana, where nobody reviews it"
    if document.get("uid") != board.path.stem:
        yield f"its uid is {document.get('uid')}, its file {board.path.stem}"
    if not document.get("refresh"):
        yield "does not refresh itself"
    if document.get("timezone") != "browser":
        yield "shows times in another time zone than its reader's"
    if "v-factory" not in document.get("tags", []):
        yield "lacks the tag v-factory, so that no other dashboard links to it"
    if not document.get("links"):
        yield "has no links to the other dashboards"


def _required(board: DrawnBoard) -> Iterator[str]:
    for name in ("datasource", "service"):
        if name not in board.variables:
            yield f"has no variable {name}"
    if "instance" not in board.variables and any(
        not is_logs(panel) and ":" not in target.expression
        for panel in board.panels
        for target in panel.targets
    ):
        yield "has no variable instance, though it shows figures of single processes"


def _marks(board: DrawnBoard) -> Iterator[str]:
    if len(board.annotations) < len(("deployments", "incidents")):
        yield "marks no deployments and incidents"
    for annotation in board.annotations:
        if not str(annotation.get("datasource", {}).get("uid", "")).startswith("$"):
            yield f"the annotation {annotation.get('name')} asks a fixed datasource"


BOARD_RULES: Final[Sequence[Callable[[DrawnBoard], Iterator[str]]]] = (_settings, _required, _marks)


def _variable(board: DrawnBoard, name: str, variable: Json) -> Iterator[str]:
    if variable["type"] == "query":
        if variable.get("refresh") != ON_TIME_CHANGE:
            yield "is not loaded anew when the time changes"
        if not variable.get("multi") or not variable.get("includeAll"):
            yield "cannot choose several or all"
        if not str(variable.get("datasource", {}).get("uid", "")).startswith("$"):
            yield "asks a fixed datasource"
    texts = _panel_texts(board) + (_source_texts(board) if variable["type"] == "datasource" else [])
    if not any(name in names_in(text) for text in texts):
        yield "is used by no panel"


def _panel_texts(board: DrawnBoard) -> list[str]:
    """Where panels name variables."""
    return [
        text
        for panel in board.panels
        for text in (
            str(panel.document.get("datasource", {}).get("uid", "")),
            *(target.expression for target in panel.targets),
            *(link.get("url") or "" for link in panel.document.get("links", [])),
        )
    ]


def _source_texts(board: DrawnBoard) -> list[str]:
    """The datasources that variables and annotations ask."""
    owners = [*board.variables.values(), *board.annotations]
    return [str((owner.get("datasource") or {}).get("uid", "")) for owner in owners]


def _grid(board: DrawnBoard) -> Problems:
    every = [*board.panels, *board.rows]
    for panel in every:
        x, _, width, height = panel.place
        if x < 0 or width < 1 or height < 1 or x + width > COLUMNS:
            yield panel.title, f"does not fit into {COLUMNS} columns"
    for first, second in combinations(every, 2):
        if _overlap(first, second):
            yield first.title, f"lies over {second.title}"
    numbers = Counter(panel.document.get("id") for panel in every)
    for panel in every:
        if numbers[panel.document.get("id")] > 1:
            yield panel.title, "shares its id with another panel"


def _overlap(first: DrawnPanel, second: DrawnPanel) -> bool:
    (x, y, width, height), (u, v, breadth, depth) = first.place, second.place
    return x < u + breadth and u < x + width and y < v + depth and v < y + height


def _targets_of_links(board: DrawnBoard, known: Sequence[DrawnBoard], root: Path) -> Problems:
    uids = {one.path.stem for one in known}
    for panel in board.panels:
        for link in panel.document.get("links", []):
            address = link.get("url") or ""
            page, other = RUNBOOK.search(address), BOARD.search(address)
            if page is not None and not (root / RUNBOOKS / f"{page[1]}.md").exists():
                yield panel.title, f"links to the runbook {page[1]}, which is not there"
            if other is not None and other[1] not in uids:
                yield panel.title, f"links to the dashboard {other[1]}, which is not there"
