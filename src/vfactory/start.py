"""Starts the command line, so that Ctrl-C while it is still being loaded ends it without a traceback.

It imports nothing but the standard library's smallest parts before it has taken care of that.
"""

import signal
import sys


def main() -> None:
    """Load the command line and run it; until it is loaded, SIGINT ends the process like a program in C."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from vfactory import cli  # noqa: PLC0415 - takes a third of a second

    run = cli.load()
    signal.signal(signal.SIGINT, usual)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(130)
