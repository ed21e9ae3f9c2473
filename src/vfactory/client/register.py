"""Registers the client commands in `vfactory`."""

import typer

from vfactory.client.commands import (
    equipment,
    events,
    factories,
    incidents,
    readings,
    replay,
    rules,
    set_aside,
)


def register(app: typer.Typer) -> None:
    """Add every client command to the command line."""
    app.add_typer(factories.app, name="factories")
    app.add_typer(equipment.app, name="equipment")
    app.add_typer(rules.app, name="rules")
    app.add_typer(incidents.app, name="incidents")
    app.add_typer(readings.app, name="readings")
    app.add_typer(set_aside.app, name="set-aside")
    app.command("events")(events.events)
    app.command("replay")(replay.replay)
