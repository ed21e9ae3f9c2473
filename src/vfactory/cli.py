"""The command line of `vfactory`: builds it and runs it."""

import sys
from collections.abc import Callable

import typer

from vfactory.client.register import register as register_client
from vfactory.commands.alerts import alerts
from vfactory.commands.down import down
from vfactory.commands.logs import logs
from vfactory.commands.status import status
from vfactory.commands.terminal import complain
from vfactory.commands.token import token
from vfactory.commands.top import top
from vfactory.commands.up import EPILOG, up
from vfactory.commands.version import VersionOption
from vfactory.stack.errors import REFUSALS, exit_code, explain

HELP = "V-Factory, a virtual factory for safety monitoring: run it on this machine, send readings, watch it."


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        callback=take_options,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # it shortens the names of options to fit into its boxes
    )
    register_stack(app)
    register_client(app)
    return app


def take_options(*, version: VersionOption = False) -> None:
    """Accept the options before the command's name; each one acts in its own callback."""


def register_stack(app: typer.Typer) -> None:
    """Add the commands that run and observe the local stack."""
    app.command(epilog=EPILOG)(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)
    app.command()(alerts)
    app.command()(top)
    app.command()(token)


def load() -> Callable[[], None]:
    """Return the function that runs the command line, with everything built that it needs."""
    command = typer.main.get_command(build())

    def run() -> None:
        try:
            command()
        except REFUSALS as error:
            complain(explain(error))
            sys.exit(exit_code(error))

    return run


def main() -> None:
    """Run the command line; an error that the user can act on is printed as a sentence."""
    load()()
