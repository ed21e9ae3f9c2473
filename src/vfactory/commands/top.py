"""`vfactory top`: a live view of the stack's health, load and alerts."""

import sys
from typing import Annotated

import msgspec
import typer

from vfactory.commands.options import HomeOption
from vfactory.commands.status import EXIT_CODES
from vfactory.commands.terminal import tell
from vfactory.stack.parts import SERVICES
from vfactory.stack.state import service_urls, state_directory


def complete_services(incomplete: str) -> list[str]:
    """Return the names of services that begin so, for the shell."""
    return [service.name for service in SERVICES if service.name.startswith(incomplete)]


def top(
    *,
    services: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            metavar="NAME",
            help="Only this service and its worker; repeatable.",
            autocompletion=complete_services,
        ),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds between two updates.")] = 2.0,
    once: Annotated[
        bool,
        typer.Option("--once", help="Print one table and end; the default without a terminal."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and end.")] = False,
    home: HomeOption = None,
) -> None:
    """Watch health, requests, latency, errors, CPU, memory, connections, readings, lag and alerts.

    The figures come from Prometheus if it runs, else from each process' /metrics, of which rates need two
    readings. A dash means unknown. Each colour has a sign: ✔ good, ▲ warning, ✖ bad. 100 % of CPU is one
    processor.

    Exit codes: 3 the stack does not run; with --once or --json as `vfactory status` (0 all parts are healthy,
    4 a part is not); otherwise 0 after q, 130 after Ctrl-C.
    """
    folder = state_directory(home)
    service_urls(folder)  # raises if nothing runs
    # Textual and the parser take longer to import than the rest of the command line.
    from vfactory.top import run  # noqa: PLC0415

    if not (once or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        raise typer.Exit(run.show(folder, services or [], interval))
    try:
        view = run.look_once(folder, services or [], interval)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    tell(msgspec.json.encode(view).decode() if as_json else run.text(view))
    raise typer.Exit(0 if view.is_healthy else EXIT_CODES.get(view.state, EXIT_CODES["unhealthy"]))
