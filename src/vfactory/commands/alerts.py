"""`vfactory alerts`: lists the firing alerts."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from vfactory.commands.options import HomeOption, JsonOption
from vfactory.commands.terminal import columns, tell
from vfactory.stack.errors import NotRunningError
from vfactory.stack.monitoring import WATCHDOG, Alert, find_alerts
from vfactory.stack.programs import HOW_TO_GET_THEM
from vfactory.stack.state import find_supervisor, read_record, state_directory

CRITICAL_FIRES: Final = 5
SOMETHING_FIRES: Final = 4


def alerts(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Include pending, inhibited and silenced alerts, and the watchdog.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the firing alerts, the worst first.

    Exit codes: 0 no alert fires, 3 the stack or its monitoring does not run, 4 a warning fires, 5 a critical
    alert fires.
    """
    prometheus, alertmanager = _addresses(state_directory(home))
    known = find_alerts(prometheus, alertmanager)
    firing = [alert for alert in known if alert.state == "firing" and alert.name != WATCHDOG]
    shown = known if everything else firing
    if as_json:
        tell(msgspec.json.encode([asdict(alert) for alert in shown]).decode())
    else:
        tell(_text(shown))
    if any(alert.severity == "critical" for alert in firing):
        raise typer.Exit(CRITICAL_FIRES)
    raise typer.Exit(SOMETHING_FIRES if firing else 0)


def _addresses(home: Path) -> tuple[str, str]:
    """Return the addresses of Prometheus and Alertmanager of the stack in `home`.

    Raises:
        NotRunningError: the stack or one of the two does not run.
    """
    known = read_record(home)
    if known is None or find_supervisor(home) is None:
        raise NotRunningError(f"V-Factory does not run in {home}. Start it with `vfactory up`.")
    where = {part.name: part.where for part in known.parts}
    missing = [name for name in ("prometheus", "alertmanager") if name not in where]
    if missing:
        raise NotRunningError(f"{' and '.join(missing)} does not run here. {HOW_TO_GET_THEM}")
    return where["prometheus"], where["alertmanager"]


def _text(shown: Sequence[Alert]) -> str:
    if not shown:
        return "Nothing fires."
    rows = [
        (
            alert.severity,
            alert.name,
            alert.service or "-",
            f"{alert.since:%Y-%m-%d %H:%M:%S}Z",
            alert.state,
            alert.summary,
        )
        for alert in shown
    ]
    table = columns(("severity", "alert", "service", "since", "state", "summary"), rows)
    runbooks = dict.fromkeys(alert.runbook for alert in shown if alert.runbook)
    return f"{table}\n\nRunbooks:\n" + "\n".join(f"  {address}" for address in runbooks)
