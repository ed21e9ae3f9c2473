"""The command line of a service, `python -m <service> <command>`: every failure is a JSON log line."""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Final, NoReturn

from utils.lifecycle import EX_USAGE, FAILURE
from utils.logging import capture_prints, configure_logging, logger

_API: Final = "api"
# redis-py imports the whole SDK if it is installed, for metrics that we do not use: 35 ms and 2 MiB.
_TELEMETRY_SDK: Final = "opentelemetry.sdk"
# Being stopped is a normal end for these commands; for any other it leaves a job undone.
_SERVERS: Final = ("api", "worker")


def main(service_name: str, commands: Mapping[str, str]) -> NoReturn:
    """Run the command named by the first argument and exit with its code.

    Args:
        service_name: the value of `SERVICE_NAME`, and the `name` of every log line; set before the service
            is imported.
        commands: each command's `module:function`; the function takes no arguments and may return an exit
            code. Log lines name every command but `api` in `process`.
    """
    os.environ["SERVICE_NAME"] = service_name
    arguments = sys.argv[1:]
    command = arguments[0] if len(arguments) == 1 else ""
    process = None if command == _API or command not in commands else command
    configure_logging(service_name, os.environ.get("LOG_LEVEL"), process=process)
    capture_prints(logger)
    if command not in commands:
        logger.critical("Usage: python -m %s %s", service_name.replace("-", "_"), "|".join(commands))
        sys.exit(EX_USAGE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_server if command in _SERVERS else _stop_job)
    sys.exit(_run(commands[command]))


def _run(target: str) -> int:
    """Import and call `target`, `module:function`; return its exit code. A failure is one CRITICAL line."""
    try:
        module, _, function = target.partition(":")
        with _without(_TELEMETRY_SDK):
            imported = importlib.import_module(module)
        code = getattr(imported, function)()
    except SystemExit as end:
        return _exit_code(end.code)
    except Exception as error:  # noqa: BLE001 - the outermost frame: nothing may end in a bare traceback
        expected = getattr(error, "exit_code", None)
        if isinstance(expected, int):
            logger.critical("%s", error)
            return expected
        logger.critical("The process failed", exc_info=True)
        return FAILURE
    return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """Make the module `name` look absent to imports within the block, unless it is already loaded."""
    is_loaded = sys.modules.setdefault(name, None) is not None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules[name]


def _exit_code(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    logger.critical("%s", code)  # `sys.exit("text")` would print it as plain text
    return FAILURE


def _stop_server(number: int, _: FrameType | None) -> NoReturn:
    logger.info("Stopped during start-up", extra={"signal": signal.Signals(number).name})
    sys.exit(0)


def _stop_job(number: int, _: FrameType | None) -> NoReturn:
    logger.warning("Stopped before the end", extra={"signal": signal.Signals(number).name})
    sys.exit(128 + number)
