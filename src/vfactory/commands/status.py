"""`vfactory status`: shows the stack's processes, their addresses and their health."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from vfactory.commands.options import HomeOption, JsonOption
from vfactory.commands.terminal import columns, complain, tell
from vfactory.stack.configuration import MEBIBYTE
from vfactory.stack.health_checks import (
    accepts_connections,
    ask_health,
    ask_troubles,
    is_monitoring_ready,
    server_answers,
)
from vfactory.stack.preconditions import LEAST_FREE_BYTES
from vfactory.stack.state import Part, find_supervisor, read_record, state_directory

EXIT_CODES: Final = {"healthy": 0, "stopped": 3, "unhealthy": 4, "starting": 4, "stopping": 4}


@dataclass(frozen=True)
class Condition:
    """The condition of one part; `health` is the body of its /health, None if it has none."""

    part: Part
    is_healthy: bool
    detail: str
    health: dict[str, Any] | None = None


def status(*, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the stack's processes, their addresses and their health.

    Exit codes: 0 all parts are healthy, 3 the stack does not run, 4 a part is not healthy (yet).
    """
    folder = state_directory(home)
    supervisor = find_supervisor(folder)
    known = read_record(folder) if supervisor is not None else None
    conditions = examine(known.parts) if known else []
    state = judge(known.state if known else "starting" if supervisor is not None else "stopped", conditions)
    missing = known.missing if known else {}
    if as_json:
        document = _document(state, str(folder), supervisor, conditions)
        tell(msgspec.json.encode({**document, "missing": missing}).decode())
    else:
        tell(_text(state, str(folder), conditions, missing))
        tell_room(folder)
    raise typer.Exit(EXIT_CODES[state])


def tell_room(home: Path) -> None:
    """Warn if the disk is nearly full: health does not show it, as PostgreSQL fails only when it writes."""
    free = shutil.disk_usage(home).free if home.exists() else LEAST_FREE_BYTES
    if free < LEAST_FREE_BYTES:
        complain(f"the disk of {home} is nearly full: {free // MEBIBYTE} MiB are free.")


def examine(parts: list[Part]) -> list[Condition]:
    """Return the conditions of all `parts`, checked at the same time."""
    if not parts:
        return []
    with ThreadPoolExecutor(len(parts)) as threads:
        return list(threads.map(_examine, parts))


def judge(state: str, conditions: list[Condition]) -> str:
    """Return the state of the whole stack: `healthy` or `unhealthy` while it runs, else `state`."""
    if state != "running":
        return state
    return "healthy" if all(condition.is_healthy for condition in conditions) else "unhealthy"


def _examine(part: Part) -> Condition:
    if part.state == "waiting":
        return Condition(part, is_healthy=False, detail=f"{part.last_end}, is being started again")
    if part.kind == "service":
        answer = ask_health(part.where)
        troubles = ask_troubles(part.where) if answer.is_healthy else []
        detail = "; ".join(troubles) or answer.describe()
        return Condition(part, answer.is_healthy and not troubles, detail, answer.body or None)
    if part.kind == "server":
        there = server_answers(part.name, part.where)
        return Condition(part, there, "answers" if there else "does not answer")
    if part.kind == "monitoring":
        there = is_monitoring_ready(part.name, part.where)
        return Condition(part, there, "ready" if there else "not ready")
    there = accepts_connections(part.where)
    return Condition(part, there, "accepts connections" if there else "does not accept connections")


def _document(state: str, home: str, supervisor: int | None, conditions: list[Condition]) -> dict[str, Any]:
    parts = [
        {**msgspec.to_builtins(condition.part), **asdict(condition), "part": None} for condition in conditions
    ]
    for part in parts:
        del part["part"]
    return {"state": state, "home": home, "supervisor": supervisor, "parts": parts}


def _text(state: str, home: str, conditions: list[Condition], missing: Mapping[str, str]) -> str:
    if not conditions:
        return f"V-Factory in {home} is {state}."
    rows = [
        (
            condition.part.name,
            condition.part.where,
            str(condition.part.pid or "-"),
            str(condition.part.restarts),
            condition.detail,
        )
        for condition in conditions
    ]
    table = columns(("what", "where", "process", "restarts", "condition"), rows)
    return f"{table}\n\n{_lacking(missing)}V-Factory in {home} is {state}."


def _lacking(missing: Mapping[str, str]) -> str:
    """Return one line for each reason, with the names of the programs that do not run for it."""
    names: dict[str, list[str]] = {}
    for name, reason in missing.items():
        names.setdefault(reason, []).append(name)
    lines = [f"No {', '.join(those)}: {reason}\n" for reason, those in names.items()]
    if "alertmanager" in missing:
        lines.append("Incidents of the platform are not compared with Alertmanager's list.\n")
    return "".join(lines)
